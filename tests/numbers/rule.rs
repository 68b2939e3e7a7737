//! The second half of the accuracy table: functions whose bound is a number of first-order budgets.
//!
//! A layer states it once, at its type; its functions refer to that.

use std::fs;
use std::path::Path;

use approx::assert_abs_diff_eq;
use gmlayer::{Rectified, rectified};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::double::Double;
use super::reference::{Reference, SCALE};
use super::table::{public_functions, stated_budgets};

/// A public numeric function that is held to a number of budgets, and the test that holds it.
struct Line {
    file: &'static str,
    name: &'static str,
    budgets: f64,
    held_by: &'static str,
}

const fn line(file: &'static str, name: &'static str, held_by: &'static str) -> Line {
    Line { file, name, budgets: 8.0, held_by }
}

const TABLES: &str = "tests/layers/tables.rs";
const HERE: &str = "tests/numbers/rule.rs";
const LOSSES: &str = "tests/numbers/losses.rs";
/// Tests that find the bits of another line's function.
const ONLINE: &str = "tests/layers/online.rs";
const COMPACT: &str = "tests/layers/compact/floating.rs";

const RULES: [Line; 18] = [
    line("src/rectified.rs", "new", HERE),
    line("src/rectified.rs", "project", HERE),
    line("src/diagonal/layer.rs", "forward", TABLES),
    line("src/diagonal/layer.rs", "backward", TABLES),
    line("src/diagonal/layer.rs", "prepare", TABLES),
    line("src/diagonal/prepared.rs", "forward", TABLES),
    line("src/diagonal/sparse.rs", "forward", TABLES),
    line("src/diagonal/descent.rs", "descend", "tests/layers/descent.rs"),
    line("src/diagonal/online.rs", "forward", ONLINE),
    line("src/diagonal/online.rs", "step", ONLINE),
    line("src/joint/layer.rs", "forward", TABLES),
    line("src/joint/layer.rs", "backward", TABLES),
    line("src/joint/prepared.rs", "forward", TABLES),
    line("src/joint/sparse.rs", "forward", TABLES),
    line("src/joint/descent.rs", "descend", "tests/layers/descent.rs"),
    line("src/compact/floating.rs", "forward", COMPACT),
    line("src/loss.rs", "cross_entropy", LOSSES),
    line("src/loss.rs", "squared", LOSSES),
];

/// Where the functions are.
const FILES: [&str; 12] = [
    "src/rectified.rs",
    "src/diagonal/layer.rs",
    "src/diagonal/prepared.rs",
    "src/diagonal/sparse.rs",
    "src/diagonal/descent.rs",
    "src/diagonal/online.rs",
    "src/joint/layer.rs",
    "src/joint/prepared.rs",
    "src/joint/sparse.rs",
    "src/joint/descent.rs",
    "src/compact/floating.rs",
    "src/loss.rs",
];

/// How a function refers to the bound of its layer.
const REFERENCES: [&str; 4] = ["[the layer](", "[`Diagonal`](", "[`Joint`](", "[`Prepared::forward`]"];

/// Public functions that compute no number but a length, or hand out what they hold.
const NOT_NUMERIC: [&str; 17] = [
    "new",
    "shape",
    "parameters",
    "constants",
    "saved_len",
    "scratch_len",
    "prepared_len",
    "storage_len",
    "none",
    "with_threads",
    "as_diagonal",
    "as_joint",
    "form",
    "with_form",
    "with_scale",
    "scale",
    "prepare", // of a joint layer, which is as it was; that of a diagonal one has a line
];

/// The bound that a documentation states, itself or by referring to the layer of its file.
fn stated(file: &str, documentation: &str) -> Option<f64> {
    let (_, accuracy) = documentation.split_once("**Accuracy**: ")?;
    let refers = || {
        let (sentence, _) = accuracy.split_once("\n\n").unwrap_or((accuracy, ""));
        REFERENCES.iter().any(|reference| sentence.contains(reference))
    };
    stated_budgets(documentation).or_else(|| refers().then(|| stated_by_the_layer(file)).flatten())
}

/// The bound that the layer in the folder of a file states.
fn stated_by_the_layer(file: &str) -> Option<f64> {
    let layer = Path::new(env!("CARGO_MANIFEST_DIR")).join(file).with_file_name("layer.rs");
    let source = fs::read_to_string(layer).ok()?;
    let (_, rest) = source.split_once("**Accuracy**: every output and gradient is within ")?;
    rest.split_once("(u·scale + η·floor)")?.0.parse().ok()
}

#[test]
fn every_public_function_of_the_layer_has_a_line_and_states_its_bound() {
    let mut lines = 0;
    for file in FILES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        for (name, documentation) in public_functions(&fs::read_to_string(path).unwrap()) {
            match RULES.iter().find(|line| (line.file, line.name) == (file, name.as_str())) {
                Some(line) => {
                    lines += 1;
                    assert_eq!(
                        stated(file, &documentation),
                        Some(line.budgets),
                        "the docs of `{name}`, {file}"
                    );
                    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(line.held_by).exists());
                }
                None => {
                    assert!(
                        NOT_NUMERIC.contains(&name.as_str()),
                        "`{name}` of {file} has no line in the table"
                    );
                }
            }
        }
    }
    assert_eq!(lines, RULES.len(), "a line of the table is no public function");
}

/// A number of every size that matters here.
fn number(random: &mut Pcg64, exponents: f64) -> f64 {
    let uniform = |random: &mut Pcg64| gmlayer::random::uniform(random);
    let size = 10.0_f64.powf(exponents * (2.0 * uniform(random) - 1.0)) * (1.0 + uniform(random));
    if uniform(random) < 0.5 { -size } else { size }
}

/// Errors of r, p, φ and tφ in budgets u(|F| + |t F′(t)|) + η, at t = m/s.
fn budgets(reference: &Reference, m: f64, s: f64, got: [f64; 4], roundoff: f64, least: f64) -> f64 {
    let exact = Double::from(m) * Double::from(s).reciprocal();
    let t = exact.high;
    let shift = exact.low;
    let unscale = |value: Double| value * Double::from(1.0 / SCALE);
    let [density, cumulative, ramp, moment] = reference.at(t).map(unscale);
    // The values at t + shift, to first order: shift is a rounding of t.
    let moved = |value: Double, slope: f64| value + Double::from(slope * shift);
    let slopes = [cumulative.high, density.high, -moment.high, density.high - t * moment.high];
    let want = [
        moved(ramp, slopes[0]) * Double::from(s),
        moved(cumulative, slopes[1]),
        moved(density, slopes[2]),
        moved(moment, slopes[3]),
    ];
    let sizes = [s, 1.0, 1.0, 1.0];
    (0..4).fold(0.0, |worst: f64, i| {
        let error = ((Double::from(got[i]) + want[i] * Double::from(-1.0)).high).abs();
        let sensitivity = sizes[i] * (t * slopes[i]).abs();
        let budget = roundoff * (want[i].high.abs() + sensitivity) + least * (1.0 + sizes[i] * least);
        worst.max(error / budget)
    })
}

#[test]
fn rectified_values_are_within_eight_budgets() {
    let reference = Reference::new();
    let mut random = Pcg64::seed_from_u64(5);
    let (mut worst_f64, mut worst_f32) = (0.0_f64, 0.0_f64);
    for _ in 0..200_000 {
        let s = number(&mut random, 3.0).abs();
        let t = 20.0 * (2.0 * gmlayer::random::uniform(&mut random) - 1.0);
        let z = Rectified::new(s * t, s);
        let got = [z.mean, z.probability, z.density, z.density_moment];
        worst_f64 = worst_f64.max(budgets(&reference, s * t, s, got, f64::EPSILON / 2.0, 5e-324));

        let (m, s) = ((s * t * 0.6) as f32, s as f32);
        let z = Rectified::new(m, s);
        let got = [z.mean, z.probability, z.density, z.density_moment].map(f64::from);
        let roundoff = f64::from(f32::EPSILON) / 2.0;
        worst_f32 = worst_f32.max(budgets(&reference, f64::from(m), f64::from(s), got, roundoff, 1.5e-45));
    }
    println!("Rectified::new: {worst_f64:.2} budgets in f64, {worst_f32:.2} in f32");
    assert!(worst_f64 <= 8.0 && worst_f32 <= 8.0, "{worst_f64}, {worst_f32}");
}

/// One input: m = μx and s = |σx| are rounded once, at any size of the numbers.
#[test]
fn projections_are_within_eight_budgets() {
    let reference = Reference::new();
    let mut random = Pcg64::seed_from_u64(6);
    let mut worst = 0.0_f64;
    for _ in 0..100_000 {
        let (sigma, x) = (number(&mut random, 100.0), number(&mut random, 100.0));
        let t = 20.0 * (2.0 * gmlayer::random::uniform(&mut random) - 1.0);
        let mu = t * sigma.abs();
        let mut direction = [0.0];
        let z = rectified::project(&[mu], &[sigma], &[x], &mut direction).unwrap();
        assert!((z.unit * direction[0]).abs() - 1.0 <= f64::EPSILON);
        // In units of |x|, which h is homogeneous in.
        let got = [
            z.rectified.mean / x.abs(),
            z.rectified.probability,
            z.rectified.density,
            z.rectified.density_moment,
        ];
        let m = if x < 0.0 { -mu } else { mu };
        worst = worst.max(budgets(&reference, m, sigma.abs(), got, f64::EPSILON / 2.0, 5e-324));
    }
    println!("project: {worst:.2} budgets in f64");
    assert!(worst <= 8.0, "{worst}");
}

/// The same in `f32`, out to where p is subnormal: r keeps its digits when x is large.
#[test]
fn projections_keep_their_digits_in_f32() {
    let reference = Reference::new();
    let mut random = Pcg64::seed_from_u64(7);
    let mut worst = 0.0_f64;
    for _ in 0..100_000 {
        let (sigma, x) = (number(&mut random, 4.0) as f32, number(&mut random, 30.0) as f32);
        let t = 14.4 * (2.0 * gmlayer::random::uniform(&mut random) - 1.0);
        let mu = (t * f64::from(sigma.abs())) as f32;
        let z = rectified::project(&[mu], &[sigma], &[x], &mut [0.0]).unwrap().rectified;
        let size = f64::from(x.abs());
        let got = [f64::from(z.mean) / size, z.probability.into(), z.density.into(), z.density_moment.into()];
        let m = f64::from(if x < 0.0 { -mu } else { mu });
        let least = 1.5e-45 * (1.0 + 1.0 / size);
        let roundoff = f64::from(f32::EPSILON) / 2.0;
        worst = worst.max(budgets(&reference, m, sigma.abs().into(), got, roundoff, least));
    }
    println!("project: {worst:.2} budgets in f32");
    assert!(worst <= 8.0, "{worst}");
}

/// Powers of two pass through r to the bit, at any size of s.
#[test]
fn the_mean_is_homogeneous() {
    let mut random = Pcg64::seed_from_u64(8);
    for power in -100..100 {
        let size = 2.0_f32.powi(power);
        for _ in 0..100 {
            let s = 1.0 + gmlayer::random::uniform(&mut random) as f32;
            let m = s * (12.0 * gmlayer::random::uniform(&mut random) - 6.0) as f32;
            let (one, many) = (Rectified::new(m, s), Rectified::new(m * size, s * size));
            assert_eq!(many, Rectified { mean: one.mean * size, ..one }, "{m}, {s}, 2^{power}");
        }
    }
}

/// m and s of any two sizes, and inputs that only one of them sees.
#[test]
fn projections_of_unequal_sizes() {
    let project = |mu: [f32; 2], sigma: [f32; 2], x: [f32; 2]| {
        rectified::project(&mu, &sigma, &x, &mut [0.0; 2]).unwrap().rectified
    };
    let (small, large) = (1e-30, 1e30);
    assert_eq!(project([small, 0.0], [0.0, large], [1.0, 0.0]).mean, small, "s = 0 beside a large σ");
    let half = 0.398_942_3;
    for (mu, sigma, s) in [([large, 0.0], [0.0, small], small), ([small, 0.0], [0.0, large], large)] {
        let mean = project(mu, sigma, [0.0, 1.0]).mean;
        assert_abs_diff_eq!(mean / s, half, epsilon = 1e-6);
    }
    let mean = project([small, 0.0], [large, 0.0], [1.0, 0.0]).mean;
    assert_abs_diff_eq!(mean / large, half, epsilon = 1e-6);
    let kink = Rectified { mean: 0.0, probability: 0.5, density: 0.0, density_moment: 0.0 };
    assert_eq!(project([1.0, 1.0], [1.0, 1.0], [0.0, 0.0]), kink);
    let nan = Rectified::new(f32::NAN, 0.0);
    assert!(nan.mean.is_nan() && nan.probability.is_nan());
}

//! The layer in `f32` at numbers of every size, against the formulas in `f64` with the budget of every value.

use std::ops::{Add, AddAssign, Mul};

use gmlayer::Rectified;
use gmlayer::random::uniform;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::layers::{All, Case, FORMS, Recipe};

/// A number beside the sum of the absolute values of its terms, with and without the error of the factors.
#[derive(Debug, Clone, Copy, Default)]
struct Budget {
    value: f64,
    scale: f64,
    floor: f64,
}

impl Budget {
    fn exact(value: f64) -> Self {
        Self { value, scale: value.abs(), floor: value.abs() }
    }

    /// The error of `got` in units of u·scale + 16η: scale counts floor smallest normal numbers as well, four
    /// times, because factors, products and terms may each round to a multiple of η.
    fn ratio(self, got: f32) -> f64 {
        let scale = self.scale + 4.0 * f64::from(f32::MIN_POSITIVE) * self.floor;
        let ratio = (f64::from(got) - self.value).abs()
            / (f64::from(f32::EPSILON) / 2.0 * scale + f64::from(f32::from_bits(16)));
        if ratio.is_nan() { f64::INFINITY } else { ratio }
    }
}

impl Add for Budget {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            scale: self.scale + other.scale,
            floor: self.floor + other.floor,
        }
    }
}

impl AddAssign for Budget {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul for Budget {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self {
            value: self.value * other.value,
            scale: self.scale * other.scale,
            floor: self.floor * other.floor,
        }
    }
}

fn total(terms: impl Iterator<Item = Budget>) -> Budget {
    terms.fold(Budget::default(), Budget::add)
}

/// r, p, φ and tφ with their sensitivities, where m is a sum of terms of total size `of_m`.
fn factors(m: f64, s: f64, of_m: f64) -> [Budget; 4] {
    let z = Rectified::new(m, s);
    let (r, p, phi, moment) = (z.mean, z.probability, z.density, z.density_moment);
    let t = if s == 0.0 { 0.0 } else { (m / s).abs() };
    let of_t = if s == 0.0 { 0.0 } else { of_m / s + t };
    // Far out t is huge, and φ is 0. In `f32` the mean counts as 0 beyond t = −15, where ψ is below 2⁻¹⁷¹.
    let times_phi = |factor: f64| if phi == 0.0 { 0.0 } else { factor * phi };
    let extra = if s == 0.0 { r } else { 0.0 };
    [
        (r, 2.0 * r + extra + p * of_m + phi * s + s * 2.0_f64.powi(24 - 171)),
        (p, p + p + times_phi(of_t)),
        (phi, phi + times_phi(t * of_t)),
        (moment, 2.0 * times_phi(t) + times_phi((1.0 - t * t).abs() * of_t)),
    ]
    .map(|(value, scale)| Budget { value, scale, floor: 1.0 })
}

/// h and the gradients by the formulas for single rows, in the order μ, σ, U, v, x.
fn exact(case: &Case<f64>) -> (Vec<Budget>, All<Budget>) {
    let (d, outputs) = (case.shape.inputs(), case.shape.outputs());
    let zeros = |len: usize| vec![Budget::default(); len];
    let budgets = |values: &[f64]| -> Vec<Budget> { values.iter().map(|&x| Budget::exact(x)).collect() };
    let mut h = zeros(case.g.len());
    let mut all = All {
        mu: zeros(case.mu.len()),
        sigma: zeros(case.sigma.len()),
        u: zeros(case.u.len()),
        v: zeros(case.v.len()),
        x: zeros(case.x.len()),
    };
    let (weight, through_mean) = (Budget::exact(case.share()), Budget::exact(case.through_mean()));
    for k in 0..case.shape.components() {
        let (mu, sigma) = (budgets(&case.mu[k * d..][..d]), budgets(&case.sigma[k * d..][..d]));
        let u = budgets(&case.u[k * outputs * d..][..outputs * d]);
        let v = budgets(&case.v[k * outputs..][..outputs]);
        for b in 0..case.batch() {
            let (x, g) = (budgets(&case.x[b * d..][..d]), budgets(&case.g[b * outputs..][..outputs]));
            let m = total((0..d).map(|i| mu[i] * x[i]));
            let s = (0..d).map(|i| (sigma[i].value * x[i].value).powi(2)).sum::<f64>().sqrt();
            let [r, p, phi, moment] = factors(m.value, s, m.scale);
            let y: Vec<Budget> = (0..d)
                .map(|i| Budget::exact(if s == 0.0 { 0.0 } else { sigma[i].value * x[i].value / s }))
                .collect();
            let c: Vec<Budget> = (0..d).map(|i| total((0..outputs).map(|l| u[l * d + i] * g[l]))).collect();
            let a =
                through_mean * total((0..d).map(|i| c[i] * mu[i])) + total((0..outputs).map(|l| g[l] * v[l]));
            let along = total((0..d).map(|i| c[i] * sigma[i] * y[i]));
            let of_m = (a * p + along * phi) * weight;
            let of_s = (a * phi + Budget::exact(-1.0) * along * moment) * weight;
            let (r, p) = (r * weight, p * weight);
            let covariance: Vec<Budget> = (0..d).map(|i| sigma[i] * sigma[i] * x[i]).collect();
            for l in 0..outputs {
                let a = through_mean * total((0..d).map(|i| u[l * d + i] * mu[i])) + v[l];
                let stein = total((0..d).map(|i| u[l * d + i] * covariance[i]));
                h[b * outputs + l] += a * r + stein * p;
                all.v[k * outputs + l] += g[l] * r;
                for i in 0..d {
                    all.u[(k * outputs + l) * d + i] += g[l] * (through_mean * mu[i] * r + covariance[i] * p);
                }
            }
            for i in 0..d {
                let turn = c[i] * sigma[i] * p;
                all.mu[k * d + i] += through_mean * c[i] * r + x[i] * of_m;
                all.sigma[k * d + i] += x[i] * (of_s * y[i] + turn + turn);
                all.x[b * d + i] += mu[i] * of_m + sigma[i] * (of_s * y[i] + turn);
            }
        }
    }
    (h, all)
}

/// Where a block is not of ordinary size: in a share of its rows and of its columns, by powers of two around
/// 2^`base` that lie `spread` apart.
#[derive(Debug, Clone, Copy)]
struct Wild {
    block: usize,
    base: f64,
    spread: f64,
    rows: f64,
    columns: f64,
}

impl Wild {
    fn apply(self, case: &mut Case<f32>, random: &mut Pcg64) {
        let (inputs, outputs) = (case.shape.inputs(), case.shape.outputs());
        // The powers of two that no product in the layer carries beyond the range of `f32`.
        let (least, most, columns, block) = match self.block {
            0 => (-50.0, 40.0, inputs, &mut case.mu),
            1 => (-140.0, 40.0, inputs, &mut case.sigma),
            2 => (-140.0, 90.0, inputs, &mut case.u),
            3 => (-140.0, 90.0, outputs, &mut case.v),
            4 => (-140.0, 90.0, inputs, &mut case.x),
            _ => (-140.0, 70.0, outputs, &mut case.g),
        };
        let base = self.base.min(most - self.spread).max(least + self.spread);
        let chosen: Vec<bool> = (0..columns).map(|_| uniform(random) < self.columns).collect();
        for row in block.chunks_mut(columns) {
            let row_is_wild = uniform(random) < self.rows;
            for (value, _) in row.iter_mut().zip(&chosen).filter(|(_, chosen)| row_is_wild && **chosen) {
                let power = base + self.spread * (2.0 * uniform(random) - 1.0);
                *value *= 2.0_f32.powi(power as i32);
            }
        }
    }
}

/// Layers of ordinary numbers and zeros, but for one block of any size.
fn cases() -> impl Strategy<Value = (Case<f32>, Wild)> {
    let sizes = (1_usize..12, 1_usize..4, 1_usize..4, 8_usize..12);
    let share = || prop_oneof![Just(1.0), 0.0..1.0_f64];
    let wild = (0..6_usize, -100.0..100.0_f64, 0.0..40.0_f64, share(), share())
        .prop_map(|(block, base, spread, rows, columns)| Wild { block, base, spread, rows, columns });
    (sizes, wild, 0..20_i32, any::<u64>(), prop::sample::select(&FORMS[..])).prop_map(
        |((inputs, outputs, components, batch), wild, of_g, seed, form)| {
            let recipe =
                Recipe { inputs, outputs, components, batch, seed, exponents: [0.0; 6], zeros: 0.2, form };
            let mut case = recipe.build().convert(|x| x as f32);
            let mut random = Pcg64::seed_from_u64(seed);
            for u in &mut case.u {
                *u = if uniform(&mut random) < 0.2 { 0.0 } else { *u };
            }
            case.g.iter_mut().for_each(|g| *g *= 2.0_f32.powi(of_g));
            wild.apply(&mut case, &mut random);
            (case, wild)
        },
    )
}

proptest! {
    // Always the same cases: the budgets are of first order, and rare cases lie beyond it.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(20_000) })]

    #[test]
    fn numbers_of_every_size_are_within_eight_budgets((case, wild) in cases()) {
        let (h, all) = exact(&case.convert(f64::from));
        let (got_h, got) = (case.forward(), case.backward());
        let blocks = got.blocks().into_iter().zip(all.blocks()).map(|((name, got), (_, want))| (name, got, want));
        for (name, got, want) in blocks.chain([("h", &got_h[..], &h[..])]) {
            for (index, (&got, want)) in got.iter().zip(want).enumerate() {
                let ratio = want.ratio(got);
                prop_assert!(ratio <= 8.0, "{wild:?}, {name}[{index}]: {got:e} against {want:?}: {ratio}");
            }
        }
    }
}

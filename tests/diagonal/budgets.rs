//! The layer in `f32` at numbers of every size, against the formulas in `f64` with the budget of every value.

use std::ops::{Add, AddAssign, Mul};

use gmlayer::Rectified;
use gmlayer::random::uniform;
use proptest::prelude::*;
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::layers::{All, Case, Recipe};

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

    /// The error of `got` in units of u·scale + η; scale counts floor smallest normal numbers as well.
    fn ratio(self, got: f32) -> f64 {
        let scale = self.scale + f64::from(f32::MIN_POSITIVE) * self.floor;
        let ratio = (f64::from(got) - self.value).abs()
            / (f64::from(f32::EPSILON) / 2.0 * scale + f64::from(f32::from_bits(1)));
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
    // Far out t is huge, and φ is 0.
    let times_phi = |factor: f64| if phi == 0.0 { 0.0 } else { factor * phi };
    let extra = if s == 0.0 { r } else { 0.0 };
    [
        (r, 2.0 * r + extra + p * of_m + phi * s),
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
    let weight = Budget::exact(1.0 / case.shape.components() as f64);
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
            let a = total((0..d).map(|i| c[i] * mu[i])) + total((0..outputs).map(|l| g[l] * v[l]));
            let along = total((0..d).map(|i| c[i] * sigma[i] * y[i]));
            let of_m = (a * p + along * phi) * weight;
            let of_s = (a * phi + Budget::exact(-1.0) * along * moment) * weight;
            let (r, p) = (r * weight, p * weight);
            let covariance: Vec<Budget> = (0..d).map(|i| sigma[i] * sigma[i] * x[i]).collect();
            for l in 0..outputs {
                let a = total((0..d).map(|i| u[l * d + i] * mu[i])) + v[l];
                let stein = total((0..d).map(|i| u[l * d + i] * covariance[i]));
                h[b * outputs + l] += a * r + stein * p;
                all.v[k * outputs + l] += g[l] * r;
                for i in 0..d {
                    all.u[(k * outputs + l) * d + i] += g[l] * (mu[i] * r + covariance[i] * p);
                }
            }
            for i in 0..d {
                let turn = c[i] * sigma[i] * p;
                all.mu[k * d + i] += c[i] * r + x[i] * of_m;
                all.sigma[k * d + i] += x[i] * (of_s * y[i] + turn + turn);
                all.x[b * d + i] += mu[i] * of_m + sigma[i] * (of_s * y[i] + turn);
            }
        }
    }
    (h, all)
}

/// Multiplies each element by a power of two; `spread` is how far apart neighbours are.
fn scale(block: &mut [f32], random: &mut Pcg64, base: f64, spread: f64) {
    for value in block {
        *value *= 2.0_f32.powi((base + spread * (2.0 * uniform(random) - 1.0)) as i32);
        if uniform(random) < 0.2 {
            *value = 0.0;
        }
    }
}

/// A layer of ordinary numbers but for one block, which goes down to 2⁻¹⁰⁰ and up as far as `f32` goes along:
/// as a whole, or in some rows or components alone.
fn cases() -> impl Strategy<Value = (Case<f32>, &'static str)> {
    let sizes = (1_usize..20, 1_usize..4, 1_usize..4, 8_usize..14);
    let wild = (0..6_usize, -100.0..100.0_f64, 0.0..40.0_f64, 0.0..1.0_f64);
    (sizes, wild, any::<u64>()).prop_map(
        |((inputs, outputs, components, batch), (block, base, spread, share), seed)| {
            let recipe = Recipe { inputs, outputs, components, batch, seed, exponents: [0.0; 6], zeros: 0.1 };
            let mut case = recipe.build().convert(|x| x as f32);
            let mut random = Pcg64::seed_from_u64(seed);
            let (name, most, part, block) = match block {
                0 => ("mu", 50.0, inputs, &mut case.mu),
                1 => ("sigma", 50.0, inputs, &mut case.sigma),
                2 => ("u", 100.0, inputs, &mut case.u),
                3 => ("v", 100.0, outputs, &mut case.v),
                4 => ("x", 100.0, inputs, &mut case.x),
                _ => ("g", 100.0, outputs, &mut case.g),
            };
            for part in block.chunks_mut(part) {
                if uniform(&mut random) < share {
                    scale(part, &mut random, base.min(most - spread), spread);
                }
            }
            (case, name)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn numbers_of_every_size_are_within_eight_budgets((case, wild) in cases()) {
        let (h, all) = exact(&case.convert(f64::from));
        let (got_h, got) = (case.forward(), case.backward());
        let blocks = got.blocks().into_iter().zip(all.blocks()).map(|((name, got), (_, want))| (name, got, want));
        for (name, got, want) in blocks.chain([("h", &got_h[..], &h[..])]) {
            for (index, (&got, want)) in got.iter().zip(want).enumerate() {
                let ratio = want.ratio(got);
                prop_assert!(ratio <= 8.0, "{wild} wild, {name}[{index}]: {got:e} against {want:?}: {ratio}");
            }
        }
    }
}

//! The layer's formulas in `f64`, each value beside its budget: what its terms may be off by.

use std::ops::{Add, AddAssign, Mul};

/// A number beside the sum of the absolute values of its terms, with and without the error of the factors.
#[derive(Debug, Clone, Copy, Default)]
pub struct Budget {
    pub value: f64,
    pub scale: f64,
    pub floor: f64,
}

impl Budget {
    #[must_use]
    pub fn exact(value: f64) -> Self {
        Self { value, scale: value.abs(), floor: value.abs() }
    }

    /// The error of `got` in units of u·scale + 16η: scale counts floor smallest normal numbers as well, four
    /// times, because factors, products and terms may each round to a multiple of η.
    #[must_use]
    pub fn ratio(self, got: f32) -> f64 {
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

/// A layer with a batch and a cotangent.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    pub inputs: usize,
    pub outputs: usize,
    pub components: usize,
    /// Half the distance from 1 to the next number of the scalar.
    pub roundoff: f64,
    /// What each component counts: 1/K or 1.
    pub share: f64,
    /// What U meets μ by: 1, and 0 in centred coordinates.
    pub through_mean: f64,
    pub mu: &'a [f64],
    pub sigma: &'a [f64],
    pub u: &'a [f64],
    pub v: &'a [f64],
    pub x: &'a [f64],
    pub g: &'a [f64],
}

/// h and the gradients.
#[derive(Debug, Clone)]
pub struct Budgets {
    pub h: Vec<Budget>,
    pub mu: Vec<Budget>,
    pub sigma: Vec<Budget>,
    pub u: Vec<Budget>,
    pub v: Vec<Budget>,
    pub x: Vec<Budget>,
}

/// r, p, φ and tφ of a pre-activation of mean m and deviation s.
pub type Rectify = fn(f64, f64) -> [f64; 4];

/// r, p, φ and tφ with their sensitivities, where m is a sum of terms of total size `of_m`.
///
/// The budget is of the first order but where the rounding of m is as large as s: there p, φ and tφ may become
/// anything that they are nearby, which terms of the second order say.
fn factors(rectify: Rectify, m: f64, s: f64, of_m: f64, roundoff: f64) -> [Budget; 4] {
    let [r, p, phi, moment] = rectify(m, s);
    let t = if s == 0.0 { 0.0 } else { (m / s).abs() };
    let of_t = if s == 0.0 { 0.0 } else { of_m / s + t };
    // Far out t is huge, and φ is 0. In `f32` the mean counts as 0 beyond t = −15, where ψ is below 2⁻¹⁷¹.
    let times_phi = |factor: f64| if phi == 0.0 { 0.0 } else { factor * phi };
    let extra = if s == 0.0 { r } else { 0.0 };
    // How far t may be off within 8 budgets; the second derivatives of p, φ and tφ, anywhere beyond the nearest t that it
    // may be, are below a steepness times φ there. Half of it times the square of how far is 8 budgets in their turn.
    let off = 8.0 * roundoff * of_t;
    let nearest = if t < f64::INFINITY { (t - off).clamp(1.0, 50.0) } else { 50.0 };
    let curved = |steepness: f64| match 0.4 * steepness * (-nearest * nearest / 2.0).exp() {
        0.0 => 0.0,
        curvature => (curvature * off * off / (16.0 * roundoff)).min(1.0 / roundoff),
    };
    let (step, ramp) = if s == 0.0 && m.abs() <= 8.0 * roundoff * of_m && of_m > 0.0 {
        (1.0 / roundoff, of_m)
    } else {
        (curved(nearest), of_m.min(s * curved(1.0)))
    };
    [
        (r, 2.0 * r + extra + p * of_m + phi * s + s * 2.0_f64.powi(24 - 171) + ramp),
        (p, p + p + times_phi(of_t) + step),
        (phi, phi + times_phi(t * of_t) + curved(1.0 + nearest * nearest)),
        (
            moment,
            2.0 * times_phi(t)
                + times_phi((1.0 - t * t).abs() * of_t)
                + curved(nearest * (3.0 + nearest * nearest)),
        ),
    ]
    .map(|(value, scale)| Budget { value, scale, floor: 1.0 })
}

/// h and the gradients by the formulas for single rows.
#[must_use]
pub fn budgets(problem: &Problem<'_>, rectify: Rectify) -> Budgets {
    let &Problem { inputs: d, outputs, components, .. } = problem;
    let zeros = |len: usize| vec![Budget::default(); len];
    let exact = |values: &[f64]| -> Vec<Budget> { values.iter().map(|&x| Budget::exact(x)).collect() };
    let mut all = Budgets {
        h: zeros(problem.g.len()),
        mu: zeros(problem.mu.len()),
        sigma: zeros(problem.sigma.len()),
        u: zeros(problem.u.len()),
        v: zeros(problem.v.len()),
        x: zeros(problem.x.len()),
    };
    let (weight, through_mean) = (Budget::exact(problem.share), Budget::exact(problem.through_mean));
    for k in 0..components {
        let (mu, sigma) = (exact(&problem.mu[k * d..][..d]), exact(&problem.sigma[k * d..][..d]));
        let u = exact(&problem.u[k * outputs * d..][..outputs * d]);
        let v = exact(&problem.v[k * outputs..][..outputs]);
        for b in 0..problem.x.len() / d {
            let (x, g) = (exact(&problem.x[b * d..][..d]), exact(&problem.g[b * outputs..][..outputs]));
            let m = total((0..d).map(|i| mu[i] * x[i]));
            let s = (0..d).map(|i| (sigma[i].value * x[i].value).powi(2)).sum::<f64>().sqrt();
            let [r, p, phi, moment] = factors(rectify, m.value, s, m.scale, problem.roundoff);
            // A factor as p and φ are: what is far below the largest of the row rounds to a multiple of η.
            let y: Vec<Budget> = (0..d)
                .map(|i| if s == 0.0 { 0.0 } else { sigma[i].value * x[i].value / s })
                .map(|y| Budget { value: y, scale: y.abs(), floor: 1.0 })
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
                all.h[b * outputs + l] += a * r + stein * p;
                all.v[k * outputs + l] += g[l] * r;
                for i in 0..d {
                    // E[β ReLU(z)], a factor of its own: in centred coordinates it may be as small as σ².
                    let q = through_mean * mu[i] * r + covariance[i] * p;
                    all.u[(k * outputs + l) * d + i] +=
                        g[l] * Budget { floor: q.floor + 1.0 - problem.through_mean, ..q };
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
    all
}

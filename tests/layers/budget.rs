//! The accuracy rule: every output of a layer is within 8 (u·scale + η·floor) of the exact value. The tables in
//! `tests/data` have both sums beside each exact value; for random layers they are computed here, in `f64`.
//!
//! u is half an ULP of 1 and η the smallest subnormal number of the scalar. The scale is the sum of the absolute
//! values of the terms, each factor F of {r, p, φ, tφ} counted as F + |dF|. The floor is what the products lose below
//! the normal numbers: each of them is off by η times its unit, which the later factors multiply. The unit of an entry
//! is the largest entry of its row of x or g, or of its component's (μ, σ) or (U, v), where that is above 1; that of a
//! product is the product of the units, and at least 1. A deviation s below the scalar's limit times the largest
//! entries of (μ, σ) and of the row may count as 0.

use std::ops::{Add, AddAssign, Mul, Sub};

use gmlayer::Real;

/// What an output may be off by, in units of u·scale + η·floor.
pub const BAR: f64 = 8.0;

/// The constants of the rule for one scalar.
#[derive(Debug, Clone, Copy)]
pub struct Scalar {
    /// u, half the distance from 1 to the next number.
    pub roundoff: f64,
    /// η, the smallest subnormal number.
    pub smallest: f64,
    /// The least deviation beside the largest entries that it is made of.
    pub limit: f64,
}

impl Scalar {
    /// The constants of `f32` or `f64`.
    #[must_use]
    pub fn of<T: Real>() -> Self {
        let (smallest, limit) = if T::UNIT_ROUNDOFF > f64::EPSILON {
            (f64::from(f32::from_bits(1)), 2.0_f64.powi(-100))
        } else {
            (f64::from_bits(1), 2.0_f64.powi(-900))
        };
        Self { roundoff: T::UNIT_ROUNDOFF, smallest, limit }
    }

    /// u·scale + η·floor: the error that counts as 1.
    #[must_use]
    pub fn allowed(self, scale: f64, floor: f64) -> f64 {
        self.roundoff * scale + self.smallest * floor
    }
}

/// A number with its scale, its floor and its unit.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    pub value: f64,
    pub scale: f64,
    pub floor: f64,
    pub unit: f64,
}

impl Budget {
    /// An output to which terms are added: it is rounded once more.
    pub const OUTPUT: Self = Self { value: 0.0, scale: 0.0, floor: 1.0, unit: 1.0 };

    /// A number that carries no error to first order.
    #[must_use]
    pub fn exact(value: f64) -> Self {
        Self { value, scale: value.abs(), floor: 0.0, unit: 1.0 }
    }

    /// The same number times 1/K; times 1 it is as it was.
    #[must_use]
    pub fn shared(self, share: f64) -> Self {
        if share == 1.0 { self } else { self * Self::exact(share) }
    }

    /// The same number computed in another order too: the larger floor holds.
    fn computed_as(self, other: Self) -> Self {
        Self { floor: self.floor.max(other.floor), ..self }
    }

    /// The error of `got` in units of u·scale + η·floor.
    #[must_use]
    pub fn ratio(self, got: f64, scalar: Scalar) -> f64 {
        let ratio = (got - self.value).abs() / scalar.allowed(self.scale, self.floor);
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
            unit: self.unit.max(other.unit),
        }
    }
}

impl Sub for Budget {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + Self { value: -other.value, ..other }
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
        let (scale, unit) = (self.scale * other.scale, self.unit * other.unit);
        // A product with an exact 0 is exact.
        let is_0 = |factor: Self| factor.scale == 0.0 && factor.floor == 0.0;
        let lost = if is_0(self) || is_0(other) { 0.0 } else { unit.max(1.0) };
        // Also where the floor is beyond the range.
        let carried = |value: f64, floor: f64| if value == 0.0 { 0.0 } else { value.abs() * floor };
        let floor = carried(self.value, other.floor) + carried(other.value, self.floor) + lost;
        Self { value: self.value * other.value, scale, floor, unit }
    }
}

/// The sum of some terms.
pub fn total(terms: impl Iterator<Item = Budget>) -> Budget {
    terms.fold(Budget::exact(0.0), Budget::add)
}

/// ⟨a, b⟩.
#[must_use]
pub fn product(a: &[Budget], b: &[Budget]) -> Budget {
    total(a.iter().zip(b).map(|(&a, &b)| a * b))
}

/// The largest size in some blocks.
#[must_use]
pub fn largest(blocks: &[&[f64]]) -> f64 {
    blocks.iter().copied().flatten().fold(0.0, |most, entry| most.max(entry.abs()))
}

/// The root of the sum of squares, of numbers whose squares may leave the range.
#[must_use]
pub fn norm(numbers: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = numbers.clone().fold(0.0, |most: f64, number| most.max(number.abs()));
    // The maximum passes over NaN, a sum does not.
    let unit = if most > 0.0 { most } else { 1.0 };
    unit * numbers.map(|number| (number / unit).powi(2)).sum::<f64>().sqrt()
}

/// The entries of a block whose largest is `largest`: exact where they cannot have been scaled down.
#[must_use]
pub fn entries(block: &[f64], largest: f64) -> Vec<Budget> {
    let known = if largest > 1.0 { largest } else { 0.0 };
    let floor = |value: f64| if value == 0.0 { 0.0 } else { known };
    let unit = largest.max(1.0);
    block.iter().map(|&value| Budget { floor: floor(value), unit, ..Budget::exact(value) }).collect()
}

/// A layer with a batch and a cotangent.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    pub inputs: usize,
    pub outputs: usize,
    pub components: usize,
    pub scalar: Scalar,
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
    /// The largest sum that the gradients are made of, r, p, φ and tφ counted as 1: where it overflows, they may.
    pub largest: f64,
}

/// r, p, φ and tφ of a pre-activation of mean m and deviation s.
pub type Rectify = fn(f64, f64) -> [f64; 4];

/// A deviation s that is off by u·`scale`, and may count as 0 below `least`.
#[derive(Debug, Clone, Copy)]
pub struct Deviation {
    pub value: f64,
    pub scale: f64,
    pub least: f64,
}

/// r, p, φ, tφ and 1/s with their budgets, where m is a sum of terms.
///
/// The scales are of the first order but where the rounding of m or of s is as large as s: there p, φ and tφ may become
/// anything that they are nearby, which terms of the second order say.
#[must_use]
pub fn factors(rectify: Rectify, m: Budget, deviation: Deviation, scalar: Scalar) -> [Budget; 5] {
    let Deviation { value: s, scale: of_s, least } = deviation;
    let [r, p, phi, moment] = rectify(m.value, s);
    let t = if s == 0.0 { 0.0 } else { (m.value / s).abs() };
    let of_t = if s == 0.0 { 0.0 } else { (m.scale + t * of_s) / s };
    // In the tails t is huge, and φ is 0.
    let times_phi = |factor: f64| if phi == 0.0 { 0.0 } else { factor * phi };
    // How much t may be off within 8 budgets; the second derivatives of p, φ and tφ, anywhere beyond the nearest t that
    // it may be, are below a steepness times φ there. Half of it times the square is 8 budgets in their turn.
    let off = 8.0 * scalar.roundoff * of_t;
    let nearest = if t < f64::INFINITY { (t - off).clamp(1.0, 50.0) } else { 50.0 };
    let curved = |steepness: f64| match 0.4 * steepness * (-nearest * nearest / 2.0).exp() {
        0.0 => 0.0,
        curvature => (curvature * off * off / (16.0 * scalar.roundoff)).min(1.0 / scalar.roundoff),
    };
    // Where s is not known from 0, the factors may be any; where it is 0, p may be, unless the sign of m is known.
    let (vanishes, lost) = (s == 0.0, s > 0.0 && s < least.max(2.0 * BAR * scalar.roundoff * of_s));
    let sign_is_lost = vanishes && m.floor > 0.0 && m.value.abs() <= BAR * scalar.allowed(m.scale, m.floor);
    let any = |it_is: bool| if it_is { 1.0 / scalar.roundoff } else { 0.0 };
    let ramp = if sign_is_lost { m.scale } else { m.scale.min(s * curved(1.0)) };
    let rounded = |value: f64, scale: f64, floor: f64| Budget { value, scale, floor, unit: 1.0 };
    // What the products of m and s lose moves t, in units of η.
    let moved = if vanishes { 0.0 } else { (1.0 + t) * m.floor / s };
    let known = |floor: f64| if vanishes { 0.0 } else { floor };
    let of_r = if sign_is_lost { 1.0 } else { p };
    let r_scale = 2.0 * r + any(lost) * s + p * m.scale + phi * of_s + ramp;
    let r_floor = if r_scale == 0.0 { 0.0 } else { m.unit + of_r * m.floor };
    let inverse = if vanishes { 0.0 } else { 1.0 / s };
    [
        Budget { unit: m.unit, ..rounded(r, r_scale, r_floor) },
        rounded(
            p,
            2.0 * p + times_phi(of_t) + curved(nearest) + any(sign_is_lost || lost),
            if vanishes && p == 0.0 && !sign_is_lost { 0.0 } else { 1.0 + times_phi(moved) },
        ),
        rounded(
            phi,
            phi + times_phi(1.0 + t * of_t) + curved(1.0 + nearest * nearest) + any(lost),
            known(1.0 + times_phi(t * moved)),
        ),
        rounded(
            moment,
            2.0 * times_phi(t)
                + times_phi((1.0 - t * t).abs() * of_t)
                + curved(nearest * (3.0 + nearest * nearest))
                + any(lost),
            known(1.0 + times_phi((1.0 - t * t).abs() * moved)),
        ),
        Budget { unit: 1.0 / m.unit, ..Budget::exact(inverse) },
    ]
}

/// h and the gradients.
#[must_use]
pub fn budgets(problem: &Problem<'_>, rectify: Rectify) -> Budgets {
    let &Problem { inputs: d, outputs, components, scalar, .. } = problem;
    let sums = |len: usize| vec![Budget::OUTPUT; len];
    let mut all = Budgets {
        h: sums(problem.g.len()),
        mu: sums(problem.mu.len()),
        sigma: sums(problem.sigma.len()),
        u: sums(problem.u.len()),
        v: sums(problem.v.len()),
        x: sums(problem.x.len()),
        largest: 0.0,
    };
    let through_mean = Budget::exact(problem.through_mean);
    for k in 0..components {
        let [mu, sigma] = [problem.mu, problem.sigma].map(|block| &block[k * d..][..d]);
        let (u, v) = (&problem.u[k * outputs * d..][..outputs * d], &problem.v[k * outputs..][..outputs]);
        let largest_of_beta = largest(&[mu, sigma]);
        let [mu, sigma] = [mu, sigma].map(|block| entries(block, largest_of_beta));
        let [u, v] = [u, v].map(|block| entries(block, largest(&[u, v])));
        let variance: Vec<Budget> = sigma.iter().map(|&sigma| sigma * sigma).collect();
        let a: Vec<Budget> = u.chunks(d).zip(&v).map(|(u, &v)| through_mean * product(u, &mu) + v).collect();
        for b in 0..problem.x.len() / d {
            let (x, g) = (&problem.x[b * d..][..d], &problem.g[b * outputs..][..outputs]);
            let largest_of_x = largest(&[x]);
            let least = scalar.limit * largest_of_beta * largest_of_x;
            let [x, g] = [x, g].map(|row| entries(row, largest(&[row])));
            let g: Vec<Budget> = g.into_iter().map(|g| g.shared(problem.share)).collect();
            let s = norm(sigma.iter().zip(&x).map(|(s, x)| s.value * x.value));
            let deviation = Deviation { value: s, scale: s, least };
            let [r, p, phi, moment, inverse] = factors(rectify, product(&mu, &x), deviation, scalar);
            let stein: Vec<Budget> = variance.iter().zip(&x).map(|(&variance, &x)| variance * x).collect();
            let wx: Vec<Budget> = u.chunks(d).map(|u| product(u, &stein)).collect();

            let (rho, pi) = (product(&g, &a), product(&g, &wx));
            let pulled_back = rho.scale + (pi * inverse).scale;
            all.largest = all.largest.max(pulled_back * largest_of_x.max(1.0));
            let of_m = rho * p + pi * phi * inverse;
            let of_s = (rho * phi - pi * moment * inverse) * inverse;
            for l in 0..outputs {
                all.h[b * outputs + l] += (a[l] * r + wx[l] * p).shared(problem.share);
                all.v[k * outputs + l] += g[l] * r;
                for i in 0..d {
                    all.u[(k * outputs + l) * d + i] += g[l] * (through_mean * mu[i] * r + stein[i] * p);
                }
            }
            for i in 0..d {
                let pull = total((0..outputs).map(|l| u[l * d + i] * g[l]));
                let turn = pull * p * x[i];
                all.mu[k * d + i] += through_mean * pull * r + x[i] * of_m;
                // By σ⊙x/s in a single row, which underflows less; by σ² in a batch.
                let of_row = of_s * (sigma[i] * x[i]);
                let spread = (of_row * x[i]).computed_as(sigma[i] * (of_s * (x[i] * x[i])));
                all.sigma[k * d + i] += spread + sigma[i] * (turn + turn);
                let spread = (sigma[i] * of_row).computed_as(of_s * variance[i] * x[i]);
                all.x[b * d + i] += mu[i] * of_m + (spread + variance[i] * (pull * p));
            }
        }
    }
    all
}

//! The fast path, the portable path and the textbook in `f64`, each against the others by the rule of accuracy.

use core::f64::consts::{FRAC_1_SQRT_2, PI};

use gmlayer::diagonal::{Diagonal, Gradients, Parameters};
use gmlayer::{Dual, Real};

use crate::budget::{self, Budget, Budgets, Scalar, budgets};
use crate::problem::{Bits, Problem, header};

/// What an output may be off by, in budgets: few bytes fill a layer with the same numbers again and again, whose errors may
/// all go one way.
const BAR: f64 = 10.0;

/// Compares the ways on the problem that the bytes stand for; where numbers leave the range of the scalar, nothing
/// can be said.
pub fn run(bytes: &[u8]) {
    let Some((header, rest)) = header(bytes) else { return };
    match header.choices % 2 {
        0 => {
            let problem = Problem::<f32>::new(header, rest);
            if !sums_in_range(&problem, f64::from(f32::MAX)) {
                return;
            }
            let (all, scalar) = (textbook(&problem), Scalar::of::<f32>());
            compare(&problem, |got, portable, name| {
                for ((got, portable), want) in got.iter().zip(portable).zip(block(&all, name)) {
                    if in_range(want, &all, f64::from(f32::MAX)) {
                        for (path, got) in [("fast", *got), ("portable", *portable)] {
                            let ratio = want.ratio(got.into(), scalar);
                            assert!(ratio <= BAR, "{path} {name}: {got:e} against {want:?}: {ratio}");
                        }
                    }
                }
            });
        }
        _ => {
            let problem = Problem::<f64>::new(header, rest);
            if !sums_in_range(&problem, f64::MAX) {
                return;
            }
            let (all, scalar) = (textbook(&problem), Scalar::of::<f64>());
            compare(&problem, |got, portable, name| {
                for ((got, portable), want) in got.iter().zip(portable).zip(block(&all, name)) {
                    // The textbook is not exact enough to judge f64: its budgets judge the difference. Where its own
                    // products have underflowed, it does not say how far rounding carries: half of the digits are left.
                    if in_range(want, &all, f64::MAX.sqrt()) {
                        let has_underflowed = want.scale < got.abs();
                        let most = if has_underflowed {
                            scalar.roundoff.sqrt() * got.abs()
                        } else {
                            2.0 * BAR * scalar.allowed(want.scale, want.floor)
                        };
                        assert!(
                            (got - portable).abs() <= most,
                            "{name}: {got:e} against {portable:e}, {want:?}"
                        );
                    }
                }
            });
        }
    }
}

fn largest<T: Real>(block: &[T]) -> f64 {
    block.iter().fold(0.0, |most: f64, value| most.max(value.to_f64().abs()))
}

/// Whether the sums that the outputs are made of stay clear of overflow: Uᵀg, ⟨Uᵀg, μ⟩ + ⟨g, v⟩, ⟨Uᵀg, σ⟩, U diag(σ²) x,
/// Uμ + v, E[β ReLU(z)] and Σ p g x over the batch.
fn sums_in_range<T: Real>(problem: &Problem<T>, most: f64) -> bool {
    let Problem { shape, rows, mu, sigma, u, v, x, g } = problem;
    let [mu, sigma, u, v, x, g] = [mu, sigma, u, v, x, g].map(|block| largest(block));
    let (inputs, outputs) = (shape.inputs() as f64, shape.outputs() as f64);
    let c = outputs * u * g;
    let z = inputs * x * mu.max(sigma);
    let sums = [
        c,
        inputs * c * mu + outputs * g * v,
        inputs * c * sigma,
        inputs * u * sigma * sigma * x,
        inputs * u * mu + v,
        z * mu.max(sigma),
        z,
        *rows as f64 * g * x,
    ];
    // A sum that is not a number does not compare.
    sums.into_iter().all(|sum| sum < most / 64.0)
}

/// Whether the value and everything that it is made of stay clear of overflow.
fn in_range(want: &Budget, all: &Budgets, most: f64) -> bool {
    [want.scale, want.floor, all.largest].into_iter().all(|size| size < most / 16.0)
}

fn block<'a>(all: &'a Budgets, name: &str) -> &'a [Budget] {
    match name {
        "h" => &all.h,
        "mu" => &all.mu,
        "sigma" => &all.sigma,
        "u" => &all.u,
        "v" => &all.v,
        _ => &all.x,
    }
}

/// The formulas as they are printed, in `f64`.
fn textbook<T: Real>(problem: &Problem<T>) -> Budgets {
    let Problem { shape, mu, sigma, u, v, x, g, .. } = &problem.convert(|value| value.to_f64());
    let (inputs, outputs, components) = (shape.inputs(), shape.outputs(), shape.components());
    let (scalar, share, through_mean) = (Scalar::of::<T>(), 1.0 / components as f64, 1.0);
    let problem =
        budget::Problem { inputs, outputs, components, scalar, share, through_mean, mu, sigma, u, v, x, g };
    budgets(&problem, |m, s| {
        if s == 0.0 {
            let p = if m == 0.0 { 0.5 } else { f64::from(u8::from(m > 0.0)) };
            return [m.max(0.0), p, 0.0, 0.0];
        }
        let t = m / s;
        let p = libm::erfc(-t * FRAC_1_SQRT_2) / 2.0;
        let phi = libm::exp(-t * t / 2.0) / libm::sqrt(2.0 * PI);
        let t_phi = if phi == 0.0 { 0.0 } else { t * phi };
        // E max(z, 0) with the sign of m turned: the sum of m and a mean of small terms cancels less.
        let r = if t < 0.0 { m * p + s * phi } else { m + s * phi - m * libm::erfc(t * FRAC_1_SQRT_2) / 2.0 };
        [r.max(0.0), p, phi, t_phi]
    })
}

/// Gives every block of both ways to `judge`.
fn compare<T: Bits>(problem: &Problem<T>, judge: impl Fn(&[T], &[T], &str)) {
    let fast = outputs(problem);
    let portable = outputs(&problem.convert(Dual::constant));
    for ((name, fast), (_, portable)) in fast.iter().zip(&portable) {
        let portable: Vec<T> = portable.iter().map(|dual| dual.value).collect();
        judge(fast, &portable, name);
    }
}

/// h and all gradients.
fn outputs<T: Real>(problem: &Problem<T>) -> [(&'static str, Vec<T>); 6] {
    let Problem { shape, rows, mu, sigma, u, v, x, g } = problem;
    let layer = Diagonal::new(*shape, Parameters { mu, sigma, u, v }).expect("the lengths fit");
    let (saved, scratch) = (layer.saved_len(*rows), layer.scratch_len(*rows));
    let [mut saved, mut scratch] = [saved, scratch].map(|len| vec![T::zero(); len.expect("small sizes")]);
    let zeros = |len| vec![T::zero(); len];
    let mut y = zeros(g.len());
    let [mut d_mu, mut d_sigma, mut d_u, mut d_v, mut dx] =
        [mu.len(), sigma.len(), u.len(), v.len(), x.len()].map(zeros);
    layer.forward(x, &mut y, &mut saved, &mut scratch).expect("the lengths fit");
    let gradients =
        Gradients { mu: Some(&mut d_mu), sigma: Some(&mut d_sigma), u: Some(&mut d_u), v: Some(&mut d_v) };
    layer.backward(x, g, &saved, gradients, Some(&mut dx), &mut scratch).expect("the lengths fit");
    [("h", y), ("mu", d_mu), ("sigma", d_sigma), ("u", d_u), ("v", d_v), ("x", dx)]
}

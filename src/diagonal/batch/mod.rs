//! Many rows at once: the batch in the vector lanes, all products as matrix products.
//!
//! Rows are taken in chunks of [`CHUNK`]. For a chunk X `[rows × inputs]` the forward pass is three
//! products with Xᵀ, one loop over the lanes and one sum:
//!
//! ```text
//! m = μ Xᵀ     s² = σ² (X∘X)ᵀ     W Xᵀ      [components (× outputs) × rows]
//! r, p, φ, tφ from m and s                   h = 1/K Σ_k [ a r + (W x) p ]
//! ```
//!
//! and the backward pass, with the cotangent g (times 1/K), ρ = ⟨g, a⟩ and π = ⟨g, W x⟩,
//!
//! ```text
//! ∂m = ρ p + π φ/s     ∂s/s = (ρ φ − π tφ/s)/s     ∂Wₗ = Σ p gₗ xᵀ     ∂aₗ = Σ r gₗ
//! ∂U = ∂W diag σ² + ∂a μᵀ     ∂v = ∂a     ∂μ = Σ ∂m x + Uᵀ∂a     ∂σ = σ∘(Σ (∂s/s) x∘x + 2 Σ_l ∂Wₗ∘Uₗ)
//! ∂x = ∂m μ + p Wᵀg + (∂s/s) σ²∘x
//! ```
//!
//! Squares and divisions by s lose digits far from 1. So this path takes numbers of ordinary size alone
//! ([`Real::ORDINARY`]), which is one comparison a number; whatever else comes, a row or the whole layer,
//! goes through the formulas for single [rows](super::row).

mod backward;
mod forward;
mod tape;

pub(super) use backward::{Model, backward};
pub(super) use forward::forward;
pub(super) use tape::{Plain, Tape, scratch_len, tape_len};

use super::parameters::Parameters;
use super::prepared::Constants;
use crate::Real;

/// Rows that are worked on together: what the vector lanes run along.
pub(super) const CHUNK: usize = 64;

/// Fewer rows than this go one by one: filling the lanes would cost more than it saves.
pub(super) const LEAST_ROWS: usize = 8;

/// Whether every number is 0 or of ordinary size.
#[inline(always)]
pub(super) fn ordinary<T: Real>(numbers: &[T]) -> bool {
    let (least, most) = T::ORDINARY;
    numbers.iter().fold(true, |ordinary, &number| {
        let size = number.abs();
        ordinary & (size.is_zero() | ((size >= least) & (size <= most)))
    })
}

/// Whether every number is 0.
#[inline(always)]
pub(super) fn all_zero<T: Real>(numbers: &[T]) -> bool {
    numbers.iter().fold(true, |zero, number| zero & number.is_zero())
}

/// Whether no number is larger than ordinary, and none is NaN.
#[inline(always)]
pub(super) fn bounded<T: Real>(numbers: &[T]) -> bool {
    let (_, most) = T::ORDINARY;
    numbers.iter().fold(true, |bounded, &number| bounded & (number.abs() <= most))
}

/// Whether the prepared constants keep all their digits: bounded, and σ² and W normal where they are not 0.
pub(super) fn ordinary_constants<T: Real>(constants: &Constants<'_, T>) -> bool {
    let normal = |numbers: &[T]| {
        numbers
            .iter()
            .fold(true, |normal, &number| normal & (number.is_zero() | (number.abs() >= T::LEAST_NORMAL)))
    };
    let Constants { a, w, mu, variance } = constants;
    bounded(a) && bounded(w) && bounded(mu) && bounded(variance) && normal(w) && normal(variance)
}

/// Whether the parameters themselves are bounded.
pub(super) fn ordinary_parameters<T: Real>(parameters: &Parameters<'_, T>) -> bool {
    bounded(parameters.sigma) && bounded(parameters.u) && bounded(parameters.v)
}

/// Sets the lanes of rows that are not plain to 0.
fn clear_others<T: Real>(lanes: &mut [T], plain: &[T]) {
    for (lane, plain) in lanes.iter_mut().zip(plain) {
        if plain.is_zero() {
            *lane = T::zero();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{bounded, ordinary, ordinary_constants, ordinary_parameters};
    use crate::Real;
    use crate::diagonal::{Constants, Parameters};

    /// The bounds themselves pass, and nothing beyond them does, wherever it stands.
    fn bounds<T: Real>() {
        let (least, most) = T::ORDINARY;
        let two = T::from_usize(2);
        let with = |x: T| [[x, T::one(), T::zero()], [T::zero(), T::one(), -x]];
        for inside in [T::zero(), least, T::one(), most] {
            assert!(with(inside).iter().all(|numbers| ordinary(numbers) && bounded(numbers)), "{inside:?}");
        }
        assert!(with(least / two).iter().all(|numbers| !ordinary(numbers) && bounded(numbers)));
        for beyond in [most * two, T::from_f64(f64::INFINITY), T::from_f64(f64::NAN)] {
            assert!(with(beyond).iter().all(|numbers| !ordinary(numbers) && !bounded(numbers)), "{beyond:?}");

            let (one, wrong) = ([T::one()], [beyond]);
            let parameters = Parameters { mu: &one[..], sigma: &one, u: &one, v: &one };
            assert!(ordinary_parameters(&parameters));
            assert!(!ordinary_parameters(&Parameters { sigma: &wrong, ..parameters }));
            assert!(!ordinary_parameters(&Parameters { u: &wrong, ..parameters }));
            assert!(!ordinary_parameters(&Parameters { v: &wrong, ..parameters }));

            let constants = Constants { a: &one[..], w: &one, mu: &one, variance: &one };
            assert!(ordinary_constants(&constants));
            assert!(!ordinary_constants(&Constants { a: &wrong, ..constants }));
            assert!(!ordinary_constants(&Constants { w: &wrong, ..constants }));
            assert!(!ordinary_constants(&Constants { mu: &wrong, ..constants }));
            assert!(!ordinary_constants(&Constants { variance: &wrong, ..constants }));

            // σ² and W may not be subnormal; a and μ may, as every product with them is one of several terms.
            let subnormal = [T::LEAST_NORMAL / two];
            assert!(ordinary_constants(&Constants { a: &subnormal, mu: &subnormal, ..constants }));
            assert!(!ordinary_constants(&Constants { w: &subnormal, ..constants }));
            assert!(!ordinary_constants(&Constants { variance: &subnormal, ..constants }));
        }
    }

    #[test]
    fn numbers_are_ordinary_within_the_bounds_alone() {
        bounds::<f32>();
        bounds::<f64>();
    }
}

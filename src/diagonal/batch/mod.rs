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
pub(super) use forward::{begin, finish, slopes};
pub(super) use tape::{Plain, Tape, scratch_len, tape_len};

use crate::kernel::all;
use crate::{Real, Shape};

/// Rows that are worked on together: what the vector lanes run along.
pub(super) const CHUNK: usize = 64;

/// Fewer rows than this go one by one: filling the lanes would cost more than it saves.
pub(super) const LEAST_ROWS: usize = 8;

/// The elements of a chunk of inputs and of outputs, visibly not 0.
#[inline(always)]
pub(super) fn chunk_lens(shape: Shape) -> (usize, usize) {
    (CHUNK.saturating_mul(shape.inputs()).max(1), CHUNK.saturating_mul(shape.outputs()).max(1))
}

/// Whether every number is 0 or of ordinary size.
#[inline(always)]
pub(super) fn ordinary<T: Real>(numbers: &[T]) -> bool {
    let (least, most) = T::ORDINARY;
    all(numbers, |number| {
        let size = number.abs();
        size.is_zero() | ((size >= least) & (size <= most))
    })
}

/// Whether every number is 0.
#[inline(always)]
pub(super) fn all_zero<T: Real>(numbers: &[T]) -> bool {
    all(numbers, |number| number.is_zero())
}

/// Whether no number is larger than ordinary, and none is NaN.
#[inline(always)]
pub(super) fn bounded<T: Real>(numbers: &[T]) -> bool {
    let (_, most) = T::ORDINARY;
    all(numbers, |number| number.abs() <= most)
}

/// Whether every number keeps all its digits and is not larger than ordinary: normal, or 0.
#[inline(always)]
pub(super) fn whole<T: Real>(numbers: &[T]) -> bool {
    let (_, most) = T::ORDINARY;
    all(numbers, |number| {
        let size = number.abs();
        size.is_zero() | ((size >= T::LEAST_NORMAL) & (size <= most))
    })
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
    use super::{all_zero, bounded, ordinary, whole};
    use crate::Real;

    /// The bounds themselves pass, and nothing beyond them does, wherever it stands.
    fn bounds<T: Real>() {
        let (least, most) = T::ORDINARY;
        let two = T::from_usize(2);
        let with = |x: T| [[x, T::one(), T::zero()], [T::zero(), T::one(), -x]];
        for inside in [T::zero(), least, T::one(), most] {
            assert!(
                with(inside).iter().all(|numbers| ordinary(numbers) && bounded(numbers) && whole(numbers))
            );
        }
        assert!(
            with(least / two).iter().all(|numbers| !ordinary(numbers) && bounded(numbers) && whole(numbers))
        );
        assert!(with(T::LEAST_NORMAL).iter().all(|numbers| whole(numbers)));
        assert!(with(T::LEAST_NORMAL / two).iter().all(|numbers| !whole(numbers) && bounded(numbers)));
        for beyond in [most * two, T::from_f64(f64::INFINITY), T::from_f64(f64::NAN)] {
            assert!(
                with(beyond).iter().all(|numbers| !ordinary(numbers) && !bounded(numbers) && !whole(numbers))
            );
        }
        assert!(all_zero(&[T::zero(), -T::zero()]) && !all_zero(&[T::zero(), least]));
    }

    #[test]
    fn numbers_are_ordinary_within_the_bounds_alone() {
        bounds::<f32>();
        bounds::<f64>();
    }
}

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
mod record;

pub(super) use backward::{Constants, share_plain};
pub(super) use forward::{examine_rows, transpose_plain};
pub(super) use record::Record;

use crate::Real;
use crate::kernel::{Along, Simd, Vector, all};

/// Rows that the forward pass works on together: what the vector lanes run along.
pub(super) const CHUNK: usize = 64;

/// Rows that the backward pass works on together: the terms of its products.
pub(super) const GROUP: usize = 4 * CHUNK;

/// Fewer rows than this go one by one: filling the lanes would cost more than it saves.
pub(super) const LEAST_ROWS: usize = 8;

/// Whether every number is 0 or of ordinary size, and whether every number is 0.
#[inline(always)]
pub(super) fn examine<T: Real, S: Simd>(simd: S, numbers: &[T]) -> (bool, bool) {
    let (least, most) = T::ORDINARY;
    let (smallest, largest) = sizes(simd, numbers);
    let ordinary = smallest >= least && largest <= most;
    (ordinary, ordinary && largest.is_zero())
}

/// The smallest of the sizes that are not 0, and 1; and the largest, which is NaN where a number is.
#[inline(always)]
pub(super) fn sizes<T: Real, S: Simd>(simd: S, numbers: &[T]) -> (T, T) {
    let (smallest, largest) = (simd.splat(T::one()), simd.splat(T::zero()));
    let start = Examination { simd, numbers, smallest, largest };
    let Examination { smallest, largest, .. } = start.along(numbers.len());
    (simd.smallest(smallest), simd.largest(largest))
}

/// What is seen of some numbers.
struct Examination<'a, T, S> {
    simd: S,
    numbers: &'a [T],
    /// Of the sizes that are not 0, and 1.
    smallest: Vector<T>,
    /// Of the sizes; NaN where a number is.
    largest: Vector<T>,
}

impl<T: Real, S: Simd> Along for Examination<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let numbers = self.simd.load::<WHOLE, T>(self.numbers, at)?;
        self.smallest = self.simd.smaller_size(self.smallest, numbers);
        self.largest = self.simd.larger_size(self.largest, numbers);
        Some(())
    }
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

#[cfg(test)]
mod tests {
    use super::{bounded, examine, whole};
    use crate::Real;
    use crate::kernel::Portable;

    /// The bounds themselves pass, and nothing beyond them does, wherever it stands.
    fn bounds<T: Real>() {
        let (least, most) = T::ORDINARY;
        let two = T::from_usize(2);
        let ordinary = |numbers: &[T]| examine(Portable, numbers).0;
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
        for len in [1, 15, 16, 17, 40] {
            let mut numbers = vec![-T::zero(); len];
            assert_eq!(examine(Portable, &numbers), (true, true), "{len}");
            for at in 0..len {
                numbers[at] = least;
                assert_eq!(examine(Portable, &numbers), (true, false), "{at} of {len}");
                numbers[at] = T::from_f64(f64::NAN);
                assert_eq!(examine(Portable, &numbers), (false, false), "{at} of {len}");
                numbers[at] = T::zero();
            }
        }
    }

    #[test]
    fn numbers_are_ordinary_within_the_bounds_alone() {
        bounds::<f32>();
        bounds::<f64>();
    }
}

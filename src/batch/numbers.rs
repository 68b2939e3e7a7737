//! Of which size numbers are: those of ordinary size may be squared and divided by; those of moderate size are small
//! enough to be multiplied, so that no product brings back the digits that another lost below the normal numbers.

use crate::Real;
use crate::kernel::{Along, Simd, Vector, all};

/// What a moderate product is at most. A product that falls below the normal numbers is off by half a unit η of the
/// last place there, and the other factors of its term may multiply that by this times [`MODERATE_COTANGENT`]. So what is
/// prepared of the parameters goes through a batch [lifted](super::Lift::prepared) by more.
pub(crate) const MODERATE: usize = 1 << 12;

/// What a cotangent that meets such products is at most.
pub(crate) const MODERATE_COTANGENT: usize = 1 << 8;

/// A size, or 1 where it is smaller.
#[inline(always)]
pub(super) fn at_least_one<T: Real>(size: T) -> T {
    if size <= T::one() { T::one() } else { size }
}

/// Whether all numbers are 0 or of ordinary size, whose [`sizes`] these are.
#[inline(always)]
pub(crate) fn are_ordinary<T: Real>((smallest, largest): (T, T)) -> bool {
    let (least, most) = T::ORDINARY;
    smallest >= least && largest <= most
}

/// Whether an input and two parameters of at most these sizes have a moderate product, in whatever company: of factors
/// below 1 too.
#[inline(always)]
pub(crate) fn are_moderate<T: Real>(inputs: T, parameters: T) -> bool {
    at_least_one(inputs) * (at_least_one(parameters) * at_least_one(parameters)) <= T::from_usize(MODERATE)
}

/// The smallest of the sizes that are not 0, and 1; and the largest, which is NaN where a number is.
#[inline(always)]
pub(crate) fn sizes<T: Real, S: Simd>(simd: S, numbers: &[T]) -> (T, T) {
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
pub(crate) fn bounded<T: Real>(numbers: &[T]) -> bool {
    let (_, most) = T::ORDINARY;
    all(numbers, |number| number.abs() <= most)
}

#[cfg(test)]
mod tests {
    use super::{are_moderate, are_ordinary, bounded, sizes};
    use crate::Real;
    use crate::kernel::Portable;

    /// The bounds themselves pass, and nothing beyond them does, wherever it stands.
    fn bounds<T: Real>() {
        let (least, most) = T::ORDINARY;
        let two = T::from_usize(2);
        let ordinary = |numbers: &[T]| are_ordinary(sizes(Portable, numbers));
        let with = |x: T| [[x, T::one(), T::zero()], [T::zero(), T::one(), -x]];
        for inside in [T::zero(), least, T::one(), most] {
            assert!(with(inside).iter().all(|numbers| ordinary(numbers) && bounded(numbers)));
        }
        for below in [least / two, T::LEAST_NORMAL, T::LEAST_NORMAL / two] {
            assert!(with(below).iter().all(|numbers| !ordinary(numbers) && bounded(numbers)));
        }
        for beyond in [most * two, T::from_f64(f64::INFINITY), T::from_f64(f64::NAN)] {
            assert!(with(beyond).iter().all(|numbers| !ordinary(numbers) && !bounded(numbers)));
        }
        for len in [1, 15, 16, 17, 40] {
            let mut numbers = vec![-T::zero(); len];
            assert_eq!(sizes(Portable, &numbers), (T::one(), T::zero()), "{len}");
            for at in 0..len {
                numbers[at] = least;
                assert_eq!(sizes(Portable, &numbers), (least, least), "{at} of {len}");
                numbers[at] = T::from_f64(f64::NAN);
                assert!(!ordinary(&numbers), "{at} of {len}");
                numbers[at] = T::zero();
            }
        }
    }

    #[test]
    fn numbers_are_ordinary_within_the_bounds_alone() {
        bounds::<f32>();
        bounds::<f64>();
    }

    #[test]
    fn moderate_products_are_those_up_to_the_bound() {
        for (inputs, parameters) in [(4096.0, 1.0), (0.0, 64.0), (16.0, 16.0), (1e-30, 1e-30)] {
            assert!(are_moderate::<f32>(inputs, parameters), "{inputs} {parameters}");
        }
        for (inputs, parameters) in [(4097.0, 0.0), (0.0, 65.0), (17.0, 16.0), (1e30, 1e-30)] {
            assert!(!are_moderate::<f32>(inputs, parameters), "{inputs} {parameters}");
        }
        for nothing in [f32::NAN, f32::INFINITY] {
            assert!(!are_moderate(nothing, 1.0) && !are_moderate(1.0, nothing));
        }
    }
}

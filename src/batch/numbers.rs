//! Of which size numbers are: those of ordinary size may be squared and divided by; those of moderate size are small
//! enough to be multiplied, so that no product brings back the digits that another lost below the normal numbers.

use crate::Real;
use crate::kernel::{Along, Simd, Vector, all};

/// What a moderate product is at most. A product that falls below the normal numbers is off by half a unit η of the
/// last place there, which what multiplies it could make more of: this times [`MODERATE_COTANGENT`] at most, so that
/// [`PREPARED`] times finer products are fine enough.
pub(crate) const MODERATE: usize = 1 << 12;

/// What a cotangent that meets such products is at most.
pub(crate) const MODERATE_COTANGENT: usize = 1 << 8;

/// What is prepared of the parameters goes through a batch this many times as large as it is, and a row's
/// E[β ReLU(z)] does, so that the digits that a product of small numbers loses are worth as much less.
const PREPARED: usize = 1 << 24;

/// [`PREPARED`], and one over it.
pub(crate) fn lift_of_prepared<T: Real>() -> (T, T) {
    let lift = T::from_usize(PREPARED);
    (lift, lift.recip())
}

/// Cotangents go through a batch [`LIFTED`] times as large as they are, so that nothing that they are multiplied by, p
/// and φ of the far tails above all, takes them below the normal numbers. What the parameters and inputs make of them
/// stays in range: see [`may_lift`].
const LIFTED: f64 = (1_u64 << 32) as f64;

/// What the cotangents of a batch, the largest of which has this size, are multiplied by: a power of two.
pub(crate) fn lift<T: Real>(largest: T) -> T {
    // At most 2⁴⁵ times as large as 1 then, however large they are.
    let excess = largest.exponent() - 12;
    T::from_f64(LIFTED).times_power_of_two(if excess > 0 { -excess } else { 0 })
}

/// What the cotangent of a row that goes by itself is multiplied by: the power of two from 1 to 2¹⁰⁰ that takes the
/// largest of it to [2²³, 2²⁴). A smaller one would lose the rest of it.
pub(crate) fn lift_of_row<T: Real>(g: &[T]) -> T {
    let mut largest = T::zero();
    for g in g {
        largest = if g.abs() > largest { g.abs() } else { largest };
    }
    T::one().times_power_of_two((23 - largest.exponent()).clamp(0, 100))
}

/// A size, or 1 where it is smaller.
#[inline(always)]
fn at_least_one<T: Real>(size: T) -> T {
    if size <= T::one() { T::one() } else { size }
}

/// Whether a row of inputs up to this size may go with lifted cotangents through a component of parameters up to this
/// size, at an s² that is not 0: the largest number on the way is about g a x²/s².
#[inline(always)]
pub(crate) fn may_lift<T: Real>(inputs: T, parameters: T, square: T) -> bool {
    let product = at_least_one(inputs) * at_least_one(parameters);
    let square = if square <= T::one() { square } else { T::one() };
    product <= T::from_usize(1 << 19) && product * product <= square * T::from_f64((1_u64 << 38) as f64)
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
    use super::{are_moderate, are_ordinary, bounded, lift, lift_of_row, may_lift, sizes};
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

    #[test]
    fn cotangents_of_rows_are_brought_to_one_size() {
        let two = |power: i32| 2.0_f32.powi(power);
        for (g, want) in [
            (&[0.0, -1.5, 0.1][..], 23),
            (&[two(100), 1e-40], 0),
            (&[two(-60)], 83),
            (&[two(-140)], 100),
            (&[0.0], 23),
            (&[f32::NAN, 2.0], 22),
        ] {
            assert_eq!(lift_of_row(g), two(want), "{g:?}");
            assert_eq!(lift_of_row(g) * lift_of_row(g).recip(), 1.0, "{g:?}");
        }
    }

    #[test]
    fn cotangents_are_lifted_by_a_power_of_two_that_keeps_them_in_range() {
        let two = |power: i32| 2.0_f32.powi(power);
        for (largest, want) in [(0.0, 32), (1e-45, 32), (two(12), 32), (two(13), 31), (1.9 * two(20), 24)] {
            assert_eq!(lift(largest), two(want), "{largest}");
        }
        for (inputs, parameters, square) in
            [(1.0, 1.0, two(-38)), (two(10), two(9), 1.0), (two(10), two(9), 1e9), (0.0, 0.0, 1.0)]
        {
            assert!(may_lift(inputs, parameters, square));
            assert!(!may_lift(inputs, parameters, square.min(1.0) / two(39)));
            assert!(!may_lift(inputs * two(20), parameters.max(1.0) * two(20), square));
        }
        assert!(!may_lift(f32::NAN, 1.0, 1.0) && !may_lift(1.0, f32::INFINITY, 1.0));
    }
}

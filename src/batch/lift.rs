//! Powers of two that numbers are multiplied by on their way, so that no product falls below the normal numbers and
//! loses digits there that count. The results are rid of them, and both is exact.

use super::numbers::at_least_one;
use crate::Real;

/// A power of two and one over it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lift<T> {
    pub(crate) factor: T,
    pub(crate) unit: T,
}

impl<T: Real> Lift<T> {
    /// 1.
    pub(crate) fn none() -> Self {
        Self { factor: T::one(), unit: T::one() }
    }

    /// What is prepared of the parameters is multiplied by in a batch, and E[β ReLU(z)] of a row of moderate numbers.
    pub(crate) fn prepared() -> Self {
        let factor = T::from_usize(1 << 24);
        Self { factor, unit: factor.recip() }
    }

    /// What the cotangents of a batch are multiplied by, the largest of which has this size: 2³², or less where that
    /// would be above 2³⁷. Nothing that they meet, p and φ of the far tails above all, takes them below the normal
    /// numbers then, and what the parameters and inputs make of them stays in range: see [`may_lift`].
    pub(crate) fn of_cotangents(largest: T) -> Self {
        Self::by(32.min(36 - largest.exponent()))
    }

    /// What the cotangent g of a row that goes by itself is multiplied by: what takes the largest of it to 2²³, but 1 at
    /// least, so that the others are not lost, and 2¹⁰⁰ at most, so that its unit and that of
    /// [what is prepared](Self::prepared) have a normal product.
    pub(crate) fn of_row(g: &[T]) -> Self {
        let mut largest = T::zero();
        for g in g {
            largest = if g.abs() > largest { g.abs() } else { largest };
        }
        Self::by((23 - largest.exponent()).clamp(0, 100))
    }

    fn by(power: i32) -> Self {
        let factor = T::one().times_power_of_two(power);
        Self { factor, unit: factor.recip() }
    }
}

/// Whether a row of inputs up to this size may go with lifted cotangents through a component of parameters up to this
/// size, at an s² that is not 0: the largest numbers on the way are about g a x²/s² and, times the lift of what is
/// prepared, g a σ²/s.
#[inline(always)]
pub(super) fn may_lift<T: Real>(inputs: T, parameters: T, square: T) -> bool {
    let product = at_least_one(inputs) * at_least_one(parameters);
    let square = if square <= T::one() { square } else { T::one() };
    product <= T::from_usize(1 << 19) && product * product <= square * T::from_f64((1_u64 << 38) as f64)
}

#[cfg(test)]
mod tests {
    use super::{Lift, may_lift};

    fn two(power: i32) -> f32 {
        2.0_f32.powi(power)
    }

    /// The power of two of a lift, whose parts fit.
    fn power(lift: Lift<f32>) -> i32 {
        assert_eq!(lift.factor * lift.unit, 1.0);
        let power = lift.factor.log2() as i32;
        assert_eq!(lift.factor, two(power));
        power
    }

    #[test]
    fn cotangents_are_lifted_by_a_power_of_two_that_keeps_them_in_range() {
        for (largest, want) in [(0.0, 32), (1e-45, 32), (two(4), 32), (two(5), 31), (1.9 * two(20), 16)] {
            assert_eq!(power(Lift::of_cotangents(largest)), want, "{largest}");
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

    #[test]
    fn small_cotangents_of_a_row_are_lifted_and_none_is_lowered() {
        for (g, want) in [
            (&[0.0, -1.5, 0.1][..], 23),
            (&[two(23)], 0),
            (&[two(100), 1e-40], 0),
            (&[two(-60)], 83),
            (&[two(-140)], 100),
            (&[0.0], 23),
            (&[f32::NAN, 2.0], 22),
        ] {
            assert_eq!(power(Lift::of_row(g)), want, "{g:?}");
        }
        let least = Lift::<f32>::of_row(&[two(-140)]).unit * Lift::<f32>::prepared().unit;
        assert!(least >= f32::MIN_POSITIVE);
    }
}

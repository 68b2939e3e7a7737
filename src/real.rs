//! The scalar type over which the whole core is generic.

use core::fmt::Debug;
use core::ops::{AddAssign, Div, DivAssign, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::normal;

/// A scalar: `f32`, `f64`, a [`Dual`](crate::Dual) number, or a type of your own.
///
/// The arithmetic comes from num-traits. Functions such as √x and eˣ are methods of this trait, so that no
/// feature of another crate can replace them; `f32` and `f64` take them from `libm`, which gives the same bits
/// on every platform.
///
/// A scalar that carries more than a value (a derivative, say) compares by its value alone.
pub trait Real:
    Copy
    + Debug
    + PartialOrd
    + Zero
    + One
    + Neg<Output = Self>
    + Sub<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Send
    + Sync
    + 'static
{
    /// The least and the largest sum of squares that is used as it is. Outside this range the sum may have
    /// lost digits or overflowed, and is computed again with scaled terms.
    const SAFE_SQUARES: (Self, Self);

    /// 2⁻ⁿ, the factor that takes [`normal::Scaled`] values to their true size.
    const UNSCALE: Self;

    /// A row whose largest entry in size lies in this range is read as it is; other rows are scaled by an exact power
    /// of two.
    const ROW_RANGE: (Self, Self);

    /// The largest size of a component's means and deviations that a batch uses unscaled. Its square limits the output
    /// parameters, and the products of the two.
    const LARGE: Self;

    /// The least value other than 0 of the largest of a component's means and deviations that a batch uses unscaled.
    const SMALL: Self;

    /// The exponent of the least normal number.
    const LEAST_EXPONENT: i32;

    /// Half the distance from 1 to the next number: the largest relative error of one rounding.
    const UNIT_ROUNDOFF: f64;

    /// Zero, where a constant is needed.
    const ZERO: Self;

    /// The nearest scalar to a count.
    fn from_usize(count: usize) -> Self;

    /// The nearest scalar to an `f64`.
    fn from_f64(value: f64) -> Self;

    /// The value as an `f64`, for reports.
    fn to_f64(self) -> f64;

    /// √x.
    fn sqrt(self) -> Self;

    /// eˣ.
    fn exp(self) -> Self;

    /// The natural logarithm of x.
    fn ln(self) -> Self;

    /// |x|.
    fn abs(self) -> Self;

    /// max(x, 0), NaN for NaN. Its derivative at 0 counts as 1/2, the limit of central differences.
    fn positive_part(self) -> Self;

    /// The derivative of [`positive_part`](Self::positive_part): 0, 1/2 and 1 below, at and above 0.
    fn step(self) -> Self;

    /// Whether x is neither infinite nor NaN.
    fn is_finite(self) -> bool;

    /// ⌊log₂|x|⌋, and 0 where x is 0, infinite or NaN.
    fn exponent(self) -> i32;

    /// x·2ⁿ: exact where the result is a normal number, and rounded once where it is not.
    fn times_power_of_two(self, n: i32) -> Self;

    /// The standard normal distribution at x; see [`normal::Scaled`].
    fn normal(self) -> normal::Scaled<Self>;

    /// This value f(a, b, ..) with the derivative Σ slope · argument′, given the pairs (∂f/∂a, a), (∂f/∂b, b), ..
    ///
    /// For a function whose slopes are known, but whose operations could take a derivative out of range on the way. The
    /// default returns the value itself: right for a scalar without a derivative, and for one whose operations already
    /// give a good derivative.
    #[inline(always)]
    #[must_use]
    fn with_slopes<const N: usize>(self, _arguments: [(Self, Self); N]) -> Self {
        self
    }

    /// 1/x.
    #[inline]
    fn recip(self) -> Self {
        Self::one() / self
    }
}

macro_rules! float {
    ($float:ident, $power:ident, $safe:expr, $rows:expr, $large:expr, $small:expr, $unscale:expr, $sqrt:ident, $exp:ident, $ln:ident, $abs:ident, $ilogb:ident, $scalbn:ident) => {
        impl Real for $float {
            const SAFE_SQUARES: (Self, Self) = $safe;
            const ROW_RANGE: (Self, Self) = ($power(-$rows), $power($rows));
            const LARGE: Self = $power($large);
            const SMALL: Self = $power($small);
            const LEAST_EXPONENT: i32 = <$float>::MIN_EXP - 1;
            const UNSCALE: Self = $unscale;
            const UNIT_ROUNDOFF: f64 = <$float>::EPSILON as f64 / 2.0;
            const ZERO: Self = 0.0;
            #[inline]
            fn from_usize(count: usize) -> Self {
                count as $float
            }

            #[inline]
            fn from_f64(value: f64) -> Self {
                value as $float
            }

            #[inline]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline]
            fn sqrt(self) -> Self {
                libm::$sqrt(self)
            }

            #[inline]
            fn exp(self) -> Self {
                libm::$exp(self)
            }

            #[inline]
            fn ln(self) -> Self {
                libm::$ln(self)
            }

            #[inline]
            fn abs(self) -> Self {
                libm::$abs(self)
            }

            #[inline]
            fn positive_part(self) -> Self {
                if self < 0.0 { 0.0 } else { self }
            }

            #[inline]
            fn step(self) -> Self {
                if self < 0.0 {
                    0.0
                } else if self == 0.0 {
                    0.5
                } else if self > 0.0 {
                    1.0
                } else {
                    self
                }
            }

            #[inline]
            fn is_finite(self) -> bool {
                <$float>::is_finite(self)
            }

            fn exponent(self) -> i32 {
                if self == 0.0 || !<$float>::is_finite(self) { 0 } else { libm::$ilogb(self) }
            }

            fn times_power_of_two(self, n: i32) -> Self {
                libm::$scalbn(self, n)
            }

            #[inline(always)] // a loop over it vectorises only when nothing is left to call
            fn normal(self) -> normal::Scaled<Self> {
                normal::$float::scaled(self)
            }
        }
    };
}

/// 2ⁿ for n in the range of normal numbers.
const fn power_of_two_f64(n: i64) -> f64 {
    f64::from_bits(((1023 + n) as u64) << 52)
}

const fn power_of_two_f32(n: i32) -> f32 {
    f32::from_bits(((127 + n) as u32) << 23)
}

float!(
    f32,
    power_of_two_f32,
    (power_of_two_f32(-90), power_of_two_f32(100)),
    10,
    12,
    -40,
    power_of_two_f32(-64),
    sqrtf,
    expf,
    logf,
    fabsf,
    ilogbf,
    scalbnf
);
float!(
    f64,
    power_of_two_f64,
    (power_of_two_f64(-900), power_of_two_f64(1000)),
    80,
    128,
    -400,
    power_of_two_f64(-200),
    sqrt,
    exp,
    log,
    fabs,
    ilogb,
    scalbn
);

#[cfg(test)]
mod tests {
    use super::Real;

    #[test]
    fn exponents_of_the_whole_range() {
        assert_eq!((1.0_f32).exponent(), 0);
        assert_eq!((-0.75_f32).exponent(), -1);
        assert_eq!(f32::from_bits(1).exponent(), -149);
        assert_eq!(f32::MAX.exponent(), 127);
        assert_eq!(f64::from_bits(1).exponent(), -1074);
        assert_eq!(f64::MAX.exponent(), 1023);
        for special in [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            assert_eq!(special.exponent(), 0);
        }
    }

    #[test]
    fn powers_of_two_are_exact() {
        assert_eq!((1.5_f32).times_power_of_two(-148), f32::from_bits(3));
        assert_eq!(f32::from_bits(3).times_power_of_two(148), 1.5);
        assert_eq!(f64::from_bits(1).times_power_of_two(2000), 2.0_f64.powi(926));
        assert_eq!((3.0_f64).times_power_of_two(-5000), 0.0);
        assert_eq!(<f32 as Real>::UNSCALE, 2.0_f32.powi(-64));
        assert_eq!(<f64 as Real>::UNSCALE, 2.0_f64.powi(-200));
    }

    #[test]
    fn positive_part_keeps_nan() {
        assert_eq!((-2.0_f32).positive_part(), 0.0);
        assert_eq!((2.0_f32).positive_part(), 2.0);
        assert!(f32::NAN.positive_part().is_nan());
        assert!(f32::NAN.step().is_nan());
    }
}

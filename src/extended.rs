//! Numbers whose exponent has no limits that matter.

use core::cmp::Ordering;
use core::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::{Real, normal};

/// fraction·2^exponent, the size of the fraction in [1, 2): the digits of an `f64`, and no product of a few of
/// them leaves the range. 0, infinities and NaN are their own fractions, with the exponent 0.
///
/// It is what `f64` [widens](Real::widen) to, and slow.
#[derive(Debug, Clone, Copy)]
pub struct Extended {
    fraction: f64,
    exponent: i32,
}

impl Extended {
    /// value·2^exponent.
    fn new(value: f64, exponent: i32) -> Self {
        if value.is_zero() || !Real::is_finite(value) {
            return Self { fraction: value, exponent: 0 };
        }
        let power = value.to_bits() & POWER;
        if power == 0 {
            // A subnormal number: its product with 2⁶⁴ is none.
            return Self::new(value * power_of_two(64), exponent.saturating_sub(64));
        }
        let fraction = f64::from_bits(value.to_bits() & !POWER | ONE);
        Self { fraction, exponent: exponent.saturating_add((power >> DIGITS) as i32 - 1023) }
    }

    /// The fractions of two numbers that are not 0 over the larger of their powers of two, which is the exponent.
    fn aligned(self, other: Self) -> (f64, f64, i32) {
        if !Real::is_finite(self) || !Real::is_finite(other) {
            return (self.fraction, other.fraction, 0);
        }
        let exponent = self.exponent.max(other.exponent);
        let over = |number: Self| number.fraction * power_of_two(number.exponent.saturating_sub(exponent));
        (over(self), over(other), exponent)
    }
}

/// The digits of an `f64` after the point, the bits of its power of two, and those of 2⁰.
const DIGITS: u32 = 52;
const POWER: u64 = 0x7ff << DIGITS;
const ONE: u64 = 1023 << DIGITS;

/// 2ⁿ for n up to 1023, and 0 below the normal numbers.
fn power_of_two(n: i32) -> f64 {
    if n < -1022 { 0.0 } else { f64::from_bits(((1023 + i64::from(n)) as u64) << DIGITS) }
}

impl From<f64> for Extended {
    fn from(value: f64) -> Self {
        Self::new(value, 0)
    }
}

impl Add for Extended {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        if self.is_zero() {
            return other;
        }
        if other.is_zero() {
            return self;
        }
        let (a, b, exponent) = self.aligned(other);
        Self::new(a + b, exponent)
    }
}

impl Neg for Extended {
    type Output = Self;

    fn neg(self) -> Self {
        Self { fraction: -self.fraction, ..self }
    }
}

impl Sub for Extended {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Extended {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self::new(self.fraction * other.fraction, self.exponent.saturating_add(other.exponent))
    }
}

impl Div for Extended {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        Self::new(self.fraction / other.fraction, self.exponent.saturating_sub(other.exponent))
    }
}

impl AddAssign for Extended {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Extended {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl MulAssign for Extended {
    fn mul_assign(&mut self, other: Self) {
        *self = *self * other;
    }
}

impl DivAssign for Extended {
    fn div_assign(&mut self, other: Self) {
        *self = *self / other;
    }
}

impl PartialEq for Extended {
    fn eq(&self, other: &Self) -> bool {
        self.fraction == other.fraction && self.exponent == other.exponent
    }
}

impl PartialOrd for Extended {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.is_zero() || other.is_zero() {
            return self.fraction.partial_cmp(&other.fraction);
        }
        let (a, b, _) = self.aligned(*other);
        a.partial_cmp(&b)
    }
}

impl Zero for Extended {
    fn zero() -> Self {
        Self::ZERO
    }

    fn is_zero(&self) -> bool {
        self.fraction.is_zero()
    }
}

impl One for Extended {
    fn one() -> Self {
        Self { fraction: 1.0, exponent: 0 }
    }
}

impl Real for Extended {
    const SAFE_SQUARES: (Self, Self) = Self::ORDINARY;
    const UNSCALE: Self = Self { fraction: 1.0, exponent: 0 };
    const ORDINARY: (Self, Self) =
        (Self { fraction: 1.0, exponent: -(1 << 20) }, Self { fraction: 1.0, exponent: 1 << 20 });
    const LEAST_NORMAL: Self = Self { fraction: 1.0, exponent: -(1 << 24) };
    const FAINT: Self = Self::LEAST_NORMAL;
    const UNIT_ROUNDOFF: f64 = f64::UNIT_ROUNDOFF;
    const ZERO: Self = Self { fraction: 0.0, exponent: 0 };
    type Wide = Self;

    fn widen(self) -> Self {
        self
    }

    fn narrow(wide: Self) -> Self {
        wide
    }

    fn from_usize(count: usize) -> Self {
        f64::from_usize(count).into()
    }

    fn from_f64(value: f64) -> Self {
        value.into()
    }

    fn to_f64(self) -> f64 {
        self.fraction.times_power_of_two(self.exponent)
    }

    fn sqrt(self) -> Self {
        let odd = self.exponent.rem_euclid(2);
        Self::new(Real::sqrt(self.fraction * power_of_two(odd)), (self.exponent - odd) / 2)
    }

    fn exp(self) -> Self {
        Real::exp(self.to_f64()).into()
    }

    fn ln(self) -> Self {
        let of_fraction = Self::from(Real::ln(self.fraction));
        of_fraction + Self::from(f64::from(self.exponent)) * Self::from(core::f64::consts::LN_2)
    }

    fn abs(self) -> Self {
        Self { fraction: Real::abs(self.fraction), ..self }
    }

    fn positive_part(self) -> Self {
        Self::new(self.fraction.positive_part(), self.exponent)
    }

    fn step(self) -> Self {
        self.fraction.step().into()
    }

    fn is_finite(self) -> bool {
        Real::is_finite(self.fraction)
    }

    fn exponent(self) -> i32 {
        self.exponent
    }

    fn times_power_of_two(self, n: i32) -> Self {
        Self::new(self.fraction, self.exponent.saturating_add(n))
    }

    fn normal(self) -> normal::Scaled<Self> {
        let at = self.to_f64().normal();
        let unscaled = |value: f64| Self::new(value, f64::UNSCALE.exponent());
        normal::Scaled {
            tail: unscaled(at.tail),
            ramp_tail: unscaled(at.ramp_tail),
            density: unscaled(at.density),
            density_moment: unscaled(at.density_moment),
        }
    }
}

#[cfg(test)]
mod tests {
    use num_traits::{One, Zero};

    use super::Extended;
    use crate::{Real, Rectified};

    fn wide(value: f64) -> Extended {
        value.into()
    }

    /// Where nothing leaves the range, the bits of `f64`.
    #[test]
    fn ordinary_arithmetic_is_that_of_f64() {
        let numbers = [0.0, 1.0, -1.5, 0.1, 3e-7, -2e9, 7.0 / 3.0];
        for a in numbers {
            for b in numbers {
                assert_eq!((wide(a) + wide(b)).to_f64(), a + b);
                assert_eq!((wide(a) - wide(b)).to_f64(), a - b);
                assert_eq!((wide(a) * wide(b)).to_f64(), a * b);
                assert_eq!(wide(a).partial_cmp(&wide(b)), a.partial_cmp(&b), "{a} {b}");
                if b != 0.0 {
                    assert_eq!((wide(a) / wide(b)).to_f64(), a / b);
                }
            }
            assert_eq!(Real::sqrt(wide(a.abs())).to_f64(), a.abs().sqrt());
            assert_eq!(wide(a).positive_part().to_f64(), a.positive_part());
            assert_eq!(wide(a).step().to_f64(), a.step());
            assert_eq!(Real::exp(wide(a)).to_f64(), Real::exp(a));
        }
        assert!((Real::ln(wide(1e-3)).to_f64() - 1e-3_f64.ln()).abs() < 1e-15);
    }

    #[test]
    fn products_leave_no_range() {
        let (large, small) = (wide(f64::MAX), wide(f64::from_bits(1)));
        let round = |number: Extended, times: usize| (0..times).fold(number, |product, _| product * number);
        assert_eq!(((round(large, 7) / round(large, 6)) / large).to_f64(), 1.0);
        assert_eq!((round(small, 7) * round(large, 7)).to_f64(), {
            let ratio = f64::MAX * f64::from_bits(1);
            ratio.powi(8)
        });
        assert_eq!(Real::sqrt(large * large).to_f64(), f64::MAX);
        assert_eq!(Real::sqrt(small * small).to_f64(), f64::from_bits(1));
        assert!(small * small > Extended::zero() && small * small < small && -(large * large) < -large);
        assert_eq!((large * large).to_f64(), f64::INFINITY);
        assert_eq!((large * large + -(large * large) + small).to_f64(), f64::from_bits(1));
    }

    #[test]
    fn infinities_and_nan_are_those_of_f64() {
        let (infinity, nan) = (wide(f64::INFINITY), wide(f64::NAN));
        assert!((infinity - infinity).to_f64().is_nan() && (infinity * Extended::zero()).to_f64().is_nan());
        assert!((nan + Extended::one()).to_f64().is_nan() && (Extended::zero() + nan).to_f64().is_nan());
        assert_eq!((infinity + wide(-f64::MAX)).to_f64(), f64::INFINITY);
        assert_eq!((Extended::one() / infinity).to_f64(), 0.0);
        assert_eq!((Extended::one() / Extended::zero()).to_f64(), f64::INFINITY);
        assert_eq!(nan.partial_cmp(&nan), None);
        assert!(nan != nan && !Real::is_finite(infinity));
    }

    /// The rectified Gaussian far out, where an `f64` has lost all digits of r.
    #[test]
    fn tails_keep_their_digits() {
        let (m, s) = (wide(-38.5e250), wide(1e250));
        let narrow = Rectified::new(-38.5, 1.0);
        let at = Rectified::one(m, s);
        assert!(narrow.mean < f64::MIN_POSITIVE, "{narrow:?}");
        let expected = normal_ramp_tail(38.5);
        assert!(((at.mean / (s * expected)).to_f64() - 1.0).abs() < 1e-13, "{at:?}");
    }

    /// ψ(−a) by the asymptotic series of Mills' ratio, for a large a.
    fn normal_ramp_tail(a: f64) -> Extended {
        let mut series = 0.0;
        let mut term = 1.0 / (a * a);
        for n in 1..12 {
            series += term;
            term *= -f64::from(2 * n + 1) / (a * a);
        }
        // φ(a), its exponent in two parts so that neither underflows.
        let half = wide(Real::exp(-a * a / 4.0));
        half * half / wide((2.0 * core::f64::consts::PI).sqrt()) * wide(series)
    }
}

//! Dual numbers: a value and its derivative along one direction.

use core::cmp::Ordering;
use core::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::{Real, normal};

/// A value with its derivative along one direction: `a + a′ε` with ε² = 0.
///
/// A generic function evaluated in dual numbers gives its Jacobian-vector product, exact to rounding and without
/// a step size; backward passes are tested against it. Where a function has a kink (|x|, max(x, 0) and √x at 0),
/// the derivative is the limit of central differences.
///
/// Comparisons use the value alone, as [`Real`] requires.
///
/// # Example
///
/// ```
/// use gmlayer::{Dual, Real, normal};
///
/// let t = Dual::new(0.5_f64, 1.0);
/// let cumulative = normal::cumulative(t);
/// assert!((cumulative.derivative - normal::density(0.5)).abs() < 1e-15);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Dual<T> {
    /// The value.
    pub value: T,
    /// The derivative of the value along the direction.
    pub derivative: T,
}

impl<T> Dual<T> {
    /// A value with its derivative.
    pub const fn new(value: T, derivative: T) -> Self {
        Self { value, derivative }
    }
}

impl<T: Real> Dual<T> {
    /// A value with the derivative 0.
    pub fn constant(value: T) -> Self {
        Self { value, derivative: T::zero() }
    }

    /// The chain rule: `value` with the derivative `slope` times this number's. A slope of 0 makes even a
    /// derivative that has overflowed 0.
    fn chain(self, value: T, slope: T) -> Self {
        let overflowed = slope.is_zero() && !self.derivative.is_finite();
        Self { value, derivative: if overflowed { T::zero() } else { slope * self.derivative } }
    }
}

impl<T: PartialEq> PartialEq for Dual<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: PartialOrd> PartialOrd for Dual<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Real> Add for Dual<T> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, derivative: self.derivative + other.derivative }
    }
}

impl<T: Real> Sub for Dual<T> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { value: self.value - other.value, derivative: self.derivative - other.derivative }
    }
}

impl<T: Real> Mul for Dual<T> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self {
            value: self.value * other.value,
            derivative: self.derivative * other.value + self.value * other.derivative,
        }
    }
}

impl<T: Real> Div for Dual<T> {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        Self { value, derivative: (self.derivative - value * other.derivative) / other.value }
    }
}

impl<T: Real> Neg for Dual<T> {
    type Output = Self;

    fn neg(self) -> Self {
        Self { value: -self.value, derivative: -self.derivative }
    }
}

impl<T: Real> AddAssign for Dual<T> {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl<T: Real> SubAssign for Dual<T> {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl<T: Real> MulAssign for Dual<T> {
    fn mul_assign(&mut self, other: Self) {
        *self = *self * other;
    }
}

impl<T: Real> DivAssign for Dual<T> {
    fn div_assign(&mut self, other: Self) {
        *self = *self / other;
    }
}

impl<T: Real> Zero for Dual<T> {
    fn zero() -> Self {
        Self::constant(T::zero())
    }

    fn is_zero(&self) -> bool {
        self.value.is_zero()
    }
}

impl<T: Real> One for Dual<T> {
    fn one() -> Self {
        Self::constant(T::one())
    }
}

impl<T: Real> Real for Dual<T> {
    const SAFE_SQUARES: (Self, Self) = {
        let (least, largest) = T::SAFE_SQUARES;
        (Self { value: least, derivative: T::ZERO }, Self { value: largest, derivative: T::ZERO })
    };
    const ROW_RANGE: (Self, Self) = {
        let (least, most) = T::ROW_RANGE;
        (Self { value: least, derivative: T::ZERO }, Self { value: most, derivative: T::ZERO })
    };
    const LARGE: Self = Self { value: T::LARGE, derivative: T::ZERO };
    const SMALL: Self = Self { value: T::SMALL, derivative: T::ZERO };
    const LEAST_EXPONENT: i32 = T::LEAST_EXPONENT;
    const UNSCALE: Self = Self { value: T::UNSCALE, derivative: T::ZERO };
    const UNIT_ROUNDOFF: f64 = T::UNIT_ROUNDOFF;
    const ZERO: Self = Self { value: T::ZERO, derivative: T::ZERO };

    fn from_usize(count: usize) -> Self {
        Self::constant(T::from_usize(count))
    }

    fn from_f64(value: f64) -> Self {
        Self::constant(T::from_f64(value))
    }

    fn to_f64(self) -> f64 {
        self.value.to_f64()
    }

    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, if root.is_zero() { T::zero() } else { (root + root).recip() })
    }

    fn exp(self) -> Self {
        let exp = self.value.exp();
        self.chain(exp, exp)
    }

    fn ln(self) -> Self {
        Self { value: self.value.ln(), derivative: self.derivative / self.value }
    }

    fn abs(self) -> Self {
        let sign = match self.value.partial_cmp(&T::zero()) {
            Some(Ordering::Less) => -T::one(),
            Some(Ordering::Equal) => T::zero(),
            _ => T::one(),
        };
        self.chain(self.value.abs(), sign)
    }

    fn positive_part(self) -> Self {
        self.chain(self.value.positive_part(), self.value.step())
    }

    fn step(self) -> Self {
        Self::constant(self.value.step())
    }

    fn is_finite(self) -> bool {
        self.value.is_finite() && self.derivative.is_finite()
    }

    fn exponent(self) -> i32 {
        self.value.exponent()
    }

    fn times_power_of_two(self, n: i32) -> Self {
        Self { value: self.value.times_power_of_two(n), derivative: self.derivative.times_power_of_two(n) }
    }

    fn with_slopes<const N: usize>(self, arguments: [(Self, Self); N]) -> Self {
        let terms = arguments.map(|(slope, argument)| argument.chain(self.value, slope.value).derivative);
        Self { derivative: terms.into_iter().fold(T::zero(), Add::add), ..self }
    }

    fn normal(self) -> normal::Scaled<Self> {
        let t = self.value;
        let at = t.normal();
        let slope_of_tail = if t > T::zero() { -at.density } else { at.density };
        let slope_of_moment =
            if at.density.is_zero() { T::zero() } else { at.density - t * at.density_moment };
        normal::Scaled {
            tail: self.chain(at.tail, slope_of_tail),
            ramp_tail: self.abs().chain(at.ramp_tail, -at.tail),
            density: self.chain(at.density, -at.density_moment),
            density_moment: self.chain(at.density_moment, slope_of_moment),
        }
    }
}

#[cfg(test)]
mod tests {
    use num_traits::Zero;

    use super::Dual;
    use crate::Real;

    /// Every function's derivative against a central difference.
    #[test]
    fn derivatives_agree_with_differences() {
        type Function = (&'static str, fn(Dual<f64>) -> Dual<f64>);
        let functions: [Function; 10] = [
            ("sqrt", Real::sqrt),
            ("exp", Real::exp),
            ("ln", Real::ln),
            ("abs", Real::abs),
            ("positive_part", Real::positive_part),
            ("tail", |t| t.normal().tail * Dual::UNSCALE),
            ("ramp_tail", |t| t.normal().ramp_tail * Dual::UNSCALE),
            ("density", |t| t.normal().density * Dual::UNSCALE),
            ("density_moment", |t| t.normal().density_moment * Dual::UNSCALE),
            ("arithmetic", |t| (t * t - t / (t + Dual::constant(3.0))) * (-t)),
        ];
        for (name, function) in functions {
            for point in [0.3, 0.9, 1.7, 4.0] {
                let h = 1e-5;
                let at = |x: f64| function(Dual::constant(x)).value;
                let difference = (at(point + h) - at(point - h)) / (2.0 * h);
                let derivative = function(Dual::new(point, 1.0)).derivative;
                assert!(
                    (derivative - difference).abs() <= 1e-8 * (1.0 + difference.abs()),
                    "{name} at {point}: {derivative} against {difference}"
                );
            }
        }
    }

    #[test]
    fn kinks_take_the_central_limit() {
        assert_eq!(Dual::new(0.0, 1.0_f64).positive_part().derivative, 0.5);
        assert_eq!(Dual::new(0.0, 1.0_f64).abs().derivative, 0.0);
        assert_eq!(Dual::new(0.0, 1.0_f64).sqrt().derivative, 0.0);
        assert_eq!(Dual::new(-1.0, 1.0_f64).abs().derivative, -1.0);
        assert_eq!(Dual::new(-1.0, 1.0_f64).positive_part().derivative, 0.0);
    }

    /// 1/x is out of range where the derivative of ln x is not.
    #[test]
    fn logarithms_of_subnormal_numbers() {
        assert_eq!(Dual::new(1e-39_f32, 1e-39).ln().derivative, 1.0);
    }

    #[test]
    fn assignments_are_the_operators() {
        let (a, b) = (Dual::new(3.0, 0.5), Dual::new(-2.0, 0.25));
        let pair = |dual: Dual<f64>| (dual.value, dual.derivative);
        let after = |assign: fn(&mut Dual<f64>, Dual<f64>)| {
            let mut result = a;
            assign(&mut result, b);
            pair(result)
        };
        assert_eq!(after(|a, b| *a += b), pair(a + b));
        assert_eq!(after(|a, b| *a -= b), pair(a - b));
        assert_eq!(after(|a, b| *a *= b), pair(a * b));
        assert_eq!(after(|a, b| *a /= b), pair(a / b));
        assert_eq!(pair(a - b), (5.0, 0.25));
    }

    /// A derivative changes no comparison, so that a dual number goes the way of its value.
    #[test]
    fn the_value_alone_is_compared() {
        let moving = Dual::new(0.0, 1.0);
        assert!(moving.is_zero() && moving == Dual::zero() && moving <= Dual::zero());
        assert_eq!(Dual::new(2.0, 3.0).to_f64(), 2.0);
        assert!(
            !Real::is_finite(Dual::new(1.0, f64::NAN)) && !Real::is_finite(Dual::new(f64::INFINITY, 0.0))
        );
    }
}

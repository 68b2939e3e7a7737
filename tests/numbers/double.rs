//! Numbers of twice the digits: the unevaluated sum of two `f64`, good to about 2⁻¹⁰⁰.

use core::ops::{Add, Mul, Neg, Sub};

/// high + low, |low| at most half a unit of high.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Double {
    pub(crate) high: f64,
    pub(crate) low: f64,
}

/// The sum and its rounding error (Knuth).
fn two_sum(x: f64, y: f64) -> (f64, f64) {
    let sum = x + y;
    let part = sum - x;
    (sum, (x - (sum - part)) + (y - part))
}

/// The same where |x| ≥ |y| (Dekker).
fn quick_two_sum(x: f64, y: f64) -> (f64, f64) {
    let sum = x + y;
    (sum, y - (sum - x))
}

/// The product and its rounding error (Veltkamp, Dekker).
fn two_product(x: f64, y: f64) -> (f64, f64) {
    let halves = |x: f64| {
        let large = x * 134_217_729.0;
        let high = large - (large - x);
        (high, x - high)
    };
    let product = x * y;
    let ((x0, x1), (y0, y1)) = (halves(x), halves(y));
    (product, ((x0 * y0 - product) + x0 * y1 + x1 * y0) + x1 * y1)
}

impl Double {
    pub(crate) fn reciprocal(self) -> Self {
        let first = Self::from(1.0 / self.high);
        let second = first + first * (Self::from(1.0) - self * first);
        second + second * (Self::from(1.0) - self * second)
    }
}

impl From<f64> for Double {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl Add for Double {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (high, error) = two_sum(self.high, other.high);
        let (low, rest) = two_sum(self.low, other.low);
        let (high, error) = quick_two_sum(high, error + low);
        let (high, low) = quick_two_sum(high, error + rest);
        Self { high, low }
    }
}

impl Neg for Double {
    type Output = Self;
    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Sub for Double {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Double {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let (high, error) = two_product(self.high, other.high);
        let (high, low) = quick_two_sum(high, error + (self.high * other.low + self.low * other.high));
        Self { high, low }
    }
}

/// The product with a power of two, which is exact.
impl Mul<f64> for Double {
    type Output = Self;
    fn mul(self, power: f64) -> Self {
        Self { high: self.high * power, low: self.low * power }
    }
}

//! The standard normal distribution: φ, Φ, ψ and tφ, accurate to a few units in the last place over
//! the whole range, both tails and the subnormal numbers included.
//!
//! | function | formula | |
//! |---|---|---|
//! | [`density`] | φ(t) = e^(−t²/2) / √(2π) | the density |
//! | [`cumulative`] | Φ(t) = P(Z ≤ t) | the distribution function |
//! | [`ramp`] | ψ(t) = t Φ(t) + φ(t) | the mean of max(t + Z, 0) |
//! | [`density_moment`] | t φ(t) | −φ′(t) |
//!
//! Each has a form along a slice, which the compiler vectorises; both forms give the same bits. The
//! arithmetic is that of the scalar alone, without fused multiply-add, so the bits are also the same on
//! every platform.
//!
//! Accuracy is stated in ULP: the error over the distance of neighbouring numbers at the exact value,
//! which is never less than the smallest subnormal number. The bounds in `f32` are those of an exhaustive
//! run over every argument, the bounds in `f64` hold for 300 million random arguments.
//!
//! # Method
//!
//! With a = |t|, Q(a) = Φ(−a) and Mills' ratio M(a) = Q(a)/φ(a), Laplace's continued fraction begins
//!
//! ```text
//! M(a) = 1/(a + 1/(a + τ(a))),   τ(0) = √(π/2),   τ(a) ~ 2/a.
//! ```
//!
//! With τ = B/A, two polynomials of positive coefficients fitted to the relative error of the results,
//! P = a A + B and S = a P + A, one division gives both tails, and nothing cancels:
//!
//! ```text
//! Q(a) = P φ/S,   ψ(−a) = A φ/S.
//! ```
//!
//! Where a is large, a relative error of τ costs Q and ψ only about 2/a⁴ and 2/a² of itself. φ is the
//! exponential of −a²/2 − ln √(2π), reduced by multiples of ln 2 in steps that are exact (Cody and
//! Waite): a = a₀ + a₁, where a₀ is short enough for its square to be exact. The power of two comes last.
//! Then Φ(t) is Q or 1 − Q, and ψ(t) = max(t, 0) + ψ(−a).
//!
//! `scripts/fit_normal.py` computes the coefficients. Sources: W. J. Cody, *Rational Chebyshev
//! approximations for the error function*, Math. Comp. 23 (1969); P.-S. Laplace's continued fraction, NIST
//! DLMF 7.9; W. J. Cody and W. Waite, *Software Manual for the Elementary Functions* (1980).

pub(crate) mod f32;
pub(crate) mod f64;

use crate::shape::exact;
use crate::{Error, Real};

/// The coefficients of B in τ = B/A, from the constant upwards, in `f32`: with those of A all that another language
/// needs to write these functions, which it then gives to a few ULP.
pub const MILLS_NUMERATOR: [f32; 5] = f32::NUMERATOR;

/// The coefficients of A in τ = B/A, from the constant upwards, in `f32`.
pub const MILLS_DENOMINATOR: [f32; 6] = f32::DENOMINATOR;

/// The standard normal distribution at one argument t, as the rectified Gaussian needs it.
///
/// Every value carries the factor 1/[`Real::UNSCALE`] (2⁶⁴ in `f32`, 2²⁰⁰ in `f64`), so that the deep
/// tails keep all their digits until the caller has multiplied by a standard deviation. A value that
/// underflows even so, as all do at t = ±∞, is 0. NaN gives NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaled<T> {
    /// The tail beyond |t|: Q(|t|) = Φ(−|t|), at most 1/2. It is Φ(t) for t ≤ 0 and 1 − Φ(t) for t > 0, and a
    /// derivative at 0 is that from the left, φ(0).
    pub tail: T,
    /// ψ(−|t|) = φ(t) − |t| Q(|t|). Its derivative at 0, a kink, is 0.
    pub ramp_tail: T,
    /// φ(t) = e^(−t²/2) / √(2π).
    pub density: T,
    /// t φ(t).
    pub density_moment: T,
}

impl<T: Real> Scaled<T> {
    /// Φ at t, the argument of these values.
    #[inline(always)]
    pub(crate) fn cumulative(&self, t: T) -> T {
        let tail = self.tail * T::UNSCALE;
        if t > T::zero() { T::one() - tail } else { tail }
    }
}

/// The density of the standard normal distribution.
///
/// φ(t) = e^(−t²/2) / √(2π); 0 at ±∞, NaN at NaN.
///
/// Accuracy: at most 1 ULP in `f32` and 1.5 ULP in `f64`.
///
/// # Example
///
/// ```
/// assert_eq!(gmlayer::normal::density(1.0_f32), 0.241_970_72);
/// ```
#[inline(always)]
#[must_use]
pub fn density<T: Real>(t: T) -> T {
    t.normal().density * T::UNSCALE
}

/// The distribution function of the standard normal distribution.
///
/// Φ(t) = P(Z ≤ t); 0 at −∞, 1 at +∞, NaN at NaN, and exactly 1/2 at 0.
///
/// Accuracy: at most 1 ULP in `f32` and 5 ULP in `f64`. The order of neighbouring values is kept up to
/// rounding: from an argument to the next, Φ steps back by at most 1 ULP in `f32`.
///
/// # Example
///
/// ```
/// assert_eq!(gmlayer::normal::cumulative(0.0_f64), 0.5);
/// assert_eq!(gmlayer::normal::cumulative(-10.0_f32), 7.619_853e-24);
/// ```
#[inline(always)]
#[must_use]
pub fn cumulative<T: Real>(t: T) -> T {
    t.normal().cumulative(t)
}

/// The mean of max(t + Z, 0), the ramp smoothed by a standard normal Z.
///
/// ψ(t) = t Φ(t) + φ(t), with ψ′ = Φ and ψ(t) − ψ(−t) = t; 0 at −∞, ∞ at +∞, NaN at NaN, and never
/// less than max(t, 0).
///
/// Accuracy: at most 1.5 ULP in `f32` and 6 ULP in `f64`.
///
/// # Example
///
/// ```
/// assert_eq!(gmlayer::normal::ramp(-10.0_f32), 7.474_56e-25);
/// assert_eq!(gmlayer::normal::ramp(10.0_f32), 10.0);
/// ```
#[inline(always)]
#[must_use]
pub fn ramp<T: Real>(t: T) -> T {
    let at = t.normal();
    (t.positive_part() + at.ramp_tail * T::UNSCALE).with_slopes([(at.cumulative(t), t)])
}

/// The density times its argument, which is −φ′.
///
/// t φ(t); 0 at ±∞, NaN at NaN.
///
/// Accuracy: at most 1.5 ULP in `f32` and 2 ULP in `f64`.
///
/// # Example
///
/// ```
/// assert_eq!(gmlayer::normal::density_moment(-1.0_f32), -0.241_970_72);
/// ```
#[inline(always)]
#[must_use]
pub fn density_moment<T: Real>(t: T) -> T {
    t.normal().density_moment * T::UNSCALE
}

/// [`density`] of each element of `t`, to the same bits.
///
/// Accuracy: at most 1 ULP in `f32` and 1.5 ULP in `f64`.
///
/// # Errors
///
/// [`Error::Length`] when `out` is not as long as `t`.
///
/// # Example
///
/// ```
/// let mut out = [0.0; 2];
/// gmlayer::normal::density_slice(&[1.0_f32, f32::INFINITY], &mut out)?;
/// assert_eq!(out, [0.241_970_72, 0.0]);
/// # Ok::<(), gmlayer::Error>(())
/// ```
pub fn density_slice<T: Real>(t: &[T], out: &mut [T]) -> Result<(), Error> {
    along(density, t, out)
}

/// [`cumulative`] of each element of `t`, to the same bits.
///
/// Accuracy: at most 1 ULP in `f32` and 5 ULP in `f64`.
///
/// # Errors
///
/// [`Error::Length`] when `out` is not as long as `t`.
pub fn cumulative_slice<T: Real>(t: &[T], out: &mut [T]) -> Result<(), Error> {
    along(cumulative, t, out)
}

/// [`ramp`] of each element of `t`, to the same bits.
///
/// Accuracy: at most 1.5 ULP in `f32` and 6 ULP in `f64`.
///
/// # Errors
///
/// [`Error::Length`] when `out` is not as long as `t`.
pub fn ramp_slice<T: Real>(t: &[T], out: &mut [T]) -> Result<(), Error> {
    along(ramp, t, out)
}

/// [`density_moment`] of each element of `t`, to the same bits.
///
/// Accuracy: at most 1.5 ULP in `f32` and 2 ULP in `f64`.
///
/// # Errors
///
/// [`Error::Length`] when `out` is not as long as `t`.
pub fn density_moment_slice<T: Real>(t: &[T], out: &mut [T]) -> Result<(), Error> {
    along(density_moment, t, out)
}

#[inline(always)]
fn along<T: Real>(function: impl Fn(T) -> T, t: &[T], out: &mut [T]) -> Result<(), Error> {
    exact("out", out.len(), t.len())?;
    for (out, &t) in out.iter_mut().zip(t) {
        *out = function(t);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Scaled, cumulative_slice};
    use crate::{Error, Real};

    fn parts<T>(value: Scaled<T>) -> [T; 4] {
        [value.tail, value.ramp_tail, value.density, value.density_moment]
    }

    #[test]
    fn beyond_the_end_everything_is_zero() {
        for t in [15.1_f32, 1e10, f32::MAX, f32::INFINITY] {
            assert_eq!(parts(t.normal()), [0.0; 4]);
            assert_eq!(parts((-t).normal()), [0.0; 4]);
        }
        for t in [40.1_f64, 1e10, f64::MAX, f64::INFINITY] {
            assert_eq!(parts(t.normal()), [0.0; 4]);
            assert_eq!(parts((-t).normal()), [0.0; 4]);
        }
    }

    #[test]
    fn scaled_values_are_normal_numbers_up_to_the_end() {
        assert!(parts((15.0_f32).normal()).iter().all(|x| x.is_normal()));
        assert!(parts((40.0_f64).normal()).iter().all(|x| x.is_normal()));
        assert!((-15.0_f32).normal().density_moment < 0.0);
    }

    #[test]
    fn nan_in_any_guise_stays_nan() {
        for bits in [0x7fc0_0000_u32, 0xffc0_0000, 0x7f80_0001, 0xffff_ffff] {
            assert!(parts(f32::from_bits(bits).normal()).iter().all(|x| x.is_nan()));
        }
        for bits in [0x7ff8_0000_0000_0000_u64, 0x7ff0_0000_0000_0001, u64::MAX] {
            assert!(parts(f64::from_bits(bits).normal()).iter().all(|x| x.is_nan()));
        }
    }

    #[test]
    fn a_wrong_length_is_named() {
        let error = Error::Length { argument: "out", expected: 3, got: 2 };
        assert_eq!(cumulative_slice(&[0.0_f32; 3], &mut [0.0; 2]), Err(error));
    }
}

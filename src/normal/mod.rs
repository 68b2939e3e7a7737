//! The standard normal distribution: φ, Φ, ψ and tφ, accurate in both tails.

pub(crate) mod f32;
pub(crate) mod f64;

use crate::Real;

/// The standard normal distribution at one argument t, as the rectified Gaussian needs it.
///
/// Every value carries the factor 1/[`Real::UNSCALE`] (2⁶⁴ in `f32`, 2²⁰⁰ in `f64`), so that the deep
/// tails keep all their digits until the caller has multiplied by a standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaled<T> {
    /// The tail beyond |t|: Q(|t|) = Φ(−|t|), at most 1/2.
    pub tail: T,
    /// ψ(−|t|) = φ(t) − |t| Q(|t|).
    pub ramp_tail: T,
    /// φ(t) = e^(−t²/2) / √(2π).
    pub density: T,
    /// t φ(t).
    pub density_moment: T,
}

//! The `f64` kernel.
use super::Scaled;

/// Placeholder kernel.
pub(crate) fn scaled(t: f64) -> Scaled<f64> {
    let up = 1.0 / <f64 as crate::Real>::UNSCALE;
    let a = libm::fabs(t);
    let tail = 0.5 * libm::erfc(a * core::f64::consts::FRAC_1_SQRT_2);
    let density = libm::exp(-0.5 * t * t) * 0.398_942_280_401_432_7;
    let tail = if a > 38.0 { 0.0 } else { tail };
    Scaled {
        tail: tail * up,
        ramp_tail: (density - if a > 38.0 { 0.0 } else { a * tail }) * up,
        density: density * up,
        density_moment: if a > 40.0 { 0.0 } else { t * density * up },
    }
}

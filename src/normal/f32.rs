//! The `f32` kernel.
use super::Scaled;

/// Placeholder kernel.
pub(crate) fn scaled(t: f32) -> Scaled<f32> {
    let up = 1.0 / <f32 as crate::Real>::UNSCALE;
    let a = libm::fabsf(t);
    let tail = 0.5 * libm::erfcf(a * core::f32::consts::FRAC_1_SQRT_2);
    let density = libm::expf(-0.5 * t * t) * 0.398_942_3;
    let tail = if a > 13.0 { 0.0 } else { tail };
    Scaled {
        tail: tail * up,
        ramp_tail: (density - if a > 13.0 { 0.0 } else { a * tail }) * up,
        density: density * up,
        density_moment: if a > 14.0 { 0.0 } else { t * density * up },
    }
}

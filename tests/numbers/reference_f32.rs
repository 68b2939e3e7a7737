//! The normal distribution at `f32` arguments, in `f64` on libm, to about 2⁻³⁶ of each value.
//!
//! The textbook formulas do here: an `f32` argument has an exact square in `f64`, and what their
//! cancellation costs (at most |t|² · 2⁻⁴⁴, |t| ≤ 15) is far below half a unit of `f32`.

use core::f64::consts::FRAC_1_SQRT_2;

/// φ, Φ, ψ and tφ at t.
pub(crate) fn values(t: f32) -> [f64; 4] {
    let t = f64::from(t);
    let a = t.abs().min(20.0);
    let density = libm::exp(-0.5 * a * a) * 0.398_942_280_401_432_7;
    let tail = 0.5 * libm::erfc(a * FRAC_1_SQRT_2);
    let ramp_tail = density - a * tail;
    if t > 0.0 {
        [density, 1.0 - tail, t + ramp_tail, t.min(20.0) * density]
    } else {
        [density, tail, ramp_tail, t.max(-20.0) * density]
    }
}

/// The distance of neighbouring `f32` at a value, at least the smallest subnormal number.
pub(crate) fn unit(value: f64) -> f64 {
    let exponent = ((value.to_bits() >> 52) & 0x7ff) as i64 - 1023;
    let exponent = (exponent - 23).max(-149);
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// The error of `got` in ULP; two equal infinities are no error.
pub(crate) fn ulp(got: f32, want: f64) -> f64 {
    let got = f64::from(got);
    if got == want { 0.0 } else { (got - want).abs() / unit(want) }
}

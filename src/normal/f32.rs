//! The kernel in `f32`, to about one unit in the last place, in `f32` arithmetic alone.
//!
//! The method is that of the [module above](super). What decides the last digit is carried as a head of at
//! most 12 digits and a rest, so that the product of two heads is exact and needs no fused multiply-add.
use super::Scaled;

/// Beyond this all values are 0: φ(15) < 2⁻¹⁶³, while the smallest subnormal number is 2⁻¹⁴⁹.
const END: f32 = 15.0;

/// The numerator B of τ = B/A. Both fits together change Q and ψ by at most 2⁻²⁹ of themselves.
pub(super) const NUMERATOR: [f32; 5] = [0.45735845, 0.23802513, 0.06833585, 0.010864943, 0.0008258856];

/// The denominator A of τ.
pub(super) const DENOMINATOR: [f32; 6] =
    [0.36491925, 0.31488502, 0.13652278, 0.035321523, 0.00543598, 0.0004128796];

/// q of eʳ = 1 + r + r² q(r), to 2⁻²⁸ of eʳ.
const EXPONENTIAL: [f32; 5] = [0.49999994, 0.16666521, 0.04166833, 0.008368705, 0.0013814563];

/// ln 2 as a multiple of 2⁻⁹ and the rest.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -0.000_212_194_44;

/// ln √(2π) as a multiple of 2⁻¹⁷ and the rest.
const NORM_HIGH: f32 = 0.918_937_7;
const NORM_LOW: f32 = 8.500_992e-7;

/// Adding and subtracting this rounds to a multiple of 2⁻⁸.
const ROUND_TO_256TH: f32 = 1.5 * (1 << 15) as f32;

/// Adding and subtracting this rounds to an integer.
const ROUND: f32 = 1.5 * (1 << 23) as f32;

/// The first 12 of the 24 digits of x: products of two heads are exact.
#[inline(always)]
fn head(x: f32) -> f32 {
    f32::from_bits(x.to_bits() & 0xffff_f000)
}

/// x + y as a head of 12 digits and the rest, for x, y ≥ 0. Nothing is lost but what the rest rounds.
#[inline(always)]
fn sum(x: f32, y: f32) -> (f32, f32) {
    let (large, small) = if x > y { (x, y) } else { (y, x) };
    let first = head(x + y);
    (first, (large - first) + small)
}

/// The normal distribution at t, times 2⁶⁴.
#[inline(always)]
pub(crate) fn scaled(t: f32) -> Scaled<f32> {
    let beyond = t.abs() > END;
    let a = if beyond { END } else { t.abs() };
    let a_0 = (a + ROUND_TO_256TH) - ROUND_TO_256TH;
    let a_1 = a - a_0;

    // φ(a) = 2ᵏ eʳ = 2ᵏ (e_0 + e_1). The terms of `far` are multiples of 2⁻¹⁷, so it is exact.
    let x = -0.5 * a_0 * a_0 - NORM_HIGH;
    let square_rest = (0.5 * a_1) * (a + a_0);
    let rounded = (x - square_rest) * core::f32::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127 + 64) << 23);
    let power = if beyond { 0.0 } else { power };
    let far = x - k * LN2_HIGH;
    let near = -(square_rest + (k * LN2_LOW + NORM_LOW));
    let r = far + near;
    let r2 = r * r;
    let [q0, q1, q2, q3, q4] = EXPONENTIAL;
    let q = (q0 + r * q1) + r2 * ((q2 + r * q3) + r2 * q4);
    let e_0 = 1.0 + r;
    let e_1 = ((1.0 - e_0) + r) + (((far - r) + near) + r2 * q);
    let density = e_0 + e_1;

    // A, B and from them a·A + B and a·(a·A + B) + A, each as a head and a rest.
    let [n0, n1, n2, n3, n4] = NUMERATOR;
    let [d0, d1, d2, d3, d4, d5] = DENOMINATOR;
    let n = a * (n1 + a * (n2 + a * (n3 + a * n4)));
    let d = a * (d1 + a * (d2 + a * (d3 + a * (d4 + a * d5))));
    let (d_0, d_1) = sum(d0, d);
    let d = d0 + d;
    let (p_0, p_1) = sum(a_0 * d_0, n0 + n);
    let p_1 = p_1 + (a_0 * d_1 + (a_1 * d + ((n0 - (n0 + n)) + n)));
    let p = p_0 + p_1;
    let (s_0, s_1) = sum(a_0 * p_0, d_0);
    let s_1 = (s_1 + d_1) + (a_0 * p_1 + a_1 * p);

    // g = φ/S with a head from the rounded quotient and the rest from its remainder.
    let inverse = 1.0 / (s_0 + s_1);
    let g_0 = head(density * inverse);
    let g_1 = (((e_0 - g_0 * s_0) - g_0 * s_1) + e_1) * inverse;
    let tail = p_0 * g_0 + (p_1 * g_0 + p * g_1);
    let ramp_tail = d_0 * g_0 + (d_1 * g_0 + d * g_1);

    let signed = f32::from_bits(a.to_bits() | (t.to_bits() & 0x8000_0000));
    Scaled {
        tail: tail * power,
        ramp_tail: ramp_tail * power,
        density: density * power,
        density_moment: signed * density * power,
    }
}

//! The kernel in `f64`, to a few units in the last place; the method is that of the [module above](super).
use super::Scaled;

/// Beyond this all values are 0: φ(40) < 2⁻¹¹⁵⁵, while the smallest subnormal number is 2⁻¹⁰⁷⁴.
const END: f64 = 40.0;

/// The numerator B of τ = B/A. Both fits together change Q and ψ by at most 2⁻⁵⁹ of themselves.
const NUMERATOR: [f64; 11] = [
    0.5422461567860157,
    0.6337037254478295,
    0.38416362484719707,
    0.15397316841131473,
    0.04451094794944399,
    0.009616229930726106,
    0.0015657753991537451,
    0.00018954714315408926,
    1.6360596443979952e-05,
    9.144694917601397e-07,
    2.542931284904632e-08,
];

/// The denominator A of τ.
const DENOMINATOR: [f64; 12] = [
    0.43264983665425183,
    0.6537855116726836,
    0.49978031299315795,
    0.25031708602348995,
    0.09032321786758862,
    0.02450733703719016,
    0.005086949249442954,
    0.0008072760064790029,
    9.61452760838231e-05,
    8.218442187068255e-06,
    4.572347459200191e-07,
    1.2714656424349078e-08,
];

/// q of eʳ = 1 + r + r² q(r), to 2⁻⁵⁷ of eʳ.
const EXPONENTIAL: [f64; 10] = [
    0.5000000000000011,
    0.1666666666666642,
    0.041666666666529704,
    0.008333333333493833,
    0.0013888888943624877,
    0.00019841269506615052,
    2.4801493103449615e-05,
    2.7557586348549637e-06,
    2.763024660770598e-07,
    2.5000066739611706e-08,
];

/// ln 2 as a multiple of 2⁻⁴¹ and the rest.
const LN2_HIGH: f64 = 0.6931471805601177;
const LN2_LOW: f64 = -1.7239444525614835e-13;

/// ln √(2π) as a multiple of 2⁻⁴¹ and the rest.
const NORM_HIGH: f64 = 0.9189385332047095;
const NORM_LOW: f64 = -3.678716505667335e-14;

/// Adding and subtracting this rounds to a multiple of 2⁻²⁰.
const ROUND_TO_2_20: f64 = 1.5 * (1_u64 << 32) as f64;

/// Adding and subtracting this rounds to an integer.
const ROUND: f64 = 1.5 * (1_u64 << 52) as f64;

/// (a_0 + a_1) x + y, rounded about once: the product of a_0, of at most 26 digits, and the first 27 digits
/// of x is exact.
#[inline(always)]
fn multiply_add(a_0: f64, a_1: f64, x: f64, y: f64) -> f64 {
    let x_0 = f64::from_bits(x.to_bits() & 0xffff_ffff_fc00_0000);
    let x_1 = x - x_0;
    a_0 * x_0 + (y + (a_0 * x_1 + a_1 * x))
}

/// The normal distribution at t, times 2²⁰⁰.
#[inline(always)]
pub(crate) fn scaled(t: f64) -> Scaled<f64> {
    let beyond = t.abs() > END;
    let a = if beyond { END } else { t.abs() };
    let a_0 = (a + ROUND_TO_2_20) - ROUND_TO_2_20;
    let a_1 = a - a_0;

    // φ(a) = 2ᵏ eʳ. The terms of `far` are multiples of 2⁻⁴¹, so it is exact.
    let x = -0.5 * a_0 * a_0 - NORM_HIGH;
    let rounded = x * core::f64::consts::LOG2_E + ROUND;
    let k = rounded - ROUND;
    let power = f64::from_bits(rounded.to_bits().wrapping_add(1023 + 200) << 52);
    let power = if beyond { 0.0 } else { power };
    let far = x - k * LN2_HIGH;
    let near = -((0.5 * a_1) * (a + a_0) + (k * LN2_LOW + NORM_LOW));
    let r = far + near;
    let [q0, q1, q2, q3, q4, q5, q6, q7, q8, q9] = EXPONENTIAL;
    let r2 = r * r;
    let r4 = r2 * r2;
    let q = ((q0 + r * q1) + r2 * (q2 + r * q3))
        + r4 * (((q4 + r * q5) + r2 * (q6 + r * q7)) + r4 * (q8 + r * q9));
    let density = 1.0 + (r + r2 * q);

    // A and B, summed as trees, and from them Q and ψ.
    let [n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, n10] = NUMERATOR;
    let [d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11] = DENOMINATOR;
    let a2 = a * a;
    let a4 = a2 * a2;
    let n = n0
        + a * (((n1 + a * n2) + a2 * (n3 + a * n4))
            + a4 * (((n5 + a * n6) + a2 * (n7 + a * n8)) + a4 * (n9 + a * n10)));
    let d = d0
        + a * (((d1 + a * d2) + a2 * (d3 + a * d4))
            + a4 * (((d5 + a * d6) + a2 * (d7 + a * d8)) + a4 * ((d9 + a * d10) + a2 * d11)));
    let p = multiply_add(a_0, a_1, d, n);
    let inverse = density / multiply_add(a_0, a_1, p, d);

    let signed = f64::from_bits(a.to_bits() | (t.to_bits() & (1 << 63)));
    Scaled {
        tail: p * inverse * power,
        ramp_tail: d * inverse * power,
        density: density * power,
        density_moment: signed * density * power,
    }
}

//! The table of tests/data, and errors against values of twice the digits.

use super::double::Double;
use super::reference::{SCALE, Values};

/// The arguments and values of tests/data/normal.txt.
pub(crate) fn table() -> Vec<(f64, Values)> {
    let text = include_str!("../data/normal.txt");
    let number = |word: &str| f64::from_bits(u64::from_str_radix(word, 16).expect("hexadecimal"));
    let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let numbers: Vec<f64> = line.split(' ').map(number).collect();
        let pair = |i: usize| Double { high: numbers[2 * i + 1], low: numbers[2 * i + 2] };
        (numbers[0], [pair(0), pair(1), pair(2), pair(3)])
    });
    rows.collect()
}

/// The distance of neighbouring `f64` at a scaled value, times the scale.
fn unit(scaled: f64) -> f64 {
    let exponent = ((scaled.to_bits() >> 52) & 0x7ff) as i64 - 1023;
    let exponent = (exponent - 52).max(-1074 + 200);
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// The error of `got` in ULP against a scaled value.
pub(crate) fn ulp(got: f64, want: Double) -> f64 {
    ((got * SCALE - want.high) - want.low).abs() / unit(want.high)
}

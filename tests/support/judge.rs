//! The accuracy rule of the layers: |got − want| ≤ 8·(u·scale + η).

use super::table::Exact;

/// What an output may be off by, in units of u·scale + η.
pub const BAR: f64 = 8.0;

/// A type whose results are judged.
pub trait Precision: gmlayer::Real {
    /// The unit roundoff u.
    const UNIT: f64;
    /// The smallest normal number.
    const SMALLEST_NORMAL: f64;
    /// The smallest subnormal number η.
    const SMALLEST: f64;
    /// The name of the type.
    const NAME: &'static str;
}

impl Precision for f32 {
    const UNIT: f64 = f32::EPSILON as f64 / 2.0;
    const SMALLEST_NORMAL: f64 = f32::MIN_POSITIVE as f64;
    const SMALLEST: f64 = f32::from_bits(1) as f64;
    const NAME: &'static str = "f32";
}

impl Precision for f64 {
    const UNIT: f64 = f64::EPSILON / 2.0;
    const SMALLEST_NORMAL: f64 = f64::MIN_POSITIVE;
    const SMALLEST: f64 = f64::from_bits(1);
    const NAME: &'static str = "f64";
}

/// The largest error of an output in units of u·scale + η, and where it is.
///
/// A value that is not finite counts as infinitely wrong.
///
/// # Panics
///
/// When the lengths differ.
#[must_use]
pub fn worst<T: Precision>(got: &[T], want: &Exact) -> (f64, usize) {
    let len = want.hi.len();
    assert!(
        [got.len(), want.lo.len(), want.scale.len(), want.floor.len()] == [len; 4],
        "{} values against {len} exact ones",
        got.len()
    );
    let mut worst = (0.0, 0);
    for (index, value) in got.iter().enumerate() {
        // Near the exact value the first difference is exact; far from it its rounding is nothing.
        let error = ((value.to_f64() - want.hi[index]) - want.lo[index]).abs();
        let scale = want.scale[index] + T::SMALLEST_NORMAL * want.floor[index];
        let ratio = error / (T::UNIT * scale + T::SMALLEST);
        let ratio = if ratio.is_nan() { f64::INFINITY } else { ratio };
        if ratio > worst.0 {
            worst = (ratio, index);
        }
    }
    worst
}

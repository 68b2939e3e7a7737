//! The results of both layers against tables of exact values, by the rule of `budget.rs`.

use super::budget::Scalar;
use super::tables::Exact;

/// A type whose results are judged.
pub trait Precision: gmlayer::Real {
    /// The smallest normal number.
    const SMALLEST_NORMAL: f64;
    /// The name of the type.
    const NAME: &'static str;
}

impl Precision for f32 {
    const SMALLEST_NORMAL: f64 = f32::MIN_POSITIVE as f64;
    const NAME: &'static str = "f32";
}

impl Precision for f64 {
    const SMALLEST_NORMAL: f64 = f64::MIN_POSITIVE;
    const NAME: &'static str = "f64";
}

/// The largest error of an output in units of u·scale + η·floor, and where it is.
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
    let scalar = Scalar::of::<T>();
    let mut worst = (0.0, 0);
    for (index, value) in got.iter().enumerate() {
        // Near the exact value the first difference is exact; far from it its rounding is nothing.
        let error = ((value.to_f64() - want.hi[index]) - want.lo[index]).abs();
        let ratio = error / scalar.allowed(want.scale[index], want.floor[index]);
        let ratio = if ratio.is_nan() { f64::INFINITY } else { ratio };
        if ratio > worst.0 {
            worst = (ratio, index);
        }
    }
    worst
}

//! Exact powers of two, by which rows and components of unusual size are brought to usual size and their results back.

use crate::Real;
use crate::kernel::{Rows, RowsMut, Simd, Vector, VectorLoop, dispatch, task, transpose};
use crate::slices::{Slice, count, rows, take, whole, zip_rows};

/// 2ⁿ.
pub(crate) fn power<T: Real>(n: i32) -> T {
    T::one().times_power_of_two(n)
}

/// 2ⁿ as two factors of half the exponent. They are finite: what wants more than twice the largest exponent has either
/// overflowed, or is 0, or is lost below the largest numbers of its row and component.
pub(crate) fn halves<T: Real>(n: i32) -> [T; 2] {
    [n / 2, n - n / 2].map(|half| power(half.min(-T::LEAST_EXPONENT)))
}

/// The size of the largest number; NaN where one is.
#[inline(always)]
pub(crate) fn largest<T: Real, S: Simd>(simd: S, numbers: &[T]) -> T {
    let start = Largest { simd, numbers, largest: simd.splat(T::zero()) };
    simd.largest(start.run(numbers.len()).largest)
}

/// The way along some numbers.
struct Largest<'a, T, S> {
    simd: S,
    numbers: &'a [T],
    largest: Vector<T>,
}

impl<T: Real, S: Simd> VectorLoop for Largest<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        self.largest = self.simd.larger_size(self.largest, self.simd.load::<WHOLE, T>(self.numbers, at)?);
        Some(())
    }
}

task!(LargestOf, largest, (numbers: &'a [T]) -> T);

/// [`largest`], by itself.
pub(crate) fn largest_of<T: Real>(numbers: &[T]) -> T {
    dispatch(LargestOf, (numbers,))
}

/// What a row of inputs whose largest entry has this size is multiplied by as it is read: 1 where that is usual, 0 or
/// not finite.
pub(crate) fn input_scale<T: Real>(largest: T) -> T {
    let (least, most) = T::ROW_RANGE;
    let fits = largest >= least && largest <= most || largest.is_zero() || !largest.is_finite();
    if fits { T::one() } else { to_one(largest) }
}

/// The same of a row of cotangents, where small ones are usual.
pub(crate) fn cotangent_scale<T: Real>(largest: T) -> T {
    if largest > T::ROW_RANGE.1 && largest.is_finite() { to_one(largest) } else { T::one() }
}

/// The power of two that takes a size to about 1; it and its reciprocal are normal numbers.
fn to_one<T: Real>(size: T) -> T {
    let most = -T::LEAST_EXPONENT;
    power((-size.exponent()).clamp(-most, most))
}

/// A row times its scale, which is written to `scaled` where that is not 1.
pub(crate) fn scale_row<'a, T: Real>(x: &'a [T], scale: T, scaled: &'a mut [T]) -> &'a [T] {
    if scale == T::one() {
        return x;
    }
    for (scaled, &x) in scaled.iter_mut().zip(x) {
        *scaled = x * scale;
    }
    scaled
}

/// Writes the scales of some rows of `len` elements, and the sizes of their largest entries.
pub(crate) fn measure<T: Real>(rows: &[T], len: usize, scales: &mut [T], sizes: &mut [T], scale: fn(T) -> T) {
    scales.fill(T::one());
    sizes.fill(T::zero());
    let rows = zip_rows(rows, len, sizes, 1).zip(scales);
    for ((row, size), to) in rows {
        let largest = largest_of(row);
        size.fill(largest);
        *to = scale(largest);
    }
}

/// Whether a row has a scale other than 1.
pub(crate) fn any_scaled<T: Real>(scales: &[T]) -> bool {
    scales.iter().any(|scale| *scale != T::one())
}

/// Takes rows of `len` elements back to their size.
pub(crate) fn unscale_rows<T: Real>(rows: &mut [T], len: usize, scales: &[T]) {
    for (row, scale) in zip_rows(rows, len, scales, 1) {
        if let [scale] = scale
            && *scale != T::one()
        {
            let factor = scale.recip();
            row.iter_mut().for_each(|number| *number *= factor);
        }
    }
}

/// Multiplies the lanes of every row of a matrix by factors of their own.
pub(crate) fn scale_lanes<T: Real>(matrix: &mut [T], stride: usize, factors: &[T]) {
    dispatch(ScaleLanes, (matrix, stride, factors));
}

#[inline(always)]
fn lanes<T: Real, S: Simd>(_: S, matrix: &mut [T], stride: usize, factors: &[T]) {
    for row in rows(matrix, stride) {
        for (number, &factor) in row.iter_mut().zip(factors) {
            *number *= factor;
        }
    }
}

task!(ScaleLanes, lanes, (matrix: &'a mut [T], stride: usize, factors: &'a [T]) -> ());

/// Transposes rows of `columns` elements, each times its scale, in whole vectors; returns the length of a row too.
pub(crate) fn transpose_scaled<'a, T: Real>(
    columns: usize,
    from: &[T],
    scales: &[T],
    to: &'a mut [T],
) -> (&'a mut [T], usize) {
    let rows = count(from.len(), columns);
    let stride = whole(rows);
    let to = take(&mut { to }, columns * stride);
    transpose(Rows { data: from, stride: columns }, RowsMut { data: &mut *to, stride }, rows, columns);
    let (scales, _) = scales.divide(rows);
    if any_scaled(scales) {
        scale_lanes(to, stride, scales);
    }
    (to, stride)
}

/// Two factors a row that take what is linear in a scaled row of inputs and in one of cotangents back to its size.
pub(crate) fn back_factors<T: Real>(inputs: &[T], cotangents: &[T], to: [&mut [T]; 2]) {
    let [first, second] = to;
    for (((x, g), first), second) in inputs.iter().zip(cotangents).zip(first).zip(second) {
        [*first, *second] = halves(-x.exponent() - g.exponent());
    }
}

/// A component in usual size: (μ, σ) 2⁻ᶠ, U 2⁻ⁿ and v 2⁻ⁿ⁻ᶠ give h 2⁻ⁿ⁻²ᶠ exactly; in the joint layer (μ_β, C_β) 2⁻ᶠ and
/// (μ_ω, C_ω) 2⁻ⁿ give h 2⁻ⁿ⁻ᶠ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Powers {
    /// f, of β.
    pub(crate) inner: i32,
    /// n, of ω.
    pub(crate) outer: i32,
}

impl Powers {
    /// Of a component that is used as it is.
    pub(crate) const NONE: Self = Self { inner: 0, outer: 0 };

    /// Those that bring the largest number of β and that of ω to about 1. `slopes` is the size of the largest slope of
    /// ω, and `offset` that of its largest offset, which belongs to slopes times numbers of β.
    pub(crate) fn of<T: Real>(inner: [T; 2], slopes: T, offset: Option<T>) -> Self {
        let exponent = |size: T| if size.is_zero() { None } else { Some(size.exponent()) };
        let inner = inner.into_iter().filter_map(exponent).max().unwrap_or(0);
        // 2⁻ᶠ is a normal number.
        let inner = inner.clamp(T::LEAST_EXPONENT, -T::LEAST_EXPONENT);
        let offset = offset.and_then(exponent).map(|offset| offset - inner);
        // And so are the halves of 2⁻ⁿ⁻ᶠ.
        Self { inner, outer: exponent(slopes).max(offset).unwrap_or(0).max(T::LEAST_EXPONENT) }
    }
}

/// Whether parameters of a component are used in a batch as they are, from the sizes of the largest of β and of ω.
pub(crate) fn fits_batch<T: Real>(inner: [T; 2], outer: [T; 2]) -> bool {
    let most = T::LARGE * T::LARGE;
    // NaN is larger than anything.
    let largest = |[a, b]: [T; 2]| if a <= b || b.partial_cmp(&b).is_none() { b } else { a };
    let (inner, outer) = (largest(inner), largest(outer));
    let fits = (inner >= T::SMALL || inner.is_zero()) && inner <= T::LARGE;
    fits && outer <= most && inner * outer <= most
}

#[cfg(test)]
mod tests {
    use super::{Powers, back_factors, cotangent_scale, halves, input_scale, measure, unscale_rows};
    use crate::Real;

    fn scales<T: Real>(extremes: [T; 3]) {
        let (least, most) = T::ROW_RANGE;
        let two = T::from_usize(2);
        for size in [T::zero(), least, T::one(), most, T::from_f64(f64::INFINITY), T::from_f64(f64::NAN)] {
            assert_eq!(input_scale(size).to_f64(), 1.0, "{size:?}");
        }
        for size in [least / two, most * two].into_iter().chain(extremes) {
            let scale = input_scale(size);
            let scaled = (size * scale).to_f64();
            assert!(
                scale * scale.recip() == T::one() && scaled.log2().abs() <= 23.0_f64.max(54.0),
                "{size:?}"
            );
            assert!(cotangent_scale(size) == if size > most { scale } else { T::one() });
        }
    }

    #[test]
    fn rows_out_of_range_are_brought_near_one() {
        scales::<f32>([f32::from_bits(1), f32::MIN_POSITIVE, f32::MAX]);
        scales::<f64>([f64::from_bits(1), f64::MIN_POSITIVE, f64::MAX]);
    }

    #[test]
    fn what_is_scaled_comes_back_to_the_bit() {
        let rows = [1e30_f32, -3.0, 1e-40, 0.0, 1.0, 2.0];
        let (mut scales, mut sizes, mut scaled) = ([0.0; 3], [0.0; 3], rows);
        measure(&rows, 2, &mut scales, &mut sizes, input_scale);
        assert_eq!(sizes, [1e30, 1e-40, 2.0]);
        assert!(scales[2] == 1.0 && scales[0] < 1.0 && scales[1] > 1.0);
        for (row, scale) in scaled.chunks_mut(2).zip(scales) {
            row.iter_mut().for_each(|x| *x *= scale);
        }
        unscale_rows(&mut scaled, 2, &scales);
        assert_eq!(scaled, rows);
    }

    #[test]
    fn factors_of_both_rows_are_put_together() {
        let (x, g) = ([power(100), power(-100), 1.0], [power(100), power(99), power(-120)]);
        let (mut first, mut second) = ([0.0; 3], [0.0; 3]);
        back_factors(&x, &g, [&mut first, &mut second]);
        let exponents: Vec<i32> =
            first.iter().zip(&second).map(|(a, b)| a.exponent() + b.exponent()).collect();
        assert_eq!(exponents, [-200, 1, 120]);
        let [a, b] = halves::<f32>(-241);
        assert!(a.is_normal() && b.is_normal());
    }

    /// Parameters of the least and the largest size, or 0, in every place: no factor is infinite or 0.
    #[test]
    fn components_of_every_size_have_finite_factors() {
        let sizes = [0.0, f32::from_bits(1), 1e-39, 1.0, f32::MAX];
        for (inner, slopes) in sizes.into_iter().flat_map(|a| sizes.map(|b| (a, b))) {
            for offset in [None, Some(0.0), Some(f32::from_bits(1)), Some(f32::MAX)] {
                let Powers { inner, outer } = Powers::of([inner, 0.0], slopes, offset);
                for n in [-inner, -outer, -outer - inner] {
                    let fine = halves::<f32>(n).iter().all(|&half| half > 0.0 && half.is_finite());
                    assert!(fine, "{inner} {outer}");
                }
                // Back to the size of rows of the largest numbers.
                for n in [inner, 2 * inner].map(|inner| inner + outer.max(0) + 2 * 127) {
                    assert!(halves::<f32>(n).iter().all(|half| half.is_finite()), "{inner} {outer}");
                }
            }
        }
    }

    fn power(n: i32) -> f32 {
        super::power(n)
    }
}

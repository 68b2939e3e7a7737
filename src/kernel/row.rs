//! Loops along one row.

use super::vector::{Simd, Vector, VectorLoop};
use crate::Real;
use crate::slices::Slice;

/// Partial sums that a row is split into: vector lanes, and the reason why rounding errors stay small.
pub(crate) const LANES: usize = 16;

/// ⟨a, b⟩ over the shorter length.
#[inline(always)]
pub(crate) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    sum_of(a, b, |a, b| a * b)
}

/// ⟨a, b⟩ for each row `a` of a matrix with rows as long as `b`, several at once, to the same bits as [`dot`].
#[inline(always)]
pub(crate) fn for_each_dot<T: Real, S: Simd>(simd: S, rows: &[T], b: &[T], mut give: impl FnMut(usize, T)) {
    let (mut rest, mut row) = (rows, 0);
    macro_rules! take {
        ($rows:literal) => {{
            let Some((dots, after)) = dots::<$rows, T, S>(simd, rest, b) else { return };
            for dot in dots {
                give(row, dot);
                row += 1;
            }
            rest = after;
            $rows
        }};
    }
    // Four rows and `b` fit eight vectors, with what is loaded of each.
    let one_by_one = S::VECTORS < 8;
    let mut left = rows.len().checked_div(b.len()).unwrap_or(0);
    while left > 0 {
        left -= match left {
            _ if one_by_one => take!(1),
            1 => take!(1),
            2 | 3 => take!(2),
            _ => take!(4),
        };
    }
}

/// ⟨a, b⟩ for the first rows `a` of a matrix, and the other rows.
#[inline(always)]
fn dots<'a, const ROWS: usize, T: Real, S: Simd>(
    simd: S,
    rows: &'a [T],
    b: &'a [T],
) -> Option<([T; ROWS], &'a [T])> {
    let (mut first, mut rest) = ([b; ROWS], rows);
    for row in &mut first {
        (*row, rest) = rest.split_at_checked(b.len())?;
    }
    let Dots { sums, .. } = Dots { simd, rows: first, b, sums: [simd.splat(T::zero()); ROWS] }.run(b.len());
    let mut dots = [T::zero(); ROWS];
    for (dot, sum) in dots.iter_mut().zip(sums) {
        *dot = simd.sum(sum);
    }
    Some((dots, rest))
}

/// The way along several rows.
struct Dots<'a, T, S, const ROWS: usize> {
    simd: S,
    rows: [&'a [T]; ROWS],
    b: &'a [T],
    sums: [Vector<T>; ROWS],
}

impl<T: Real, S: Simd, const ROWS: usize> VectorLoop for Dots<'_, T, S, ROWS> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let b = self.simd.load::<WHOLE, T>(self.b, at)?;
        let mut lanes = [b; ROWS];
        for (lanes, row) in lanes.iter_mut().zip(self.rows) {
            *lanes = self.simd.load::<WHOLE, T>(row, at)?;
        }
        for (sum, lanes) in self.sums.iter_mut().zip(lanes) {
            *sum = self.simd.mul_add(lanes, b, *sum);
        }
        Some(())
    }
}

/// The sum of a term for each pair, over the shorter length.
#[allow(clippy::indexing_slicing, clippy::needless_range_loop)] // arrays of one length
#[inline(always)]
pub(crate) fn sum_of<T: Real>(a: &[T], b: &[T], term: impl Fn(T, T) -> T) -> T {
    let len = a.len().min(b.len());
    let (a, a_rest) = a.get(..len).unwrap_or_default().as_chunks::<LANES>();
    let (b, b_rest) = b.get(..len).unwrap_or_default().as_chunks::<LANES>();
    let mut sums = [T::zero(); LANES];
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            sums[i] += term(a[i], b[i]);
        }
    }
    // A copy, so that the array above stays in registers.
    let mut sums = sums.map(|sum| sum);
    for ((sum, &a), &b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *sum += term(a, b);
    }
    tree(sums)
}

/// Σ aᵢbᵢcᵢ over the length of a, where b is times a factor; b and c are as long.
#[allow(clippy::indexing_slicing, clippy::needless_range_loop)] // arrays of one length
#[inline(always)]
pub(crate) fn dot_of_three<T: Real>(a: &[T], (b, factor): (&[T], T), c: &[T]) -> T {
    let ((a, a_rest), (b, b_rest), (c, c_rest)) =
        (a.as_chunks::<LANES>(), b.as_chunks::<LANES>(), c.as_chunks::<LANES>());
    let mut sums = [T::zero(); LANES];
    for ((a, b), c) in a.iter().zip(b).zip(c) {
        for i in 0..LANES {
            sums[i] += a[i] * (b[i] * factor) * c[i];
        }
    }
    // A copy, so that the array above stays in registers.
    let mut sums = sums.map(|sum| sum);
    for ((sum, &a), (&b, &c)) in sums.iter_mut().zip(a_rest).zip(b_rest.iter().zip(c_rest)) {
        *sum += a * (b * factor) * c;
    }
    tree(sums)
}

/// The sum of any terms, dealt to the lanes in turn.
pub(crate) fn sum<T: Real>(terms: impl Iterator<Item = T>) -> T {
    let mut sums = [T::zero(); LANES];
    for (index, term) in terms.enumerate() {
        if let Some(sum) = sums.get_mut(index % LANES) {
            *sum += term;
        }
    }
    tree(sums)
}

/// The sum of all lanes, as a tree.
#[inline(always)]
pub(crate) fn tree<T: Real>(mut sums: [T; LANES]) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        let (low, high) = sums.as_mut_slice().divide(width);
        for (low, &high) in low.iter_mut().zip(high.iter()) {
            *low += high;
        }
        width /= 2;
    }
    let [sum, ..] = sums;
    sum
}

/// c += factor·a over the shorter length.
#[inline(always)]
pub(crate) fn add_scaled<T: Real>(c: &mut [T], factor: T, a: &[T]) {
    for (c, &a) in c.iter_mut().zip(a) {
        *c += factor * a;
    }
}

/// c += Σ factor·aₗ·rowₗ for the rows of a matrix, as long as c; four rows at once, so that c is loaded once for them.
#[inline(always)]
pub(crate) fn add_combination<T: Real, S: Simd>(simd: S, a: &[T], factor: T, rows: &[T], c: &mut [T]) {
    let mut rows = rows;
    let (fours, rest) = a.as_chunks::<4>();
    for a in fours {
        add_rows(simd, *a, factor, &mut rows, c);
    }
    for &a in rest {
        add_rows(simd, [a], factor, &mut rows, c);
    }
}

/// Adds the first rows of a matrix, and leaves the others.
#[inline(always)]
fn add_rows<'a, T: Real, S: Simd, const ROWS: usize>(
    simd: S,
    a: [T; ROWS],
    factor: T,
    rows: &mut &'a [T],
    c: &mut [T],
) -> Option<()> {
    let len = c.len();
    let mut first: [&'a [T]; ROWS] = [rows; ROWS];
    for row in &mut first {
        (*row, *rows) = rows.split_at_checked(len)?;
    }
    let factors = a.map(|a| simd.splat(a * factor));
    AddRows { simd, rows: first, factors, c }.run(len);
    Some(())
}

/// The way along several rows that are added.
struct AddRows<'a, T, S, const ROWS: usize> {
    simd: S,
    rows: [&'a [T]; ROWS],
    factors: [Vector<T>; ROWS],
    c: &'a mut [T],
}

impl<T: Real, S: Simd, const ROWS: usize> VectorLoop for AddRows<'_, T, S, ROWS> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let mut c = self.simd.load::<WHOLE, T>(self.c, at)?;
        for (row, a) in self.rows.into_iter().zip(self.factors) {
            c = self.simd.mul_add(self.simd.load::<WHOLE, T>(row, at)?, a, c);
        }
        self.simd.store::<WHOLE, T>(self.c, at, c);
        Some(())
    }
}

/// max |aᵢ|, NaN entries passed over; 0 for an empty slice.
pub(crate) fn largest<T: Real>(a: &[T]) -> T {
    a.iter().map(|a| a.abs()).fold(T::zero(), |largest, a| if a > largest { a } else { largest })
}

#[cfg(test)]
mod tests {
    use super::{LANES, add_scaled, dot, largest, sum};

    #[test]
    fn every_length_is_summed_once() {
        for len in 0..3 * LANES + 2 {
            let a: Vec<f64> = (0..len).map(|i| i as f64 + 1.0).collect();
            let b: Vec<f64> = (0..len + 20).map(|i| 2.0 - i as f64).collect();
            let want: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert_eq!(dot(&a, &b), want, "{len}");
            assert_eq!(dot(&b, &a), want, "{len}");
            assert_eq!(sum(a.iter().zip(&b).map(|(a, b)| a * b)), want, "{len}");

            let mut c = vec![1.0; len];
            add_scaled(&mut c, 3.0, &a);
            assert!(c.iter().zip(&a).all(|(c, a)| *c == 1.0 + 3.0 * a));
        }
    }

    #[test]
    fn largest_passes_over_nan() {
        assert_eq!(largest(&[1.0, -3.0, f64::NAN, 2.0]), 3.0);
        assert_eq!(largest::<f64>(&[]), 0.0);
    }
}

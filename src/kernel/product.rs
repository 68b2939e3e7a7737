//! C += A·B in register tiles.

use crate::Real;

/// Rows of C that one tile holds.
const TILE_ROWS: usize = 4;
/// Bytes of a row of C that one tile holds, in the vector lanes. A tile of more than 64 elements is no
/// longer kept in registers, and ten times slower.
const TILE_BYTES: usize = if cfg!(target_feature = "avx") { 64 } else { 32 };
/// The same for the columns that are left where the row ends.
const NARROW_BYTES: usize = 32;
/// Terms that a tile sums before it adds them to C: rounding errors grow with this, not with the length.
const TERMS: usize = 128;

/// A matrix in a flat slice, with any distance between neighbouring rows and columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

impl<'a, T: Real> Matrix<'a, T> {
    /// A row-major matrix of `columns` columns.
    pub(crate) fn rows(data: &'a [T], columns: usize) -> Self {
        Self { data, row_stride: columns, column_stride: 1 }
    }

    /// The transpose of a row-major matrix of `columns` columns.
    pub(crate) fn transposed(data: &'a [T], columns: usize) -> Self {
        Self { data, row_stride: 1, column_stride: columns }
    }

    /// Fills `part` with rows from `row` on and columns from `column` on, transposed; 0 outside the slice.
    #[inline(always)]
    fn copy<const ROWS: usize>(&self, row: usize, column: usize, part: &mut [[T; ROWS]]) {
        for (offset, factors) in part.iter_mut().enumerate() {
            let start = row * self.row_stride + (column + offset) * self.column_stride;
            for (row, factor) in factors.iter_mut().enumerate() {
                let value = self.data.get(start + row * self.row_stride);
                *factor = value.copied().unwrap_or_else(T::zero);
            }
        }
    }
}

/// C += A·B, where C is `[rows × columns]`, A is `[rows × terms]` with any strides, and B is
/// `[terms × columns]`; C and B are row-major with rows of exactly `columns` elements.
///
/// Each element of C is the sum of its terms in their order, in runs of [`TERMS`] that are added to C
/// one after the other; it does not depend on the sizes of the tiles.
pub(crate) fn product<T: Real>(c: &mut [T], a: Matrix<'_, T>, b: &[T], terms: usize, columns: usize) {
    match size_of::<T>() {
        0..=4 => tiles::<T, { TILE_BYTES / 4 }, { NARROW_BYTES / 4 }>(c, a, b, terms, columns),
        _ => tiles::<T, { TILE_BYTES / 8 }, { NARROW_BYTES / 8 }>(c, a, b, terms, columns),
    }
}

/// The product in tiles of `WIDE` columns, and of `NARROW` ones where the rows end.
fn tiles<T: Real, const WIDE: usize, const NARROW: usize>(
    c: &mut [T],
    a: Matrix<'_, T>,
    b: &[T],
    terms: usize,
    columns: usize,
) {
    if columns == 0 {
        return;
    }
    // A strip of A with its columns one beside the other, and the last columns of B filled up with 0.
    let mut factors = [[T::zero(); TILE_ROWS]; TERMS];
    let mut last = [[T::zero(); NARROW]; TERMS];
    let last_column = columns - columns % NARROW;
    for (block, b) in b.chunks(TERMS * columns).enumerate() {
        let first = block * TERMS;
        let terms = TERMS.min(terms.saturating_sub(first));
        let (factors, _) = factors.split_at_mut(terms);
        let (last, _) = last.split_at_mut(if last_column < columns { terms } else { 0 });
        for (lanes, b) in last.iter_mut().zip(b.chunks_exact(columns)) {
            for (lane, &b) in lanes.iter_mut().zip(b.iter().skip(last_column)) {
                *lane = b;
            }
        }
        for (strip, c) in c.chunks_mut(TILE_ROWS * columns).enumerate() {
            a.copy(strip * TILE_ROWS, first, factors);
            let mut column = 0;
            while column + WIDE <= columns {
                tile(c, factors, lanes::<T, WIDE>(b, column, columns), column, columns);
                column += WIDE;
            }
            while column < last_column {
                tile(c, factors, lanes::<T, NARROW>(b, column, columns), column, columns);
                column += NARROW;
            }
            if column < columns {
                tile(c, factors, last.iter(), column, columns);
            }
        }
    }
}

/// `WIDTH` columns of B from `column` on, term by term; they lie inside the rows.
#[inline(always)]
fn lanes<T, const WIDTH: usize>(b: &[T], column: usize, columns: usize) -> impl Iterator<Item = &[T; WIDTH]> {
    b.chunks_exact(columns).filter_map(move |b| b.get(column..)?.first_chunk())
}

/// One tile: the rows of C from `column` on, over one run of terms.
#[allow(clippy::indexing_slicing)] // arrays of one length, indices from `from_fn`
#[inline(always)]
fn tile<'a, T: Real, const WIDTH: usize>(
    c: &mut [T],
    factors: &[[T; TILE_ROWS]],
    lanes: impl Iterator<Item = &'a [T; WIDTH]>,
    column: usize,
    columns: usize,
) {
    let mut sums = [[T::zero(); WIDTH]; TILE_ROWS];
    for (factors, lanes) in factors.iter().zip(lanes) {
        for (sums, &factor) in sums.iter_mut().zip(factors) {
            // The whole row at once, by value: this is what keeps it in registers.
            *sums = core::array::from_fn(|i| sums[i] + factor * lanes[i]);
        }
    }
    for (sums, c) in sums.iter().zip(c.chunks_mut(columns)) {
        for (c, &sum) in c.iter_mut().skip(column).zip(sums) {
            *c += sum;
        }
    }
}

/// Writes the row-major matrix `from`, of `columns` columns and `rows` rows, as its transpose.
pub(crate) fn transpose<T: Copy>(from: &[T], columns: usize, to: &mut [T], rows: usize) {
    for (column, to) in to.chunks_mut(rows).enumerate() {
        for (to, from) in to.iter_mut().zip(from.iter().skip(column).step_by(columns)) {
            *to = *from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Matrix, TERMS, product};
    use crate::Real;

    /// The definition: every element by itself, in runs of [`TERMS`].
    fn textbook<T: Real>(c: &mut [T], a: impl Fn(usize, usize) -> T, b: &[T], terms: usize, columns: usize) {
        for (row, c) in c.chunks_mut(columns).enumerate() {
            for (column, c) in c.iter_mut().enumerate() {
                for first in (0..terms).step_by(TERMS) {
                    let mut sum = T::zero();
                    for term in first..terms.min(first + TERMS) {
                        sum += a(row, term) * b[term * columns + column];
                    }
                    *c += sum;
                }
            }
        }
    }

    /// Same bits as the definition, whatever the sizes; both precisions, A and its transpose.
    fn check<T: Real>() {
        for (rows, terms, columns) in [
            (1, 1, 1),
            (4, 3, 8),
            (5, 129, 9),
            (7, 300, 17),
            (9, 128, 16),
            (3, 257, 1),
            (2, 5, 40),
            (6, 1, 13),
        ] {
            let value = |i: usize| T::from_f64((i as f64 * 0.37).sin());
            let a: Vec<T> = (0..rows * terms).map(|i| value(i * 3 + 1)).collect();
            let b: Vec<T> = (0..terms * columns).map(|i| value(i * 5 + 2)).collect();
            let start: Vec<T> = (0..rows * columns).map(value).collect();

            let (mut got, mut want) = (start.clone(), start.clone());
            product(&mut got, Matrix::rows(&a, terms), &b, terms, columns);
            textbook(&mut want, |row, term| a[row * terms + term], &b, terms, columns);
            assert_eq!(got, want, "{rows} × {terms} × {columns}");

            let (mut got, mut want) = (start.clone(), start);
            product(&mut got, Matrix::transposed(&a, rows), &b, terms, columns);
            textbook(&mut want, |row, term| a[term * rows + row], &b, terms, columns);
            assert_eq!(got, want, "{rows} × {terms} × {columns}, transposed");
        }
    }

    #[test]
    fn every_size_gives_the_bits_of_the_definition() {
        check::<f32>();
        check::<f64>();
    }

    /// What fills up a row's last lanes must not reach the result.
    #[test]
    fn infinite_factors_stay_in_their_row() {
        let mut c = [0.0_f32; 6];
        product(&mut c, Matrix::rows(&[f32::INFINITY, 1.0], 1), &[1.0, 2.0, 3.0], 1, 3);
        assert_eq!(c, [f32::INFINITY, f32::INFINITY, f32::INFINITY, 1.0, 2.0, 3.0]);
    }
}

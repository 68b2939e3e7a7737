//! C += A·B in register tiles.

use crate::Real;

/// Rows of C that one tile holds.
const TILE_ROWS: usize = 4;
/// Columns of C that one tile holds: what the vector lanes run along.
const TILE_COLUMNS: usize = 8;
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

    /// The element at (row, column), and 0 outside the slice.
    #[inline(always)]
    fn at(&self, row: usize, column: usize) -> T {
        let index = row * self.row_stride + column * self.column_stride;
        self.data.get(index).copied().unwrap_or_else(T::zero)
    }
}

/// C += A·B, where C is `[rows × columns]`, A is `[rows × terms]` with any strides, and B is
/// `[terms × columns]`; C and B are row-major with rows of exactly `columns` elements.
///
/// Each element of C is the sum of its terms in their order, in runs of [`TERMS`] that are added to C
/// one after the other; it does not depend on the sizes of the tiles.
pub(crate) fn product<T: Real>(c: &mut [T], a: Matrix<'_, T>, b: &[T], terms: usize, columns: usize) {
    if columns == 0 {
        return;
    }
    for (block, b) in b.chunks(TERMS * columns).enumerate() {
        let first = block * TERMS;
        let here = TERMS.min(terms.saturating_sub(first));
        for (tile, c) in c.chunks_mut(TILE_ROWS * columns).enumerate() {
            let row = tile * TILE_ROWS;
            if c.len() == TILE_ROWS * columns {
                strip::<T, TILE_ROWS>(c, a, row, first, b, here, columns);
            } else {
                for (offset, c) in c.chunks_mut(columns).enumerate() {
                    strip::<T, 1>(c, a, row + offset, first, b, here, columns);
                }
            }
        }
    }
}

/// `ROWS` rows of C over one run of terms.
#[inline(always)]
fn strip<T: Real, const ROWS: usize>(
    c: &mut [T],
    a: Matrix<'_, T>,
    row: usize,
    first: usize,
    b: &[T],
    terms: usize,
    columns: usize,
) {
    let mut column = 0;
    while column < columns {
        let width = TILE_COLUMNS.min(columns - column);
        let mut sums = [[T::zero(); TILE_COLUMNS]; ROWS];
        for (term, b) in b.chunks(columns).take(terms).enumerate() {
            let mut lane = [T::zero(); TILE_COLUMNS];
            match b.get(column..).and_then(|b| b.first_chunk::<TILE_COLUMNS>()) {
                Some(full) => lane = *full,
                None => {
                    for (lane, &b) in lane.iter_mut().zip(b.iter().skip(column)) {
                        *lane = b;
                    }
                }
            }
            for (offset, sums) in sums.iter_mut().enumerate() {
                let factor = a.at(row + offset, first + term);
                for (sum, &b) in sums.iter_mut().zip(&lane) {
                    *sum += factor * b;
                }
            }
        }
        for (sums, c) in sums.iter().zip(c.chunks_mut(columns)) {
            for (c, &sum) in c.iter_mut().skip(column).take(width).zip(sums) {
                *c += sum;
            }
        }
        column += TILE_COLUMNS;
    }
}

#[cfg(test)]
mod tests {
    use super::{Matrix, product};

    /// The definition, in the textbook order.
    fn textbook(c: &mut [f64], a: impl Fn(usize, usize) -> f64, b: &[f64], terms: usize, columns: usize) {
        for (row, c) in c.chunks_mut(columns).enumerate() {
            for (column, c) in c.iter_mut().enumerate() {
                *c += (0..terms).map(|term| a(row, term) * b[term * columns + column]).sum::<f64>();
            }
        }
    }

    #[test]
    fn every_size_agrees_with_the_definition() {
        for (rows, terms, columns) in
            [(1, 1, 1), (4, 3, 8), (5, 129, 9), (7, 300, 17), (9, 128, 16), (3, 257, 1)]
        {
            let a: Vec<f64> = (0..rows * terms).map(|i| ((i * 37) % 19) as f64 - 9.0).collect();
            let b: Vec<f64> = (0..terms * columns).map(|i| ((i * 53) % 23) as f64 - 11.0).collect();
            let start: Vec<f64> = (0..rows * columns).map(|i| i as f64).collect();

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
}

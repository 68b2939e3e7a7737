//! The products and the transpose for every scalar and every processor, in safe code.

use super::{Matrix, TERMS};
use crate::Real;

/// Rows of C that one tile holds.
const TILE_ROWS: usize = 4;
/// Bytes of a row of C that one tile holds, in the vector lanes. A tile of more than 64 elements is no
/// longer kept in registers, and ten times slower.
const TILE_BYTES: usize = if cfg!(target_feature = "avx") { 64 } else { 32 };
/// The same for the columns that are left where the row ends.
const NARROW_BYTES: usize = 32;
impl<T: Real> Matrix<'_, T> {
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

/// C += A·B, or A·(B∘B), as [`super::product`] says.
pub(super) fn product<T: Real, const SQUARED: bool>(
    c: &mut [T],
    a: Matrix<'_, T>,
    b: &[T],
    terms: usize,
    columns: usize,
) {
    match size_of::<T>() {
        0..=4 => tiles::<T, { TILE_BYTES / 4 }, { NARROW_BYTES / 4 }, SQUARED>(c, a, b, terms, columns),
        _ => tiles::<T, { TILE_BYTES / 8 }, { NARROW_BYTES / 8 }, SQUARED>(c, a, b, terms, columns),
    }
}

/// The product in tiles of `WIDE` columns, and of `NARROW` ones where the rows end.
fn tiles<T: Real, const WIDE: usize, const NARROW: usize, const SQUARED: bool>(
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
    for (block, b) in b.chunks((TERMS * columns).max(1)).enumerate() {
        let first = block * TERMS;
        let terms = TERMS.min(terms.saturating_sub(first));
        let (factors, _) = factors.split_at_mut(terms);
        let (last, _) = last.split_at_mut(if last_column < columns { terms } else { 0 });
        for (lanes, b) in last.iter_mut().zip(b.chunks_exact(columns)) {
            for (lane, &b) in lanes.iter_mut().zip(b.iter().skip(last_column)) {
                *lane = b;
            }
        }
        for (strip, c) in c.chunks_mut((TILE_ROWS * columns).max(1)).enumerate() {
            a.copy(strip * TILE_ROWS, first, factors);
            let mut column = 0;
            while column + WIDE <= columns {
                tile::<T, WIDE, SQUARED>(c, factors, lanes(b, column, columns), column, columns);
                column += WIDE;
            }
            while column < last_column {
                tile::<T, NARROW, SQUARED>(c, factors, lanes(b, column, columns), column, columns);
                column += NARROW;
            }
            if column < columns {
                tile::<T, NARROW, SQUARED>(c, factors, last.iter(), column, columns);
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
fn tile<'a, T: Real, const WIDTH: usize, const SQUARED: bool>(
    c: &mut [T],
    factors: &[[T; TILE_ROWS]],
    lanes: impl Iterator<Item = &'a [T; WIDTH]>,
    column: usize,
    columns: usize,
) {
    let mut sums = [[T::zero(); WIDTH]; TILE_ROWS];
    for (factors, lanes) in factors.iter().zip(lanes) {
        let lanes = if SQUARED { lanes.map(|lane| lane * lane) } else { *lanes };
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

/// The transpose, as [`super::transpose`] says.
pub(super) fn transpose<T: Copy>(from: &[T], columns: usize, to: &mut [T], rows: usize) {
    for (column, to) in to.chunks_mut(rows.max(1)).enumerate() {
        for (to, from) in to.iter_mut().zip(from.iter().skip(column).step_by(columns)) {
            *to = *from;
        }
    }
}

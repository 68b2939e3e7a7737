//! The products and the transpose for every scalar and every processor, in safe code.

use core::ops::Range;

use super::{Accum, BLOCK, Matrix, Panels, Rows, RowsMut, Size, TERMS};
use crate::Real;
use crate::slices::Slice;

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

/// The product, as [`super::product`] says.
///
/// Never inlined: it takes up to 8 KiB of stack, which single rows, that go another way, should not have to find.
#[inline(never)]
pub(super) fn product<T: Real, const SQUARED: bool>(
    accum: Accum,
    c: RowsMut<'_, T>,
    a: Matrix<'_, T>,
    b: Panels<'_, T>,
    size: Size,
) {
    if c.stride < size.columns || b.stride < size.columns {
        return;
    }
    if accum == Accum::Replace {
        for c in c.data.chunks_mut(c.stride.max(1)).take(size.rows) {
            c.iter_mut().take(size.columns).for_each(|c| *c = T::zero());
        }
    }
    let stride = c.stride;
    for (block, c) in c.data.chunks_mut(BLOCK.saturating_mul(stride).max(1)).enumerate() {
        let first = block * BLOCK;
        let rows = BLOCK.min(size.rows.saturating_sub(first));
        let a = Matrix { data: a.data.get(first.saturating_mul(a.row_stride)..).unwrap_or_default(), ..a };
        for (first, b) in b.each(size.terms) {
            let columns = b.stride.min(size.columns.saturating_sub(first));
            let c = RowsMut { data: c.get_mut(first..).unwrap_or_default(), stride };
            let size = Size { rows, columns, ..size };
            match size_of::<T>() {
                0..=4 => tiles::<T, { TILE_BYTES / 4 }, { NARROW_BYTES / 4 }, SQUARED>(c, a, b, size),
                _ => tiles::<T, { TILE_BYTES / 8 }, { NARROW_BYTES / 8 }, SQUARED>(c, a, b, size),
            }
        }
    }
}

/// The product in tiles of `WIDE` columns, and of `NARROW` ones where the rows end.
fn tiles<T: Real, const WIDE: usize, const NARROW: usize, const SQUARED: bool>(
    c: RowsMut<'_, T>,
    a: Matrix<'_, T>,
    b: Rows<'_, T>,
    size: Size,
) {
    let Size { rows, terms, columns, .. } = size;
    if rows == 0 || terms == 0 || columns == 0 {
        return;
    }
    // A strip of A with its columns one beside the other, and the last columns of B filled up with 0.
    let mut factors = [[T::zero(); TILE_ROWS]; TERMS];
    let mut last = [[T::zero(); NARROW]; TERMS];
    let last_column = columns - columns % NARROW;
    let run = size.run();
    for (block, b_rows) in
        b.data.chunks(run.saturating_mul(b.stride).max(1)).take(terms.div_ceil(run.max(1))).enumerate()
    {
        let first = block * run;
        let terms = run.min(terms - first);
        let (factors, _) = factors.as_mut_slice().divide(terms);
        let (last, _) = last.as_mut_slice().divide(if last_column < columns { terms } else { 0 });
        last.fill([T::zero(); NARROW]);
        for (lanes, b) in last.iter_mut().zip(b_rows.chunks(b.stride.max(1))) {
            for (lane, &b) in lanes.iter_mut().zip(b.iter().take(columns).skip(last_column)) {
                *lane = b;
            }
        }
        let strips = c.data.chunks_mut(TILE_ROWS.saturating_mul(c.stride).max(1));
        for (strip, c_rows) in strips.take(rows.div_ceil(TILE_ROWS)).enumerate() {
            let row = strip * TILE_ROWS;
            a.copy(row, first, factors);
            let mut c = Strip { data: c_rows, stride: c.stride, rows: TILE_ROWS.min(rows - row) };
            let mut column = 0;
            while column + WIDE <= columns {
                c.add::<WIDE, SQUARED>(factors, lanes(b_rows, column, b.stride), column..column + WIDE);
                column += WIDE;
            }
            while column < last_column {
                c.add::<NARROW, SQUARED>(factors, lanes(b_rows, column, b.stride), column..column + NARROW);
                column += NARROW;
            }
            if column < columns {
                c.add::<NARROW, SQUARED>(factors, last.iter(), column..columns);
            }
        }
    }
}

/// `WIDTH` columns of B from `column` on, term by term; they lie inside the rows.
#[inline(always)]
fn lanes<T, const WIDTH: usize>(b: &[T], column: usize, stride: usize) -> impl Iterator<Item = &[T; WIDTH]> {
    b.chunks(stride.max(1)).filter_map(move |b| b.get(column..)?.first_chunk())
}

/// At most [`TILE_ROWS`] rows of C.
struct Strip<'a, T> {
    data: &'a mut [T],
    stride: usize,
    rows: usize,
}

impl<T: Real> Strip<'_, T> {
    /// Adds one tile, at most `WIDTH` columns, over one run of terms.
    #[allow(clippy::indexing_slicing)] // arrays of one length, indices from `from_fn`
    #[inline(always)]
    fn add<'a, const WIDTH: usize, const SQUARED: bool>(
        &mut self,
        factors: &[[T; TILE_ROWS]],
        lanes: impl Iterator<Item = &'a [T; WIDTH]>,
        columns: Range<usize>,
    ) {
        let mut sums = [[T::zero(); WIDTH]; TILE_ROWS];
        for (factors, lanes) in factors.iter().zip(lanes) {
            let lanes = if SQUARED { lanes.map(|lane| lane * lane) } else { *lanes };
            for (sums, &factor) in sums.iter_mut().zip(factors) {
                // The whole row at once, by value: this is what keeps it in registers.
                *sums = core::array::from_fn(|i| sums[i] + factor * lanes[i]);
            }
        }
        for (sums, c) in sums.iter().zip(self.data.chunks_mut(self.stride.max(1))).take(self.rows) {
            for (c, &sum) in c.iter_mut().take(columns.end).skip(columns.start).zip(sums) {
                *c += sum;
            }
        }
    }
}

/// The transpose, as [`super::transpose`] says.
pub(super) fn transpose<T: Real>(from: Rows<'_, T>, to: RowsMut<'_, T>, rows: usize, columns: usize) {
    for (column, to) in to.data.chunks_mut(to.stride.max(1)).take(columns).enumerate() {
        let (to, rest) = to.divide(rows.min(to.len()));
        for (to, from) in to.iter_mut().zip(from.data.iter().skip(column).step_by(from.stride.max(1))) {
            *to = *from;
        }
        rest.fill(T::zero());
    }
}

//! Inputs laid out for the products that run along them.

use super::{LANES, Matrix, Rows, RowsMut, Size, product};
use crate::{Real, shape};

/// The width of a panel: what a register tile takes from one row of inputs to the next.
const WIDTH: usize = 64;

/// Rows of C that a panel serves one after the other: eight strips of tiles.
const ROWS: usize = 48;

/// A matrix X in panels of at most [`WIDTH`] columns, each `[rows × width]`, all in whole vectors: a panel of 64
/// rows stays in the nearest cache, whatever the distance of the rows of X.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panels<'a, T> {
    data: &'a [T],
    rows: usize,
    stride: usize,
}

impl<'a, T: Real> Panels<'a, T> {
    /// The number of elements that the panels take: rows times [`stride`](Self::stride).
    pub(crate) const fn len(rows: usize, columns: usize) -> usize {
        if columns > usize::MAX - LANES {
            usize::MAX
        } else {
            rows.saturating_mul(columns.next_multiple_of(LANES))
        }
    }

    /// Cuts X, `[rows × columns]`, into panels, with zeros in the place of rows where `keep` is 0.
    pub(crate) fn cut(columns: usize, x: &[T], keep: &[T], to: &'a mut [T]) -> Self {
        let columns = columns.max(1);
        let (rows, stride) = ((x.len() / columns).max(1), columns.next_multiple_of(LANES));
        let (to, _) = shape::split(to, (rows * stride).min(to.len()));
        for (panel, to) in to.chunks_mut((rows * WIDTH).max(1)).enumerate() {
            let lines = to.chunks_exact_mut((to.len() / rows).max(1));
            for (row, (line, x)) in lines.zip(x.chunks_exact(columns)).enumerate() {
                let x = x.get(panel * WIDTH..).unwrap_or_default();
                let here = if keep.get(row).is_some_and(T::is_zero) { 0 } else { x.len().min(line.len()) };
                let (line, rest) = shape::split(line, here);
                for (line, &x) in line.iter_mut().zip(x) {
                    *line = x;
                }
                rest.fill(T::zero());
            }
        }
        Self { data: to, rows, stride }
    }

    /// The columns of X, filled up to whole vectors.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// C += A X, or A (X∘X), for `rows` rows of C and the first `columns` columns of X.
    ///
    /// `ahead` is what will be read next. Rows go in blocks, so that those of a large C are walked along and not across.
    pub(crate) fn product<const SQUARED: bool>(
        &self,
        c: RowsMut<'_, T>,
        a: Matrix<'_, T>,
        rows: usize,
        columns: usize,
        ahead: &[T],
    ) {
        let blocks = rows.div_ceil(ROWS).max(1) * self.data.len().div_ceil((self.rows * WIDTH).max(1)).max(1);
        let mut ahead = ahead.chunks(ahead.len().div_ceil(blocks.max(1)).max(1));
        let stride = c.stride;
        for (block, c) in c.data.chunks_mut(ROWS.saturating_mul(stride).max(1)).enumerate() {
            let first = block * ROWS;
            let rows = ROWS.min(rows.saturating_sub(first));
            let a = Matrix { data: a.data.get(first * a.row_stride..).unwrap_or_default(), ..a };
            for (panel, x) in self.data.chunks((self.rows * WIDTH).max(1)).enumerate() {
                let width = x.len() / self.rows.max(1);
                let columns = width.min(columns.saturating_sub(panel * WIDTH));
                let c = RowsMut { data: c.get_mut(panel * WIDTH..).unwrap_or_default(), stride };
                let size = Size { rows, terms: self.rows, columns };
                let ahead = ahead.next().unwrap_or_default();
                product::<T, SQUARED>(c, a, Rows { data: x, stride: width }, size, ahead);
            }
        }
    }
}

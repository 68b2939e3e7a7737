//! Inputs laid out for the products that run along them.

use super::{LANES, Matrix, Onto, Rows, RowsMut, Size, Terms, product};
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

    /// C += A X, or A (X∘X), for `rows` rows of C and the first `columns` columns of X; or without C, onto zeros.
    ///
    /// `ahead` is what will be read next. Rows go in blocks, so that those of a large C are walked along and not across.
    pub(crate) fn product<const SQUARED: bool>(
        &self,
        onto: Onto,
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
                let size = Size { rows, terms: self.rows, columns, along: Terms::Rows };
                let ahead = ahead.next().unwrap_or_default();
                product::<T, SQUARED>(onto, c, a, Rows { data: x, stride: width }, size, ahead);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Panels, ROWS, WIDTH};
    use crate::kernel::{LANES, Matrix, Onto, RowsMut};

    /// C += A X for sizes around those of panels and blocks, rows that are left out, and C narrower than X.
    #[test]
    fn products_are_the_definition() {
        for (rows, terms, columns) in
            [(1, 1, 1), (3, 5, 16), (7, 9, WIDTH), (5, 64, WIDTH + 3), (ROWS + 5, 8, 150)]
        {
            let x: Vec<f64> = (0..terms * columns).map(|i| (i % 13) as f64 - 6.0).collect();
            let a: Vec<f64> = (0..rows * terms).map(|i| (i % 7) as f64 - 3.0).collect();
            let keep: Vec<f64> = (0..terms).map(|term| if term % 4 == 3 { 0.0 } else { 1.0 }).collect();
            let mut space = vec![f64::NAN; Panels::<f64>::len(terms, columns)];
            let panels = Panels::cut(columns, &x, &keep, &mut space);
            assert_eq!(panels.stride(), columns.next_multiple_of(LANES));
            let mut c = vec![1.0; rows * columns];
            let matrix = Matrix::rows(&a, terms);
            let c_rows = RowsMut { data: &mut c, stride: columns };
            panels.product::<false>(Onto::Sums, c_rows, matrix, rows, columns, &a);
            for (place, &got) in c.iter().enumerate() {
                let (row, column) = (place / columns, place % columns);
                let term = |term: usize| a[row * terms + term] * x[term * columns + column] * keep[term];
                assert_eq!(got, 1.0 + (0..terms).map(term).sum::<f64>(), "{rows} × {terms} × {columns}");
            }
        }
    }
}

//! Inputs laid out for the products that run along them.

use super::{Accum, LANES, Matrix, Rows, RowsMut, Size, Terms, product};
use crate::Real;
use crate::slices::Slice;

/// The width of a panel: what a register tile takes from one row of inputs to the next.
const WIDTH: usize = 64;

/// A matrix in panels of some of its columns, one after the other, each a matrix of contiguous rows: a panel of 64 rows
/// stays in the nearest cache, whatever the distance of the rows of the matrix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panels<'a, T> {
    pub(super) data: &'a [T],
    /// The width of all panels together.
    pub(super) stride: usize,
    /// The width of each, but of the last, which has what is left.
    pub(super) width: usize,
}

/// A single panel.
impl<'a, T> From<Rows<'a, T>> for Panels<'a, T> {
    fn from(Rows { data, stride }: Rows<'a, T>) -> Self {
        Self { data, stride, width: usize::MAX }
    }
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

    /// Packs X, `[rows × columns]`, into panels in whole vectors, each row times its scale if there are `scales`; `to`
    /// holds [`len`](Self::len) elements.
    pub(crate) fn pack(columns: usize, x: &[T], scales: &[T], to: &'a mut [T]) -> Self {
        let columns = columns.max(1);
        let (rows, stride) = ((x.len() / columns).max(1), columns.next_multiple_of(LANES));
        let (to, _) = to.divide((rows * stride).min(to.len()));
        for (panel, to) in to.chunks_mut((rows * WIDTH).max(1)).enumerate() {
            let lines = to.chunks_exact_mut((to.len() / rows).max(1));
            for (row, (line, x)) in lines.zip(x.chunks_exact(columns)).enumerate() {
                let scale = scales.get(row).copied().unwrap_or_else(T::one);
                let x = x.get(panel * WIDTH..).unwrap_or_default();
                let (line, rest) = line.divide(x.len().min(line.len()));
                if scale == T::one() {
                    line.iter_mut().zip(x).for_each(|(line, &x)| *line = x);
                } else {
                    line.iter_mut().zip(x).for_each(|(line, &x)| *line = x * scale);
                }
                rest.fill(T::zero());
            }
        }
        Self { data: to, stride, width: WIDTH }
    }

    /// The columns of X, filled up to whole vectors.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// C += A X, or A (X∘X), for `rows` rows of C and the first `columns` columns of X; without C where it is replaced.
    ///
    /// `prefetch` is what will be read next.
    pub(crate) fn product<const SQUARED: bool>(
        self,
        accum: Accum,
        c: RowsMut<'_, T>,
        a: Matrix<'_, T>,
        rows: usize,
        columns: usize,
        prefetch: &[T],
    ) {
        let terms = self.data.len() / self.stride.max(1);
        let size = Size { rows, terms, columns, over: Terms::Rows };
        product::<T, SQUARED>(accum, c, a, self, size, prefetch);
    }

    /// The panels, `[terms × width]` each, with their first columns.
    pub(super) fn each(self, terms: usize) -> impl Iterator<Item = (usize, Rows<'a, T>)> {
        let len = terms.max(1).saturating_mul(self.width).max(1);
        self.data.chunks(len).enumerate().map(move |(panel, data)| {
            let first = panel.saturating_mul(self.width);
            (first, Rows { data, stride: self.width.min(self.stride.saturating_sub(first)) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Panels, WIDTH};
    use crate::kernel::{Accum, BLOCK, LANES, Matrix, RowsMut};

    /// C += A X for sizes around those of panels and blocks, rows that are scaled, and C narrower than X.
    #[test]
    fn products_are_the_definition() {
        for (rows, terms, columns) in
            [(1, 1, 1), (3, 5, 16), (7, 9, WIDTH), (5, 64, WIDTH + 3), (BLOCK + 5, 8, 150)]
        {
            let x: Vec<f64> = (0..terms * columns).map(|i| (i % 13) as f64 - 6.0).collect();
            let a: Vec<f64> = (0..rows * terms).map(|i| (i % 7) as f64 - 3.0).collect();
            let scales: Vec<f64> = (0..terms).map(|term| if term % 4 == 3 { 0.5 } else { 1.0 }).collect();
            let mut space = vec![f64::NAN; Panels::<f64>::len(terms, columns)];
            let panels = Panels::pack(columns, &x, &scales, &mut space);
            assert_eq!(panels.stride(), columns.next_multiple_of(LANES));
            let mut c = vec![1.0; rows * columns];
            let matrix = Matrix::rows(&a, terms);
            let c_rows = RowsMut { data: &mut c, stride: columns };
            panels.product::<false>(Accum::Add, c_rows, matrix, rows, columns, &a);
            for (place, &got) in c.iter().enumerate() {
                let (row, column) = (place / columns, place % columns);
                let term = |term: usize| a[row * terms + term] * x[term * columns + column] * scales[term];
                assert_eq!(got, 1.0 + (0..terms).map(term).sum::<f64>(), "{rows} × {terms} × {columns}");
            }
        }
    }
}

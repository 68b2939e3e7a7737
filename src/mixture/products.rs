//! The products of a batch that both layers take.

use crate::Real;
use crate::kernel::{Accum, Matrix, Rows, RowsMut, Size, Terms, product};
use crate::slices::{after, count};

/// C = A Xᵀ for the lanes of a chunk of `lanes`, whose inputs are `x`; `prefetch` is what will be read next.
pub(crate) fn write_product<T: Real>(
    c: &mut [T],
    (lanes, first): (usize, usize),
    a: Matrix<'_, T>,
    x: Rows<'_, T>,
    inputs: usize,
    prefetch: &[T],
) {
    let size = Size { rows: count(c.len(), lanes), terms: inputs, columns: x.stride, over: Terms::Numbers };
    let c = RowsMut { data: c.get_mut(first..).unwrap_or_default(), stride: lanes };
    product::<T, false>(Accum::Replace, c, a, x, size, prefetch);
}

/// C = FᵀB or C += FᵀB for some rows of the batch, where F runs along the lanes: `c: [rows × columns]`, whose rows are
/// the lanes of `f: [terms × lanes]` from `first` on.
pub(crate) fn write_rows<T: Real>(
    accum: Accum,
    c: &mut [T],
    columns: usize,
    (f, lanes, first): (&[T], usize, usize),
    b: Rows<'_, T>,
) {
    let (rows, terms) = (count(c.len(), columns), count(f.len(), lanes));
    let size = Size { rows, terms, columns, over: Terms::Numbers };
    let c = RowsMut { data: c, stride: columns };
    product::<T, false>(accum, c, Matrix::transposed(after(f, first), lanes), b, size, &[]);
}

//! Rows that go in chunks: which ones may, and their transpose.

use super::numbers::examine;
use crate::kernel::{LANES, Rows, RowsMut, task, transpose, widest};
use crate::{Real, shape};

/// Finds the plain rows of a batch, and the least s² of each that keeps all its digits: a row of zeros may have
/// s = 0. The lanes without a row are plain: all their inputs are 0.
pub(crate) fn examine_rows<T: Real>(inputs: usize, x: &[T], plain: &mut [T], least: &mut [T]) {
    plain.fill(T::one());
    least.fill(T::zero());
    for ((plain, least), x) in plain.iter_mut().zip(least).zip(x.chunks_exact(inputs.max(1))) {
        let (ordinary, zero) = widest(Examine, (x,));
        *plain = if ordinary { T::one() } else { T::zero() };
        *least = if zero { T::zero() } else { T::ORDINARY.0 };
    }
}

/// The transpose of some rows, `[rows × columns]`, in whole vectors, with 0 in the lanes of rows that are not plain;
/// and the length of its rows.
pub(crate) fn transpose_plain<'a, T: Real>(
    columns: usize,
    from: &[T],
    plain: &[T],
    to: &'a mut [T],
) -> (&'a mut [T], usize) {
    let rows = from.len() / columns.max(1);
    let stride = rows.next_multiple_of(LANES);
    let (to, _) = shape::split(to, (columns * stride).min(to.len()));
    transpose(Rows { data: from, stride: columns }, RowsMut { data: &mut *to, stride }, rows, columns);
    if plain.iter().any(T::is_zero) {
        for lanes in to.chunks_exact_mut(stride.max(1)) {
            for (lane, plain) in lanes.iter_mut().zip(plain) {
                if plain.is_zero() {
                    *lane = T::zero();
                }
            }
        }
    }
    (to, stride)
}

/// gᵀ of a group, in whole vectors, over a divisor, with zeros in the place of rows that are not plain.
pub(crate) fn share_plain<'a, T: Real>(
    g: &[T],
    outputs: usize,
    divisor: T,
    plain: &[T],
    to: &'a mut [T],
) -> Rows<'a, T> {
    let (to, stride) = transpose_plain(outputs, g, plain, to);
    for share in to.iter_mut() {
        *share /= divisor;
    }
    Rows { data: to, stride }
}

task!(Examine, examine, (numbers: &'a [T]) -> (bool, bool));

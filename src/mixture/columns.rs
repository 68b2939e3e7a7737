//! Matrices stored input by input, so that nothing is read of them for an input of 0.

use crate::Real;
use crate::kernel::{LANES, Simd};
use crate::slices::{Slice, rows};

/// Inputs whose terms are summed before they are added to the rest: rounding errors grow with this, not with the
/// number of inputs.
const RUN: usize = 128;

/// Vectors that are summed at once, in registers.
const BLOCK: usize = 4;

/// Overwrites `sums` with the products of two matrices with x and with x∘x. Of each input `columns` has a row: the
/// column of the first matrix, then that of the second, both filled up to the lengths of the sums: whole vectors.
#[inline(always)]
pub(crate) fn write_sums<T: Real, S: Simd>(
    simd: S,
    columns: &[T],
    [x, squares]: [&[T]; 2],
    sums: [&mut [T]; 2],
) {
    let [linear, squared] = sums;
    linear.fill(T::zero());
    squared.fill(T::zero());
    let width = linear.len() + squared.len();
    for (first, (x, columns)) in x.chunks(RUN).zip(rows(columns, RUN * width)).enumerate() {
        let squares = squares.get(first * RUN..).unwrap_or_default();
        add_run(simd, columns, [x, squares], [&mut *linear, &mut *squared]);
    }
}

/// Adds the terms of at most [`RUN`] inputs.
#[inline(always)]
fn add_run<T: Real, S: Simd>(
    simd: S,
    columns: &[T],
    [x, squares]: [&[T]; 2],
    [linear_sums, square_sums]: [&mut [T]; 2],
) {
    // The inputs that are not 0, found without a branch that depends on them.
    let mut places = [0_u8; RUN];
    let mut count = 0;
    for (place, x) in x.iter().enumerate() {
        if let Some(next) = places.get_mut(count) {
            *next = place as u8;
        }
        count += usize::from(!x.is_zero());
    }
    let (places, _) = places.as_slice().divide(count.min(RUN));
    let width = linear_sums.len() + square_sums.len();
    let row = |place: u8| columns.get(usize::from(place) * width..).unwrap_or_default();
    let input = |place: u8| x.get(usize::from(place)).copied().unwrap_or_else(T::zero);
    let linear = linear_sums.len() / LANES;
    let mut block = 0;
    while block + BLOCK <= linear {
        add_block::<T, S, BLOCK>(simd, places, |place| (row(place), input(place)), block, linear_sums, block);
        block += BLOCK;
    }
    while block < linear {
        add_block::<T, S, 1>(simd, places, |place| (row(place), input(place)), block, linear_sums, block);
        block += 1;
    }
    for block in 0..square_sums.len() / LANES {
        let of = |place: u8| (row(place), squares.get(usize::from(place)).copied().unwrap_or_else(T::zero));
        add_block::<T, S, 1>(simd, places, of, linear + block, square_sums, block);
    }
}

/// Adds the terms of some inputs to `VECTORS` vectors, from the one of number `from` in their rows.
#[inline(always)]
fn add_block<'a, T: Real, S: Simd, const VECTORS: usize>(
    simd: S,
    places: &[u8],
    row_and_factor: impl Fn(u8) -> (&'a [T], T),
    from: usize,
    sums: &mut [T],
    to: usize,
) -> Option<()> {
    let mut totals = [simd.splat(T::zero()); VECTORS];
    for &place in places {
        let (row, factor) = row_and_factor(place);
        let factor = simd.splat(factor);
        for (vector, total) in totals.iter_mut().enumerate() {
            *total = simd.mul_add(simd.load::<true, T>(row, from + vector)?, factor, *total);
        }
    }
    for (vector, total) in totals.into_iter().enumerate() {
        let sum = simd.load::<true, T>(sums, to + vector)?;
        simd.store::<true, T>(sums, to + vector, simd.add(sum, total));
    }
    Some(())
}

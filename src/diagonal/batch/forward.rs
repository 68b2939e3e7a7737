//! The forward pass of some components over a batch.

use crate::batch::{Record, write_product};
use crate::kernel::{LANES, Matrix, Rows, RowsMut, Simd, task, transpose, widest};
use crate::{Real, Shape, shape};

impl<T: Real> Record<'_, T> {
    /// Writes m and s² of a chunk, from the lane `first` on; leaves the squares of `x` in its place.
    pub(in crate::diagonal) fn write_moments(
        &mut self,
        first: usize,
        mu: Matrix<'_, T>,
        variance: Matrix<'_, T>,
        x: RowsMut<'_, T>,
        inputs: usize,
    ) {
        let RowsMut { data, stride } = x;
        write_product(self.mean, self.lanes, first, mu, Rows { data, stride }, inputs, &[]);
        widest(Square, (&mut *data,));
        write_product(self.inverse, self.lanes, first, variance, Rows { data, stride }, inputs, &[]);
    }

    /// Writes W x of the component `component`, of a chunk from the lane `first` on; `ahead` is what will be read
    /// next.
    pub(in crate::diagonal) fn write_slope(
        &mut self,
        component: usize,
        first: usize,
        w: Matrix<'_, T>,
        x: Rows<'_, T>,
        shape: Shape,
        ahead: &[T],
    ) {
        let len = shape.outputs() * self.lanes;
        let slope = self.slope.get_mut(component * len..).and_then(|slope| slope.get_mut(..len));
        write_product(slope.unwrap_or_default(), self.lanes, first, w, x, shape.inputs(), ahead);
    }

    /// Overwrites h(x) of a chunk, `y: [rows × outputs]`, whose lanes begin with `first`; `y_transposed` is
    /// scratch.
    ///
    /// What it writes in rows that are not plain is meaningless.
    pub(in crate::diagonal) fn sum(
        &self,
        first: usize,
        a: &[T],
        divisor: T,
        outputs: usize,
        y: &mut [T],
        y_transposed: &mut [T],
    ) {
        let rows = y.len() / outputs.max(1);
        let width = rows.next_multiple_of(LANES);
        let (y_transposed, _) = shape::split(y_transposed, outputs * width);
        widest(Sum, (self, first, width, a, divisor, &mut *y_transposed));
        transpose(
            Rows { data: y_transposed, stride: width },
            RowsMut { data: y, stride: outputs },
            outputs,
            rows,
        );
    }
}

/// h(x) of `width` lanes, transposed.
#[inline(always)]
fn sum<T: Real, S: Simd>(
    _: S,
    record: &Record<'_, T>,
    first: usize,
    width: usize,
    a: &[T],
    divisor: T,
    y_transposed: &mut [T],
) {
    let lanes = record.lanes;
    let outputs = y_transposed.len() / width.max(1);
    y_transposed.fill(T::zero());
    let fields = record.mean.chunks_exact(lanes.max(1)).zip(record.probability.chunks_exact(lanes.max(1)));
    let slopes = record.slope.chunks_exact((outputs * lanes).max(1)).zip(a.chunks_exact(outputs.max(1)));
    for ((mean, probability), (slope, a)) in fields.zip(slopes) {
        let part = |field| -> &[T] { <[T]>::get(field, first..first + width).unwrap_or_default() };
        let (mean, probability) = (part(mean), part(probability));
        for ((y, slope), &a) in
            y_transposed.chunks_exact_mut(width.max(1)).zip(slope.chunks_exact(lanes.max(1))).zip(a)
        {
            for (((y, &slope), &r), &p) in y.iter_mut().zip(part(slope)).zip(mean).zip(probability) {
                *y += a * r + slope * p;
            }
        }
    }
    for y in y_transposed {
        *y /= divisor;
    }
}

/// x² in the place of x.
#[inline(always)]
fn square<T: Real, S: Simd>(_: S, x: &mut [T]) {
    for x in x {
        *x *= *x;
    }
}

task!(Square, square, (x: &'a mut [T]) -> ());
task!(Sum, sum, (
    record: &'a Record<'a, T>,
    first: usize,
    width: usize,
    a: &'a [T],
    divisor: T,
    y_transposed: &'a mut [T],
) -> ());

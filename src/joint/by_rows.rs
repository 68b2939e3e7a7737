//! What goes row by row in the joint layer.

use super::batch::Pass;
use super::layout::{Local, unit_len};
use super::parameters::{Family, Parameters, Targets};
use super::row::{RowScratch, Vectors, forward};
use super::row_backward::backward;
use crate::kernel::add_scaled;
use crate::mixture::{
    Fields, Locals, Powers, Row, RowReader, add_compensated, by_rows, input_scale, largest_of, scale_row,
};
use crate::slices::{Slice, rows, zip_rows};
use crate::{Error, Real};

by_rows!(Family, families);

impl<T: Real> Pass<'_, T> {
    /// Overwrites `y` with h(x) of one row.
    fn forward_row(
        &self,
        parameters: Parameters<'_, T>,
        x: &[T],
        y: &mut [T],
        scratch: &mut RowScratch<'_, T>,
    ) {
        forward(self.shape, self.scale, parameters, None, x, y, scratch);
    }

    /// Uses the gradients of a family at one row, and adds that of the row to `dx`.
    fn backward_row(
        &self,
        target: &mut Targets<'_, T>,
        row: &Row<'_, T>,
        powers: Option<Powers>,
        dx: Option<&mut [T]>,
        vectors: &mut Vectors<'_, T>,
    ) {
        backward(target, row, powers, dx, vectors);
    }

    /// Adds h of a family with parameters of any size.
    fn add_scaled_value(
        &self,
        family: &Family<'_, T>,
        row: (&[T], i32),
        y: &mut [T],
        vectors: &mut Vectors<'_, T>,
    ) {
        family.add_scaled_value(row, y, vectors);
    }
}

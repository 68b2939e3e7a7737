//! What goes row by row: batches of a few rows, and components whose parameters are too large or too small for the
//! matrix products of a batch.

use super::batch::Pass;
use super::layout::{Local, component_len};
use super::parameters::{Component, Parameters, Targets};
use super::row::{RowScratch, Vectors, forward as row_forward};
use super::row_backward::backward;
use crate::kernel::add_scaled;
use crate::mixture::{Fields, Locals, Row, RowReader, add_compensated};
use crate::slices::{Slice, zip_rows};
use crate::{Error, Real};

impl<T: Real> Pass<'_, T> {
    /// Overwrites `y` with h(x), and saves what the backward pass needs.
    pub(super) fn forward(
        &self,
        parameters: Parameters<'_, T>,
        y: &mut [T],
        saved: &mut [T],
        scratch: &mut [T],
    ) -> Result<(), Error> {
        if self.layout.lanes > 0 {
            return self.forward_batch(parameters, y, saved, scratch);
        }
        let mut scratch = self.layout.cut_local(self.layout.cut_locals(scratch)?).row;
        for (x, y) in zip_rows(self.x, self.shape.inputs(), y, self.shape.outputs()) {
            row_forward(self.shape, self.scale, parameters, x, y, &mut scratch);
        }
        Ok(())
    }

    /// Uses the gradients of ⟨g, h⟩, and overwrites `dx` where it is wanted.
    pub(super) fn backward(
        &self,
        targets: Targets<'_, T>,
        g: &[T],
        saved: &[T],
        mut dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error> {
        if self.layout.lanes > 0 {
            return self.backward_batch(targets, g, saved, dx, scratch);
        }
        let locals = self.layout.cut_locals(scratch)?;
        if self.layout.batch > 1 || self.layout.parts > 1 {
            self.backward_by_rows(targets, g, dx, locals);
            return Ok(());
        }
        let RowScratch { x, g: scaled_g, mut vectors, .. } = self.layout.cut_local(locals).row;
        let row = self.rows(g).read(0, [x, scaled_g]);
        if let Some(dx) = dx.as_deref_mut() {
            dx.fill(T::zero());
        }
        for mut target in targets.components() {
            backward(&mut target, &row, dx.as_deref_mut(), &mut vectors);
        }
        Ok(())
    }

    /// The backward pass of a few rows.
    #[inline(never)]
    fn backward_by_rows(
        &self,
        targets: Targets<'_, T>,
        g: &[T],
        dx: Option<&mut [T]>,
        mut locals: Locals<'_, T>,
    ) {
        if let Some(dx) = dx {
            let parameters = targets.parameters();
            let run = |first, (rows, locals): (Fields<&mut [T], 1>, _)| {
                let [dx] = rows.fields;
                dx.fill(T::zero());
                let local = self.layout.cut_local(locals);
                self.add_inputs(|| parameters.components(self.shape), (first, dx), g, local);
            };
            let rows = Fields::one(self.shape.inputs(), dx);
            self.workers.in_parts((rows, locals.reborrow()), self.layout.batch, self.layout.parts, &run);
        }
        let run = |_, (targets, locals): (Targets<'_, T>, _)| {
            let Local { mut row, gradients, .. } = self.layout.cut_local(locals);
            for target in targets.components() {
                self.use_rows(target, g, &mut row, gradients);
            }
        };
        self.workers.in_parts((targets, locals), self.shape.components(), self.layout.parts, &run);
    }

    /// Uses the gradients of a component, over all rows. `gradients` are scratch: none where each row's may be used at
    /// once; those of a component; or three times as many for a batch of any size.
    pub(super) fn use_rows(
        &self,
        mut target: Targets<'_, T>,
        g: &[T],
        scratch: &mut RowScratch<'_, T>,
        gradients: &mut [T],
    ) {
        if gradients.is_empty() {
            return self.each_row(g, scratch, |row, vectors| {
                backward(&mut target, row, None, vectors);
            });
        }
        let (totals, rest) = gradients.divide(component_len(self.shape));
        let half = rest.len() / 2;
        let (row_gradients, errors) = rest.divide(half);
        totals.fill(T::zero());
        if errors.is_empty() {
            let mut kept = target.keep(totals);
            self.each_row(g, scratch, |row, vectors| backward(&mut kept, row, None, vectors));
        } else {
            errors.fill(T::zero());
            self.each_row(g, scratch, |row, vectors| {
                row_gradients.fill(T::zero());
                backward(&mut target.keep(row_gradients), row, None, vectors);
                add_compensated(totals, errors, row_gradients);
            });
            add_scaled(totals, T::one(), errors);
        }
        target.take(totals);
    }

    /// The components that do not go along with the batch.
    fn apart<'b>(
        &self,
        fits: &'b [T],
        parameters: Parameters<'b, T>,
    ) -> impl Iterator<Item = Component<'b, T>> {
        let components = parameters.components(self.shape).zip(fits);
        components.filter(|(_, fits)| fits.is_zero()).map(|(component, _)| component)
    }

    /// Adds h of the components that do not go along with the batch.
    pub(super) fn add_values_apart(
        &self,
        fits: &[T],
        parameters: Parameters<'_, T>,
        y: &mut [T],
        mut local: Local<'_, T>,
    ) {
        if fits.iter().any(T::is_zero) {
            for (x, y) in zip_rows(self.x, self.shape.inputs(), y, self.shape.outputs()) {
                local.row.add_values(self.shape, self.scale, self.apart(fits, parameters), x, y);
            }
        }
    }

    /// Adds ∂x of the components that do not go along with the batch, to rows from `first` on.
    pub(super) fn add_inputs_apart(
        &self,
        fits: &[T],
        parameters: Parameters<'_, T>,
        dx: (usize, &mut [T]),
        g: &[T],
        local: Local<'_, T>,
    ) {
        if fits.iter().any(T::is_zero) {
            self.add_inputs(|| self.apart(fits, parameters), dx, g, local);
        }
    }

    /// Adds ∂x of some components to rows from `first` on.
    fn add_inputs<'b, C: Iterator<Item = Component<'b, T>>>(
        &self,
        components: impl Fn() -> C,
        (first, dx): (usize, &mut [T]),
        g: &[T],
        local: Local<'_, T>,
    ) where
        T: 'b,
    {
        let RowScratch { x, g: scaled_g, mut vectors, .. } = local.row;
        for (index, dx) in dx.chunks_exact_mut(self.shape.inputs()).enumerate() {
            let row = self.rows(g).read(first + index, [&mut *x, &mut *scaled_g]);
            for component in components() {
                let mut target = Targets::frozen(self.shape, component);
                backward(&mut target, &row, Some(&mut *dx), &mut vectors);
            }
        }
    }

    /// Reads every row and its cotangent.
    fn each_row(
        &self,
        g: &[T],
        scratch: &mut RowScratch<'_, T>,
        mut each: impl FnMut(&Row<'_, T>, &mut Vectors<'_, T>),
    ) {
        let RowScratch { x, g: scaled_g, vectors, .. } = scratch;
        for index in 0..self.layout.batch {
            each(&self.rows(g).read(index, [&mut **x, &mut **scaled_g]), vectors);
        }
    }

    /// The rows and their cotangents.
    fn rows<'b>(&'b self, g: &'b [T]) -> RowReader<'b, T> {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        RowReader { x: self.x, inputs, g, outputs, divisor: self.divisor() }
    }
}

//! What goes row by row: batches of a few rows, and components whose parameters are too large or too small for the
//! matrix products of a batch.

use super::batch::Pass;
use super::layout::{Local, Locals, component_len};
use super::parameters::{Component, Parameters, Targets};
use super::row::{RowScratch, forward as row_forward};
use super::row_backward::{Vectors, backward, read};
use crate::kernel::add_scaled;
use crate::mixture::{Items, Row, add_compensated};
use crate::slices::{row, take, zip_rows};
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
        let mut locals = Locals::cut(self.layout, scratch)?;
        let mut scratch = locals.first().row;
        for (x, y) in zip_rows(self.x, self.shape.inputs(), y, self.shape.outputs()) {
            row_forward(self.shape, self.form, parameters, x, y, &mut scratch);
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
        let mut locals = Locals::cut(self.layout, scratch)?;
        if self.layout.batch > 1 || self.layout.parts > 1 {
            self.backward_by_rows(targets, g, dx, locals);
            return Ok(());
        }
        let mut scratch = locals.first().row;
        let (row, mut vectors) = read(self.shape, self.form, (self.x, g), &mut scratch);
        if let Some(dx) = dx.as_deref_mut() {
            dx.fill(T::zero());
        }
        for mut target in targets.components() {
            backward(self.form.coordinates, &mut target, &row, dx.as_deref_mut(), &mut vectors);
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
        let (components, parts) = (self.shape.components(), self.layout.parts);
        let coordinates = self.form.coordinates;
        if let Some(dx) = dx {
            let parameters = targets.parameters();
            let run = |first, (rows, mut locals): (Items<'_, T>, Locals<'_, T>)| {
                rows.data.fill(T::zero());
                self.add_inputs(|| parameters.components(self.shape), (first, rows.data), g, locals.first());
            };
            let rows = Items { data: dx, each: self.shape.inputs() };
            self.workers.in_parts((rows, locals.reborrow()), self.layout.batch, parts, &run);
        }
        let run = |_, (targets, mut locals): (Targets<'_, T>, Locals<'_, T>)| {
            let Local { row: mut scratch, gradients, .. } = locals.first();
            for mut target in targets.components() {
                if gradients.is_empty() {
                    self.each_row(g, &mut scratch, |row, vectors| {
                        backward(coordinates, &mut target, row, None, vectors);
                    });
                    continue;
                }
                gradients.fill(T::zero());
                let mut kept = target.keep(gradients);
                self.each_row(g, &mut scratch, |row, vectors| {
                    backward(coordinates, &mut kept, row, None, vectors);
                });
                target.take(gradients);
            }
        };
        self.workers.in_parts((targets, locals), components, parts, &run);
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
        if fits.iter().all(|fits| !fits.is_zero()) {
            return;
        }
        for (x, y) in zip_rows(self.x, self.shape.inputs(), y, self.shape.outputs()) {
            local.row.add_values(self.shape, self.form, self.apart(fits, parameters), x, y);
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
        let (inputs, outputs, mut scratch) = (self.shape.inputs(), self.shape.outputs(), local.row);
        for (index, dx) in dx.chunks_exact_mut(inputs).enumerate() {
            let x = (row(self.x, first + index, inputs), row(g, first + index, outputs));
            let (row, mut vectors) = read(self.shape, self.form, x, &mut scratch);
            for component in components() {
                let mut target = Targets::frozen(self.shape, component);
                backward(self.form.coordinates, &mut target, &row, Some(&mut *dx), &mut vectors);
            }
        }
    }

    /// Uses the gradients of a component that does not go along with the batch.
    pub(super) fn use_apart(
        &self,
        mut target: Targets<'_, T>,
        g: &[T],
        scratch: &mut RowScratch<'_, T>,
        gradients: &mut [T],
    ) {
        let len = component_len(self.shape);
        let mut rest = gradients;
        let (row_gradients, totals, errors) =
            (take(&mut rest, len), take(&mut rest, len), take(&mut rest, len));
        totals.fill(T::zero());
        errors.fill(T::zero());
        self.each_row(g, scratch, |row, vectors| {
            row_gradients.fill(T::zero());
            backward(self.form.coordinates, &mut target.keep(row_gradients), row, None, vectors);
            add_compensated(totals, errors, row_gradients);
        });
        add_scaled(totals, T::one(), errors);
        target.take(totals);
    }

    /// Reads every row and its cotangent.
    fn each_row(
        &self,
        g: &[T],
        scratch: &mut RowScratch<'_, T>,
        mut each: impl FnMut(&Row<'_, T>, &mut Vectors<'_, T>),
    ) {
        for x in zip_rows(self.x, self.shape.inputs(), g, self.shape.outputs()) {
            let (row, mut vectors) = read(self.shape, self.form, x, scratch);
            each(&row, &mut vectors);
        }
    }
}

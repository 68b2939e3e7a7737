//! What goes row by row: batches of a few rows, and components whose parameters are too large or too small for the
//! matrix products of a batch.

/// The passes of a layer that go row by row, from those of one row: `forward_row`, `backward_row`, `add_scaled_value`.
/// The names that stand in it are those of the layer that calls it; `$unit` is what shares no parameters with the rest.
macro_rules! by_rows {
    ($unit:ident, $units:ident) => {
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
                    self.forward_row(parameters, x, y, &mut scratch);
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
                for mut target in targets.$units() {
                    self.backward_row(&mut target, &row, None, dx.as_deref_mut(), &mut vectors);
                }
                Ok(())
            }

            /// The backward pass of a few rows.
            #[inline(never)]
            pub(super) fn backward_by_rows(
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
                        let Local { mut row, .. } = self.layout.cut_local(locals);
                        for unit in parameters.$units(self.shape) {
                            self.add_inputs(unit, None, (first, &mut *dx), g, &mut row);
                        }
                    };
                    let rows = Fields::one(self.shape.inputs(), dx);
                    self.workers.in_parts(
                        (rows, locals.reborrow()),
                        self.layout.batch,
                        self.layout.parts,
                        &run,
                    );
                }
                let run = |_, (targets, locals): (Targets<'_, T>, _)| {
                    let Local { mut row, gradients, .. } = self.layout.cut_local(locals);
                    for target in targets.$units() {
                        self.use_rows(target, None, g, &mut row, gradients);
                    }
                };
                let units = self.shape.$units();
                self.workers.in_parts((targets, locals), units, self.layout.parts.min(units), &run);
            }

            /// Uses the gradients of a unit, over all rows. `gradients` are scratch: none where each row's may be used at
            /// once; those of a unit; or three times as many for a batch of any size. `powers` are given where products of
            /// the parameters are known to overflow.
            pub(super) fn use_rows(
                &self,
                mut target: Targets<'_, T>,
                powers: Option<Powers>,
                g: &[T],
                scratch: &mut RowScratch<'_, T>,
                gradients: &mut [T],
            ) {
                if gradients.is_empty() {
                    return self.each_row(g, scratch, |row, vectors| {
                        self.backward_row(&mut target, row, powers, None, vectors);
                    });
                }
                let (totals, rest) = gradients.divide(unit_len(self.shape));
                let half = rest.len() / 2;
                let (row_gradients, errors) = rest.divide(half);
                totals.fill(T::zero());
                if errors.is_empty() {
                    let mut kept = target.keep(totals);
                    self.each_row(g, scratch, |row, vectors| {
                        self.backward_row(&mut kept, row, powers, None, vectors);
                    });
                } else {
                    errors.fill(T::zero());
                    self.each_row(g, scratch, |row, vectors| {
                        row_gradients.fill(T::zero());
                        self.backward_row(&mut target.keep(row_gradients), row, powers, None, vectors);
                        add_compensated(totals, errors, row_gradients);
                    });
                    add_scaled(totals, T::one(), errors);
                }
                target.take(totals);
            }

            /// The units that do not go along with the batch.
            fn apart<'b>(
                &self,
                fits: &'b [T],
                parameters: Parameters<'b, T>,
            ) -> impl Iterator<Item = $unit<'b, T>> {
                let units = parameters.$units(self.shape).zip(fits);
                units.filter(|(_, fits)| fits.is_zero()).map(|(unit, _)| unit)
            }

            /// Adds h of some units with parameters of any size.
            fn add_values<'b>(
                &self,
                units: impl Iterator<Item = $unit<'b, T>>,
                x: &[T],
                y: &mut [T],
                scratch: &mut RowScratch<'_, T>,
            ) where
                T: 'b,
            {
                let scale = input_scale(largest_of(x));
                let RowScratch { x: scaled, g: sums, vectors, .. } = scratch;
                let x = scale_row(x, scale, scaled);
                sums.fill(T::zero());
                for unit in units {
                    self.add_scaled_value(&unit, (x, -scale.exponent()), sums, vectors);
                }
                for (y, &sum) in y.iter_mut().zip(&**sums) {
                    *y += sum / self.divisor();
                }
            }

            /// Adds h of the units that do not go along with the batch.
            pub(super) fn add_values_apart(
                &self,
                fits: &[T],
                parameters: Parameters<'_, T>,
                y: &mut [T],
                mut local: Local<'_, T>,
            ) {
                if fits.iter().any(T::is_zero) {
                    for (x, y) in zip_rows(self.x, self.shape.inputs(), y, self.shape.outputs()) {
                        self.add_values(self.apart(fits, parameters), x, y, &mut local.row);
                    }
                }
            }

            /// Adds ∂x of the units that do not go along with the batch, to rows from `first` on.
            pub(super) fn add_inputs_apart(
                &self,
                fits: &[T],
                parameters: Parameters<'_, T>,
                (first, dx): (usize, &mut [T]),
                g: &[T],
                mut local: Local<'_, T>,
            ) {
                for unit in self.apart(fits, parameters) {
                    let powers = Some(unit.powers());
                    self.add_inputs(unit, powers, (first, &mut *dx), g, &mut local.row);
                }
            }

            /// Adds ∂x of a unit to rows from `first` on.
            fn add_inputs(
                &self,
                unit: $unit<'_, T>,
                powers: Option<Powers>,
                (first, dx): (usize, &mut [T]),
                g: &[T],
                scratch: &mut RowScratch<'_, T>,
            ) {
                let RowScratch { x, g: scaled_g, vectors, .. } = scratch;
                let mut target = Targets::frozen_unit(self.shape, unit);
                for (index, dx) in rows(dx, self.shape.inputs()).enumerate() {
                    let row = self.rows(g).read(first + index, [&mut **x, &mut **scaled_g]);
                    self.backward_row(&mut target, &row, powers, Some(dx), vectors);
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
            pub(super) fn rows<'b>(&'b self, g: &'b [T]) -> RowReader<'b, T> {
                let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
                RowReader { x: self.x, inputs, g, outputs, divisor: self.divisor() }
            }
        }
    };
}

pub(crate) use by_rows;

//! Forward and backward over a batch: what goes in chunks and what row by row, and in which order.
//!
//! Every stage is divided into parts that do not share what they write: by components, or by rows for ∂x. So the
//! number of parts never changes a bit.

use super::batch::Constants;
use super::effect::{Effect, Effects};
use super::far::Cotangent;
use super::form::Form;
use super::parameters::{Gradients, Parameters};
use super::prepare::prepare;
use super::row;
use super::sweep::Sums;
use super::workspace::{Fields, Local, Locals, Workspace};
use crate::batch::{CHUNK, GROUP, Level, Lift, share_plain, transpose_plain};
use crate::kernel::{LANES, Matrix, Onto, Panels, Rows, RowsMut, Split, Workers, add_scaled};
use crate::{Real, Shape, shape};

/// Rows that go by themselves whose gradients are added up before they are added to the rest.
const FEW: usize = 16;

/// What is read by every stage of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a, T> {
    pub(super) shape: Shape,
    pub(super) form: Form,
    pub(super) workers: Workers<'a>,
    pub(super) x: &'a [T],
}

impl<T: Real> Pass<'_, T> {
    /// Fills the record, and overwrites `y` where it is wanted.
    pub(super) fn forward(
        &self,
        parameters: Parameters<'_, T>,
        y: Option<&mut [T]>,
        work: &mut Workspace<'_, T>,
    ) {
        let layout = work.layout;
        if layout.lanes > 0 {
            let run = |first, (fields, mut locals): (Fields<'_, T>, Locals<'_, T>)| {
                self.record(parameters.split_at(self.shape, first).1, fields, locals.get(0));
            };
            let parts = (work.fields.reborrow(), work.locals.reborrow());
            self.workers.in_parts(parts, self.shape.components(), layout.parts, &run);
            work.combine_plain();
        }
        let Some(y) = y else { return };
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let any = work.any_plain();
        let mut local = work.locals.get(0);
        let (x_chunk, y_chunk) = (CHUNK.saturating_mul(inputs), CHUNK.saturating_mul(outputs));
        for (chunk, (x, y)) in self.x.chunks(x_chunk.max(1)).zip(y.chunks_mut(y_chunk.max(1))).enumerate() {
            let first = chunk * CHUNK;
            if any {
                let divisor = self.divisor() * Lift::<T>::prepared().factor;
                work.fields.record.sum(first, work.fields.a, divisor, outputs, y, local.outputs);
            }
            for (index, (x, y)) in shape::side_by_side(x, inputs, y, outputs).enumerate() {
                if work.plain.get(first + index).is_none_or(T::is_zero) {
                    row::forward(self.shape, self.form, parameters, x, y, &mut local.scratch);
                }
            }
        }
    }

    /// Fills the record of some components; leaves all rows to the formulas for single rows where a parameter is
    /// not of ordinary size.
    ///
    /// A batch of several chunks keeps W of all components. One of a single chunk prepares it a component at a
    /// time, just before its product, while it is still in the nearest cache.
    fn record(&self, parameters: Parameters<'_, T>, fields: Fields<'_, T>, local: Local<'_, T>) {
        let Fields { a, w, variance, mut record, .. } = fields;
        let Local { mut plain, x: transposed, mut scratch, .. } = local;
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let coordinates = self.form.coordinates;
        let stride = inputs.next_multiple_of(LANES);
        // What is fetched ahead must not be another part's: its lines stay where they are.
        let (parameters, _) = parameters.split_at(self.shape, a.len() / outputs.max(1));
        plain.examine(inputs, self.x);
        let (least, most, _) = scratch.pre_activations.fields();
        let mut see = |component, sizes: (T, T)| {
            for (field, size) in [(&mut *least, sizes.0), (&mut *most, sizes.1)] {
                if let Some(kept) = field.get_mut(component) {
                    *kept = size;
                }
            }
        };
        let x_chunk = CHUNK.saturating_mul(inputs);
        let (single, prepared) = (self.x.len() <= x_chunk, Lift::prepared());
        if !single {
            let to = [&mut *a, &mut *w, &mut *variance];
            prepare(self.shape, coordinates, &parameters, prepared.factor, stride, to, &mut see);
        }
        for (chunk, (x, bounded)) in
            self.x.chunks(x_chunk.max(1)).zip(plain.bounded().chunks(CHUNK)).enumerate()
        {
            let first = chunk * CHUNK;
            let (x, lanes) = transpose_plain(inputs, x, bounded, transposed);
            let own = a.chunks_exact_mut(outputs.max(1)).zip(variance.chunks_exact_mut(stride.max(1)));
            let all = parameters.components(self.shape, coordinates).zip(own);
            for (index, (component, (a, variance))) in all.enumerate() {
                let skip = if single { 0 } else { index * outputs * stride };
                let (w, _) = shape::split(shape::split(w, skip).1, outputs * stride);
                if single {
                    see(index, component.prepare(prepared.factor, a, w, variance));
                }
                let next = (index + 1) * outputs * inputs;
                let ahead = if single { parameters.u.get(next..next + outputs * inputs) } else { None };
                let w = Matrix::rows(w, stride);
                let x = Rows { data: &*x, stride: lanes };
                record.write_slope(index, first, w, x, self.shape, ahead.unwrap_or_default());
            }
            let (mu, variance) = (Matrix::rows(parameters.mu, inputs), Matrix::rows(variance, stride));
            record.write_moments(first, mu, variance, RowsMut { data: x, stride: lanes }, inputs);
        }
        let sizes = least.iter().copied().zip(most.iter().copied());
        record.rectify(parameters.sigma, inputs, prepared.unit, sizes, &mut plain);
        plain.settle();
    }

    /// First half of the backward pass: cotangents, and `dx` where it is wanted. Rows whose cotangents are not of
    /// ordinary size go by themselves from here on.
    pub(super) fn cotangents(
        &self,
        parameters: Parameters<'_, T>,
        g: &[T],
        dx: Option<&mut [T]>,
        work: &mut Workspace<'_, T>,
    ) {
        let (shape, layout) = (self.shape, work.layout);
        let (components, outputs) = (shape.components(), shape.outputs());
        for (plain, g) in work.plain.iter_mut().zip(g.chunks_exact(outputs.max(1))) {
            if !Level::of(*plain).goes_back(g) {
                *plain = T::zero();
            }
        }
        let lift = self.lift(g, work.plain);
        if work.any_plain() {
            // One chunk alone has kept no W.
            let prepares = dx.is_some() && self.x.len() <= CHUNK.saturating_mul(shape.inputs());
            let (plain, prepared) = (&*work.plain, Lift::prepared());
            let run = |first, (fields, mut locals): (Fields<'_, T>, Locals<'_, T>)| {
                let Fields { a, w, variance, of_a, mut record, .. } = fields;
                if prepares {
                    let (_, own) = parameters.split_at(shape, first);
                    let (coordinates, to) = (self.form.coordinates, [&mut *a, &mut *w, &mut *variance]);
                    prepare(shape, coordinates, &own, prepared.factor, layout.stride, to, |_, _| {});
                }
                of_a.fill(T::zero());
                let groups = g.chunks(GROUP.saturating_mul(outputs).max(1)).zip(plain.chunks(GROUP));
                for (group, (g, plain)) in groups.enumerate() {
                    let share = share_plain(g, outputs, (lift, self.divisor()), plain, locals.get(0).outputs);
                    record.turn(group * GROUP, (a, prepared.unit), of_a, share);
                }
            };
            let parts = (work.fields.reborrow(), work.locals.reborrow());
            self.workers.in_parts(parts, components, layout.parts, &run);
        }
        if let Some(dx) = dx {
            let (plain, fields) = (&*work.plain, &work.fields);
            let run = |first, (rows, mut locals): (InputRows<'_, T>, Locals<'_, T>)| {
                self.inputs(parameters, (g, lift), fields, plain, (first, rows.dx), locals.get(0));
            };
            let rows = (InputRows { dx, inputs: shape.inputs() }, work.locals.reborrow());
            self.workers.in_parts(rows, self.x.len() / shape.inputs().max(1), layout.parts, &run);
        }
    }

    /// What the cotangents of the plain rows are multiplied by.
    fn lift(&self, g: &[T], plain: &[T]) -> Lift<T> {
        let mut largest = T::zero();
        let rows = g.chunks_exact(self.shape.outputs().max(1)).zip(plain);
        for (g, _) in rows.filter(|(_, plain)| !plain.is_zero()) {
            for &g in g {
                largest = if g.abs() > largest { g.abs() } else { largest };
            }
        }
        Lift::of_cotangents(largest)
    }

    /// Overwrites the rows of ∂x from the row `first` on.
    fn inputs(
        &self,
        parameters: Parameters<'_, T>,
        (g, lift): (&[T], Lift<T>),
        fields: &Fields<'_, T>,
        plain: &[T],
        (first, dx): (usize, &mut [T]),
        local: Local<'_, T>,
    ) {
        let (shape, inputs) = (self.shape, self.shape.inputs());
        let (_, x) = shape::split_ref(self.x, first * inputs);
        let Local { mut scratch, row: share, x: spread, .. } = local;
        let group = GROUP.saturating_mul(inputs);
        let any = plain.iter().any(|plain| !plain.is_zero());
        let stride = inputs.next_multiple_of(LANES);
        let constants = Constants {
            inputs,
            stride,
            mu: parameters.mu,
            w: fields.w,
            variance: fields.variance,
            unit: lift.unit,
            unit_of_prepared: Lift::prepared().unit,
        };
        for (index, (x, dx)) in
            x.chunks(group.max(1)).zip(dx.chunks_mut(group.max(1))).enumerate().filter(|_| any)
        {
            fields.record.inputs(first + index * GROUP, constants, x, dx, spread);
        }
        let rows = x.chunks_exact(inputs.max(1)).zip(dx.chunks_exact_mut(inputs.max(1)));
        for (row, (x, dx)) in rows.enumerate() {
            if plain.get(first + row).is_none_or(T::is_zero) {
                let cotangent = self.cotangent(g, first + row, share);
                dx.fill(T::zero());
                for component in parameters.components(shape, self.form.coordinates) {
                    component.backward(x, cotangent, &mut Gradients::none(), Some(dx), &mut scratch);
                }
            }
        }
    }

    /// Second half of the backward pass: gives the gradients of the parameters to `effects`.
    pub(super) fn gradients(&self, effects: impl Effects<T>, g: &[T], work: &mut Workspace<'_, T>) {
        let (plain, any) = (&*work.plain, work.any_plain());
        let unit = self.lift(g, plain).unit;
        let run = |_, (effects, (fields, mut locals)): (_, (Fields<'_, T>, Locals<'_, T>))| {
            self.gradients_of_part(effects, (g, unit), plain, any, fields, locals.get(0));
        };
        let parts = (effects, (work.fields.reborrow(), work.locals.reborrow()));
        self.workers.in_parts(parts, self.shape.components(), work.layout.parts, &run);
    }

    /// [`gradients`](Self::gradients) of some components.
    fn gradients_of_part(
        &self,
        effects: impl Effects<T>,
        (g, unit): (&[T], T),
        plain: &[T],
        any: bool,
        fields: Fields<'_, T>,
        local: Local<'_, T>,
    ) {
        let (inputs, stride) = (self.shape.inputs(), self.shape.inputs().next_multiple_of(LANES));
        let matrix = self.shape.outputs() * stride;
        let Fields { w, variance, of_a, of_mean, of_variance, record, .. } = fields;
        let Local { mut scratch, row: share, gradients: kept, x: space, .. } = local;
        let [wants_w, wants_mean, wants_variance] = effects.wants();

        let (x_group, alone) = (GROUP.saturating_mul(inputs).max(1), self.rows_alone(plain).next().is_some());
        let groups = if any { self.x.len().div_ceil(x_group) } else { 0 };
        let components = of_mean.len() / stride.max(1);
        let mut effects = effects.each(self.shape);
        // A few rows are added up before they are added to the rest: rounding errors grow with either number.
        let (total, some) = shape::split(kept, if record.lanes > 0 { kept.len() / 2 } else { kept.len() });
        let mut add_rows = |effect: &mut _, total: &mut [T]| {
            total.fill(T::zero());
            some.fill(T::zero());
            for (index, row) in self.rows_alone(plain).enumerate() {
                let cotangent = self.cotangent(g, row, share);
                let x = self.x.chunks_exact(inputs.max(1)).nth(row).unwrap_or_default();
                let to = if some.is_empty() { &mut *total } else { &mut *some };
                Effect::add_row(effect, x, cotangent, &mut scratch, to);
                if (index + 1).is_multiple_of(FEW) {
                    add_scaled(total, T::one(), some);
                    some.fill(T::zero());
                }
            }
            add_scaled(total, T::one(), some);
        };
        for (group, x) in self.x.chunks(x_group.max(1)).enumerate().take(groups) {
            let first = group * GROUP;
            let x = Panels::cut(inputs, x, plain.get(first..).unwrap_or_default(), space);
            let of_mean_here = wants_mean.then_some(&mut *of_mean);
            let of_variance_here = wants_variance.then_some(&mut *of_variance);
            let onto = if group == 0 { Onto::Zeros } else { Onto::Sums };
            record.add_moments_of_group(onto, first, x, of_mean_here, of_variance_here);
            for component in 0..components {
                // One group alone is done with ∂W of a component before the next; several keep it of all.
                let skip = if groups == 1 { 0 } else { component * matrix };
                let (of_w, _) = shape::split(shape::split(w, skip).1, matrix);
                let mut effect = if group + 1 < groups { None } else { effects.next() };
                if wants_w {
                    let ahead = effect.as_ref().map_or(&[][..], Effect::ahead);
                    record.add_w(onto, component, first, x, of_w, ahead);
                }
                let Some(mut effect) = effect.take() else { continue };
                if alone {
                    add_rows(&mut effect, total);
                }
                effect.add_batch(&mut Sums {
                    unit,
                    of_w,
                    of_a: row_of(of_a, component, self.shape.outputs()),
                    variance: row_of(variance, component, stride),
                    of_mean: row_of(of_mean, component, stride),
                    of_variance: row_of(of_variance, component, stride),
                });
                if alone {
                    effect.end(total);
                }
            }
        }
        // A batch of a single row.
        if groups == 0 && self.x.len() == inputs {
            let cotangent = self.cotangent(g, 0, share);
            for mut effect in effects {
                effect.use_row(self.x, cotangent, &mut scratch, kept);
            }
            return;
        }
        for mut effect in effects {
            add_rows(&mut effect, total);
            effect.end(total);
        }
    }

    /// The rows that go by themselves.
    fn rows_alone(&self, plain: &[T]) -> impl Iterator<Item = usize> {
        let rows = self.x.len() / self.shape.inputs().max(1);
        (0..rows).filter(|&row| plain.get(row).is_none_or(T::is_zero))
    }

    /// What the sum over the components is divided by.
    fn divisor(&self) -> T {
        self.form.scale.divisor(self.shape.components())
    }

    /// The cotangent of a row; overwrites `share`.
    fn cotangent<'b>(&self, g: &'b [T], row: usize, share: &'b mut [T]) -> Cotangent<'b, T> {
        let divisor = self.divisor();
        let g = g.chunks_exact(self.shape.outputs().max(1)).nth(row).unwrap_or_default();
        let lift = Lift::of_row(g);
        for (share, &g) in share.iter_mut().zip(g) {
            *share = g * lift.factor / divisor;
        }
        Cotangent { g, share, unit: lift.unit, divisor }
    }
}

/// The row `row` of a matrix of rows of `len` elements.
fn row_of<T>(rows: &mut [T], row: usize, len: usize) -> &mut [T] {
    rows.chunks_exact_mut(len.max(1)).nth(row).unwrap_or_default()
}

/// Rows of ∂x.
struct InputRows<'a, T> {
    dx: &'a mut [T],
    inputs: usize,
}

impl<T> Split for InputRows<'_, T> {
    fn split_at(self, rows: usize, _: usize) -> (Self, Self) {
        let (first, second) = shape::split(self.dx, rows * self.inputs);
        (Self { dx: first, inputs: self.inputs }, Self { dx: second, inputs: self.inputs })
    }
}

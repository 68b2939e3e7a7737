//! Forward and backward over a batch: what goes in chunks and what row by row, and in which order.
//!
//! Every stage is divided into parts that do not share what they write: by components, or by rows for ∂x. So the
//! number of parts never changes a bit.

use core::iter::repeat;

use super::JointShape;
use super::parameters::{Parameters, Target, Targets};
use super::row::add_value;
use super::workspace::{Alone, Fields, Local, Locals, Workspace};
use crate::batch::{CHUNK, GROUP, Lift, bounded, share_plain, transpose_plain};
use crate::kernel::{LANES, Onto, Panels, Rows, Split, Workers, add_scaled};
use crate::{Real, Scale, shape};

/// What is read by every stage of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a, T> {
    pub(super) shape: JointShape,
    pub(super) scale: Scale,
    pub(super) workers: Workers<'a>,
    pub(super) x: &'a [T],
}

/// Which gradients are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Of μ_ω, μ_β, C_ω, C_β.
    pub(super) blocks: [bool; 4],
    pub(super) inputs: bool,
}

impl Wanted {
    /// Whether ∂m and ∂q are.
    fn directions(self) -> bool {
        let [_, mu_b, _, c_b] = self.blocks;
        mu_b || c_b || self.inputs
    }
}

impl<T: Real> Pass<'_, T> {
    /// Fills the record, and overwrites `y` where it is wanted.
    pub(super) fn forward(
        &self,
        parameters: Parameters<'_, T>,
        y: Option<&mut [T]>,
        work: &mut Workspace<'_, T>,
    ) {
        let (layout, outputs) = (work.layout, self.shape.outputs());
        let run = |first, (fields, mut locals): (Fields<'_, T>, Locals<'_, T>)| {
            self.record(parameters.skip(self.shape, first), fields, locals.get(0));
        };
        let parts = (work.fields.reborrow(), work.locals.reborrow());
        self.workers.in_parts(parts, self.shape.components(), layout.parts, &run);
        work.combine_plain();
        let Workspace { plain, fields, locals, .. } = work;
        let Local { mut directions, outputs: y_transposed, weighted, .. } = locals.get(0);
        for (row, x) in self.rows_alone(plain) {
            for (component, parameters) in parameters.components(self.shape).enumerate() {
                let at = parameters.project(x, &mut directions);
                fields.record.set_row(component, row, &at, directions.q);
            }
        }
        let Some(y) = y else { return };
        for (chunk, y) in y.chunks_mut(CHUNK.saturating_mul(outputs).max(1)).enumerate() {
            let scratch = (&mut *y_transposed, &mut *weighted);
            let outer = (parameters.mu_w, parameters.c_w);
            fields.record.values((self.shape, self.divisor()), outer, chunk * CHUNK, y, scratch);
        }
    }

    /// Fills the record of some components; leaves all rows to the formulas for single rows where a parameter is
    /// not of ordinary size.
    fn record(&self, parameters: Parameters<'_, T>, fields: Fields<'_, T>, local: Local<'_, T>) {
        let mut record = fields.record;
        let Local { mut plain, x: transposed, .. } = local;
        let (inputs, rank) = (self.shape.inputs(), self.shape.rank());
        plain.examine(inputs, self.x);
        let components = record.mean.len() / record.lanes.max(1);
        let x_chunk = CHUNK.saturating_mul(inputs);
        let mut usual = true;
        for (chunk, (x, bounded)) in
            self.x.chunks(x_chunk.max(1)).zip(plain.bounded().chunks(CHUNK)).enumerate()
        {
            let first = chunk * CHUNK;
            let (x, stride) = transpose_plain(inputs, x, bounded, transposed);
            let x = Rows { data: &*x, stride };
            for (index, component) in parameters.components(self.shape).take(components).enumerate() {
                if chunk == 0 {
                    usual &= component.is_usual();
                }
                let next = (index + 1) * component.c_b.len();
                // What is fetched ahead must not be another part's: its lines stay where they are.
                let ahead = parameters.c_b.get(next..next + component.c_b.len());
                let ahead = ahead.filter(|_| index + 1 < components).unwrap_or_default();
                record.write_directions(index, first, (component.c_b, rank), x, ahead);
            }
            record.write_means(first, parameters.mu_b, x, inputs);
        }
        record.square(rank);
        record.rectify(parameters.c_b, inputs * rank, T::one(), repeat((T::one(), T::one())), &mut plain);
        let levels = plain.settle();
        if !usual {
            levels.fill(T::zero());
        }
    }

    /// First half of the backward pass: the sums of ∂μ_ω and ∂C_ω, the directions ∂m and ∂q of every row, and `dx`
    /// where it is wanted. Rows whose cotangents are not of ordinary size go by themselves from here on.
    pub(super) fn cotangents(
        &self,
        parameters: Parameters<'_, T>,
        g: &[T],
        wanted: Wanted,
        dx: Option<&mut [T]>,
        work: &mut Workspace<'_, T>,
    ) {
        let (layout, outputs) = (work.layout, self.shape.outputs());
        for (plain, g) in work.plain.iter_mut().zip(g.chunks_exact(outputs.max(1))) {
            if !bounded(g) {
                *plain = T::zero();
            }
        }
        let plain = &*work.plain;
        let run = |first, (fields, mut locals): (Fields<'_, T>, Locals<'_, T>)| {
            let parameters = parameters.skip(self.shape, first);
            self.cotangents_of_part(parameters, g, wanted, plain, fields, locals.get(0));
        };
        let parts = (work.fields.reborrow(), work.locals.reborrow());
        self.workers.in_parts(parts, self.shape.components(), layout.parts, &run);
        let Some(dx) = dx else { return };
        let (inputs, fields) = (self.shape.inputs(), &work.fields);
        let run = |first, (rows, mut locals): (InputRows<'_, T>, Locals<'_, T>)| {
            for (chunk, dx) in rows.dx.chunks_mut(CHUNK.saturating_mul(inputs).max(1)).enumerate() {
                let space = locals.get(0).x;
                fields.record.input_gradients(self.shape, parameters, first + chunk * CHUNK, dx, space);
            }
        };
        let rows = (InputRows { dx, inputs }, work.locals.reborrow());
        self.workers.in_parts(rows, self.x.len() / inputs.max(1), layout.parts, &run);
    }

    /// [`cotangents`](Self::cotangents) of some components.
    fn cotangents_of_part(
        &self,
        parameters: Parameters<'_, T>,
        g: &[T],
        wanted: Wanted,
        plain: &[T],
        fields: Fields<'_, T>,
        local: Local<'_, T>,
    ) {
        let Fields { of_mu_w, of_c_w, mut record, .. } = fields;
        let Local { mut directions, outputs: space, of_q, weighted, turned, .. } = local;
        let (outputs, rank, lanes) = (self.shape.outputs(), self.shape.rank(), record.lanes);
        let [mu_w, _, c_w, _] = wanted.blocks;
        of_mu_w.fill(T::zero());
        of_c_w.fill(T::zero());
        for (chunk, g) in g.chunks(CHUNK.saturating_mul(outputs).max(1)).enumerate() {
            let first = chunk * CHUNK;
            let share = share_plain(g, outputs, (Lift::none(), self.divisor()), &[], space);
            let (weighted, _) = shape::split(weighted, rank * share.stride);
            let sums = of_mu_w
                .chunks_exact_mut(outputs.max(1))
                .zip(of_c_w.chunks_exact_mut((outputs * rank).max(1)));
            for (index, (component, (of_mu_w, of_c_w))) in
                parameters.components(self.shape).zip(sums).enumerate()
            {
                let sums = (mu_w.then_some(of_mu_w), c_w.then_some(of_c_w));
                record.add_outputs((index, rank), first, share, sums, (&mut *weighted, &mut *turned));
                if wanted.directions() {
                    record.turn_directions(index, first, &component, share, of_q);
                }
            }
        }
        if !wanted.directions() {
            return;
        }
        let components = record.mean.len() / lanes.max(1);
        let (share, _) = shape::split(space, outputs);
        for (row, x) in self.rows_alone(plain) {
            self.share(g, row, share);
            for (index, component) in parameters.components(self.shape).take(components).enumerate() {
                let at = component.project(x, &mut directions);
                let of_m = component.turn(&at, share, &mut directions);
                record.set_turned_row(index, row, of_m, directions.q);
            }
        }
    }

    /// Second half of the backward pass: adds the gradients of the parameters to `targets`.
    pub(super) fn gradients(&self, targets: Targets<'_, T>, work: &mut Workspace<'_, T>) {
        let run = |_, (targets, (fields, mut locals)): (Targets<'_, T>, (Fields<'_, T>, Locals<'_, T>))| {
            self.gradients_of_part(targets, fields, locals.get(0));
        };
        let parts = (targets, (work.fields.reborrow(), work.locals.reborrow()));
        self.workers.in_parts(parts, self.shape.components(), work.layout.parts, &run);
    }

    /// [`gradients`](Self::gradients) of some components.
    fn gradients_of_part(&self, targets: Targets<'_, T>, fields: Fields<'_, T>, local: Local<'_, T>) {
        let (inputs, rank) = (self.shape.inputs(), self.shape.rank());
        let Fields { of_mu_w, of_c_w, of_mean, mut record, .. } = fields;
        let Local { x: space, of_c_b, turned, .. } = local;
        let Targets { mu_w, mu_b, c_w, mut c_b, .. } = targets;
        let directions = mu_b.is_some() || c_b.is_some();
        let groups = self.x.chunks(GROUP.saturating_mul(inputs).max(1)).enumerate();
        for (group, x) in groups.filter(|_| directions) {
            let first = group * GROUP;
            let x = Panels::cut(inputs, x, &[], space);
            if mu_b.is_some() {
                let onto = if group == 0 { Onto::Zeros } else { Onto::Sums };
                record.mean_gradients(onto, first, x, of_mean);
            }
            if let Some(Target { block, factor }) = &mut c_b {
                for (index, c_b) in block.chunks_exact_mut((inputs * rank).max(1)).enumerate() {
                    let scratch = (&mut *of_c_b, &mut *turned);
                    record.add_factor_gradients(index, first, x, (c_b, *factor), scratch);
                }
            }
        }
        if let Some(mut mu_w) = mu_w {
            mu_w.add(of_mu_w);
        }
        if let Some(mut c_w) = c_w {
            c_w.add(of_c_w);
        }
        if let Some(Target { block, factor }) = mu_b {
            let stride = inputs.next_multiple_of(LANES);
            for (mu_b, sums) in block.chunks_exact_mut(inputs.max(1)).zip(of_mean.chunks_exact(stride.max(1)))
            {
                add_scaled(mu_b, factor, sums);
            }
        }
    }

    /// The rows that go by themselves, with their numbers.
    fn rows_alone<'b>(&'b self, plain: &'b [T]) -> impl Iterator<Item = (usize, &'b [T])> {
        let rows = self.x.chunks_exact(self.shape.inputs().max(1)).zip(plain).enumerate();
        rows.filter(|(_, (_, plain))| plain.is_zero()).map(|(row, (x, _))| (row, x))
    }

    /// What the sum over the components is divided by.
    fn divisor(&self) -> T {
        self.scale.divisor(self.shape.components())
    }

    /// The cotangent of a row over the divisor.
    fn share(&self, g: &[T], row: usize, share: &mut [T]) {
        let g = g.chunks_exact(self.shape.outputs().max(1)).nth(row).unwrap_or_default();
        for (share, &g) in share.iter_mut().zip(g) {
            *share = g / self.divisor();
        }
    }
}

/// A batch that goes row by row.
impl<T: Real> Pass<'_, T> {
    /// Overwrites `y`.
    pub(super) fn forward_alone(&self, parameters: Parameters<'_, T>, y: &mut [T], work: &mut Alone<'_, T>) {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let directions = &mut work.directions;
        for (x, y) in shape::side_by_side(self.x, inputs, y, outputs) {
            y.fill(T::zero());
            for component in parameters.components(self.shape) {
                let at = component.project(x, directions);
                add_value((component.mu_w, component.c_w), &at, directions.q, y);
            }
            for y in y {
                *y /= self.divisor();
            }
        }
    }

    /// First half of the backward pass: a mark of every row and component, and `dx` where it is wanted.
    pub(super) fn cotangents_alone(
        &self,
        parameters: Parameters<'_, T>,
        g: &[T],
        mut dx: Option<&mut [T]>,
        work: &mut Alone<'_, T>,
    ) {
        let (shape, inputs) = (self.shape, self.shape.inputs());
        let Alone { directions, share, marks } = work;
        for (row, (x, marks)) in self.x.chunks_exact(inputs.max(1)).zip(Mark::all(marks, shape)).enumerate() {
            self.share(g, row, share);
            let mut dx = dx.as_deref_mut().and_then(|dx| dx.chunks_exact_mut(inputs.max(1)).nth(row));
            if let Some(dx) = dx.as_deref_mut() {
                dx.fill(T::zero());
            }
            for (component, mark) in parameters.components(shape).zip(marks) {
                let at = component.project(x, directions);
                *mark.mean = at.mean;
                for (weighted, &q) in mark.weighted.iter_mut().zip(directions.q.iter()) {
                    *weighted = q * at.probability;
                }
                *mark.of_m = component.turn(&at, share, directions);
                for (of_q, &q) in mark.of_q.iter_mut().zip(directions.q.iter()) {
                    *of_q = q;
                }
                if let Some(dx) = dx.as_deref_mut() {
                    component.add_input(*mark.of_m, mark.of_q, dx);
                }
            }
        }
    }

    /// Second half of the backward pass: adds the gradients of the parameters to `targets`.
    pub(super) fn gradients_alone(&self, mut targets: Targets<'_, T>, g: &[T], work: &mut Alone<'_, T>) {
        let (shape, rank) = (self.shape, self.shape.rank());
        let Alone { share, marks, .. } = work;
        let rows = self.x.chunks_exact(shape.inputs().max(1)).zip(Mark::all(marks, shape));
        for (row, (x, marks)) in rows.enumerate() {
            self.share(g, row, share);
            for (index, mark) in marks.enumerate() {
                if let Some((mu_w, factor)) = of_component(&mut targets.mu_w, index, share.len()) {
                    add_scaled(mu_w, factor * *mark.mean, share);
                }
                if let Some((mu_b, factor)) = of_component(&mut targets.mu_b, index, x.len()) {
                    add_scaled(mu_b, factor * *mark.of_m, x);
                }
                if let Some((c_w, factor)) = of_component(&mut targets.c_w, index, share.len() * rank) {
                    add_products(c_w, factor, share, mark.weighted);
                }
                if let Some((c_b, factor)) = of_component(&mut targets.c_b, index, x.len() * rank) {
                    add_products(c_b, factor, x, mark.of_q);
                }
            }
        }
    }
}

/// The share of a component, `len` elements, in a block, and the factor of what is added to it.
fn of_component<'a, T: Real>(
    target: &'a mut Option<Target<'_, T>>,
    component: usize,
    len: usize,
) -> Option<(&'a mut [T], T)> {
    let Target { block, factor } = target.as_mut()?;
    Some((block.chunks_exact_mut(len.max(1)).nth(component)?, *factor))
}

/// c += factor a bᵀ.
fn add_products<T: Real>(c: &mut [T], factor: T, a: &[T], b: &[T]) {
    for (c, &a) in c.chunks_exact_mut(b.len().max(1)).zip(a) {
        add_scaled(c, factor * a, b);
    }
}

/// What the second half of the backward pass needs of one row and one component: r, ∂m, q p, ∂q.
struct Mark<'a, T> {
    mean: &'a mut T,
    of_m: &'a mut T,
    weighted: &'a mut [T],
    of_q: &'a mut [T],
}

impl<'a, T> Mark<'a, T> {
    /// The marks of a batch: those of each row, of each component.
    fn all(marks: &'a mut [T], shape: JointShape) -> impl Iterator<Item = impl Iterator<Item = Mark<'a, T>>> {
        let len = Alone::<T>::mark_len(shape);
        marks.chunks_exact_mut((len * shape.components()).max(1)).map(move |marks| {
            marks.chunks_exact_mut(len.max(1)).filter_map(move |mark| {
                let (mean, rest) = mark.split_first_mut()?;
                let (of_m, rest) = rest.split_first_mut()?;
                let (weighted, of_q) = shape::split(rest, shape.rank());
                Some(Mark { mean, of_m, weighted, of_q })
            })
        })
    }
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

//! Forward and backward over a batch: the stages and their order.
//!
//! From 8 rows on the batch runs along the vector lanes, and all sums are matrix products
//! ([`products`](super::products)); fewer rows go one by one ([`row`](super::row)), and so do all rows of a component
//! whose parameters are too large or too small for the products. Every stage is divided into parts that do not share
//! what they write: by components, or by rows for ∂x. So the number of parts never changes a bit.

use super::JointShape;
use super::layout::{Cotangents, Layout, Local, Saved, Scratch};
use super::parameters::{Parameters, Targets};
use super::products::{add_gradients, combine, project, pull_back, write_squares, write_weighted};
use crate::kernel::{Panels, Rows, RowsMut, Workers, add_scaled, transpose};
use crate::mixture::{
    Activations, CHUNK, Fields, GROUP, Locals, PLAIN_ROWS, add_compensated, any_scaled, back_factors,
    cotangent_scale, input_scale, least_deviation, measure, scale_lanes, transpose_scaled, unscale_rows,
};
use crate::rectified::norm;
use crate::slices::{after, column, row as row_of, rows, take, zip_rows};
use crate::{Error, Real, Scale};

/// What is read by every stage of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a, T> {
    pub(super) shape: JointShape,
    pub(super) scale: Scale,
    pub(super) workers: Workers<'a>,
    pub(super) layout: Layout,
    pub(super) x: &'a [T],
    /// Whether all components are known to fit a batch.
    pub(super) all_fit: bool,
}

impl<T: Real> Pass<'_, T> {
    /// Overwrites `y` with h(x), and saves the activations. Not inlined, so that a few rows need less stack.
    #[inline(never)]
    pub(super) fn forward_batch(
        &self,
        parameters: Parameters<'_, T>,
        y: &mut [T],
        saved: &mut [T],
        scratch: &mut [T],
    ) -> Result<(), Error> {
        let (layout, inputs, outputs) = (self.layout, self.shape.inputs(), self.shape.outputs());
        let Scratch { sizes, cotangents, mut locals, .. } = Scratch::cut(layout, scratch)?;
        let (scales, mut saved) = layout.cut_saved(saved);
        measure(self.x, inputs, scales, sizes, input_scale);
        let (scales, sizes) = (&*scales, &*sizes);
        let [q_p, ..] = cotangents.fields;
        let run = |first, (saved, (q_p, locals)): (_, (Fields<&mut [T], 1>, Locals<'_, T>))| {
            let ([q_p], own) = (q_p.fields, parameters.skip(self.shape, first));
            self.activate(own, (scales, sizes), saved, q_p, layout.cut_local(locals));
        };
        let q_p_fields = Fields::one(self.shape.rank() * layout.lanes, &mut *q_p);
        let parts = (saved.reborrow(), (q_p_fields, locals.reborrow()));
        self.workers.in_parts(parts, self.shape.components(), layout.parts, &run);

        let [fits, _, _, r, ..] = saved.as_ref().fields;
        combine(y, outputs, (layout.lanes, 0), [r, q_p], [parameters.mu_w, parameters.c_w]);
        y.iter_mut().for_each(|y| *y /= self.divisor());
        unscale_rows(y, outputs, scales);
        self.add_values_apart(fits, parameters, y, layout.cut_local(locals));
        Ok(())
    }

    /// Writes the activations of some components, and q p.
    fn activate(
        &self,
        parameters: Parameters<'_, T>,
        (scales, sizes): (&[T], &[T]),
        saved: Saved<&mut [T]>,
        q_p: &mut [T],
        local: Local<'_, T>,
    ) {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let (rank, lanes) = (self.shape.rank(), self.layout.lanes);
        let [fits, divides, activations @ ..] = saved.fields;
        let mut activations = Activations::new(lanes, activations);
        for (component, fits) in parameters.components(self.shape).zip(&mut *fits) {
            let size = if self.all_fit { Some(T::zero()) } else { component.fits() };
            *fits = size.map_or_else(T::zero, |size| least_deviation(size, outputs * rank));
        }
        for (chunk, x) in rows(self.x, CHUNK * inputs).enumerate() {
            let first = chunk * CHUNK;
            let (x, stride) = transpose_scaled(inputs, x, after(scales, first), local.x);
            let (to, x) = ([&mut *activations.r, &mut *activations.linear], Rows { data: &*x, stride });
            project(to, (lanes, first), [parameters.mu_b, parameters.c_b], x, inputs);
        }
        let (q, unit) = (core::mem::take(&mut activations.linear), local.row.vectors.unit);
        let factors = zip_rows(q, rank * lanes, q_p, rank * lanes);
        divides.fill(T::zero());
        let factors = factors.zip(zip_rows(&*fits, 1, divides, 1));
        for (index, ((q, q_p), (least, divides))) in factors.enumerate() {
            let &[least] = least else { continue };
            if least.is_zero() {
                q.fill(T::zero());
                q_p.fill(T::zero());
                activations.clear(index);
                continue;
            }
            write_squares(q, row_of(&mut *activations.inv_s, index, lanes));
            let all_divide = activations.rectify(index, sizes, least, |lane| {
                let q = column(q, lane, lanes);
                unit.iter_mut().zip(q).for_each(|(unit, &q)| *unit = q);
                norm(unit).0
            });
            if all_divide {
                divides.fill(T::one());
            }
            write_weighted(q, row_of(&*activations.p, index, lanes), q_p);
        }
    }

    /// Uses the gradients of ⟨g, h⟩, and overwrites `dx` where it is wanted.
    #[inline(never)]
    pub(super) fn backward_batch(
        &self,
        targets: Targets<'_, T>,
        g: &[T],
        saved: &[T],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error> {
        let layout = self.layout;
        let Scratch { sizes, g_scales, back, g: scaled_g, g_transposed, mut cotangents, sums, mut locals } =
            Scratch::cut(layout, scratch)?;
        let (components, inputs, outputs) =
            (self.shape.components(), self.shape.inputs(), self.shape.outputs());
        let (scales, saved) = layout.cut_saved(saved);
        measure(g, outputs, g_scales, sizes, cotangent_scale);
        let (g_scales, [first, second]) = (&*g_scales, back);
        for ((scaled, g), scale) in zip_rows(&mut *scaled_g, outputs, g, outputs).zip(g_scales) {
            scaled.iter_mut().zip(g).for_each(|(scaled, &g)| *scaled = g * *scale / self.divisor());
        }
        let scaled_g = Rows { data: &*scaled_g, stride: outputs };
        let stride = layout.lanes;
        transpose(scaled_g, RowsMut { data: &mut *g_transposed, stride }, layout.batch, outputs);
        let g_transposed = Rows { data: &*g_transposed, stride };
        let scaled = any_scaled(scales) || any_scaled(g_scales);
        if scaled {
            back_factors(scales, g_scales, [&mut *first, &mut *second]);
        }
        let back = scaled.then_some([&*first, &*second]);

        let parameters = targets.parameters();
        let run = |first, (saved, cotangents): (Saved<&[T]>, Cotangents<&mut [T]>)| {
            self.pull_back(parameters.skip(self.shape, first), g_transposed, saved, cotangents);
        };
        self.workers.in_parts((saved, cotangents.reborrow()), components, layout.parts, &run);
        if let Some(dx) = dx {
            let [_, d_q, _, d_m] = cotangents.as_ref().fields;
            let run = |first, (rows, locals): (Fields<&mut [T], 1>, Locals<'_, T>)| {
                let [rows] = rows.fields;
                let lanes = (layout.lanes, first);
                combine(rows, inputs, lanes, [d_m, d_q], [parameters.mu_b, parameters.c_b]);
                unscale_rows(rows, inputs, after(g_scales, first));
                let local = layout.cut_local(locals);
                self.add_inputs_apart(saved.fields[1], parameters, (first, rows), g, local);
            };
            let rows = (Fields::one(inputs, dx), locals.reborrow());
            self.workers.in_parts(rows, layout.batch, layout.parts, &run);
        }
        let run = |_,
                   (targets, (saved, (cotangents, (sums, locals)))): (
            _,
            (Saved<&[T]>, (_, (_, Locals<'_, T>))),
        )| {
            let rows = (scales, g, scaled_g.data, back);
            self.sum_gradients(targets, rows, saved.fields[1], cotangents, sums, layout.cut_local(locals));
        };
        let parts = (targets, (saved, (cotangents, (sums, locals))));
        self.workers.in_parts(parts, components, layout.parts, &run);
        Ok(())
    }

    /// The cotangents of some components.
    fn pull_back(
        &self,
        parameters: Parameters<'_, T>,
        g: Rows<'_, T>,
        saved: Saved<&[T]>,
        cotangents: Cotangents<&mut [T]>,
    ) {
        let (rank, lanes) = (self.shape.rank(), self.layout.lanes);
        let [_, divides, activations @ ..] = saved.fields;
        let activations = Activations::new(lanes, activations);
        let [q_p, d_q, r, d_m] = cotangents.fields;
        let to = [&mut *d_m, &mut *d_q];
        project(to, (lanes, 0), [parameters.mu_w, parameters.c_w], g, self.shape.outputs());
        for (component, divides) in divides.iter().enumerate() {
            let means = [&mut *r, &mut *d_m].map(|field| row_of(field, component, lanes));
            let factors = [&mut *q_p, &mut *d_q].map(|field| row_of(field, component, rank * lanes));
            if divides.is_zero() {
                means.into_iter().chain(factors).for_each(|field| field.fill(T::zero()));
            } else {
                pull_back(activations.component(component, rank), means, factors);
            }
        }
    }

    /// Sums the gradients of some components over the batch, and uses them.
    fn sum_gradients(
        &self,
        mut targets: Targets<'_, T>,
        (scales, g, scaled_g, back): (&[T], &[T], &[T], Option<[&[T]; 2]>),
        divides: &[T],
        mut cotangents: Cotangents<&mut [T]>,
        sums: Fields<&mut [T], 1>,
        local: Local<'_, T>,
    ) {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        if let Some(factors) = back {
            for field in &mut cotangents.fields {
                factors.iter().for_each(|factors| scale_lanes(field, self.layout.lanes, factors));
            }
        }
        let Local { mut row, gradients, x: space } = local;
        let groups = zip_rows(self.x, GROUP * inputs, scaled_g, GROUP * outputs);
        if self.layout.has_groups() {
            let [mut rest] = sums.fields;
            let len = rest.len() / 3;
            let [block, totals, errors] = [(); 3].map(|()| take(&mut rest, len));
            totals.fill(T::zero());
            errors.fill(T::zero());
            for (group, rows) in groups.enumerate() {
                let first = group * GROUP;
                if first.is_multiple_of(PLAIN_ROWS) {
                    block.fill(T::zero());
                }
                self.add_group(&mut targets.keep(block), (first, scales), rows, &cotangents, space);
                if (first + GROUP).is_multiple_of(PLAIN_ROWS) || first + GROUP >= self.layout.batch {
                    add_compensated(totals, errors, block);
                }
            }
            add_scaled(totals, T::one(), errors);
            targets.take(totals);
        } else {
            let Targets { mu_w, c_w, mu_b, c_b, .. } = &mut targets;
            for (target, field) in [c_w, c_b, mu_w, mu_b].into_iter().zip(&mut cotangents.fields) {
                if let Some((_, rate)) = target.destination() {
                    field.iter_mut().for_each(|coefficient| *coefficient *= rate);
                }
            }
            for rows in groups {
                self.add_group(&mut targets, (0, scales), rows, &cotangents, space);
            }
        }
        for (target, divides) in targets.components().zip(divides) {
            if divides.is_zero() {
                let powers = Some(target.component().powers());
                self.use_rows(target, powers, g, &mut row, gradients);
            }
        }
    }

    /// Adds the gradients of some components over a group of rows.
    fn add_group(
        &self,
        targets: &mut Targets<'_, T>,
        (first, scales): (usize, &[T]),
        (x, g): (&[T], &[T]),
        cotangents: &Cotangents<&mut [T]>,
        space: &mut [T],
    ) {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let (lanes, [q_p, d_q, r, d_m]) = ((self.layout.lanes, first), cotangents.as_ref().fields);
        let x = Panels::pack(inputs, x, after(scales, first), space);
        add_gradients([&mut targets.mu_b, &mut targets.c_b], inputs, lanes, [d_m, d_q], x);
        let g = Rows { data: g, stride: outputs };
        add_gradients([&mut targets.mu_w, &mut targets.c_w], outputs, lanes, [r, q_p], g.into());
    }

    /// What the sum over the components is divided by.
    pub(super) fn divisor(&self) -> T {
        self.scale.divisor(self.shape.components())
    }
}

//! Forward and backward over a batch: the stages and their order.
//!
//! From 8 rows on the batch runs along the vector lanes, and all sums are matrix products
//! ([`products`](super::products)); fewer rows go one by one ([`row`](super::row)), and so do all rows of a component
//! whose parameters are too large or too small for the products. Every stage is divided into parts that do not share
//! what they write: by components, or by rows for ∂x. So the number of parts never changes a bit.

use super::JointShape;
use super::layout::{Cotangents, Layout, Local, Locals, Saved, Scratch};
use super::parameters::{Parameters, Targets};
use super::products::{add_gradients, combine, project, write_squares, write_weighted};
use crate::kernel::{Panels, Rows, RowsMut, Workers, add_scaled, transpose};
use crate::mixture::{
    CHUNK, GROUP, Items, PLAIN_ROWS, add_compensated, any_scaled, back_factors, cotangent_scale, input_scale,
    measure, scale_lanes, transpose_scaled, unscale_rows,
};
use crate::rectified::norm;
use crate::slices::{after, row as row_of, take, zip_rows};
use crate::{Error, Real, Scale};

/// What is read by every stage of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a, T> {
    pub(super) shape: JointShape,
    pub(super) scale: Scale,
    pub(super) workers: Workers<'a>,
    pub(super) layout: Layout,
    pub(super) x: &'a [T],
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
        let Scratch { rows, cotangents, mut locals, .. } = Scratch::cut(layout, scratch)?;
        let (scales, mut saved) = Saved::cut(layout, saved);
        measure(self.x, inputs, scales, rows.sizes, input_scale);
        let (scales, sizes) = (&*scales, &*rows.sizes);
        let run = |first, (saved, (q_p, mut locals)): (Saved<&mut [T]>, (Items<'_, T>, Locals<'_, T>))| {
            self.activate(
                parameters.skip(self.shape, first),
                (scales, sizes),
                saved,
                q_p.data,
                locals.first(),
            );
        };
        let q_p = Items { data: &mut *cotangents.q_p, each: self.shape.rank() * layout.lanes };
        let parts = (saved.reborrow(), (q_p, locals.reborrow()));
        self.workers.in_parts(parts, self.shape.components(), layout.parts, &run);

        let coefficients = [&*saved.activations.r, &*cotangents.q_p];
        combine(y, outputs, (layout.lanes, 0), coefficients, [parameters.mu_w, parameters.c_w]);
        y.iter_mut().for_each(|y| *y /= self.divisor());
        unscale_rows(y, outputs, scales);
        self.add_values_apart(saved.fits, parameters, y, locals.first());
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
        let (inputs, rank, lanes) = (self.shape.inputs(), self.shape.rank(), self.layout.lanes);
        let Saved { fits, mut activations, .. } = saved;
        for (component, fits) in parameters.components(self.shape).zip(&mut *fits) {
            *fits = if component.fits() { T::one() } else { T::zero() };
        }
        for (chunk, x) in self.x.chunks((CHUNK * inputs).max(1)).enumerate() {
            let first = chunk * CHUNK;
            let (x, stride) = transpose_scaled(inputs, x, after(scales, first), local.x);
            let (to, x) = ([&mut *activations.r, &mut *activations.linear], Rows { data: &*x, stride });
            project(to, (lanes, first), [parameters.mu_b, parameters.c_b], x, inputs);
        }
        let (q, unit) = (core::mem::take(&mut activations.linear), local.row.vectors.unit);
        let factors = zip_rows(q, rank * lanes, q_p, rank * lanes);
        for (index, ((q, q_p), fits)) in factors.zip(&*fits).enumerate() {
            if fits.is_zero() {
                q.fill(T::zero());
                q_p.fill(T::zero());
                activations.clear(index);
                continue;
            }
            write_squares(q, row_of(&mut *activations.inv_s, index, lanes));
            activations.rectify(index, sizes, |lane| {
                let q = q.iter().skip(lane).step_by(lanes.max(1));
                unit.iter_mut().zip(q).for_each(|(unit, &q)| *unit = q);
                norm(unit).0
            });
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
        let Scratch { rows, mut cotangents, sums, mut locals } = Scratch::cut(layout, scratch)?;
        let (components, inputs, outputs) =
            (self.shape.components(), self.shape.inputs(), self.shape.outputs());
        let (scales, saved) = Saved::cut(layout, saved);
        measure(g, outputs, rows.g_scales, rows.sizes, cotangent_scale);
        let g_scales = &*rows.g_scales;
        for ((scaled, g), scale) in zip_rows(&mut *rows.g, outputs, g, outputs).zip(g_scales) {
            scaled.iter_mut().zip(g).for_each(|(scaled, &g)| *scaled = g * *scale / self.divisor());
        }
        let scaled_g = Rows { data: &*rows.g, stride: outputs };
        let stride = layout.lanes;
        transpose(scaled_g, RowsMut { data: &mut *rows.g_transposed, stride }, layout.batch, outputs);
        let g_transposed = Rows { data: &*rows.g_transposed, stride };
        let [first, second] = rows.back;
        let scaled = any_scaled(scales) || any_scaled(g_scales);
        if scaled {
            back_factors(scales, g_scales, [&mut *first, &mut *second]);
        }
        let back = scaled.then_some([&*first, &*second]);

        {
            let parameters = targets.parameters();
            let run = |first, (saved, cotangents): (Saved<&[T]>, Cotangents<&mut [T]>)| {
                self.pull_back(parameters.skip(self.shape, first), g_transposed, saved, cotangents);
            };
            self.workers.in_parts((saved, cotangents.reborrow()), components, layout.parts, &run);
            if let Some(dx) = dx {
                let cotangents = [&*cotangents.d_m, &*cotangents.d_q];
                let run = |first, (rows, mut locals): (Items<'_, T>, Locals<'_, T>)| {
                    let lanes = (layout.lanes, first);
                    combine(rows.data, inputs, lanes, cotangents, [parameters.mu_b, parameters.c_b]);
                    unscale_rows(rows.data, inputs, after(g_scales, first));
                    self.add_inputs_apart(saved.fits, parameters, (first, rows.data), g, locals.first());
                };
                let rows = Items { data: dx, each: inputs };
                self.workers.in_parts((rows, locals.reborrow()), layout.batch, layout.parts, &run);
            }
        }
        let run = |_,
                   (targets, (saved, (cotangents, (sums, mut locals)))): (
            _,
            (Saved<&[T]>, (_, (_, Locals<'_, T>))),
        )| {
            let rows = (scales, g, scaled_g.data, back);
            self.sum_gradients(targets, rows, saved.fits, cotangents, sums, locals.first());
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
        mut cotangents: Cotangents<&mut [T]>,
    ) {
        let to = [&mut *cotangents.d_m, &mut *cotangents.d_q];
        project(to, (self.layout.lanes, 0), [parameters.mu_w, parameters.c_w], g, self.shape.outputs());
        for (component, fits) in saved.fits.iter().enumerate() {
            if fits.is_zero() {
                cotangents.clear(component);
            } else {
                cotangents.pull_back(component, saved.activations);
            }
        }
    }

    /// Sums the gradients of some components over the batch, and uses them.
    fn sum_gradients(
        &self,
        mut targets: Targets<'_, T>,
        (scales, g, scaled_g, back): (&[T], &[T], &[T], Option<[&[T]; 2]>),
        fits: &[T],
        mut cotangents: Cotangents<&mut [T]>,
        sums: Items<'_, T>,
        local: Local<'_, T>,
    ) {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        if let Some(factors) = back {
            for field in cotangents.fields() {
                factors.iter().for_each(|factors| scale_lanes(field, self.layout.lanes, factors));
            }
        }
        let Local { mut row, gradients, x: space } = local;
        let groups = zip_rows(self.x, GROUP * inputs, scaled_g, GROUP * outputs);
        if self.layout.has_groups() {
            let len = sums.data.len() / 3;
            let mut rest = sums.data;
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
            for (target, field) in [c_w, c_b, mu_w, mu_b].into_iter().zip(cotangents.fields()) {
                if let Some((_, rate)) = target.destination() {
                    field.iter_mut().for_each(|coefficient| *coefficient *= rate);
                }
            }
            for rows in groups {
                self.add_group(&mut targets, (0, scales), rows, &cotangents, space);
            }
        }
        for (target, fits) in targets.components().zip(fits) {
            if fits.is_zero() {
                self.use_apart(target, g, &mut row, gradients);
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
        let (lanes, Cotangents { q_p, d_q, r, d_m, .. }) = ((self.layout.lanes, first), cotangents);
        let x = Panels::pack(inputs, x, after(scales, first), space);
        add_gradients([&mut targets.mu_b, &mut targets.c_b], inputs, lanes, [d_m, d_q], x);
        let g = Rows { data: g, stride: outputs };
        add_gradients([&mut targets.mu_w, &mut targets.c_w], outputs, lanes, [r, q_p], g.into());
    }

    /// What the sum over the components is divided by.
    fn divisor(&self) -> T {
        self.scale.divisor(self.shape.components())
    }
}

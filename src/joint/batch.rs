//! Forward and backward over a batch: the stages and their order.
//!
//! From 8 rows on the batch runs along the vector lanes, and all sums are matrix products
//! ([`products`](super::products)); fewer rows go one by one ([`row`](super::row)), and so do all rows of a component
//! whose parameters are too large or too small for the products. Every stage is divided into parts that do not share
//! what they write: by components, or by rows for ∂x. So the number of parts never changes a bit.

use super::JointShape;
use super::layout::{Cotangents, Layout, Local, Members, Saved, Scratch, Sums};
use super::parameters::{Parameters, Targets};
use super::products::{
    add_gradient, add_members, combine, project, pull_back, write_squares, write_weighted,
};
use super::tied::{write_d_q, write_outer};
use crate::kernel::{Panels, Rows, RowsMut, Workers, add_scaled, transpose};
use crate::mixture::{
    Activations, CHUNK, Fields, GROUP, Locals, PLAIN_ROWS, Share, add_compensated, any_scaled, back_factors,
    cotangent_scale, input_scale, invert, largest_of, measure, rectify, scale_lanes, take_roots,
    transpose_scaled, unscale_rows,
};
use crate::rectified::norm;
use crate::slices::{Slice, after, column, copy, count, row as row_of, rows, take, zip_rows};
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
        let (components, lanes) = (self.shape.components(), layout.lanes);
        let Scratch { sizes, cotangents, mut locals, .. } = Scratch::cut(layout, scratch)?;
        let Saved { scales, q, inv_s, slopes, mut members } = layout.cut_saved(saved);
        measure(self.x, inputs, scales, sizes, input_scale);
        let scales = &*scales;
        let run = |_,
                   (own, (members, (q, locals))): (
            Targets<'_, T>,
            (Members<&mut [T]>, (Share<_>, Locals<'_, T>)),
        )| {
            let [_, r, ..] = members.fields;
            self.project(own.parameters(), scales, [r, q.rows], layout.cut_local(locals));
        };
        let rows = Share { rows: &mut *q, width: lanes, items: components };
        let own = Targets::frozen(self.shape, parameters);
        self.workers.in_parts(
            (own, (members.reborrow(), (rows, locals.reborrow()))),
            components,
            layout.parts,
            &run,
        );

        let mut local = layout.cut_local(locals);
        self.write_deviations(parameters, (q, inv_s), sizes, &mut members, &mut local);
        let (q, s) = (&*q, &*inv_s);
        let [_, q_p, ..] = cotangents.fields;
        let run = |first, (members, q_p): (Members<&mut [T]>, Fields<&mut [T], 1>)| {
            let [q_p] = q_p.fields;
            self.rectify(first, (q, s), members, q_p);
        };
        let parts = (members.reborrow(), Fields::one(layout.coefficients(), &mut *q_p));
        self.workers.in_parts(parts, components, layout.parts, &run);
        invert(inv_s);

        let [fits, r, ..] = members.as_ref().fields;
        if self.shape.is_tied() {
            combine(y, outputs, (lanes, 0), [r, &[]], [parameters.mu_w, &[]]);
            self.add_tied_values([parameters.c_w, q_p, q], slopes, y, sizes);
        } else {
            combine(y, outputs, (lanes, 0), [r, q_p], [parameters.mu_w, parameters.c_w]);
        }
        y.iter_mut().for_each(|y| *y /= self.divisor());
        unscale_rows(y, outputs, scales);
        self.add_values_apart(fits, parameters, y, local);
        Ok(())
    }

    /// m of some components, and their share of q.
    fn project(
        &self,
        parameters: Parameters<'_, T>,
        scales: &[T],
        [m, q]: [&mut [T]; 2],
        local: Local<'_, T>,
    ) {
        let (inputs, lanes) = (self.shape.inputs(), self.layout.lanes);
        for (chunk, x) in rows(self.x, CHUNK * inputs).enumerate() {
            let first = chunk * CHUNK;
            let (x, stride) = transpose_scaled(inputs, x, after(scales, first), local.x);
            let (to, x) = ([&mut *m, &mut *q], Rows { data: &*x, stride });
            project(to, (lanes, first), [parameters.mu_b, parameters.c_b], x, inputs);
        }
    }

    /// s of all families, and which components go along with the batch: all of a family, or none.
    fn write_deviations(
        &self,
        parameters: Parameters<'_, T>,
        (q, s): (&mut [T], &mut [T]),
        sizes: &[T],
        members: &mut Members<&mut [T]>,
        local: &mut Local<'_, T>,
    ) {
        let (rank, lanes) = (self.shape.rank(), self.layout.lanes);
        let [fits, ..] = &mut members.fields;
        let unit = &mut *local.row.vectors.unit;
        let factors = zip_rows(q, rank * lanes, s, lanes).zip(rows(&mut **fits, self.shape.members()));
        for (family, ((q, s), fits)) in parameters.families(self.shape).zip(factors) {
            if !(self.all_fit || family.fits()) {
                [fits, q, s].into_iter().for_each(|field| field.fill(T::zero()));
                continue;
            }
            fits.fill(T::one());
            write_squares(q, s);
            take_roots(s, sizes, |lane| {
                let q = column(q, lane, lanes);
                unit.iter_mut().zip(q).for_each(|(unit, &q)| *unit = q);
                norm(unit).0
            });
        }
    }

    /// The activations of some components, from `first` on, and q p, or p of a tied layer.
    fn rectify(&self, first: usize, (q, s): (&[T], &[T]), members: Members<&mut [T]>, q_p: &mut [T]) {
        let (rank, lanes) = (self.shape.rank(), self.layout.lanes);
        let [fits, r, p, phi, t_phi] = members.fields;
        let fields = zip_rows(r, lanes, p, lanes).zip(zip_rows(phi, lanes, t_phi, lanes));
        let fields = fields.zip(rows(q_p, self.layout.coefficients())).zip(&*fits).enumerate();
        for (index, ((((r, p), (phi, t_phi)), q_p), fits)) in fields {
            if fits.is_zero() {
                [r, p, phi, t_phi, q_p].into_iter().for_each(|field| field.fill(T::zero()));
                continue;
            }
            let family = (first + index) / self.shape.members();
            rectify(r, row_of(s, family, lanes), [&mut *p, phi, t_phi]);
            if self.shape.is_tied() {
                copy(p, q_p);
            } else {
                write_weighted(row_of(q, family, rank * lanes), p, q_p);
            }
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
        let (components, inputs, outputs) =
            (self.shape.components(), self.shape.inputs(), self.shape.outputs());
        let Saved { scales, q, inv_s, slopes, members } = layout.cut_saved(saved);
        let scratch = Scratch::cut(layout, scratch)?;
        let Scratch { sizes, g_scales, back, g: scaled_g, g_transposed, .. } = scratch;
        let Scratch { shared: [q_g, shared_d_q], mut cotangents, sums, mut locals, .. } = scratch;
        measure(g, outputs, g_scales, sizes, cotangent_scale);
        let (g_scales, [first, second]) = (&*g_scales, back);
        for ((scaled, g), scale) in zip_rows(&mut *scaled_g, outputs, g, outputs).zip(g_scales) {
            scaled.iter_mut().zip(g).for_each(|(scaled, &g)| *scaled = g * *scale / self.divisor());
        }
        let scaled_g = Rows { data: &*scaled_g, stride: outputs };
        let stride = layout.lanes;
        transpose(scaled_g, RowsMut { data: &mut *g_transposed, stride }, layout.batch, outputs);
        let g_transposed = &*g_transposed;
        let scaled = any_scaled(scales) || any_scaled(g_scales);
        if scaled {
            back_factors(scales, g_scales, [&mut *first, &mut *second]);
        }
        let back = scaled.then_some([&*first, &*second]);

        let parameters = targets.parameters();
        if self.shape.is_tied() {
            write_outer(q, g_transposed, layout.lanes, q_g);
        }
        let q_g = &*q_g;
        let run =
            |first, (own, (members, cotangents)): (Targets<'_, T>, (Members<&[T]>, Cotangents<&mut [T]>))| {
                if self.shape.is_tied() {
                    let [_, saved @ ..] = members.fields;
                    let ([_, cotangents @ ..], read) = (cotangents.fields, [g_transposed, q_g, inv_s]);
                    self.pull_back_tied(own.parameters(), read, saved, cotangents);
                } else {
                    let read = (g, g_transposed, q, inv_s, members);
                    self.pull_back(first, own.parameters(), read, cotangents);
                }
            };
        let own = Targets::frozen(self.shape, parameters);
        self.workers.in_parts((own, (members, cotangents.reborrow())), components, layout.parts, &run);
        let [divides, q_p, d_q, r, d_m] = cotangents.fields;
        let d_q = if self.shape.is_tied() {
            let d_s = add_members(d_q, layout.lanes);
            write_d_q(q, d_s, slopes, g_transposed, shared_d_q);
            copy(members.fields[0], divides);
            if divides.iter().any(T::is_zero) || !self.divides(shared_d_q, g) {
                self.backward_by_rows(targets, g, dx, locals);
                return Ok(());
            }
            shared_d_q
        } else {
            d_q
        };
        let divides = &*divides;
        if let Some(dx) = dx {
            let (d_m, d_q) = (&*d_m, &*d_q);
            let run = |first, (rows, locals): (Fields<&mut [T], 1>, Locals<'_, T>)| {
                let [rows] = rows.fields;
                let lanes = (layout.lanes, first);
                combine(rows, inputs, lanes, [d_m, d_q], [parameters.mu_b, parameters.c_b]);
                unscale_rows(rows, inputs, after(g_scales, first));
                let local = layout.cut_local(locals);
                self.add_inputs_apart(divides, parameters, (first, rows), g, local);
            };
            let rows = (Fields::one(inputs, dx), locals.reborrow());
            self.workers.in_parts(rows, layout.batch, layout.parts, &run);
        }
        let run = |_,
                   (targets, (divides, (factors, (d_q, (sums, locals))))): (
            _,
            (Fields<&[T], 1>, (Fields<&mut [T], 3>, (Share<&mut [T]>, (Sums<'_, T>, Locals<'_, T>)))),
        )| {
            let [q_p, r, d_m] = factors.fields;
            let (rows, local) = ((scales, g, scaled_g.data, q_g, back), layout.cut_local(locals));
            let [divides] = divides.fields;
            self.sum_gradients(targets, rows, divides, [q_p, d_q.rows, r, d_m], sums.data, local);
        };
        let factors = Fields::new([layout.coefficients(), layout.lanes, layout.lanes], [q_p, r, d_m]);
        let d_q = Share { rows: d_q, width: layout.lanes, items: components };
        let divides = Fields::new([1], [divides]);
        let parts = (targets, (divides, (factors, (d_q, (sums, locals)))));
        self.workers.in_parts(parts, components, layout.parts, &run);
        Ok(())
    }

    /// The cotangents of some components, from `first` on.
    fn pull_back(
        &self,
        first: usize,
        parameters: Parameters<'_, T>,
        (g, g_transposed, q, inv_s, members): (&[T], &[T], &[T], &[T], Members<&[T]>),
        cotangents: Cotangents<&mut [T]>,
    ) {
        let (rank, lanes) = (self.shape.rank(), self.layout.lanes);
        let [fits, fields @ ..] = members.fields;
        let [divides, q_p, d_q, r, d_m] = cotangents.fields;
        let (to, g_transposed) = ([&mut *d_m, &mut *d_q], Rows { data: g_transposed, stride: lanes });
        project(to, (lanes, 0), [parameters.mu_w, parameters.c_w], g_transposed, self.shape.outputs());
        copy(fits, divides);
        for (component, divides) in divides.iter_mut().enumerate() {
            let [own_r, d_m] = [&mut *r, &mut *d_m].map(|field| row_of(field, component, lanes));
            let [q_p, d_q] = [&mut *q_p, &mut *d_q].map(|field| row_of(field, component, rank * lanes));
            if !divides.is_zero() {
                let family = (first + component) / self.shape.members();
                let (linear, inv_s) = (row_of(q, family, rank * lanes), row_of(inv_s, family, lanes));
                let [r, p, phi, t_phi] = fields.map(|field| row_of(field, component, lanes));
                let saved = Activations::new(lanes, [linear, r, inv_s, p, phi, t_phi]);
                pull_back(saved, [&mut *own_r, &mut *d_m], [&mut *q_p, &mut *d_q]);
                if !self.divides(d_q, g) {
                    *divides = T::zero();
                }
            }
            if divides.is_zero() {
                [own_r, d_m, q_p, d_q].into_iter().for_each(|field| field.fill(T::zero()));
            }
        }
    }

    /// Whether every ∂q of a component is in range: s may be too small for ∂s/s.
    fn divides(&self, d_q: &[T], g: &[T]) -> bool {
        largest_of(d_q).is_finite() || self.rows(g).all_usable(d_q, self.layout.lanes, T::is_finite)
    }

    /// Sums the gradients of some components over the batch, and uses them.
    fn sum_gradients(
        &self,
        mut targets: Targets<'_, T>,
        (scales, g, scaled_g, q_g, back): (&[T], &[T], &[T], &[T], Option<[&[T]; 2]>),
        divides: &[T],
        mut cotangents: [&mut [T]; 4],
        mut sums: &mut [T],
        local: Local<'_, T>,
    ) {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        if let Some(factors) = back {
            for field in &mut cotangents {
                factors.iter().for_each(|factors| scale_lanes(field, self.layout.lanes, factors));
            }
        }
        let Local { mut row, gradients, x: space } = local;
        let groups = zip_rows(self.x, GROUP * inputs, scaled_g, GROUP * outputs);
        if self.layout.has_groups() {
            let len = sums.len() / 3;
            let [block, totals, errors] = [(); 3].map(|()| take(&mut sums, len));
            totals.fill(T::zero());
            errors.fill(T::zero());
            for (group, rows) in groups.enumerate() {
                let first = group * GROUP;
                if first.is_multiple_of(PLAIN_ROWS) {
                    block.fill(T::zero());
                }
                self.add_group(&mut targets.keep(block), (first, scales, q_g), rows, &cotangents, space);
                if (first + GROUP).is_multiple_of(PLAIN_ROWS) || first + GROUP >= self.layout.batch {
                    add_compensated(totals, errors, block);
                }
            }
            add_scaled(totals, T::one(), errors);
            targets.take(totals);
        } else {
            let Targets { mu_w, c_w, mu_b, c_b, .. } = &mut targets;
            for (target, field) in [c_w, c_b, mu_w, mu_b].into_iter().zip(&mut cotangents) {
                if let Some((_, rate)) = target.destination() {
                    field.iter_mut().for_each(|coefficient| *coefficient *= rate);
                }
            }
            for rows in groups {
                self.add_group(&mut targets, (0, scales, q_g), rows, &cotangents, space);
            }
        }
        if self.shape.is_tied() {
            return;
        }
        for (target, divides) in targets.families().zip(divides) {
            if divides.is_zero() {
                let powers = Some(target.unit().powers());
                self.use_rows(target, powers, g, &mut row, gradients);
            }
        }
    }

    /// Adds the gradients of some components over a group of rows.
    fn add_group(
        &self,
        targets: &mut Targets<'_, T>,
        (first, scales, q_g): (usize, &[T], &[T]),
        (x, g): (&[T], &[T]),
        [q_p, d_q, r, d_m]: &[&mut [T]; 4],
        space: &mut [T],
    ) {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let lanes = (self.layout.lanes, first);
        let x = Panels::pack(inputs, x, after(scales, first), space);
        add_gradient(&mut targets.mu_b, inputs, lanes, d_m, x);
        add_gradient(&mut targets.c_b, inputs, lanes, d_q, x);
        let batch = count(g.len(), outputs);
        let g = Rows { data: g, stride: outputs };
        add_gradient(&mut targets.mu_w, outputs, lanes, r, g.into());
        if self.shape.is_tied() {
            let width = self.shape.rank() * outputs;
            let (outer, _) = space.divide(batch * width);
            let from = Rows { data: after(q_g, first), stride: self.layout.lanes };
            transpose(from, RowsMut { data: &mut *outer, stride: width }, width, batch);
            add_gradient(&mut targets.c_w, width, lanes, q_p, Rows { data: &*outer, stride: width }.into());
        } else {
            add_gradient(&mut targets.c_w, outputs, lanes, q_p, g.into());
        }
    }

    /// What the sum over the components is divided by.
    pub(super) fn divisor(&self) -> T {
        self.scale.divisor(self.shape.components())
    }
}

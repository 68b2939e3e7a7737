//! Forward and backward over a batch: the stages and their order.
//!
//! From 8 rows on the batch runs along the vector lanes, and all sums are matrix products
//! ([`products`](super::products)); fewer rows go one by one ([`row`](super::row)), and so do all rows of a component
//! whose parameters are too large or too small for the products. Every stage is divided into parts that do not share
//! what they write: by components, or by rows for ∂x. So the number of parts never changes a bit.

use super::form::Form;
use super::layout::{Cotangents, Layout, Local, Saved, Scratch, Sums};
use super::parameters::{Parameters, Targets};
use super::products::{Back, add_rows, write_inputs};
use super::update::{ComponentSums, update};
use crate::kernel::{Accum, Matrix, Panels, Rows, RowsMut, Workers, add_scaled};
use crate::mixture::{
    Activations, CHUNK, Fields, GROUP, Locals, PLAIN_ROWS, add_compensated, any_scaled, back_factors,
    cotangent_scale, input_scale, largest_of, measure, most_d_s, scale_lanes, transpose_scaled, unscale_rows,
};
use crate::slices::{Slice, after, copy, row as row_of, rows, take, zip_rows};
use crate::{Error, Real, Shape};

/// What is read by every stage of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a, T> {
    pub(super) shape: Shape,
    pub(super) form: Form,
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
        let Scratch { sizes, mut sums, mut locals, .. } = Scratch::cut(layout, scratch)?;
        let (scales, mut saved) = layout.cut_saved(saved);
        measure(self.x, inputs, scales, sizes, input_scale);
        let (scales, sizes) = (&*scales, &*sizes);
        let run = |_, (own, (saved, (sums, locals))): (Targets<'_, T>, (_, (_, Locals<'_, T>)))| {
            self.activate(own.parameters(), (scales, sizes), saved, sums, layout.cut_local(locals));
        };
        let own = Targets::frozen(self.shape, parameters);
        let parts = (own, (saved.reborrow(), (sums.reborrow(), locals.reborrow())));
        self.workers.in_parts(parts, self.shape.components(), layout.parts, &run);

        let local = layout.cut_local(locals);
        let [fits, a, _, activations @ ..] = saved.as_ref().fields;
        let activations = Activations::new(layout.lanes, activations);
        for (chunk, y) in rows(&mut *y, CHUNK * outputs).enumerate() {
            activations.write_values(chunk * CHUNK, (a, self.divisor()), outputs, y, local.g);
        }
        unscale_rows(y, outputs, scales);
        self.add_values_apart(fits, parameters, y, local);
        Ok(())
    }

    /// Writes the activations of some components.
    ///
    /// A batch of several chunks keeps W of all components. One of a single chunk prepares it a component at a time,
    /// just before its product, while it is still in the nearest cache.
    fn activate(
        &self,
        parameters: Parameters<'_, T>,
        (scales, sizes): (&[T], &[T]),
        saved: Saved<&mut [T]>,
        sums: Sums<&mut [T]>,
        local: Local<'_, T>,
    ) {
        let [fits, a, variance, activations @ ..] = saved.fields;
        let mut activations = Activations::new(self.layout.lanes, activations);
        let [w_space, _, _] = sums.fields;
        let (inputs, outputs, stride) = (self.shape.inputs(), self.shape.outputs(), self.layout.stride);
        let (matrix, components) = (outputs * stride, fits.len());
        let single = self.is_one_chunk();
        for (chunk, x) in rows(self.x, CHUNK * inputs).enumerate() {
            let first = chunk * CHUNK;
            let (x, lanes) = transpose_scaled(inputs, x, after(scales, first), local.x);
            for (index, component) in parameters.components(self.shape).take(components).enumerate() {
                let w = row_of(&mut *w_space, if single { 0 } else { index }, matrix);
                if chunk == 0 {
                    let (a, variance) =
                        (row_of(&mut *a, index, outputs), row_of(&mut *variance, index, stride));
                    let fits_batch = component.prepare(self.form.coordinates, a, w, variance);
                    if !fits_batch {
                        [&mut *a, &mut *w, variance].into_iter().for_each(|block| block.fill(T::zero()));
                    }
                    row_of(&mut *fits, index, 1).fill(if fits_batch { T::one() } else { T::zero() });
                }
                // What is prefetched must not be another part's: its lines stay where they are.
                let next = if single && index + 1 < components { component.u.len() } else { 0 };
                let prefetch =
                    after(parameters.u, (index + 1) * component.u.len()).get(..next).unwrap_or_default();
                let x = Rows { data: &*x, stride: lanes };
                activations.write_linear((index, first), Matrix::rows(w, stride), x, self.shape, prefetch);
            }
            let (mu, _) = parameters.mu.divide(components * inputs);
            let matrices = (Matrix::rows(mu, inputs), Matrix::rows(&*variance, stride));
            activations.write_moments(first, matrices, RowsMut { data: x, stride: lanes }, inputs);
        }
        let mut scratch = local.row;
        for (index, (component, fits)) in parameters.components(self.shape).zip(&*fits).enumerate() {
            if fits.is_zero() {
                activations.clear(index);
                continue;
            }
            activations.rectify(index, sizes, |lane| {
                let (x, scale) = (row_of(self.x, lane, inputs), row_of(scales, lane, 1));
                scratch.deviation(component.sigma, x, scale.first().copied().unwrap_or_else(T::one))
            });
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
        let Scratch { sizes, g_scales, back, mut cotangents, mut sums, totals: [totals, errors], mut locals } =
            Scratch::cut(layout, scratch)?;
        let (components, outputs) = (self.shape.components(), self.shape.outputs());
        let (scales, saved) = layout.cut_saved(saved);
        measure(g, outputs, g_scales, sizes, cotangent_scale);
        let (g_scales, [first, second]) = (&*g_scales, back);
        let scaled = any_scaled(scales) || any_scaled(g_scales);
        if scaled {
            back_factors(scales, g_scales, [&mut *first, &mut *second]);
        }
        let back = scaled.then_some([&*first, &*second]);

        let prepares = dx.is_some();
        let parameters = targets.parameters();
        type Parts<'a, T, S> =
            (Targets<'a, T>, (S, (Cotangents<&'a mut [T]>, (Sums<&'a mut [T]>, Locals<'a, T>))));
        let run = |_, (own, (saved, (cotangents, (sums, locals)))): Parts<'_, T, _>| {
            let own = (own.parameters(), prepares);
            self.pull_back(own, (g, g_scales, back), saved, cotangents, sums, layout.cut_local(locals));
        };
        let own = Targets::frozen(self.shape, parameters);
        let parts = (own, (saved, (cotangents.reborrow(), (sums.reborrow(), locals.reborrow()))));
        self.workers.in_parts(parts, components, layout.parts, &run);
        if let Some(dx) = dx {
            let (cotangents, sums) = (cotangents.as_ref(), sums.as_ref());
            let run = |first, (rows, locals): (Fields<&mut [T], 1>, Locals<'_, T>)| {
                let ([rows], mut local) = (rows.fields, layout.cut_local(locals));
                let scales = (scales, g_scales);
                self.write_inputs(parameters, scales, (saved, cotangents, sums), (first, rows), &mut local);
                self.add_inputs_apart(cotangents.fields[0], parameters, (first, rows), g, local);
            };
            let rows = (Fields::one(self.shape.inputs(), dx), locals.reborrow());
            self.workers.in_parts(rows, layout.batch, layout.parts, &run);
        }
        let run = |_,
                   (targets, (saved, (cotangents, (sums, (totals, locals))))): (
            _,
            (_, (_, (_, (_, Locals<'_, T>)))),
        )| {
            let local = layout.cut_local(locals);
            self.sum_gradients(targets, (scales, g, back), saved, cotangents, (sums, totals), local);
        };
        let parts = (cotangents, (sums, ((totals, errors), locals)));
        self.workers.in_parts((targets, (saved, parts)), components, layout.parts, &run);
        Ok(())
    }

    /// The cotangents of some components, and W where ∂x needs it.
    fn pull_back(
        &self,
        (parameters, prepares): (Parameters<'_, T>, bool),
        (g, g_scales, back): (&[T], &[T], Option<[&[T]; 2]>),
        saved: Saved<&[T]>,
        cotangents: Cotangents<&mut [T]>,
        sums: Sums<&mut [T]>,
        local: Local<'_, T>,
    ) {
        let (shape, stride) = (self.shape, self.layout.stride);
        let [fits, a, variance, activations @ ..] = saved.fields;
        let activations = Activations::new(self.layout.lanes, activations);
        let [divides, d_a, errors, d_m, d_s, p_g] = cotangents.fields;
        if prepares {
            let [w, _, _] = sums.fields;
            let matrix = shape.outputs() * stride;
            for (index, (component, fits)) in parameters.components(shape).zip(fits).enumerate() {
                let w = row_of(&mut *w, index, matrix);
                if fits.is_zero() {
                    w.fill(T::zero());
                } else {
                    component.write_w(row_of(variance, index, stride), w);
                }
            }
        }
        d_a.fill(T::zero());
        errors.fill(T::zero());
        let outputs = shape.outputs();
        for (group, g) in rows(g, GROUP * outputs).enumerate() {
            let first = group * GROUP;
            let (g, width) = transpose_scaled(outputs, g, after(g_scales, first), local.g);
            g.iter_mut().for_each(|g| *g /= self.divisor());
            let g = Rows { data: &*g, stride: width };
            activations.pull_back(first, a, g, [&mut *d_m, &mut *d_s, &mut *p_g]);
            let back = back.map(|factors| Back {
                factors: factors.map(|factors| after(factors, first)),
                g: take(&mut &mut *local.g_back, outputs * width),
                r: take(&mut &mut *local.r_back, width),
            });
            activations.add_offsets(first, g, back, [&mut *d_a, &mut *errors]);
        }
        copy(fits, divides);
        for (component, divides) in divides.iter_mut().enumerate() {
            let lanes = self.layout.lanes;
            if !self.divides(row_of(&*d_s, component, lanes), g) {
                *divides = T::zero();
            }
            if divides.is_zero() {
                let means = [&mut *d_m, &mut *d_s].map(|field| row_of(field, component, lanes));
                let slopes = row_of(&mut *p_g, component, outputs * lanes);
                means.into_iter().chain([slopes]).for_each(|field| field.fill(T::zero()));
            }
        }
    }

    /// Whether every ∂s/s of a component is in range: s may be far smaller than the largest number of its row.
    fn divides(&self, d_s: &[T], g: &[T]) -> bool {
        let most = most_d_s::<T>();
        largest_of(d_s) <= most || self.rows(g).all_usable(d_s, self.layout.lanes, |d_s| d_s.abs() <= most)
    }

    /// Overwrites the rows of ∂x from the row `first` on, of the components that go along with the batch.
    fn write_inputs(
        &self,
        parameters: Parameters<'_, T>,
        (scales, g_scales): (&[T], &[T]),
        (saved, cotangents, sums): (Saved<&[T]>, Cotangents<&[T]>, Sums<&[T]>),
        (first, dx): (usize, &mut [T]),
        local: &mut Local<'_, T>,
    ) {
        let ([_, _, variance, ..], [w, _, _]) = (saved.fields, sums.fields);
        let [_, _, _, d_m, d_s, p_g] = cotangents.fields;
        let (inputs, stride, lanes) = (self.shape.inputs(), self.layout.stride, self.layout.lanes);
        let matrices =
            [Matrix::rows(w, stride), Matrix::rows(variance, stride), Matrix::rows(parameters.mu, inputs)];
        let x = after(self.x, first * inputs);
        for (index, (x, dx)) in zip_rows(x, GROUP * inputs, &mut *dx, GROUP * inputs).enumerate() {
            let first = first + index * GROUP;
            let x = (x, after(scales, first));
            write_inputs([p_g, d_s, d_m], (lanes, first), matrices, x, inputs, dx, local.x);
        }
        unscale_rows(dx, inputs, after(g_scales, first));
    }

    /// Sums the gradients of some components over the batch, and uses them.
    fn sum_gradients(
        &self,
        targets: Targets<'_, T>,
        (scales, g, back): (&[T], &[T], Option<[&[T]; 2]>),
        saved: Saved<&[T]>,
        cotangents: Cotangents<&mut [T]>,
        (sums, (totals, errors)): (Sums<&mut [T]>, (Sums<&mut [T]>, Sums<&mut [T]>)),
        local: Local<'_, T>,
    ) {
        let [_, _, variance, ..] = saved.fields;
        let [divides, d_a, d_a_errors, d_m, d_s, p_g] = cotangents.fields;
        let Layout { stride, lanes, .. } = self.layout;
        let (inputs, matrix, components) =
            (self.shape.inputs(), self.shape.outputs() * stride, divides.len());
        if let Some(factors) = back {
            for field in [&mut *d_m, &mut *d_s, &mut *p_g] {
                factors.iter().for_each(|factors| scale_lanes(field, lanes, factors));
            }
        }
        add_scaled(d_a, T::one(), d_a_errors);
        let Local { mut row, gradients, x: space, .. } = local;
        let (wants_mean, wants_w) =
            (targets.mu.is_wanted(), targets.u.is_wanted() || targets.sigma.is_wanted());
        // Taken back to size, these sums may overflow where σ is 0 or small. They decide whether a component goes row by
        // row, and are summed for that alone too: what is wanted changes no bit of the rest.
        let may_overflow = back.is_some();
        let wants_variance = targets.sigma.is_wanted() || may_overflow;
        let compensated = self.layout.is_compensated();
        let groups = self.layout.batch.div_ceil(GROUP);
        let ([d_w, d_mean, d_variance], mut totals, mut errors) = (sums.fields, totals.fields, errors.fields);
        let mut targets = targets.components();
        let mut finish =
            |target: Targets<'_, T>, component: usize, d_w: &[T], d_mean: &mut [T], d_variance: &mut [T]| {
                let overflows =
                    may_overflow && !largest_of(d_variance).is_finite() && self.rows(g).are_finite();
                if overflows || divides.get(component).is_none_or(T::is_zero) {
                    let powers = Some(target.unit().powers());
                    return self.use_rows(target, powers, g, &mut row, gradients);
                }
                update(
                    self.form.coordinates,
                    target,
                    ComponentSums {
                        d_w,
                        d_a: row_of(&*d_a, component, self.shape.outputs()),
                        variance: row_of(variance, component, stride),
                        d_mean,
                        d_variance,
                    },
                );
            };
        for (group, x) in rows(self.x, GROUP * inputs).enumerate() {
            let first = group * GROUP;
            let x = Panels::pack(inputs, x, after(scales, first), space);
            let accum = if first.is_multiple_of(PLAIN_ROWS) { Accum::Replace } else { Accum::Add };
            if wants_mean {
                add_rows::<T, false>(accum, x, d_mean, after(&*d_m, first), lanes, &[]);
            }
            if wants_variance {
                add_rows::<T, true>(accum, x, d_variance, after(&*d_s, first), lanes, &[]);
            }
            for component in 0..components {
                // One group alone is done with ∂W of a component before the next; several keep it of all.
                let d_w = row_of(&mut *d_w, if groups == 1 { 0 } else { component }, matrix);
                let target = if compensated || group + 1 < groups { None } else { targets.next() };
                if wants_w {
                    let prefetch = target.as_ref().map_or(&[][..], |target| target.u.values());
                    let p_g = after(&*p_g, component * self.shape.outputs() * lanes + first);
                    add_rows::<T, false>(accum, x, d_w, p_g, lanes, prefetch);
                }
                if let Some(target) = target {
                    let d_mean = row_of(&mut *d_mean, component, stride);
                    finish(target, component, d_w, d_mean, row_of(&mut *d_variance, component, stride));
                }
            }
            if compensated && (((group + 1) * GROUP).is_multiple_of(PLAIN_ROWS) || group + 1 == groups) {
                let sums = [&*d_w, &*d_mean, &*d_variance];
                for ((totals, errors), sums) in totals.iter_mut().zip(&mut errors).zip(sums) {
                    if first < PLAIN_ROWS {
                        totals.fill(T::zero());
                        errors.fill(T::zero());
                    }
                    add_compensated(totals, errors, sums);
                }
            }
        }
        if compensated {
            for (totals, errors) in totals.iter_mut().zip(&errors) {
                add_scaled(totals, T::one(), errors);
            }
            let [d_w, d_mean, d_variance] = totals;
            for (component, target) in targets.enumerate() {
                let d_mean = row_of(&mut *d_mean, component, stride);
                let d_variance = row_of(&mut *d_variance, component, stride);
                finish(target, component, row_of(&*d_w, component, matrix), d_mean, d_variance);
            }
        }
    }

    /// Whether the batch is a single chunk.
    fn is_one_chunk(&self) -> bool {
        self.layout.batch <= CHUNK
    }

    /// What the sum over the components is divided by.
    pub(super) fn divisor(&self) -> T {
        self.form.scale.divisor(self.shape.components())
    }
}

//! How the two buffers of a pass are cut into fields.
//!
//! *Saved* is what the forward pass leaves for the backward pass, which never changes it; the contents of *scratch*
//! never matter. A batch of fewer than [`LEAST_ROWS`] rows saves nothing.

use super::row::RowScratch;
use crate::kernel::{Panels, Split, Workers};
use crate::mixture::{Activations, CHUNK, GROUP, LEAST_ROWS, PLAIN_ROWS, activations_len};
use crate::slices::{Slice, cut, total, whole};
use crate::{Error, Real, Shape, shape};

/// The number of elements that the forward pass of a layer of this shape saves of a batch; `const`, so that it serves
/// as an array size where there is no allocator.
///
/// # Errors
///
/// [`Error::Overflow`] when that number cannot be addressed.
pub const fn saved_len(shape: Shape, batch: usize) -> Result<usize, Error> {
    Layout::new(shape, batch, 1, false).saved_len()
}

/// The number of scratch elements of a pass of a [`Diagonal`](super::Diagonal) layer of this shape over a batch;
/// `const`, as [`saved_len`].
///
/// # Errors
///
/// [`Error::Overflow`] when that number cannot be addressed.
pub const fn scratch_len(shape: Shape, batch: usize) -> Result<usize, Error> {
    Layout::new(shape, batch, 1, false).scratch_len()
}

/// The number of scratch elements of a [`DiagonalMut`](super::DiagonalMut) layer: [`scratch_len`] and, below 8 rows,
/// the gradients of one component.
///
/// # Errors
///
/// [`Error::Overflow`] when that number cannot be addressed.
pub const fn descend_scratch_len(shape: Shape, batch: usize) -> Result<usize, Error> {
    Layout::new(shape, batch, 1, true).scratch_len()
}

/// [`descend_scratch_len`] where some threads share the work.
#[cfg(feature = "alloc")]
pub(crate) fn scratch_len_of(shape: Shape, batch: usize, workers: Workers<'_>) -> Result<usize, Error> {
    Layout::for_workers(shape, batch, workers, true).scratch_len()
}

/// The sizes of all fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) shape: Shape,
    pub(super) batch: usize,
    /// The rows of the batch, rounded up to whole vectors; 0 for a batch that goes row by row.
    pub(super) lanes: usize,
    /// The inputs, rounded up to whole vectors.
    pub(super) stride: usize,
    /// Whether a part has room for the gradients of one component however small the batch.
    descends: bool,
    /// The number of parts that the components are dealt to.
    pub(super) parts: usize,
}

impl Layout {
    /// The layout for a batch, its components dealt to some parts.
    pub(super) const fn new(shape: Shape, batch: usize, parts: usize, descends: bool) -> Self {
        let lanes = if batch < LEAST_ROWS { 0 } else { whole(batch) };
        Self { shape, batch, lanes, stride: whole(shape.inputs()), descends, parts }
    }

    /// The layout for a batch, its components dealt to as many parts as are worth their threads.
    pub(super) const fn for_workers(
        shape: Shape,
        batch: usize,
        workers: Workers<'_>,
        descends: bool,
    ) -> Self {
        Self::new(
            shape,
            batch,
            workers.parts(shape.components(), shape.u_len().saturating_mul(batch)),
            descends,
        )
    }

    /// Saved: the scales of the rows; of the components whether they fit the batch, a and σ²; the activations.
    const fn saved(&self) -> [usize; 5] {
        if self.lanes == 0 {
            return [0; 5];
        }
        let (components, outputs) = (self.shape.components(), self.shape.outputs());
        [
            self.lanes,
            components,
            self.shape.v_len(),
            components.saturating_mul(self.stride),
            activations_len(self.lanes, components, outputs),
        ]
    }

    /// The number of elements that are saved.
    pub(super) const fn saved_len(&self) -> Result<usize, Error> {
        shape::product("saved", total(&self.saved()), 1)
    }

    /// Scratch of the rows: the sizes of their largest inputs; the scales of their cotangents; two factors that take
    /// sums back to size.
    const fn rows(&self) -> [usize; 4] {
        [self.lanes; 4]
    }

    /// Scratch of the components: ∂a and its rounding errors; ∂m, ∂s/s and p g.
    const fn cotangents(&self) -> [usize; 5] {
        if self.lanes == 0 {
            return [0; 5];
        }
        let lanes = self.shape.components().saturating_mul(self.lanes);
        let outputs = self.shape.v_len();
        [outputs, outputs, lanes, lanes, lanes.saturating_mul(self.shape.outputs())]
    }

    /// Scratch of the components: W, then ∂W; Σ ∂m x; Σ (∂s/s) x∘x.
    const fn sums(&self) -> [usize; 3] {
        if self.lanes == 0 {
            return [0; 3];
        }
        let row = self.shape.components().saturating_mul(self.stride);
        [row.saturating_mul(self.shape.outputs()), row, row]
    }

    /// Whether the sums are added up with their rounding errors.
    pub(super) const fn is_compensated(&self) -> bool {
        self.batch > PLAIN_ROWS
    }

    /// Scratch of one part: what a row takes; the gradients of a component; inputs; cotangents of a group, transposed,
    /// and the same for sums that are taken back to size; r of a group for such sums.
    const fn local(&self) -> [usize; 6] {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let gradients = component_len(self.shape);
        if self.lanes == 0 {
            return [
                RowScratch::<f32>::len(self.shape),
                if self.descends { gradients } else { 0 },
                0,
                0,
                0,
                0,
            ];
        }
        // Xᵀ of a chunk, or X of a group in panels.
        let group = if self.lanes < GROUP { self.lanes } else { GROUP };
        let chunk = if self.lanes < CHUNK { self.lanes } else { CHUNK };
        let (panels, transposed) = (Panels::<f32>::len(group, inputs), chunk.saturating_mul(inputs));
        let x = if panels > transposed { panels } else { transposed };
        let cotangents = group.saturating_mul(outputs);
        // Of a row, of all rows, and the rounding errors of those.
        [RowScratch::<f32>::len(self.shape), gradients.saturating_mul(3), x, cotangents, cotangents, group]
    }

    /// The number of scratch elements.
    pub(super) const fn scratch_len(&self) -> Result<usize, Error> {
        let sums = total(&self.sums()).saturating_mul(if self.is_compensated() { 3 } else { 1 });
        let len = total(&self.rows())
            .saturating_add(total(&self.cotangents()))
            .saturating_add(sums)
            .saturating_add(total(&self.local()).saturating_mul(self.parts));
        shape::product("scratch", len, 1)
    }
}

/// The number of parameters of one component.
pub(super) const fn component_len(shape: Shape) -> usize {
    shape.parameter_count() / shape.components()
}

/// What is saved of some components.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saved<S> {
    layout: Layout,
    /// 1 for a component that goes along with the batch, 0 for one whose rows go one by one: `[components]`.
    pub(super) fits: S,
    /// a: `[components × outputs]`.
    pub(super) a: S,
    /// σ²: `[components × stride]`.
    pub(super) variance: S,
    pub(super) activations: Activations<S>,
}

impl<S: Slice> Saved<S> {
    /// The scales of the rows, `[lanes]`, and what is saved of all components.
    pub(super) fn cut(layout: Layout, saved: S) -> (S, Self) {
        let ([scales, fits, a, variance, activations], _) = cut(layout.saved(), saved);
        let (components, outputs) = (layout.shape.components(), layout.shape.outputs());
        let activations = Activations::cut(layout.lanes, components, outputs, activations);
        (scales, Self { layout, fits, a, variance, activations })
    }
}

impl<T: Real> Saved<&mut [T]> {
    /// The same for a shorter time.
    pub(super) fn reborrow(&mut self) -> Saved<&mut [T]> {
        let activations = self.activations.reborrow();
        Saved { layout: self.layout, fits: self.fits, a: self.a, variance: self.variance, activations }
    }
}

impl<S: Slice> Split for Saved<S> {
    fn split_at(self, components: usize, _: usize) -> (Self, Self) {
        let Layout { shape, stride, .. } = self.layout;
        let (layout, fits) = (self.layout, self.fits.divide(components));
        let (a, variance) =
            (self.a.divide(components * shape.outputs()), self.variance.divide(components * stride));
        let activations = self.activations.divide(components, shape.outputs());
        (
            Self { layout, fits: fits.0, a: a.0, variance: variance.0, activations: activations.0 },
            Self { layout, fits: fits.1, a: a.1, variance: variance.1, activations: activations.1 },
        )
    }
}

/// Scratch of the rows of a batch: `[lanes]` each.
#[derive(Debug)]
pub(super) struct Rows<'a, T> {
    /// The sizes of the largest inputs.
    pub(super) sizes: &'a mut [T],
    /// The scales of the cotangents.
    pub(super) g_scales: &'a mut [T],
    /// Two factors that take sums over scaled rows back to size.
    pub(super) back: [&'a mut [T]; 2],
}

/// The cotangents of some components.
#[derive(Debug)]
pub(super) struct Cotangents<S> {
    layout: Layout,
    /// ∂a, and its rounding errors: `[components × outputs]`.
    pub(super) d_a: [S; 2],
    /// ∂m: `[components × lanes]`.
    pub(super) d_m: S,
    /// ∂s/s: `[components × lanes]`.
    pub(super) d_s: S,
    /// p g: `[components × outputs × lanes]`.
    pub(super) p_g: S,
}

impl<T> Cotangents<&mut [T]> {
    /// The same for a shorter time.
    pub(super) fn reborrow(&mut self) -> Cotangents<&mut [T]> {
        let d_a = self.d_a.each_mut().map(|d_a| &mut **d_a);
        Cotangents { layout: self.layout, d_a, d_m: self.d_m, d_s: self.d_s, p_g: self.p_g }
    }
}

impl<S: Slice> Split for Cotangents<S> {
    fn split_at(self, components: usize, _: usize) -> (Self, Self) {
        let (layout, outputs) = (self.layout, components * self.layout.shape.outputs());
        let lanes = components * layout.lanes;
        let [a, errors] = self.d_a.map(|d_a| d_a.divide(outputs));
        let (d_m, d_s) = (self.d_m.divide(lanes), self.d_s.divide(lanes));
        let p_g = self.p_g.divide(outputs * layout.lanes);
        (
            Self { layout, d_a: [a.0, errors.0], d_m: d_m.0, d_s: d_s.0, p_g: p_g.0 },
            Self { layout, d_a: [a.1, errors.1], d_m: d_m.1, d_s: d_s.1, p_g: p_g.1 },
        )
    }
}

/// Sums over the batch of some components.
#[derive(Debug)]
pub(super) struct Sums<'a, T> {
    layout: Layout,
    /// W, then ∂W: `[components × outputs × stride]`.
    pub(super) w: &'a mut [T],
    /// Σ ∂m x: `[components × stride]`.
    pub(super) d_mean: &'a mut [T],
    /// Σ (∂s/s) x∘x: `[components × stride]`.
    pub(super) d_variance: &'a mut [T],
}

impl<'a, T> Sums<'a, T> {
    fn cut(layout: Layout, scratch: &'a mut [T]) -> (Self, &'a mut [T]) {
        let lens = if scratch.is_empty() { [0; 3] } else { layout.sums() };
        let ([w, d_mean, d_variance], rest) = cut(lens, scratch);
        (Self { layout, w, d_mean, d_variance }, rest)
    }

    /// The same for a shorter time.
    pub(super) fn reborrow(&mut self) -> Sums<'_, T> {
        Sums { layout: self.layout, w: self.w, d_mean: self.d_mean, d_variance: self.d_variance }
    }

    /// All three fields.
    pub(super) fn fields(&mut self) -> [&mut [T]; 3] {
        [self.w, self.d_mean, self.d_variance]
    }
}

impl<T> Split for Sums<'_, T> {
    fn split_at(self, components: usize, _: usize) -> (Self, Self) {
        if self.w.is_empty() {
            let none = Sums { layout: self.layout, w: &mut [], d_mean: &mut [], d_variance: &mut [] };
            return (self, none);
        }
        let Self { layout, w, d_mean, d_variance } = self;
        let at = components * layout.stride;
        let (w, d_mean, d_variance) =
            (w.divide(at * layout.shape.outputs()), d_mean.divide(at), d_variance.divide(at));
        (
            Self { layout, w: w.0, d_mean: d_mean.0, d_variance: d_variance.0 },
            Self { layout, w: w.1, d_mean: d_mean.1, d_variance: d_variance.1 },
        )
    }
}

/// Scratch of some parts.
#[derive(Debug)]
pub(super) struct Locals<'a, T> {
    layout: Layout,
    data: &'a mut [T],
}

/// Scratch of one part.
#[derive(Debug)]
pub(super) struct Local<'a, T> {
    pub(super) row: RowScratch<'a, T>,
    /// Gradients of one component, where there is room for them; three times for a batch with whole vectors.
    pub(super) gradients: &'a mut [T],
    /// Xᵀ of a chunk, or X of a group in panels.
    pub(super) x: &'a mut [T],
    /// gᵀ of a group: `[outputs × lanes]`.
    pub(super) g: &'a mut [T],
    /// The same for sums that are taken back to size.
    pub(super) g_back: &'a mut [T],
    /// r of a component for such sums.
    pub(super) r_back: &'a mut [T],
}

impl<'a, T> Locals<'a, T> {
    /// All of the scratch of a batch that goes row by row, whose length is checked here.
    pub(super) fn cut(layout: Layout, scratch: &'a mut [T]) -> Result<Self, Error> {
        Ok(Self { layout, data: shape::buffer("scratch", scratch, layout.scratch_len()?)? })
    }
}

impl<T> Locals<'_, T> {
    /// The scratch of the first part.
    pub(super) fn first(&mut self) -> Local<'_, T> {
        let ([row, gradients, x, g, g_back, r_back], _) = cut(self.layout.local(), &mut *self.data);
        Local { row: RowScratch::cut(self.layout.shape, row), gradients, x, g, g_back, r_back }
    }

    /// The same for a shorter time.
    pub(super) fn reborrow(&mut self) -> Locals<'_, T> {
        Locals { layout: self.layout, data: self.data }
    }
}

impl<T> Split for Locals<'_, T> {
    fn split_at(self, _: usize, parts: usize) -> (Self, Self) {
        let (first, second) = self.data.divide(parts * total(&self.layout.local()));
        (Self { layout: self.layout, data: first }, Self { layout: self.layout, data: second })
    }
}

/// All of scratch.
#[derive(Debug)]
pub(super) struct Scratch<'a, T> {
    pub(super) rows: Rows<'a, T>,
    pub(super) cotangents: Cotangents<&'a mut [T]>,
    pub(super) sums: Sums<'a, T>,
    /// The sums so far, and their rounding errors, of a large batch.
    pub(super) totals: [Sums<'a, T>; 2],
    pub(super) locals: Locals<'a, T>,
}

impl<'a, T> Scratch<'a, T> {
    /// Cuts a slice, whose length is checked here.
    pub(super) fn cut(layout: Layout, scratch: &'a mut [T]) -> Result<Self, Error> {
        let scratch = shape::buffer("scratch", scratch, layout.scratch_len()?)?;
        let ([sizes, g_scales, back, second], rest) = cut(layout.rows(), scratch);
        let ([d_a, errors, d_m, d_s, p_g], rest) = cut(layout.cotangents(), rest);
        let (sums, rest) = Sums::cut(layout, rest);
        let totals = if layout.is_compensated() { total(&layout.sums()) } else { 0 };
        let (first, rest) = rest.divide(totals);
        let (errors_of_sums, data) = rest.divide(totals);
        Ok(Self {
            rows: Rows { sizes, g_scales, back: [back, second] },
            cotangents: Cotangents { layout, d_a: [d_a, errors], d_m, d_s, p_g },
            sums,
            totals: [Sums::cut(layout, first).0, Sums::cut(layout, errors_of_sums).0],
            locals: Locals { layout, data },
        })
    }
}

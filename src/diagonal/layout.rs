//! How the two buffers of a pass are cut into fields.
//!
//! *Saved* is what the forward pass leaves for the backward pass, which never changes it; the contents of *scratch*
//! never matter. A batch of fewer than [`LEAST_ROWS`] rows saves nothing.

use super::row::RowScratch;
use crate::kernel::{Panels, Workers};
use crate::mixture::{CHUNK, Fields, GROUP, LEAST_ROWS, Locals, PLAIN_ROWS, activation_lens, fields_len};
use crate::slices::{Slice, cut, take, total, whole};
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
        // The products of the forward pass: with W, with μ and with σ².
        let work = shape.u_len().saturating_add(shape.mu_len().saturating_mul(2)).saturating_mul(batch);
        Self::new(shape, batch, workers.parts(shape.components(), work), descends)
    }

    /// Saved of a component: 1, or 0 where its rows go one by one; a; σ²; its activations.
    const fn saved(&self) -> [usize; SAVED] {
        if self.lanes == 0 {
            return [0; SAVED];
        }
        let outputs = self.shape.outputs();
        let [linear, r, inv_s, p, phi, t_phi] = activation_lens(self.lanes, outputs);
        [1, outputs, self.stride, linear, r, inv_s, p, phi, t_phi]
    }

    /// The number of elements that are saved: the scales of the rows, and what is saved of the components.
    pub(super) const fn saved_len(&self) -> Result<usize, Error> {
        let components = fields_len(self.shape.components(), self.saved());
        shape::product("saved", components.saturating_add(self.lanes), 1)
    }

    /// The scales of the rows, and what is saved of the components.
    pub(super) fn cut_saved<S: Slice>(&self, saved: S) -> (S, Fields<S, SAVED>) {
        let (scales, saved) = saved.divide(self.lanes);
        (scales, Fields::cut(self.shape.components(), self.saved(), saved).0)
    }

    /// Scratch of a component: 1, or 0 where its rows go one by one in the backward pass; ∂a and its rounding errors; ∂m;
    /// ∂s/s; p g.
    const fn cotangents(&self) -> [usize; 6] {
        let outputs = self.shape.outputs();
        if self.lanes == 0 {
            return [0; 6];
        }
        [1, outputs, outputs, self.lanes, self.lanes, self.lanes.saturating_mul(outputs)]
    }

    /// Scratch of a component: W, then ∂W; Σ ∂m x; Σ (∂s/s) x∘x.
    const fn sums(&self) -> [usize; 3] {
        if self.lanes == 0 {
            return [0; 3];
        }
        [self.stride.saturating_mul(self.shape.outputs()), self.stride, self.stride]
    }

    /// The same of the sums so far and of their rounding errors.
    const fn totals(&self) -> [usize; 3] {
        if self.is_compensated() { self.sums() } else { [0; 3] }
    }

    /// Whether the sums are added up with their rounding errors.
    pub(super) const fn is_compensated(&self) -> bool {
        self.batch > PLAIN_ROWS
    }

    /// Scratch of one part: the fields of [`Local`].
    const fn local(&self) -> [usize; 6] {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let (row, gradients) = (RowScratch::<f32>::len(self.shape), unit_len(self.shape));
        if self.lanes == 0 {
            return [row, if self.descends && self.batch > 1 { gradients } else { 0 }, 0, 0, 0, 0];
        }
        // Xᵀ of a chunk, or X of a group in panels.
        let group = if self.lanes < GROUP { self.lanes } else { GROUP };
        let chunk = if self.lanes < CHUNK { self.lanes } else { CHUNK };
        let (panels, transposed) = (Panels::<f32>::len(group, inputs), chunk.saturating_mul(inputs));
        let x = if panels > transposed { panels } else { transposed };
        let cotangents = group.saturating_mul(outputs);
        // Of a row, of all rows, and the rounding errors of those.
        [row, gradients.saturating_mul(3), x, cotangents, cotangents, group]
    }

    /// The number of scratch elements.
    pub(super) const fn scratch_len(&self) -> Result<usize, Error> {
        let components = self.shape.components();
        let len = self
            .lanes
            .saturating_mul(4)
            .saturating_add(fields_len(components, self.cotangents()))
            .saturating_add(fields_len(components, self.sums()))
            .saturating_add(fields_len(components, self.totals()).saturating_mul(2))
            .saturating_add(total(&self.local()).saturating_mul(self.parts));
        shape::product("scratch", len, 1)
    }

    /// All of the scratch of a batch that goes row by row, whose length is checked here.
    pub(super) fn cut_locals<'a, T>(&self, scratch: &'a mut [T]) -> Result<Locals<'a, T>, Error> {
        let data = shape::buffer("scratch", scratch, self.scratch_len()?)?;
        Ok(Locals { data, each: total(&self.local()) })
    }

    /// The scratch of a part.
    pub(super) fn cut_local<'a, T>(&self, locals: Locals<'a, T>) -> Local<'a, T> {
        let ([row, gradients, x, g, g_back, r_back], _) = cut(self.local(), locals.data);
        Local { row: RowScratch::cut(self.shape, row), gradients, x, g, g_back, r_back }
    }
}

/// The number of parameters of one component.
pub(super) const fn unit_len(shape: Shape) -> usize {
    shape.parameter_count() / shape.components()
}

/// The number of fields that are saved of a component.
pub(super) const SAVED: usize = 9;

/// What is saved of some components; the fields as in [`Layout::saved`].
pub(super) type Saved<S> = Fields<S, SAVED>;

/// The cotangents of some components; the fields as in [`Layout::cotangents`].
pub(super) type Cotangents<S> = Fields<S, 6>;

/// Sums over the batch of some components; the fields as in [`Layout::sums`].
pub(super) type Sums<S> = Fields<S, 3>;

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

/// All of scratch.
#[derive(Debug)]
pub(super) struct Scratch<'a, T> {
    /// The sizes of the largest inputs, or cotangents, of the rows: `[lanes]`.
    pub(super) sizes: &'a mut [T],
    /// The scales of the cotangents: `[lanes]`.
    pub(super) g_scales: &'a mut [T],
    /// Two factors that take sums over scaled rows back to size: `[lanes]` each.
    pub(super) back: [&'a mut [T]; 2],
    pub(super) cotangents: Cotangents<&'a mut [T]>,
    pub(super) sums: Sums<&'a mut [T]>,
    /// The sums so far of a large batch, and their rounding errors.
    pub(super) totals: [Sums<&'a mut [T]>; 2],
    pub(super) locals: Locals<'a, T>,
}

impl<'a, T: Real> Scratch<'a, T> {
    /// Cuts a slice, whose length is checked here.
    pub(super) fn cut(layout: Layout, scratch: &'a mut [T]) -> Result<Self, Error> {
        let mut rest = shape::buffer("scratch", scratch, layout.scratch_len()?)?;
        let components = layout.shape.components();
        let [sizes, g_scales, first, second] = [(); 4].map(|()| take(&mut rest, layout.lanes));
        let (cotangents, rest) = Fields::cut(components, layout.cotangents(), rest);
        let (sums, rest) = Fields::cut(components, layout.sums(), rest);
        let (totals, rest) = Fields::cut(components, layout.totals(), rest);
        let (errors, data) = Fields::cut(components, layout.totals(), rest);
        let locals = Locals { data, each: total(&layout.local()) };
        Ok(Self {
            sizes,
            g_scales,
            back: [first, second],
            cotangents,
            sums,
            totals: [totals, errors],
            locals,
        })
    }
}

//! How the two buffers of a pass are cut into fields.
//!
//! *Saved* is what the forward pass leaves for the backward pass, which never changes it; the contents of *scratch*
//! never matter. A batch of fewer than [`LEAST_ROWS`] rows saves nothing.

use super::JointShape;
use super::row::RowScratch;
use crate::kernel::{Panels, Split, Workers};
use crate::mixture::{Activations, CHUNK, GROUP, Items, LEAST_ROWS, activations_len};
use crate::slices::{Slice, cut, total, whole};
use crate::{Error, Real, shape};

/// The number of elements that the forward pass of a layer of this shape saves of a batch; `const`, so that it serves
/// as an array size where there is no allocator.
///
/// # Errors
///
/// [`Error::Overflow`] when that number cannot be addressed.
pub const fn saved_len(shape: JointShape, batch: usize) -> Result<usize, Error> {
    Layout::new(shape, batch, 1, Purpose::Gradients).saved_len()
}

/// The number of scratch elements of a pass of a [`Joint`](super::Joint) layer of this shape over a batch; `const`, as
/// [`saved_len`].
///
/// # Errors
///
/// [`Error::Overflow`] when that number cannot be addressed.
pub const fn scratch_len(shape: JointShape, batch: usize) -> Result<usize, Error> {
    Layout::new(shape, batch, 1, Purpose::Gradients).scratch_len()
}

/// The number of scratch elements of a [`JointMut`](super::JointMut) layer: [`scratch_len`] and, below 8 rows, the
/// gradients of one component.
///
/// # Errors
///
/// [`Error::Overflow`] when that number cannot be addressed.
pub const fn descend_scratch_len(shape: JointShape, batch: usize) -> Result<usize, Error> {
    Layout::new(shape, batch, 1, Purpose::Step).scratch_len()
}

/// [`descend_scratch_len`] where some threads share the work.
#[cfg(feature = "alloc")]
pub(crate) fn scratch_len_of(shape: JointShape, batch: usize, workers: Workers<'_>) -> Result<usize, Error> {
    Layout::for_workers(shape, batch, workers, Purpose::Step).scratch_len()
}

/// What scratch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The forward pass alone.
    Values,
    /// Both passes.
    Gradients,
    /// Both passes, the second one a step of gradient descent.
    Step,
}

/// The sizes of all fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) shape: JointShape,
    pub(super) batch: usize,
    /// The rows of the batch, rounded up to whole vectors; 0 for a batch that goes row by row.
    pub(super) lanes: usize,
    purpose: Purpose,
    /// The number of parts that the components are dealt to.
    pub(super) parts: usize,
}

impl Layout {
    /// The layout for a batch, its components dealt to some parts.
    pub(super) const fn new(shape: JointShape, batch: usize, parts: usize, purpose: Purpose) -> Self {
        let lanes = if batch < LEAST_ROWS { 0 } else { whole(batch) };
        Self { shape, batch, lanes, purpose, parts }
    }

    /// The layout for a batch, its components dealt to as many parts as are worth their threads.
    pub(super) const fn for_workers(
        shape: JointShape,
        batch: usize,
        workers: Workers<'_>,
        purpose: Purpose,
    ) -> Self {
        // A pass takes two products.
        let work = shape.mu_b_len().saturating_add(shape.c_b_len()).saturating_mul(2).saturating_mul(batch);
        Self::new(shape, batch, workers.parts(shape.components(), work), purpose)
    }

    /// Saved: the scales of the rows; of the components whether they fit the batch; the activations.
    const fn saved(&self) -> [usize; 3] {
        if self.lanes == 0 {
            return [0; 3];
        }
        let components = self.shape.components();
        [self.lanes, components, activations_len(self.lanes, components, self.shape.rank())]
    }

    /// The number of elements that are saved.
    pub(super) const fn saved_len(&self) -> Result<usize, Error> {
        shape::product("saved", total(&self.saved()), 1)
    }

    /// A length, or 0 where only the forward pass is wanted.
    const fn backward(&self, len: usize) -> usize {
        if matches!(self.purpose, Purpose::Values) { 0 } else { len }
    }

    /// Scratch of the rows: the sizes of their largest inputs; the scales of their cotangents; two factors that take
    /// sums back to size; g and gᵀ.
    const fn rows(&self) -> [usize; 6] {
        let (lanes, outputs) = (self.backward(self.lanes), self.shape.outputs());
        let rows = if lanes == 0 { 0 } else { self.batch };
        [self.lanes, lanes, lanes, lanes, rows.saturating_mul(outputs), lanes.saturating_mul(outputs)]
    }

    /// Scratch of the components: q p; ∂q; r; ∂m.
    const fn cotangents(&self) -> [usize; 4] {
        let means = self.shape.components().saturating_mul(self.lanes);
        let factors = means.saturating_mul(self.shape.rank());
        [factors, self.backward(factors), self.backward(means), self.backward(means)]
    }

    /// Whether the gradients of several groups of rows are added up before they are used.
    pub(super) const fn has_groups(&self) -> bool {
        self.batch > GROUP
    }

    /// Scratch of the components: gradients of a block of rows, those so far, and their rounding errors.
    const fn sums(&self) -> usize {
        if self.has_groups() { self.backward(self.shape.parameter_count()).saturating_mul(3) } else { 0 }
    }

    /// Scratch of one part: what a row takes; the gradients of a component; inputs.
    const fn local(&self) -> [usize; 3] {
        let (row, inputs) = (RowScratch::<f32>::len(self.shape), self.shape.inputs());
        let gradients = component_len(self.shape);
        if self.lanes == 0 {
            return [row, if matches!(self.purpose, Purpose::Step) { gradients } else { 0 }, 0];
        }
        // Xᵀ of a chunk, or X of a group in panels.
        let group = if self.lanes < GROUP { self.lanes } else { GROUP };
        let chunk = if self.lanes < CHUNK { self.lanes } else { CHUNK };
        let (panels, transposed) =
            (self.backward(Panels::<f32>::len(group, inputs)), chunk.saturating_mul(inputs));
        let x = if panels > transposed { panels } else { transposed };
        // Of a row, of all rows, and the rounding errors of those.
        [row, self.backward(gradients.saturating_mul(3)), x]
    }

    /// The number of scratch elements.
    pub(super) const fn scratch_len(&self) -> Result<usize, Error> {
        let len = total(&self.rows())
            .saturating_add(total(&self.cotangents()))
            .saturating_add(whole(self.sums()))
            .saturating_add(total(&self.local()).saturating_mul(self.parts));
        shape::product("scratch", len, 1)
    }
}

/// The number of parameters of one component.
pub(super) const fn component_len(shape: JointShape) -> usize {
    shape.parameter_count() / shape.components()
}

/// What is saved of some components.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saved<S> {
    rank: usize,
    /// 1 for a component that goes along with the batch, 0 for one whose rows go one by one: `[components]`.
    pub(super) fits: S,
    pub(super) activations: Activations<S>,
}

impl<S: Slice> Saved<S> {
    /// The scales of the rows, `[lanes]`, and what is saved of all components.
    pub(super) fn cut(layout: Layout, saved: S) -> (S, Self) {
        let ([scales, fits, activations], _) = cut(layout.saved(), saved);
        let (components, rank) = (layout.shape.components(), layout.shape.rank());
        let activations = Activations::cut(layout.lanes, components, rank, activations);
        (scales, Self { rank, fits, activations })
    }
}

impl<T: Real> Saved<&mut [T]> {
    /// The same for a shorter time.
    pub(super) fn reborrow(&mut self) -> Saved<&mut [T]> {
        Saved { rank: self.rank, fits: self.fits, activations: self.activations.reborrow() }
    }
}

impl<S: Slice> Split for Saved<S> {
    fn split_at(self, components: usize, _: usize) -> (Self, Self) {
        let Self { rank, fits, activations } = self;
        let (fits, activations) = (fits.divide(components), activations.divide(components, rank));
        (
            Self { rank, fits: fits.0, activations: activations.0 },
            Self { rank, fits: fits.1, activations: activations.1 },
        )
    }
}

/// Scratch of the rows of a batch.
#[derive(Debug)]
pub(super) struct Rows<'a, T> {
    /// The sizes of the largest inputs: `[lanes]`.
    pub(super) sizes: &'a mut [T],
    /// The scales of the cotangents: `[lanes]`.
    pub(super) g_scales: &'a mut [T],
    /// Two factors that take sums over scaled rows back to size: `[lanes]`.
    pub(super) back: [&'a mut [T]; 2],
    /// g times its scales, over the divisor: `[batch × outputs]`.
    pub(super) g: &'a mut [T],
    /// The same transposed: `[outputs × lanes]`.
    pub(super) g_transposed: &'a mut [T],
}

/// The cotangents of some components, and the activations that the sums over the batch take.
#[derive(Debug)]
pub(super) struct Cotangents<S> {
    pub(super) lanes: usize,
    pub(super) rank: usize,
    /// q p: `[components × rank × lanes]`.
    pub(super) q_p: S,
    /// ∂q: `[components × rank × lanes]`.
    pub(super) d_q: S,
    /// r: `[components × lanes]`.
    pub(super) r: S,
    /// ∂m: `[components × lanes]`.
    pub(super) d_m: S,
}

impl<T> Cotangents<&mut [T]> {
    /// The same for a shorter time.
    pub(super) fn reborrow(&mut self) -> Cotangents<&mut [T]> {
        let Self { lanes, rank, q_p, d_q, r, d_m } = self;
        Cotangents { lanes: *lanes, rank: *rank, q_p, d_q, r, d_m }
    }

    /// All four fields.
    pub(super) fn fields(&mut self) -> [&mut [T]; 4] {
        [self.q_p, self.d_q, self.r, self.d_m]
    }
}

impl<S: Slice> Split for Cotangents<S> {
    fn split_at(self, components: usize, _: usize) -> (Self, Self) {
        let Self { lanes, rank, .. } = self;
        let at = components * lanes;
        let (q_p, d_q) = (self.q_p.divide(at * rank), self.d_q.divide(at * rank));
        let (r, d_m) = (self.r.divide(at), self.d_m.divide(at));
        (
            Self { lanes, rank, q_p: q_p.0, d_q: d_q.0, r: r.0, d_m: d_m.0 },
            Self { lanes, rank, q_p: q_p.1, d_q: d_q.1, r: r.1, d_m: d_m.1 },
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
        let ([row, gradients, x], _) = cut(self.layout.local(), &mut *self.data);
        Local { row: RowScratch::cut(self.layout.shape, row), gradients, x }
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
    /// Gradients of a block of rows, those so far and their rounding errors; empty where they are used at once.
    pub(super) sums: Items<'a, T>,
    pub(super) locals: Locals<'a, T>,
}

impl<'a, T> Scratch<'a, T> {
    /// Cuts a slice, whose length is checked here.
    pub(super) fn cut(layout: Layout, scratch: &'a mut [T]) -> Result<Self, Error> {
        let scratch = shape::buffer("scratch", scratch, layout.scratch_len()?)?;
        let ([sizes, g_scales, back, second, g, g_transposed], rest) = cut(layout.rows(), scratch);
        let ([q_p, d_q, r, d_m], rest) = cut(layout.cotangents(), rest);
        let ([sums], data) = cut([layout.sums()], rest);
        Ok(Self {
            rows: Rows { sizes, g_scales, back: [back, second], g, g_transposed },
            cotangents: Cotangents { lanes: layout.lanes, rank: layout.shape.rank(), q_p, d_q, r, d_m },
            sums: Items { data: sums, each: layout.sums() / layout.shape.components() },
            locals: Locals { layout, data },
        })
    }
}

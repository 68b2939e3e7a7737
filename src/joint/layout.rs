//! How the two buffers of a pass are cut into fields.
//!
//! *Saved* is what the forward pass leaves for the backward pass, which never changes it; the contents of *scratch*
//! never matter. A batch of fewer than [`LEAST_ROWS`] rows saves nothing.

use super::JointShape;
use super::row::RowScratch;
use crate::kernel::{Panels, Split, Workers};
use crate::mixture::{CHUNK, Fields, GROUP, LEAST_ROWS, Locals, fields_len};
use crate::slices::{Slice, cut, share, total, whole};
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
        // Each parameter is multiplied once in the forward pass.
        let work = shape.parameter_count().saturating_mul(batch);
        Self::new(shape, batch, workers.parts(shape.components(), work), purpose)
    }

    /// Saved of a component: the fields of [`Members`].
    const fn members(&self) -> [usize; 5] {
        let lanes = self.lanes;
        [self.flag(), lanes, lanes, lanes, lanes]
    }

    /// The length of a flag of a component.
    const fn flag(&self) -> usize {
        if self.lanes == 0 { 0 } else { 1 }
    }

    /// Saved of a family: q, 1/s and, of a tied layer, S.
    const fn families(&self) -> [usize; 3] {
        [self.factors(), self.lanes, self.slopes()]
    }

    /// The length of q of a family.
    const fn factors(&self) -> usize {
        self.lanes.saturating_mul(self.shape.rank())
    }

    /// The length of S = Σ C_ω p, and of q gᵀ, of a tied layer.
    const fn slopes(&self) -> usize {
        if self.shape.is_tied() { self.factors().saturating_mul(self.shape.outputs()) } else { 0 }
    }

    /// The length of the first two fields of [`Cotangents`] of a component.
    pub(super) const fn coefficients(&self) -> usize {
        if self.shape.is_tied() { self.lanes } else { self.factors() }
    }

    /// The number of elements that are saved: the scales of the rows, and what is saved of components and families.
    pub(super) const fn saved_len(&self) -> Result<usize, Error> {
        let members = fields_len(self.shape.components(), self.members());
        let families = fields_len(self.shape.families(), self.families());
        shape::product("saved", members.saturating_add(families).saturating_add(self.lanes), 1)
    }

    /// Cuts a slice of [`saved_len`](Self::saved_len) elements.
    pub(super) fn cut_saved<S: Slice>(&self, saved: S) -> Saved<S> {
        let (scales, rest) = saved.divide(self.lanes);
        let (families, rest) = Fields::cut(self.shape.families(), self.families(), rest);
        let (members, _) = Fields::cut(self.shape.components(), self.members(), rest);
        let [q, inv_s, slopes] = families.fields;
        Saved { scales, q, inv_s, slopes, members }
    }

    /// A length, or 0 where only the forward pass is wanted.
    const fn backward(&self, len: usize) -> usize {
        if matches!(self.purpose, Purpose::Values) { 0 } else { len }
    }

    /// Scratch of the rows: the fields of [`Scratch`] before the cotangents.
    const fn rows(&self) -> [usize; 8] {
        let (lanes, outputs) = (self.backward(self.lanes), self.shape.outputs());
        let rows = if lanes == 0 { 0 } else { self.batch };
        let of_g = [rows.saturating_mul(outputs), lanes.saturating_mul(outputs)];
        let d_q = if self.shape.is_tied() { self.backward(self.factors()) } else { 0 };
        [self.lanes, lanes, lanes, lanes, of_g[0], of_g[1], self.backward(self.slopes()), d_q]
    }

    /// Scratch of a component: the fields of [`Cotangents`].
    const fn cotangents(&self) -> [usize; 5] {
        let (means, factors) = (self.backward(self.lanes), self.coefficients());
        [self.backward(self.flag()), factors, self.backward(factors), means, means]
    }

    /// Whether the gradients of several groups of rows are added up before they are used.
    pub(super) const fn has_groups(&self) -> bool {
        self.batch > GROUP
    }

    /// Gradients of a block of rows, those so far, and their rounding errors; nothing where gradients are used at once.
    const fn sums(&self) -> usize {
        if self.has_groups() { self.backward(self.shape.parameter_count()).saturating_mul(3) } else { 0 }
    }

    /// Scratch of one part: the fields of [`Local`].
    const fn local(&self) -> [usize; 3] {
        let (row, inputs) = (RowScratch::<f32>::len(self.shape), self.shape.inputs());
        let gradients = unit_len(self.shape);
        if self.lanes == 0 {
            let descends = matches!(self.purpose, Purpose::Step) && self.batch > 1;
            return [row, if descends { gradients } else { 0 }, 0];
        }
        // Xᵀ of a chunk, or X of a group in panels, or q gᵀ of its rows.
        let group = if self.lanes < GROUP { self.lanes } else { GROUP };
        let chunk = if self.lanes < CHUNK { self.lanes } else { CHUNK };
        let (panels, transposed) =
            (self.backward(Panels::<f32>::len(group, inputs)), chunk.saturating_mul(inputs));
        let outer =
            if self.shape.is_tied() { self.shape.rank().saturating_mul(self.shape.outputs()) } else { 0 };
        let outer = self.backward(group.saturating_mul(outer));
        let x = if panels > transposed { panels } else { transposed };
        let x = if x > outer { x } else { outer };
        // Of a row, of all rows, and the rounding errors of those.
        [row, self.backward(gradients.saturating_mul(3)), x]
    }

    /// The number of scratch elements.
    pub(super) const fn scratch_len(&self) -> Result<usize, Error> {
        let components = self.shape.components();
        let len = total(&self.rows())
            .saturating_add(fields_len(components, self.cotangents()))
            .saturating_add(whole(self.sums()))
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
        let ([row, gradients, x], _) = cut(self.local(), locals.data);
        Local { row: RowScratch::cut(self.shape, row), gradients, x }
    }
}

/// The number of parameters of one family.
pub(super) const fn unit_len(shape: JointShape) -> usize {
    shape.parameter_count() / shape.families()
}

/// What is saved of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saved<S> {
    /// The scales of the rows.
    pub(super) scales: S,
    /// q = C_βᵀx: `[families × rank × lanes]`.
    pub(super) q: S,
    /// s, then 1/s: `[families × lanes]`.
    pub(super) inv_s: S,
    /// S = Σ C_ω p of a tied layer: `[rank × outputs × lanes]`.
    pub(super) slopes: S,
    pub(super) members: Members<S>,
}

/// Saved of some components: 1, or 0 where rows go one by one; r, p, φ and tφ.
pub(super) type Members<S> = Fields<S, 5>;

/// 1, or 0 where rows go one by one in the backward pass; the cotangents of some components, and the activations that the
/// sums over the batch take: q p; ∂q; r; ∂m. Of a tied layer p in the place of q p, and ∂s/s in that of ∂q.
pub(super) type Cotangents<S> = Fields<S, 5>;

/// Gradients of some components for a block of rows, those so far, and their rounding errors; empty where gradients are
/// used at once.
#[derive(Debug)]
pub(super) struct Sums<'a, T> {
    pub(super) data: &'a mut [T],
    shape: JointShape,
    components: usize,
    /// The rows of C_βᵀ that they have, or share.
    rows: usize,
}

impl<T> Split for Sums<'_, T> {
    fn split_at(self, components: usize, _: usize) -> (Self, Self) {
        let Self { data, shape, components: all, rows: all_rows } = self;
        let rows = share(all_rows, components, all);
        let each = (shape.parameter_count() - shape.c_b_len()) / shape.components();
        let len = if data.is_empty() { 0 } else { (components * each + rows * shape.inputs()) * 3 };
        let (first, others) = data.divide(len);
        (
            Self { data: first, shape, components, rows },
            Self {
                data: others,
                shape,
                components: all.saturating_sub(components),
                rows: all_rows.saturating_sub(rows),
            },
        )
    }
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

/// All of scratch.
#[derive(Debug)]
pub(super) struct Scratch<'a, T> {
    /// The sizes of the largest inputs, or cotangents, of the rows: `[lanes]`.
    pub(super) sizes: &'a mut [T],
    /// The scales of the cotangents: `[lanes]`.
    pub(super) g_scales: &'a mut [T],
    /// Two factors that take sums over scaled rows back to size: `[lanes]` each.
    pub(super) back: [&'a mut [T]; 2],
    /// g times its scales, over the divisor: `[batch × outputs]`.
    pub(super) g: &'a mut [T],
    /// The same transposed: `[outputs × lanes]`.
    pub(super) g_transposed: &'a mut [T],
    /// q gᵀ and ∂q of a tied layer: `[rank × outputs × lanes]` and `[rank × lanes]`.
    pub(super) shared: [&'a mut [T]; 2],
    pub(super) cotangents: Cotangents<&'a mut [T]>,
    pub(super) sums: Sums<'a, T>,
    pub(super) locals: Locals<'a, T>,
}

impl<'a, T: Real> Scratch<'a, T> {
    /// Cuts a slice, whose length is checked here.
    pub(super) fn cut(layout: Layout, scratch: &'a mut [T]) -> Result<Self, Error> {
        let scratch = shape::buffer("scratch", scratch, layout.scratch_len()?)?;
        let components = layout.shape.components();
        let ([sizes, g_scales, first, second, g, g_transposed, q_g, d_q], rest) = cut(layout.rows(), scratch);
        let shared = [q_g, d_q];
        let (cotangents, rest) = Fields::cut(components, layout.cotangents(), rest);
        let ([sums], data) = cut([layout.sums()], rest);
        let sums = Sums { data: sums, shape: layout.shape, components, rows: layout.shape.factor_rows() };
        let locals = Locals { data, each: total(&layout.local()) };
        Ok(Self { sizes, g_scales, back: [first, second], g, g_transposed, shared, cotangents, sums, locals })
    }
}

//! How a workspace is shared out.

use super::JointShape;
use super::row::Directions;
use crate::batch::{CHUNK, GROUP, LEAST_ROWS, Plain, Record};
use crate::kernel::{Panels, Split, Workers};
use crate::shape::{self, take, whole};
use crate::{Error, Real};

/// The number of scratch elements of a [`Joint`](super::Joint) or [`JointMut`](super::JointMut) layer of this shape
/// for a batch; `const`, so that it serves as an array size where there is no allocator.
///
/// # Errors
///
/// [`Error::Overflow`] when that number cannot be addressed.
pub const fn workspace_len(shape: JointShape, batch: usize) -> Result<usize, Error> {
    Layout::new(shape, batch, 1).len()
}

/// [`workspace_len`] where some threads share the work.
#[cfg(feature = "alloc")]
pub(crate) fn workspace_of(shape: JointShape, batch: usize, workers: Workers<'_>) -> Result<usize, Error> {
    Layout::for_workers(shape, batch, workers).len()
}

/// The sizes of all that a workspace holds. Every field begins with a whole vector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) shape: JointShape,
    pub(super) batch: usize,
    /// Rows of the batch, filled up to whole vectors; 0 for a batch that goes row by row.
    pub(super) lanes: usize,
    /// Inputs, filled up to whole vectors.
    pub(super) stride: usize,
    /// The number of parts that the components are dealt to.
    pub(super) parts: usize,
}

impl Layout {
    /// The layout for a batch, its components dealt to some parts.
    pub(super) const fn new(shape: JointShape, batch: usize, parts: usize) -> Self {
        let lanes = if batch < LEAST_ROWS { 0 } else { whole(batch) };
        Self { shape, batch, lanes, stride: whole(shape.inputs()), parts }
    }

    /// The layout for a batch, its components dealt to as many parts as are worth their threads.
    pub(super) const fn for_workers(shape: JointShape, batch: usize, workers: Workers<'_>) -> Self {
        let parts = workers.parts(shape.components(), shape.c_b_len().saturating_mul(batch));
        Self::new(shape, batch, parts)
    }

    /// Elements of one component: of the sums of ∂μ_ω, ∂C_ω and ∂m x, and of the record.
    const fn component(&self) -> [usize; 4] {
        let (outputs, rank) = (self.shape.outputs(), self.shape.rank());
        let record = rank.saturating_add(Record::<()>::ROWS).saturating_mul(self.lanes);
        [outputs, outputs * rank, self.stride, record]
    }

    /// Elements of a part: a row's directions; which rows are plain; inputs; g of a chunk; three
    /// matrices of the rank by the chunk; ∂C_βᵀ.
    const fn local(&self) -> [usize; 8] {
        let (inputs, outputs, rank) = (self.shape.inputs(), self.shape.outputs(), self.shape.rank());
        // Xᵀ of a chunk, or X of a group in panels.
        let group = if self.lanes < GROUP { self.lanes } else { GROUP };
        let chunk = if self.lanes < CHUNK { self.lanes } else { CHUNK };
        let (panels, transposed) = (Panels::<f32>::len(group, inputs), chunk.saturating_mul(inputs));
        let matrix = rank.saturating_mul(chunk);
        [
            rank.saturating_mul(2),
            self.lanes.saturating_mul(Plain::<f32>::ROWS),
            if panels > transposed { panels } else { transposed },
            outputs.saturating_mul(chunk),
            chunk.saturating_add(matrix),
            matrix,
            whole(rank).saturating_mul(chunk),
            rank.saturating_mul(self.stride),
        ]
    }

    /// The number of elements of all fields.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub(super) const fn len(&self) -> Result<usize, Error> {
        if self.lanes == 0 {
            return shape::product("workspace", Alone::<f32>::len(self.shape, self.batch), 1);
        }
        let [of_mu_w, of_c_w, of_mean, record] = self.component();
        let components = self.shape.components();
        let total = self
            .lanes
            .saturating_add(whole(of_mu_w.saturating_mul(components)))
            .saturating_add(whole(of_c_w.saturating_mul(components)))
            .saturating_add(whole(of_mean.saturating_mul(components)))
            .saturating_add(whole(record.saturating_mul(components)))
            .saturating_add(self.local_len().saturating_mul(self.parts));
        shape::product("workspace", total, 1)
    }

    /// The number of elements that a part has to itself.
    const fn local_len(&self) -> usize {
        let [directions, plain, x, share, of_q, weighted, turned, of_c_b] = self.local();
        whole(directions)
            .saturating_add(whole(plain))
            .saturating_add(whole(x))
            .saturating_add(whole(share))
            .saturating_add(whole(of_q))
            .saturating_add(whole(weighted))
            .saturating_add(whole(turned))
            .saturating_add(whole(of_c_b))
    }
}

/// The workspace of a batch that goes row by row.
#[derive(Debug)]
pub(super) struct Alone<'a, T> {
    pub(super) directions: Directions<'a, T>,
    /// g of a row, times its share.
    pub(super) share: &'a mut [T],
    /// Of each row and each component: r, ∂m, q p and ∂q.
    pub(super) marks: &'a mut [T],
}

impl<'a, T> Alone<'a, T> {
    /// The number of elements of a mark.
    pub(super) const fn mark_len(shape: JointShape) -> usize {
        shape.rank().saturating_mul(2).saturating_add(2)
    }

    const fn len(shape: JointShape, batch: usize) -> usize {
        let marks = Self::mark_len(shape).saturating_mul(shape.components()).saturating_mul(batch);
        marks.saturating_add(shape.outputs()).saturating_add(shape.rank().saturating_mul(2))
    }

    /// Shares out a slice.
    pub(super) fn split(layout: Layout, work: &'a mut [T]) -> Result<Self, Error> {
        let work = shape::workspace(work, layout.len()?)?;
        let rank = layout.shape.rank();
        let (q, rest) = shape::split(work, rank);
        let (unit, rest) = shape::split(rest, rank);
        let (share, marks) = shape::split(rest, layout.shape.outputs());
        Ok(Self { directions: Directions { q, unit }, share, marks })
    }
}

/// The workspace of a batch in chunks: which rows are plain, what belongs to the components, what to the parts.
#[derive(Debug)]
pub(super) struct Workspace<'a, T> {
    pub(super) layout: Layout,
    /// 1 for a row that is computed in its chunk, 0 for one that goes by itself: `[lanes]`.
    pub(super) plain: &'a mut [T],
    pub(super) fields: Fields<'a, T>,
    pub(super) locals: Locals<'a, T>,
}

/// What belongs to some of the components.
#[derive(Debug)]
pub(super) struct Fields<'a, T> {
    layout: Layout,
    /// Sums of ∂μ_ω: `[components × outputs]`.
    pub(super) of_mu_w: &'a mut [T],
    /// Sums of ∂C_ω: `[components × outputs × rank]`.
    pub(super) of_c_w: &'a mut [T],
    /// Sums of ∂m x: `[components × stride]`.
    pub(super) of_mean: &'a mut [T],
    /// What the forward pass leaves for the backward pass.
    pub(super) record: Record<'a, T>,
}

/// What belongs to some of the parts.
#[derive(Debug)]
pub(super) struct Locals<'a, T> {
    layout: Layout,
    data: &'a mut [T],
}

/// What belongs to one part.
#[derive(Debug)]
pub(super) struct Local<'a, T> {
    pub(super) directions: Directions<'a, T>,
    /// Which rows are plain for all components so far, and in the end their levels.
    pub(super) plain: Plain<'a, T>,
    /// Xᵀ of a chunk, X of a group in panels, or ∂xᵀ of a chunk.
    pub(super) x: &'a mut [T],
    /// Outputs of a chunk, transposed.
    pub(super) outputs: &'a mut [T],
    /// ⟨g, μ_ω⟩ and C_ωᵀg of a chunk: `[(1 + rank) × chunk]`.
    pub(super) of_q: &'a mut [T],
    /// q p of a chunk: `[rank × chunk]`.
    pub(super) weighted: &'a mut [T],
    /// Its transpose: `[chunk × rank, filled up]`.
    pub(super) turned: &'a mut [T],
    /// ∂C_βᵀ of one component: `[rank × stride]`.
    pub(super) of_c_b: &'a mut [T],
}

impl<'a, T: Real> Workspace<'a, T> {
    /// Shares out a slice.
    pub(super) fn split(layout: Layout, work: &'a mut [T]) -> Result<Self, Error> {
        let mut rest = shape::workspace(work, layout.len()?)?;
        let components = layout.shape.components();
        let plain = take(&mut rest, layout.lanes);
        let [of_mu_w, of_c_w, of_mean, record] =
            layout.component().map(|each| take(&mut rest, components * each));
        let record = Record::split(layout.lanes, components, record);
        let fields = Fields { layout, of_mu_w, of_c_w, of_mean, record };
        Ok(Self { layout, plain, fields, locals: Locals { layout, data: rest } })
    }

    /// Keeps the rows that are plain for every part.
    pub(super) fn combine_plain(&mut self) {
        self.plain.fill(T::one());
        for part in 0..self.layout.parts {
            for (plain, part) in self.plain.iter_mut().zip(self.locals.get(part).plain.levels()) {
                if part.is_zero() {
                    *plain = T::zero();
                }
            }
        }
    }
}

impl<T: Real> Locals<'_, T> {
    /// The memory of one part.
    pub(super) fn get(&mut self, part: usize) -> Local<'_, T> {
        let skip = (part * self.layout.local_len()).min(self.data.len());
        let (_, mut rest) = shape::split(self.data, skip);
        let [directions, plain, x, outputs, of_q, weighted, turned, of_c_b] =
            self.layout.local().map(|len| take(&mut rest, len));
        let (q, unit) = shape::split(directions, directions.len() / 2);
        let plain = Plain::split(plain);
        let directions = Directions { q, unit };
        Local { directions, plain, x, outputs, of_q, weighted, turned, of_c_b }
    }
}

impl<T> Locals<'_, T> {
    /// The same for a shorter time.
    pub(super) fn reborrow(&mut self) -> Locals<'_, T> {
        Locals { layout: self.layout, data: self.data }
    }
}

impl<T> Split for Locals<'_, T> {
    fn split_at(self, _: usize, parts: usize) -> (Self, Self) {
        let (first, second) = shape::split(self.data, parts * self.layout.local_len());
        (Self { layout: self.layout, data: first }, Self { layout: self.layout, data: second })
    }
}

impl<T> Fields<'_, T> {
    /// The same for a shorter time.
    pub(super) fn reborrow(&mut self) -> Fields<'_, T> {
        Fields {
            layout: self.layout,
            of_mu_w: self.of_mu_w,
            of_c_w: self.of_c_w,
            of_mean: self.of_mean,
            record: self.record.reborrow(),
        }
    }
}

impl<T> Split for Fields<'_, T> {
    fn split_at(self, components: usize, _: usize) -> (Self, Self) {
        let Self { layout, of_mu_w, of_c_w, of_mean, record } = self;
        let [outputs, factors, inputs, _] = layout.component().map(|each| each * components);
        let (of_mu_w, other_of_mu_w) = shape::split(of_mu_w, outputs);
        let (of_c_w, other_of_c_w) = shape::split(of_c_w, factors);
        let (of_mean, other_of_mean) = shape::split(of_mean, inputs);
        let (record, other) = record.split_at(components);
        (
            Self { layout, of_mu_w, of_c_w, of_mean, record },
            Self {
                layout,
                of_mu_w: other_of_mu_w,
                of_c_w: other_of_c_w,
                of_mean: other_of_mean,
                record: other,
            },
        )
    }
}

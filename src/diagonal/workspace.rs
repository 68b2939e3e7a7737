//! How a workspace is shared out.

use super::row::{PreActivations, Scratch};
use crate::batch::{CHUNK, GROUP, LEAST_ROWS, Level, Plain, Record};
#[cfg(feature = "alloc")]
use crate::kernel::Workers;
use crate::kernel::{Panels, Split};
use crate::shape::{self, take, whole};
use crate::{Error, Real, Shape};

/// The number of scratch elements of a [`Diagonal`](super::Diagonal) layer of this shape for a batch; `const`,
/// so that it serves as an array size where there is no allocator.
///
/// # Errors
///
/// [`Error::Overflow`] when that number cannot be addressed.
pub const fn workspace_len(shape: Shape, batch: usize) -> Result<usize, Error> {
    Layout::new(shape, batch, 1, false).len()
}

/// The number of scratch elements of a [`DiagonalMut`](super::DiagonalMut) layer: [`workspace_len`] and the
/// gradients of one component.
///
/// # Errors
///
/// [`Error::Overflow`] when that number cannot be addressed.
pub const fn descend_workspace_len(shape: Shape, batch: usize) -> Result<usize, Error> {
    Layout::new(shape, batch, 1, true).len()
}

/// [`descend_workspace_len`] where some threads share the work.
#[cfg(feature = "alloc")]
pub(crate) fn workspace_of(shape: Shape, batch: usize, workers: Workers<'_>) -> Result<usize, Error> {
    Layout::new(shape, batch, workers.parts_of(shape, batch), true).len()
}

/// The number of elements of a, W and σ².
pub(super) const fn prepared_len(shape: Shape) -> usize {
    shape.v_len() + shape.u_len() + shape.sigma_len()
}

/// The sizes of all that a workspace holds. Every field begins with a whole vector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) shape: Shape,
    /// Rows of the batch, filled up to whole vectors; 0 for a batch that goes row by row.
    pub(super) lanes: usize,
    /// Inputs, filled up to whole vectors.
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
        Self { shape, lanes, stride: whole(shape.inputs()), descends, parts }
    }

    /// a, W, σ², then the sums of ∂a, ∂m x and (∂s/s) x∘x, then the record: elements of one component.
    const fn component(&self) -> [usize; 7] {
        if self.lanes == 0 {
            return [0; 7];
        }
        let outputs = self.shape.outputs();
        let matrix = outputs.saturating_mul(self.stride);
        let record = outputs.saturating_add(Record::<()>::ROWS).saturating_mul(self.lanes);
        [outputs, matrix, self.stride, outputs, self.stride, self.stride, record]
    }

    /// Rows by themselves; the gradients of one component; which rows are plain; inputs; g.
    const fn local(&self) -> [usize; 5] {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let components = PreActivations::<f32>::len(self.shape.components());
        let rows = inputs.saturating_mul(3).saturating_add(outputs).saturating_add(components);
        let gradients = inputs.saturating_mul(outputs.saturating_add(2)).saturating_add(outputs);
        if self.lanes == 0 {
            return [rows, if self.descends { gradients } else { 0 }, 0, 0, 0];
        }
        // Xᵀ of a chunk, or X of a group in panels.
        let group = if self.lanes < GROUP { self.lanes } else { GROUP };
        let chunk = if self.lanes < CHUNK { self.lanes } else { CHUNK };
        let (panels, transposed) = (Panels::<f32>::len(group, inputs), chunk.saturating_mul(inputs));
        [
            rows,
            // Of some rows, and of all rows that go by themselves.
            gradients.saturating_mul(2),
            self.lanes.saturating_mul(Plain::<f32>::ROWS),
            if panels > transposed { panels } else { transposed },
            group.saturating_mul(outputs),
        ]
    }

    /// The scratch of one row, and one row of outputs, from the front of a slice.
    #[inline]
    pub(super) fn scratch<'a, T>(&self, rows: &'a mut [T]) -> (Scratch<'a, T>, &'a mut [T]) {
        let inputs = self.shape.inputs();
        let (direction, rest) = shape::split(rows, inputs);
        let (q, rest) = shape::split(rest, inputs);
        let (c, rest) = shape::split(rest, inputs);
        let (row, rest) = shape::split(rest, self.shape.outputs());
        let (pre_activations, _) = shape::split(rest, PreActivations::<f32>::len(self.shape.components()));
        (Scratch { direction, q, c, pre_activations: PreActivations(pre_activations) }, row)
    }

    /// The number of elements of all fields.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub(super) const fn len(&self) -> Result<usize, Error> {
        let locals = self.local_len().saturating_mul(self.parts);
        if self.lanes == 0 {
            return shape::product("workspace", locals, 1);
        }
        let mut total = self.lanes.saturating_add(locals);
        let (component, mut field) = (self.component(), 0);
        while field < component.len() {
            #[allow(clippy::indexing_slicing)] // of an array, within its length
            let len = component[field].saturating_mul(self.shape.components());
            total = total.saturating_add(whole(len));
            field += 1;
        }
        shape::product("workspace", total, 1)
    }

    /// The number of elements that a part has to itself.
    const fn local_len(&self) -> usize {
        let [rows, gradients, plain, inputs, share] = self.local();
        if self.lanes == 0 {
            // Without whole vectors there is nothing to fill up.
            return rows.saturating_add(gradients);
        }
        whole(rows)
            .saturating_add(whole(gradients))
            .saturating_add(whole(plain))
            .saturating_add(whole(inputs))
            .saturating_add(whole(share))
    }
}

/// A workspace: which rows go in chunks, what belongs to the components, what belongs to the parts.
#[derive(Debug)]
pub(super) struct Workspace<'a, T> {
    pub(super) layout: Layout,
    /// The [`Level`] of every row, 0 for one that goes by itself: `[lanes]`.
    pub(super) plain: &'a mut [T],
    pub(super) fields: Fields<'a, T>,
    pub(super) locals: Locals<'a, T>,
}

/// What belongs to some of the components.
#[derive(Debug)]
pub(super) struct Fields<'a, T> {
    layout: Layout,
    /// a = Uμ + v, [lifted](crate::batch::Lift::prepared) as W and σ² are: `[components × outputs]`.
    pub(super) a: &'a mut [T],
    /// W, then ∂W: `[components × outputs × stride]`.
    pub(super) w: &'a mut [T],
    /// σ²: `[components × stride]`.
    pub(super) variance: &'a mut [T],
    /// Sums of ∂a: `[components × outputs]`.
    pub(super) of_a: &'a mut [T],
    /// Sums of ∂m x, then ∂μ: `[components × stride]`.
    pub(super) of_mean: &'a mut [T],
    /// Sums of (∂s/s) x∘x, then ∂σ/σ: `[components × stride]`.
    pub(super) of_variance: &'a mut [T],
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
    pub(super) scratch: Scratch<'a, T>,
    /// One row of outputs.
    pub(super) row: &'a mut [T],
    /// Gradients of one component, where there is room for them: μ, σ, U, v; twice for a batch with whole vectors.
    pub(super) gradients: &'a mut [T],
    /// Which rows are plain for all components so far, and in the end their levels.
    pub(super) plain: Plain<'a, T>,
    /// Xᵀ of a chunk, or X of a group in panels.
    pub(super) x: &'a mut [T],
    /// Outputs of a group, transposed.
    pub(super) outputs: &'a mut [T],
}

impl<'a, T: Real> Workspace<'a, T> {
    /// Shares out a slice.
    pub(super) fn split(layout: Layout, work: &'a mut [T]) -> Result<Self, Error> {
        let mut rest = shape::workspace(work, layout.len()?)?;
        let components = layout.shape.components();
        let plain = take(&mut rest, layout.lanes);
        let [a, w, variance, of_a, of_mean, of_variance, record] =
            layout.component().map(|each| take(&mut rest, components * each));
        let record = Record::split(layout.lanes, components, record);
        let fields = Fields { layout, a, w, variance, of_a, of_mean, of_variance, record };
        Ok(Self { layout, plain, fields, locals: Locals { layout, data: rest } })
    }

    /// Keeps the rows that are plain for every part.
    pub(super) fn combine_plain(&mut self) {
        self.plain.fill(Level::ALL.to_number());
        for part in 0..self.layout.parts {
            for (plain, &part) in self.plain.iter_mut().zip(self.locals.get(part).plain.levels()) {
                *plain = Level::of(*plain).and(Level::of(part)).to_number();
            }
        }
    }

    /// Whether any row goes in a chunk.
    pub(super) fn any_plain(&self) -> bool {
        self.plain.iter().any(|plain| !plain.is_zero())
    }
}

impl<T: Real> Locals<'_, T> {
    /// The memory of one part.
    pub(super) fn get(&mut self, part: usize) -> Local<'_, T> {
        let [rows, gradients, plain, x, outputs] = self.layout.local();
        let lanes = self.layout.lanes;
        let skip = (part * self.layout.local_len()).min(self.data.len());
        let (_, mut rest) = shape::split(self.data, skip);
        let (rows, gradients) = if lanes == 0 {
            let (rows, others) = shape::split(rest, rows.min(rest.len()));
            rest = &mut [];
            (rows, shape::split(others, gradients.min(others.len())).0)
        } else {
            (take(&mut rest, rows), take(&mut rest, gradients))
        };
        let plain = Plain::split(take(&mut rest, plain));
        let (x, outputs) = (take(&mut rest, x), take(&mut rest, outputs));
        let (scratch, row) = self.layout.scratch(rows);
        Local { scratch, row, gradients, plain, x, outputs }
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
            a: self.a,
            w: self.w,
            variance: self.variance,
            of_a: self.of_a,
            of_mean: self.of_mean,
            of_variance: self.of_variance,
            record: self.record.reborrow(),
        }
    }
}

impl<T> Split for Fields<'_, T> {
    fn split_at(self, components: usize, _: usize) -> (Self, Self) {
        let Self { layout, a, w, variance, of_a, of_mean, of_variance, record } = self;
        let [outputs, matrix, inputs, ..] = layout.component().map(|each| each * components);
        let (a, other_a) = shape::split(a, outputs);
        let (w, other_w) = shape::split(w, matrix);
        let (variance, other_variance) = shape::split(variance, inputs);
        let (of_a, other_of_a) = shape::split(of_a, outputs);
        let (of_mean, other_of_mean) = shape::split(of_mean, inputs);
        let (of_variance, other_of_variance) = shape::split(of_variance, inputs);
        let (record, other_record) = record.split_at(components);
        (
            Self { layout, a, w, variance, of_a, of_mean, of_variance, record },
            Self {
                layout,
                a: other_a,
                w: other_w,
                variance: other_variance,
                of_a: other_of_a,
                of_mean: other_of_mean,
                of_variance: other_of_variance,
                record: other_record,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, Workspace, descend_workspace_len, workspace_len};
    use crate::batch::{CHUNK, GROUP, LEAST_ROWS};
    use crate::kernel::{LANES, Split};
    use crate::{Error, Shape};

    /// Three rows of inputs, one of outputs and three of components, and from 8 rows on everything that chunks need, to the element,
    /// however many parts.
    #[test]
    fn the_parts_fill_the_workspace() {
        for (inputs, outputs, components) in [(1, 1, 1), (5, 3, 2), (64, 10, 4)] {
            let shape = Shape::new(inputs, outputs, components).unwrap();
            let stride = inputs.next_multiple_of(LANES);
            for batch in [1, LEAST_ROWS - 1, LEAST_ROWS, CHUNK - 1, CHUNK, CHUNK + 1, GROUP, GROUP + 1] {
                for parts in [1, 2, 3] {
                    for descends in [false, true] {
                        let layout = Layout::new(shape, batch, parts, descends);
                        let mut work = vec![0.0_f64; layout.len().unwrap()];
                        assert!(Workspace::split(layout, &mut work[1..]).is_err());
                        let chunked = batch >= LEAST_ROWS;
                        let mut all = Workspace::split(layout, &mut work).unwrap();
                        assert_eq!(all.plain.len(), if chunked { batch.next_multiple_of(LANES) } else { 0 });
                        assert_eq!(
                            all.fields.w.len(),
                            if chunked { components * outputs * stride } else { 0 }
                        );
                        for part in 0..parts {
                            let local = all.locals.get(part);
                            assert_eq!(local.scratch.c.len(), inputs);
                            assert_eq!(local.row.len(), outputs);
                            let times = if chunked { 2 } else { usize::from(descends) };
                            let gradients = times * (inputs * (outputs + 2) + outputs);
                            assert_eq!(local.gradients.len(), gradients);
                            let rows = if chunked { batch.next_multiple_of(LANES).min(GROUP) } else { 0 };
                            assert_eq!(local.outputs.len(), rows * outputs);
                            assert!(local.x.len() >= rows * stride);
                            assert_eq!(local.plain.levels().len(), all.plain.len());
                        }
                        let (first, second) = (all.fields, all.locals).split_at(components, parts);
                        assert!(second.0.w.is_empty() && second.1.data.is_empty());
                        assert!(!first.1.data.is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn a_small_batch_needs_little() {
        let shape = Shape::new(64, 10, 4).unwrap();
        assert_eq!(workspace_len(shape, LEAST_ROWS - 1), Ok(3 * 64 + 10 + 3 * 16));
        assert_eq!(descend_workspace_len(shape, 1), Ok(3 * 64 + 10 + 3 * 16 + 12 * 64 + 10));
    }

    #[test]
    fn a_workspace_that_cannot_be_addressed_is_refused() {
        let overflow = Err(Error::Overflow { argument: "workspace" });
        let small = Shape::new(2, 1, 1).unwrap();
        for batch in [usize::MAX, usize::MAX / 7, isize::MAX as usize / 8] {
            assert_eq!(workspace_len(small, batch), overflow);
        }
        for (inputs, outputs, components) in
            [((1 << 58) - 1, 1, 1), (1, (1 << 58) - 1, 1), (1, 1, (1 << 58) - 1)]
        {
            let shape = Shape::new(inputs, outputs, components).unwrap();
            assert_eq!(workspace_len(shape, CHUNK), overflow, "{shape:?}");
            assert_eq!(workspace_len(shape, 1 << 40), overflow, "{shape:?}");
        }
    }
}

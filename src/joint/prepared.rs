//! The form for inference: the forward pass alone.

use super::batch::Pass;
use super::layout::{Layout, Purpose};
use super::{JointShape, Parameters, Scale};
use crate::kernel::Workers;
use crate::mixture::{CHUNK, Fields, Locals};
use crate::slices::{Slice, after, count, zip_rows};
use crate::{Error, Real, shape};

/// What an exported model holds: the parameters as they are.
pub type Constants<'a, T> = Parameters<'a, T>;

/// A layer prepared for inference: it saves nothing, and its scratch does not grow with the batch.
///
/// ```text
/// h(x) = 1/K Σ_k [ μ_ω r + C_ω q p ],   q = C_βᵀx
/// ```
///
/// Made by [`Joint::prepare`](super::Joint::prepare), or from constants that were exported.
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 4.
#[derive(Debug, Clone, Copy)]
pub struct Prepared<'a, T> {
    shape: JointShape,
    scale: Scale,
    constants: Constants<'a, T>,
    all_fit: bool,
    workers: Workers<'a>,
}

impl<'a, T: Real> Prepared<'a, T> {
    /// A prepared layer over borrowed constants, their mean over the components.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it.
    pub fn new(shape: JointShape, constants: Constants<'a, T>) -> Result<Self, Error> {
        constants.check(shape)?;
        Ok(Self::of(shape, Scale::Mean, constants))
    }

    /// The same of constants of checked lengths.
    pub(super) fn of(shape: JointShape, scale: Scale, constants: Constants<'a, T>) -> Self {
        let all_fit = constants.families(shape).all(|family| family.fits());
        Self { shape, scale, constants, all_fit, workers: Workers::alone() }
    }

    /// The same layer with another scale.
    #[must_use]
    pub const fn with_scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }

    /// The same layer on several threads, with the same bits for any number; see
    /// [`Diagonal::with_threads`](crate::Diagonal::with_threads). Each thread takes whole chunks of 64 rows, and scratch
    /// of its own.
    #[cfg(feature = "threads")]
    #[must_use]
    pub fn with_threads(self, threads: &'a crate::Threads) -> Self {
        self.with_workers(threads.workers())
    }

    /// The same layer with other threads, or none.
    pub(super) fn with_workers(self, workers: Workers<'a>) -> Self {
        Self { workers, ..self }
    }

    /// Whether the components' mean is taken, or their sum.
    pub(super) const fn scale(&self) -> Scale {
        self.scale
    }

    /// The sizes.
    #[must_use]
    pub const fn shape(&self) -> JointShape {
        self.shape
    }

    /// The constants.
    #[must_use]
    pub fn constants(&self) -> Constants<'a, T> {
        self.constants
    }

    /// The number of scratch elements that [`forward`](Self::forward) needs for `batch` rows, on as many threads as
    /// the layer has.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn scratch_len(&self, batch: usize) -> Result<usize, Error> {
        let layout = self.layout(batch);
        match (layout.saved_len(), layout.scratch_len()) {
            (Ok(saved), Ok(scratch)) => {
                shape::product("scratch", saved.saturating_add(scratch), self.parts(batch))
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    /// The number of parts that the chunks are dealt to.
    const fn parts(&self, batch: usize) -> usize {
        self.workers.parts(batch.div_ceil(CHUNK), self.shape.parameter_count().saturating_mul(batch))
    }

    /// The layout of the buffers of a chunk.
    const fn layout(&self, batch: usize) -> Layout {
        Layout::new(self.shape, if batch < CHUNK { batch } else { CHUNK }, 1, Purpose::Values)
    }

    /// Overwrites y with h(x).
    ///
    /// **Shapes**: `x: [batch × inputs]`, `y: [batch × outputs]`, row-major; `scratch`: at least
    /// [`scratch_len`](Self::scratch_len) elements, whose contents do not matter.
    ///
    /// **Accuracy**: as [`Joint`](super::Joint) says.
    ///
    /// # Errors
    ///
    /// As for [`Joint::forward`](super::Joint::forward).
    pub fn forward(&self, x: &[T], y: &mut [T], scratch: &mut [T]) -> Result<(), Error> {
        let Self { shape, scale, constants, all_fit, .. } = *self;
        let (inputs, outputs) = (shape.inputs(), shape.outputs());
        let batch = shape::rows("x", x.len(), inputs)?;
        shape::exact("y", y.len(), shape::product("y", batch, outputs)?)?;
        let scratch = shape::buffer("scratch", scratch, self.scratch_len(batch)?)?;
        let (saved_len, parts) = (self.layout(batch).saved_len()?, self.parts(batch));
        let run = |first: usize, (y, scratch): (Fields<&mut [T], 1>, Locals<'_, T>)| {
            let [y] = y.fields;
            let (saved, scratch) = scratch.data.divide(saved_len);
            let x = after(x, first * CHUNK * inputs);
            for (x, y) in zip_rows(x, CHUNK * inputs, y, CHUNK * outputs) {
                let layout = self.layout(count(x.len(), inputs));
                let pass = Pass { shape, scale, workers: Workers::alone(), layout, x, all_fit };
                let result = pass.forward(constants, y, saved, scratch);
                debug_assert!(result.is_ok(), "the lengths are checked");
            }
        };
        let each = count(scratch.len(), parts);
        let work = (Fields::one(CHUNK * outputs, y), Locals { data: scratch, each });
        self.workers.in_parts(work, batch.div_ceil(CHUNK), parts, &run);
        Ok(())
    }
}

//! The one trait of all layers.

use alloc::vec::Vec;
use core::fmt::Debug;

use super::LayerKind;
use crate::{Error, Real};

/// One named block of a layer's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The name: `mu`, `sigma`, `u`, `v`, `weight`, `bias`.
    pub name: &'static str,
    /// The sizes, row-major, the last index contiguous.
    pub dimensions: Vec<usize>,
}

impl Block {
    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dimensions.iter().product()
    }

    /// Whether the block holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A layer: a function of a batch and of one flat slice of parameters, and its exact backward pass.
///
/// A layer holds sizes, never numbers: its parameters are a slice of the caller's, the blocks one after
/// the other in the order of [`blocks`](Self::blocks). So an optimiser, a checkpoint and a gradient
/// check see every layer alike.
pub trait Layer<T: Real>: Debug + Send + Sync {
    /// What the layer is, with its sizes: all that it takes to build it again.
    fn kind(&self) -> LayerKind;

    /// The number of inputs of a row.
    fn inputs(&self) -> usize;

    /// The number of outputs of a row.
    fn outputs(&self) -> usize;

    /// The blocks of parameters, in the order in which they lie in the flat slice.
    fn blocks(&self) -> Vec<Block>;

    /// The number of elements that the forward pass saves of `batch` rows for the backward pass; none, if the layer does
    /// not say otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    fn saved_len(&self, batch: usize) -> Result<usize, Error> {
        let _ = batch;
        Ok(0)
    }

    /// The number of scratch elements of each pass for `batch` rows.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    fn scratch_len(&self, batch: usize) -> Result<usize, Error>;

    /// Overwrites `y: [batch × outputs]` with the layer's value at `x: [batch × inputs]`, and `saved` with what the
    /// backward pass needs; the contents of `scratch` do not matter.
    ///
    /// # Errors
    ///
    /// A slice of the wrong length.
    fn forward(
        &self,
        parameters: &[T],
        x: &[T],
        y: &mut [T],
        saved: &mut [T],
        scratch: &mut [T],
    ) -> Result<(), Error>;

    /// Adds the gradients of ⟨g, y⟩ to `gradients` and overwrites `dx`.
    ///
    /// `saved` is what [`forward`](Self::forward) has left for the same `x` and `parameters`. `frozen` has one flag a
    /// block: a frozen block's gradient is neither computed nor written.
    ///
    /// # Errors
    ///
    /// A slice of the wrong length.
    #[allow(clippy::too_many_arguments)] // each is a separate buffer of the caller's
    fn backward(
        &self,
        parameters: &[T],
        x: &[T],
        g: &[T],
        saved: &[T],
        frozen: &[bool],
        gradients: &mut [T],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error>;

    /// The backward pass and a step of gradient descent in one, where the layer can do that: θ ← θ − rate·∂θ, and
    /// `dx` overwritten with the gradient of `x` before the step. `rates` has one a block, `None` where it is
    /// frozen; everything else is as for [`backward`](Self::backward).
    ///
    /// Returns false, with nothing done, where the layer cannot, which is the default.
    ///
    /// # Errors
    ///
    /// A slice of the wrong length.
    #[allow(clippy::too_many_arguments)] // each is a separate buffer of the caller's
    fn descend(
        &self,
        parameters: &mut [T],
        x: &[T],
        g: &[T],
        saved: &[T],
        rates: &[Option<T>],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<bool, Error> {
        let _ = (parameters, x, g, saved, rates, dx, scratch);
        Ok(false)
    }

    /// Fills `parameters` with the layer's starting values, drawn from `random`.
    ///
    /// # Errors
    ///
    /// A slice of the wrong length.
    #[cfg(feature = "rand")]
    fn initialise(&self, parameters: &mut [T], random: &mut dyn rand_core::Rng) -> Result<(), Error>;
}

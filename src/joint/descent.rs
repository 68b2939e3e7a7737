//! The joint layer over mutable parameters: a step of gradient descent fused with the backward pass.

use super::batch::Pass;
use super::layout::{Layout, Purpose};
use super::parameters::{ParametersMut, Rates, Targets};
use super::{Joint, JointShape, Scale};
use crate::kernel::Workers;
use crate::{Error, Real, shape};

/// A joint layer over mutable parameters: the forward pass of [`Joint`], and a backward pass fused with a step of
/// gradient descent,
///
/// ```text
/// θ ← θ − rate · ∂ℓ/∂θ,   ℓ = Σ_b ⟨g_b, h(x_b)⟩
/// ```
///
/// which writes no gradient out.
///
/// # Example
///
/// ```
/// use gmlayer::joint::{JointMut, JointShape, ParametersMut, Rates};
///
/// let shape = JointShape::new(2, 1, 1, 2)?;
/// let (mut mu_w, mut c_w, mut mu_b, mut c_b) = ([1.0_f64], [0.5, 0.5], [1.0, 0.0], [1.0, 0.0, 0.0, 1.0]);
/// let parameters = ParametersMut { mu_w: &mut mu_w, c_w: &mut c_w, mu_b: &mut mu_b, c_b: &mut c_b };
/// let mut layer = JointMut::new(shape, parameters)?;
///
/// let (x, target, mut y) = ([1.0, 2.0], 3.0, [0.0]);
/// let (mut saved, mut scratch) = (vec![0.0; layer.saved_len(1)?], vec![0.0; layer.scratch_len(1)?]);
/// for _ in 0..50 {
///     layer.as_joint().forward(&x, &mut y, &mut saved, &mut scratch)?;
///     let g = [y[0] - target]; // of ½(y − target)²
///     layer.descend(&x, &g, &saved, Rates::all(0.05), None, &mut scratch)?;
/// }
/// assert!((y[0] - target).abs() < 1e-3);
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 4 and Theorem 1.
#[derive(Debug)]
pub struct JointMut<'a, T> {
    shape: JointShape,
    parameters: ParametersMut<'a, T>,
    scale: Scale,
    workers: Workers<'a>,
}

impl<'a, T: Real> JointMut<'a, T> {
    /// A layer of the given shape over borrowed parameters.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it.
    pub fn new(shape: JointShape, parameters: ParametersMut<'a, T>) -> Result<Self, Error> {
        parameters.as_ref().check(shape)?;
        Ok(Self { shape, scale: Scale::Mean, parameters, workers: Workers::alone() })
    }

    /// The same layer with another scale; see [`Joint::with_scale`].
    #[must_use]
    pub fn with_scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }

    /// The same layer on several threads; see [`Joint::with_threads`].
    #[cfg(feature = "threads")]
    #[must_use]
    pub fn with_threads(self, threads: &'a crate::Threads) -> Self {
        self.with_workers(threads.workers())
    }

    /// The same layer with other threads, or none.
    #[cfg(feature = "alloc")]
    pub(crate) fn with_workers(self, workers: Workers<'a>) -> Self {
        Self { workers, ..self }
    }

    /// The layer as it is now, for its forward pass.
    #[must_use]
    pub fn as_joint(&self) -> Joint<'_, T> {
        Joint {
            shape: self.shape,
            scale: self.scale,
            parameters: self.parameters.as_ref(),
            workers: self.workers,
        }
    }

    /// The number of elements that the forward pass saves of `batch` rows: [`Joint::saved_len`].
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn saved_len(&self, batch: usize) -> Result<usize, Error> {
        self.layout(batch).saved_len()
    }

    /// The number of scratch elements that both passes need for `batch` rows: those of [`Joint::scratch_len`], and
    /// room for the gradients of one component.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn scratch_len(&self, batch: usize) -> Result<usize, Error> {
        self.layout(batch).scratch_len()
    }

    /// The layout of the buffers.
    const fn layout(&self, batch: usize) -> Layout {
        Layout::for_workers(self.shape, batch, self.workers, Purpose::Step)
    }

    /// One step of gradient descent; overwrites `dx` with the gradient of x before the step.
    ///
    /// **Shapes**: `x: [batch × inputs]`, the cotangent `g: [batch × outputs]` (∂loss/∂h); `saved`: what
    /// [`Joint::forward`] has left for the same `x` and parameters; `dx: [batch × inputs]`; `scratch`: at least
    /// [`scratch_len`](Self::scratch_len) elements, whose contents do not matter.
    ///
    /// With any other contents of `saved` the step is meaningless, and nothing worse.
    ///
    /// **Accuracy**: the gradients as [the layer](Joint) says; the step rounds once more.
    ///
    /// # Errors
    ///
    /// As for [`Joint::backward`]; nothing is written when a length is wrong.
    pub fn descend(
        &mut self,
        x: &[T],
        g: &[T],
        saved: &[T],
        rates: Rates<T>,
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error> {
        let (shape, scale) = (self.shape, self.scale);
        let batch = shape::rows("x", x.len(), shape.inputs())?;
        shape::exact("g", g.len(), shape::product("g", batch, shape.outputs())?)?;
        if let Some(dx) = &dx {
            shape::exact("dx", dx.len(), x.len())?;
        }
        let layout = self.layout(batch);
        let saved = shape::buffer_ref("saved", saved, layout.saved_len()?)?;
        let pass = Pass { shape, scale, workers: self.workers, layout, x, all_fit: false };
        pass.backward(Targets::descend(shape, &mut self.parameters, rates), g, saved, dx, scratch)
    }
}

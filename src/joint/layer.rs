//! The joint layer: checks all lengths once, then calls the passes.

use super::batch::Pass;
use super::layout::{Layout, Purpose};
use super::parameters::{Gradients, Parameters, Targets};
use super::prepared::Prepared;
use super::{JointShape, Scale};
use crate::kernel::Workers;
use crate::{Error, Real, shape};

/// A Gaussian mixture layer with a joint covariance of weights and outputs, over borrowed parameters.
///
/// Component k is the Gaussian (ω, β) ~ N((μ_ω, μ_β), CCᵀ) with C = \[C_ω; C_β\] of R columns. The layer returns
/// the exact expectation
///
/// ```text
/// h(x) = 1/K Σ_k E[ω ReLU(⟨β, x⟩)] = 1/K Σ_k [ μ_ω r + C_ω q p ],   q = C_βᵀx,
/// r = m Φ(t) + s φ(t),   p = Φ(t),   m = ⟨μ_β, x⟩,   s = |q|,   t = m/s
/// ```
///
/// R = d + L gives a general covariance, a small R one of low rank. In a [tied](JointShape::tied) layer all components
/// share one C_β, and with it q and s; each has its own C_ω, μ_ω and μ_β. Gradient descent on these parameters is the
/// discretised Gaussian mixture gradient flow.
///
/// **Accuracy**: every output and gradient is within 8(u·scale + η·floor) of the exact value, for numbers of any size:
/// the accuracy rule of `docs/NUMERICS.md`. `tests/layers/tables.rs` checks it against exact tables, in `f32` and `f64`.
///
/// # Example
///
/// ```
/// use gmlayer::joint::{Gradients, Joint, JointShape, Parameters};
///
/// let shape = JointShape::new(2, 1, 1, 1)?; // inputs, outputs, components, rank
/// let parameters = Parameters { mu_w: &[2.0], c_w: &[1.0], mu_b: &[1.0, 0.0], c_b: &[0.0, 0.0] };
/// let layer = Joint::new(shape, parameters)?;
///
/// let (x, mut y) = ([3.0_f64, 5.0, -1.0, 0.5], [0.0; 2]); // two rows
/// let (mut saved, mut scratch) = (vec![0.0; layer.saved_len(2)?], vec![0.0; layer.scratch_len(2)?]);
/// layer.forward(&x, &mut y, &mut saved, &mut scratch)?;
/// assert_eq!(y, [6.0, 0.0]); // no spread of β: the neuron μ_ω ReLU(⟨μ_β, x⟩)
///
/// let (g, mut d_mu_w) = ([1.0, 1.0], [0.0]);
/// let gradients = Gradients { mu_w: Some(&mut d_mu_w), ..Gradients::none() };
/// layer.backward(&x, &g, &saved, gradients, None, &mut scratch)?;
/// assert_eq!(d_mu_w, [3.0]);
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 4 and Theorem 1.
#[derive(Debug, Clone, Copy)]
pub struct Joint<'a, T> {
    pub(super) shape: JointShape,
    pub(super) scale: Scale,
    pub(super) parameters: Parameters<'a, T>,
    pub(super) workers: Workers<'a>,
}

impl<'a, T: Real> Joint<'a, T> {
    /// A layer of the given shape over borrowed parameters.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it.
    pub fn new(shape: JointShape, parameters: Parameters<'a, T>) -> Result<Self, Error> {
        parameters.check(shape)?;
        Ok(Self { shape, scale: Scale::Mean, parameters, workers: Workers::alone() })
    }

    /// The same layer with another scale: the sum over the components in the place of their mean.
    #[must_use]
    pub fn with_scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }

    /// The same layer on several threads, with the same bits for any number; see
    /// [`Diagonal::with_threads`](crate::Diagonal::with_threads).
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

    /// The sizes.
    #[must_use]
    pub fn shape(&self) -> JointShape {
        self.shape
    }

    /// Whether the components' mean is taken, or their sum.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The parameters.
    #[must_use]
    pub fn parameters(&self) -> Parameters<'a, T> {
        self.parameters
    }

    /// The number of elements that [`forward`](Self::forward) saves of `batch` rows for [`backward`](Self::backward):
    /// none below 8 rows, and some K(R + 5) numbers a row from there on.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn saved_len(&self, batch: usize) -> Result<usize, Error> {
        self.layout(batch).saved_len()
    }

    /// The number of scratch elements that each pass needs for `batch` rows.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn scratch_len(&self, batch: usize) -> Result<usize, Error> {
        self.layout(batch).scratch_len()
    }

    /// The layout of the buffers.
    const fn layout(&self, batch: usize) -> Layout {
        Layout::for_workers(self.shape, batch, self.workers, Purpose::Gradients)
    }

    /// Overwrites y with h(x), and saves what the backward pass needs.
    ///
    /// **Shapes**: `x: [batch × inputs]`, `y: [batch × outputs]`, row-major; `saved`: at least
    /// [`saved_len`](Self::saved_len) elements, which are overwritten; `scratch`: at least
    /// [`scratch_len`](Self::scratch_len) elements, whose contents do not matter.
    ///
    /// A NaN in `x` makes its own row of `y` NaN, and no other.
    ///
    /// **Accuracy**: as [the layer](Self) says.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] or [`Error::Rows`] when `x` does not hold whole rows, [`Error::Length`] when `y`
    /// does not have as many, [`Error::Buffer`] when `saved` or `scratch` is too short.
    pub fn forward(&self, x: &[T], y: &mut [T], saved: &mut [T], scratch: &mut [T]) -> Result<(), Error> {
        let batch = shape::rows("x", x.len(), self.shape.inputs())?;
        shape::exact("y", y.len(), shape::product("y", batch, self.shape.outputs())?)?;
        let pass = self.pass(x, batch);
        let saved = shape::buffer("saved", saved, pass.layout.saved_len()?)?;
        pass.forward(self.parameters, y, saved, scratch)
    }

    /// Adds the gradients of ℓ = Σ_b ⟨g_b, h(x_b)⟩ to the blocks that are there, and overwrites `dx`.
    ///
    /// **Shapes**: `x: [batch × inputs]`, the cotangent `g: [batch × outputs]` (∂loss/∂h); `saved`: what
    /// [`forward`](Self::forward) has left for the same `x` and parameters, which is not changed, so that several
    /// backward passes may follow one forward pass; the gradients as the parameters, `dx: [batch × inputs]`;
    /// `scratch`: at least [`scratch_len`](Self::scratch_len) elements, whose contents do not matter.
    ///
    /// Parameter gradients **accumulate**; a block that is left out is not computed. At the kinks (q = 0) every
    /// gradient is the limit of central differences. With any other contents of `saved` the gradients are meaningless
    /// numbers, and nothing worse.
    ///
    /// **Accuracy**: as [the layer](Self) says.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward); nothing is written when a length is wrong.
    ///
    /// # Example
    ///
    /// ```
    /// # use gmlayer::joint::{Gradients, Joint, JointShape, Parameters};
    /// # let shape = JointShape::new(2, 1, 1, 1)?;
    /// # let parameters = Parameters { mu_w: &[1.0_f64], c_w: &[0.5], mu_b: &[1.0, 0.0], c_b: &[1.0, 0.5] };
    /// let layer = Joint::new(shape, parameters)?;
    /// let (x, target) = ([1.0, 2.0], 3.0);
    /// let (mut y, mut d_mu_b) = ([0.0], [0.0; 2]);
    /// let (mut saved, mut scratch) = (vec![0.0; layer.saved_len(1)?], vec![0.0; layer.scratch_len(1)?]);
    /// layer.forward(&x, &mut y, &mut saved, &mut scratch)?;
    /// let g = [y[0] - target];
    /// let gradients = Gradients { mu_b: Some(&mut d_mu_b), ..Gradients::none() };
    /// layer.backward(&x, &g, &saved, gradients, None, &mut scratch)?;
    /// # assert!(d_mu_b[0] != 0.0);
    /// # Ok::<(), gmlayer::Error>(())
    /// ```
    pub fn backward(
        &self,
        x: &[T],
        g: &[T],
        saved: &[T],
        gradients: Gradients<'_, T>,
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error> {
        let batch = shape::rows("x", x.len(), self.shape.inputs())?;
        shape::exact("g", g.len(), shape::product("g", batch, self.shape.outputs())?)?;
        gradients.check(self.shape)?;
        if let Some(dx) = &dx {
            shape::exact("dx", dx.len(), x.len())?;
        }
        let pass = self.pass(x, batch);
        let saved = shape::buffer_ref("saved", saved, pass.layout.saved_len()?)?;
        pass.backward(Targets::accumulate(self.shape, self.parameters, gradients), g, saved, dx, scratch)
    }

    fn pass<'b>(&'b self, x: &'b [T], batch: usize) -> Pass<'b, T> {
        Pass {
            shape: self.shape,
            scale: self.scale,
            workers: self.workers,
            layout: self.layout(batch),
            x,
            all_fit: false,
        }
    }

    /// The form for inference, on the same threads.
    ///
    /// # Example
    ///
    /// ```
    /// # use gmlayer::joint::{Joint, JointShape, Parameters};
    /// # let shape = JointShape::new(2, 1, 1, 1)?;
    /// # let parameters = Parameters { mu_w: &[1.0_f64], c_w: &[0.5], mu_b: &[1.0, 0.0], c_b: &[1.0, 0.5] };
    /// let layer = Joint::new(shape, parameters)?;
    /// let prepared = layer.prepare();
    /// let (mut y, mut scratch) = ([0.0], vec![0.0; prepared.scratch_len(1)?]);
    /// prepared.forward(&[1.0, 1.0], &mut y, &mut scratch)?;
    /// # let (mut want, mut scratch) = ([0.0], vec![0.0; layer.scratch_len(1)?]);
    /// # layer.forward(&[1.0, 1.0], &mut want, &mut [], &mut scratch)?;
    /// # assert_eq!(y, want);
    /// # Ok::<(), gmlayer::Error>(())
    /// ```
    #[must_use]
    pub fn prepare(&self) -> Prepared<'a, T> {
        Prepared::of(self.shape, self.scale, self.parameters).with_workers(self.workers)
    }
}

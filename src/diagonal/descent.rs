//! A layer whose parameters go down their gradients as these are found.

use super::Diagonal;
use super::effect::Descent;
use super::parameters::{ParametersMut, Rates};
use super::passes::Pass;
use super::workspace::{Layout, Workspace};
use crate::kernel::Workers;
use crate::{Error, Real, Shape, shape};

/// A Gaussian mixture layer over parameters that it may write: the forward pass of [`Diagonal`], and a backward
/// pass joined with a step of gradient descent,
///
/// ```text
/// θ ← θ − rate · ∂ℓ/∂θ,   ℓ = Σ_b ⟨g_b, h(x_b)⟩
/// ```
///
/// so that no gradient is ever written out: the parameters are read and written once.
///
/// # Example
///
/// ```
/// use gmlayer::Shape;
/// use gmlayer::diagonal::{DiagonalMut, ParametersMut, Rates};
///
/// let shape = Shape::new(2, 1, 1)?;
/// let (mut mu, mut sigma, mut u, mut v) = ([1.0_f64, 0.0], [1.0, 0.5], [1.0, 0.0], [2.0]);
/// let parameters = ParametersMut { mu: &mut mu, sigma: &mut sigma, u: &mut u, v: &mut v };
/// let mut layer = DiagonalMut::new(shape, parameters)?;
///
/// let (x, target, mut y) = ([1.0, 2.0], 3.0, [0.0]);
/// let mut work = vec![0.0; layer.workspace_len(1)?];
/// for _ in 0..50 {
///     layer.as_diagonal().forward(&x, &mut y, &mut work)?;
///     let g = [y[0] - target]; // of ½(y − target)²
///     layer.descend_after_forward(&x, &g, Rates::all(0.02), None, &mut work)?;
/// }
/// assert!((y[0] - target).abs() < 1e-3);
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 5 and 6.
#[derive(Debug)]
pub struct DiagonalMut<'a, T> {
    shape: Shape,
    parameters: ParametersMut<'a, T>,
    workers: Workers<'a>,
}

impl<'a, T: Real> DiagonalMut<'a, T> {
    /// A layer of the given shape over borrowed parameters.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it.
    pub fn new(shape: Shape, parameters: ParametersMut<'a, T>) -> Result<Self, Error> {
        parameters.as_ref().check(shape)?;
        Ok(Self { shape, parameters, workers: Workers::alone() })
    }

    /// The same layer on several threads; see [`Diagonal::with_threads`].
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
    pub fn as_diagonal(&self) -> Diagonal<'_, T> {
        Diagonal { shape: self.shape, parameters: self.parameters.as_ref(), workers: self.workers }
    }

    /// The number of scratch elements that both passes need for a batch of `batch` rows: those of
    /// [`Diagonal::workspace_len`], and room for the gradients of one component.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn workspace_len(&self, batch: usize) -> Result<usize, Error> {
        self.layout(batch).len()
    }

    /// The layout of a workspace.
    const fn layout(&self, batch: usize) -> Layout {
        Layout::new(self.shape, batch, self.workers.parts_of(self.shape, batch), true)
    }

    /// One step of gradient descent, for a `work` that [`Diagonal::forward`] has left for the same `x` and
    /// parameters; overwrites `dx` with the gradient of x before the step.
    ///
    /// **Shapes**: `x: [batch × inputs]`, the cotangent `g: [batch × outputs]` (∂loss/∂h),
    /// `dx: [batch × inputs]`; `work`: at least [`workspace_len`](Self::workspace_len) elements.
    ///
    /// With any other contents of `work` the step is meaningless, and nothing worse.
    ///
    /// **Accuracy**: within 8 budgets u·scale + η for the gradients, as [the layer](Diagonal) says; the step rounds
    /// once more.
    ///
    /// # Errors
    ///
    /// As for [`Diagonal::backward`]; nothing is written when a length is wrong.
    pub fn descend_after_forward(
        &mut self,
        x: &[T],
        g: &[T],
        rates: Rates<T>,
        dx: Option<&mut [T]>,
        work: &mut [T],
    ) -> Result<(), Error> {
        let shape = self.shape;
        let batch = shape::rows("x", x.len(), shape.inputs())?;
        shape::exact("g", g.len(), shape::product("g", batch, shape.outputs())?)?;
        if let Some(dx) = dx.as_deref() {
            shape::exact("dx", dx.len(), x.len())?;
        }
        let mut work = Workspace::split(self.layout(batch), work)?;
        let pass = Pass { shape, workers: self.workers, x };
        pass.cotangents(self.parameters.as_ref(), g, dx, &mut work);
        pass.gradients(Descent { shape, parameters: self.parameters.reborrow(), rates }, g, &mut work);
        Ok(())
    }
}

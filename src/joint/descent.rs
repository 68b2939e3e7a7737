//! A layer whose parameters go down their gradients as these are found.

use super::parameters::{ParametersMut, Rates, Targets};
use super::passes::{Pass, Wanted};
use super::workspace::{Alone, Layout, Workspace};
use super::{Joint, JointShape};
use crate::kernel::Workers;
use crate::{Error, Real, Scale, shape};

/// A joint layer over parameters that it may write: the forward pass of [`Joint`], and a backward pass joined with a
/// step of gradient descent,
///
/// ```text
/// θ ← θ − rate · ∂ℓ/∂θ,   ℓ = Σ_b ⟨g_b, h(x_b)⟩
/// ```
///
/// so that no gradient is ever written out.
///
/// # Example
///
/// ```
/// use gmlayer::joint::{JointMut, JointShape, ParametersMut, Rates};
///
/// let shape = JointShape::new(2, 1, 1, 2)?;
/// let (mut mu_w, mut mu_b, mut c_w, mut c_b) = ([1.0_f64], [1.0, 0.0], [0.5, 0.5], [1.0, 0.0, 0.0, 1.0]);
/// let parameters = ParametersMut { mu_w: &mut mu_w, mu_b: &mut mu_b, c_w: &mut c_w, c_b: &mut c_b };
/// let mut layer = JointMut::new(shape, parameters)?;
///
/// let (x, target, mut y) = ([1.0, 2.0], 3.0, [0.0]);
/// let mut work = vec![0.0; layer.workspace_len(1)?];
/// for _ in 0..50 {
///     layer.as_joint().forward(&x, &mut y, &mut work)?;
///     let g = [y[0] - target]; // of ½(y − target)²
///     layer.descend_after_forward(&x, &g, Rates::all(0.05), None, &mut work)?;
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
        Ok(Self { shape, parameters, scale: Scale::Mean, workers: Workers::alone() })
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
            parameters: self.parameters.as_ref(),
            scale: self.scale,
            workers: self.workers,
        }
    }

    /// The number of scratch elements that both passes need for a batch of `batch` rows:
    /// [`Joint::workspace_len`].
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn workspace_len(&self, batch: usize) -> Result<usize, Error> {
        Layout::for_workers(self.shape, batch, self.workers).len()
    }

    /// One step of gradient descent, for a `work` that [`Joint::forward`] has left for the same `x` and
    /// parameters; overwrites `dx` with the gradient of x before the step.
    ///
    /// **Shapes**: `x: [batch × inputs]`, the cotangent `g: [batch × outputs]` (∂loss/∂h),
    /// `dx: [batch × inputs]`; `work`: at least [`workspace_len`](Self::workspace_len) elements.
    ///
    /// With any other contents of `work` the step is meaningless, and nothing worse.
    ///
    /// **Accuracy**: within 8 budgets u·scale + η for the gradients, as [the layer](Joint) says; the step rounds
    /// once more.
    ///
    /// # Errors
    ///
    /// As for [`Joint::backward`]; nothing is written when a length is wrong.
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
        let layout = Layout::for_workers(shape, batch, self.workers);
        let pass = Pass { shape, scale: self.scale, workers: self.workers, x };
        if layout.lanes == 0 {
            let mut work = Alone::split(layout, work)?;
            pass.cotangents_alone(self.parameters.as_ref(), g, dx, &mut work);
            pass.gradients_alone(Targets::descending(shape, &mut self.parameters, rates), g, &mut work);
        } else {
            let mut work = Workspace::split(layout, work)?;
            let wanted = Wanted { blocks: rates.wants(), inputs: dx.is_some() };
            pass.cotangents(self.parameters.as_ref(), g, wanted, dx, &mut work);
            pass.gradients(Targets::descending(shape, &mut self.parameters, rates), &mut work);
        }
        Ok(())
    }
}

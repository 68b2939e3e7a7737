//! The layer: lengths are checked here, once, then components and rows are walked.

use super::JointShape;
use super::parameters::{Gradients, Parameters, Targets};
use super::passes::{Pass, Wanted};
use super::prepared::{Constants, Prepared};
use super::workspace::{Alone, Layout, Workspace};
use crate::kernel::{Rows, RowsMut, Workers, transpose};
use crate::{Error, Real, Scale, shape};

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
/// R = d + L is the general covariance, a small R one of low rank. Gradient descent on these parameters is the
/// discretised Gaussian mixture gradient flow.
///
/// **Accuracy**: every output and gradient is within 8 budgets of the exact value. A budget is u·scale + η,
/// where u is half an ULP of 1, η the smallest subnormal, and scale the sum of the absolute values of the
/// terms of that output, each factor counted with its sensitivity. Held by `tests/joint_table.rs` against
/// exact tables, in `f32` and `f64`. As in [`Diagonal`](crate::Diagonal), what lies below s·2⁻¹⁷¹ (`f32`) or
/// s·2⁻¹¹⁶⁶ counts as 0. Products of the numbers on the way must be normal numbers or 0: what falls below them has
/// lost digits, which a large factor may bring back.
///
/// # Example
///
/// ```
/// use gmlayer::joint::{Gradients, Joint, JointShape, Parameters};
///
/// let shape = JointShape::new(2, 1, 1, 1)?; // inputs, outputs, components, rank
/// let parameters = Parameters { mu_w: &[2.0], mu_b: &[1.0, 0.0], c_w: &[1.0], c_b: &[0.0, 0.0] };
/// let layer = Joint::new(shape, parameters)?;
///
/// let (x, mut y) = ([3.0_f64, 5.0, -1.0, 0.5], [0.0; 2]); // two rows
/// let mut work = vec![0.0; layer.workspace_len(2)?];
/// layer.forward(&x, &mut y, &mut work)?;
/// assert_eq!(y, [6.0, 0.0]); // no spread of β: the neuron μ_ω ReLU(⟨μ_β, x⟩)
///
/// let (g, mut of_mu_w) = ([1.0, 1.0], [0.0]);
/// let gradients = Gradients { mu_w: Some(&mut of_mu_w), ..Gradients::none() };
/// layer.backward(&x, &g, gradients, None, &mut work)?;
/// assert_eq!(of_mu_w, [3.0]);
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 4 and Theorem 1.
#[derive(Debug, Clone, Copy)]
pub struct Joint<'a, T> {
    pub(super) shape: JointShape,
    pub(super) parameters: Parameters<'a, T>,
    pub(super) scale: Scale,
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
        Ok(Self { shape, parameters, scale: Scale::Mean, workers: Workers::alone() })
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

    /// The parameters.
    #[must_use]
    pub fn parameters(&self) -> Parameters<'a, T> {
        self.parameters
    }

    /// The number of scratch elements that [`forward`](Self::forward) and [`backward`](Self::backward) need for a
    /// batch of `batch` rows.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn workspace_len(&self, batch: usize) -> Result<usize, Error> {
        self.layout(batch).len()
    }

    const fn layout(&self, batch: usize) -> Layout {
        Layout::for_workers(self.shape, batch, self.workers)
    }

    /// Overwrites y with h(x).
    ///
    /// **Shapes**: `x: [batch × inputs]`, `y: [batch × outputs]`, row-major;
    /// `work`: at least [`workspace_len`](Self::workspace_len) elements, whose contents do not matter.
    ///
    /// A NaN in `x` makes its own row of `y` NaN, and no other.
    ///
    /// **Accuracy**: within 8 budgets u·scale + η, as [the layer](Self) says.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] or [`Error::Rows`] when `x` does not hold whole rows, [`Error::Length`] when `y`
    /// does not have as many, [`Error::Workspace`] when `work` is too short.
    pub fn forward(&self, x: &[T], y: &mut [T], work: &mut [T]) -> Result<(), Error> {
        let batch = shape::rows("x", x.len(), self.shape.inputs())?;
        shape::exact("y", y.len(), shape::product("y", batch, self.shape.outputs())?)?;
        let layout = self.layout(batch);
        if layout.lanes == 0 {
            self.pass(x).forward_alone(self.parameters, y, &mut Alone::split(layout, work)?);
        } else {
            self.pass(x).forward(self.parameters, Some(y), &mut Workspace::split(layout, work)?);
        }
        Ok(())
    }

    /// Adds the gradients of ℓ = Σ_b ⟨g_b, h(x_b)⟩ to the blocks that are there, and overwrites `dx`.
    ///
    /// **Shapes**: `x: [batch × inputs]`, the cotangent `g: [batch × outputs]` (∂loss/∂h), the gradients
    /// as the parameters, `dx: [batch × inputs]`;
    /// `work`: at least [`workspace_len`](Self::workspace_len) elements, whose contents do not matter.
    ///
    /// Parameter gradients **accumulate**; a block that is left out is not computed. At the kinks (q = 0) every
    /// gradient is the limit of central differences.
    ///
    /// **Accuracy**: within 8 budgets u·scale + η, as [the layer](Self) says.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward); nothing is written when a length is wrong.
    pub fn backward(
        &self,
        x: &[T],
        g: &[T],
        gradients: Gradients<'_, T>,
        dx: Option<&mut [T]>,
        work: &mut [T],
    ) -> Result<(), Error> {
        let layout = self.layout(self.check_backward(x, g, &gradients, dx.as_deref())?);
        if layout.lanes > 0 {
            self.pass(x).forward(self.parameters, None, &mut Workspace::split(layout, work)?);
        }
        self.backward_after_forward(x, g, gradients, dx, work)
    }

    /// [`backward`](Self::backward) in half the time, for a `work` that [`forward`](Self::forward) has left
    /// for the same `x` and parameters.
    ///
    /// With any other contents of `work` the gradients are meaningless numbers, and nothing worse.
    ///
    /// **Accuracy**: within 8 budgets u·scale + η, as [the layer](Self) says.
    ///
    /// # Errors
    ///
    /// As for [`backward`](Self::backward).
    pub fn backward_after_forward(
        &self,
        x: &[T],
        g: &[T],
        gradients: Gradients<'_, T>,
        dx: Option<&mut [T]>,
        work: &mut [T],
    ) -> Result<(), Error> {
        let layout = self.layout(self.check_backward(x, g, &gradients, dx.as_deref())?);
        let (pass, parameters) = (self.pass(x), self.parameters);
        let targets = Targets::adding(self.shape, gradients);
        if layout.lanes == 0 {
            let mut work = Alone::split(layout, work)?;
            pass.cotangents_alone(parameters, g, dx, &mut work);
            pass.gradients_alone(targets, g, &mut work);
        } else {
            let mut work = Workspace::split(layout, work)?;
            let wanted = Wanted { blocks: targets.wants(), inputs: dx.is_some() };
            pass.cotangents(parameters, g, wanted, dx, &mut work);
            pass.gradients(targets, &mut work);
        }
        Ok(())
    }

    fn pass<'b>(&'b self, x: &'b [T]) -> Pass<'b, T> {
        Pass { shape: self.shape, scale: self.scale, workers: self.workers, x }
    }

    /// Checks the lengths of a backward pass and returns the number of rows.
    fn check_backward(
        &self,
        x: &[T],
        g: &[T],
        gradients: &Gradients<'_, T>,
        dx: Option<&[T]>,
    ) -> Result<usize, Error> {
        let batch = shape::rows("x", x.len(), self.shape.inputs())?;
        shape::exact("g", g.len(), shape::product("g", batch, self.shape.outputs())?)?;
        gradients.check(self.shape)?;
        if let Some(dx) = dx {
            shape::exact("dx", dx.len(), x.len())?;
        }
        Ok(batch)
    }

    /// The number of elements of storage that [`prepare`](Self::prepare) fills: K·R·d.
    #[must_use]
    pub fn prepared_len(&self) -> usize {
        self.shape.c_b_len()
    }

    /// The form for inference: C_βᵀ, written once into `storage`; the other blocks stay borrowed.
    ///
    /// **Accuracy**: within 8 budgets u·scale + η, as [the layer](Self) says.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `storage` does not have [`prepared_len`](Self::prepared_len) elements.
    ///
    /// # Example
    ///
    /// ```
    /// # use gmlayer::joint::{Joint, JointShape, Parameters};
    /// # let shape = JointShape::new(2, 1, 1, 1)?;
    /// # let parameters = Parameters { mu_w: &[2.0_f64], mu_b: &[1.0, 0.0], c_w: &[1.0], c_b: &[1.0, 0.5] };
    /// let layer = Joint::new(shape, parameters)?;
    /// let mut storage = vec![0.0; layer.prepared_len()];
    /// let prepared = layer.prepare(&mut storage)?;
    /// let (mut y, mut work) = ([0.0], vec![0.0; prepared.workspace_len(1)?]);
    /// prepared.forward(&[1.0, 1.0], &mut y, &mut work)?;
    /// # let (mut plain, mut work) = ([0.0], vec![0.0; layer.workspace_len(1)?]);
    /// # layer.forward(&[1.0, 1.0], &mut plain, &mut work)?;
    /// # assert!((y[0] - plain[0]).abs() < 1e-15);
    /// # Ok::<(), gmlayer::Error>(())
    /// ```
    pub fn prepare<'b>(&self, storage: &'b mut [T]) -> Result<Prepared<'b, T>, Error>
    where
        'a: 'b,
    {
        shape::exact("storage", storage.len(), self.prepared_len())?;
        let (inputs, rank) = (self.shape.inputs(), self.shape.rank());
        let each = self.parameters.c_b.chunks_exact((inputs * rank).max(1));
        for (columns, c_b) in storage.chunks_exact_mut((inputs * rank).max(1)).zip(each) {
            let columns = RowsMut { data: columns, stride: inputs };
            transpose(Rows { data: c_b, stride: rank }, columns, inputs, rank);
        }
        let Parameters { mu_w, mu_b, c_w, .. } = self.parameters;
        let constants = Constants { mu_w, mu_b, c_w, columns: storage };
        Ok(Prepared::new(self.shape, constants)?.with_scale(self.scale))
    }
}

//! The diagonal layer over mutable parameters: a step of gradient descent fused with the backward pass.

use super::Diagonal;
use super::batch::Pass;
use super::form::Form;
use super::layout::Layout;
use super::parameters::{ParametersMut, Rates, Targets};
use crate::kernel::Workers;
use crate::{Error, Real, Shape, shape};

/// A diagonal layer over mutable parameters: the forward pass of [`Diagonal`], and a backward pass fused with a step of
/// gradient descent,
///
/// ```text
/// θ ← θ − rate · ∂ℓ/∂θ,   ℓ = Σ_b ⟨g_b, h(x_b)⟩
/// ```
///
/// which writes no gradient out: it reads and writes the parameters once.
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
/// let (mut saved, mut scratch) = (vec![0.0; layer.saved_len(1)?], vec![0.0; layer.scratch_len(1)?]);
/// for _ in 0..50 {
///     layer.as_diagonal().forward(&x, &mut y, &mut saved, &mut scratch)?;
///     let g = [y[0] - target]; // of ½(y − target)²
///     layer.descend(&x, &g, &saved, Rates::all(0.02), None, &mut scratch)?;
/// }
/// assert!((y[0] - target).abs() < 1e-3);
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 5 and 6.
#[derive(Debug)]
pub struct DiagonalMut<'a, T> {
    shape: Shape,
    form: Form,
    parameters: ParametersMut<'a, T>,
    workers: Workers<'a>,
}

impl<'a, T: Real> DiagonalMut<'a, T> {
    /// A layer of the given shape over borrowed parameters, in the paper's form.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it.
    pub fn new(shape: Shape, parameters: ParametersMut<'a, T>) -> Result<Self, Error> {
        parameters.as_ref().check(shape)?;
        Ok(Self { shape, form: Form::default(), parameters, workers: Workers::alone() })
    }

    /// The same layer with other coordinates or another scale; see [`Diagonal::with_form`].
    #[must_use]
    pub fn with_form(self, form: Form) -> Self {
        Self { form, ..self }
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
        Diagonal {
            shape: self.shape,
            form: self.form,
            parameters: self.parameters.as_ref(),
            workers: self.workers,
        }
    }

    /// The number of elements that the forward pass saves of `batch` rows: [`Diagonal::saved_len`].
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn saved_len(&self, batch: usize) -> Result<usize, Error> {
        self.layout(batch).saved_len()
    }

    /// The number of scratch elements that both passes need for `batch` rows: those of [`Diagonal::scratch_len`], and
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
        Layout::for_workers(self.shape, batch, self.workers, true)
    }

    /// One step of gradient descent; overwrites `dx` with the gradient of x before the step.
    ///
    /// **Shapes**: `x: [batch × inputs]`, the cotangent `g: [batch × outputs]` (∂loss/∂h); `saved`: what
    /// [`Diagonal::forward`] has left for the same `x` and parameters; `dx: [batch × inputs]`; `scratch`: at least
    /// [`scratch_len`](Self::scratch_len) elements, whose contents do not matter.
    ///
    /// With any other contents of `saved` the step is meaningless, and nothing worse.
    ///
    /// **Accuracy**: the gradients as [the layer](Diagonal) says; the step rounds once more.
    ///
    /// # Errors
    ///
    /// As for [`Diagonal::backward`]; nothing is written when a length is wrong.
    pub fn descend(
        &mut self,
        x: &[T],
        g: &[T],
        saved: &[T],
        rates: Rates<T>,
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error> {
        let (shape, form) = (self.shape, self.form);
        let batch = shape::rows("x", x.len(), shape.inputs())?;
        shape::exact("g", g.len(), shape::product("g", batch, shape.outputs())?)?;
        if let Some(dx) = &dx {
            shape::exact("dx", dx.len(), x.len())?;
        }
        let layout = self.layout(batch);
        let saved = shape::buffer_ref("saved", saved, layout.saved_len()?)?;
        let pass = Pass { shape, form, workers: self.workers, layout, x };
        pass.backward(Targets::descend(shape, &mut self.parameters, rates), g, saved, dx, scratch)
    }
}

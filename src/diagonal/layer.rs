//! The diagonal layer: checks all lengths once, then calls the passes.

use super::batch::Pass;
use super::form::Form;
use super::layout::Layout;
use super::parameters::{Gradients, Parameters, Targets};
use super::prepare::prepare;
use super::prepared::{Constants, Prepared};
use crate::kernel::Workers;
use crate::slices::Slice;
use crate::{Error, Real, Shape, shape};

/// A Gaussian mixture layer whose components have diagonal covariance, over borrowed parameters.
///
/// Component k holds weights β ~ N(μ, diag σ²) and an output ω with E\[ω|β\] = Uβ + v. The layer returns
/// the exact expectation
///
/// ```text
/// h(x) = 1/K Σ_k E[(Uβ + v) ReLU(⟨β, x⟩)] = 1/K Σ_k [ U q_k + v r_k ],
/// q = E[β ReLU(⟨β, x⟩)] = μ r + (σ²⊙x) p,   r = m Φ(t) + s φ(t),   p = Φ(t),
/// m = ⟨μ, x⟩,   s = |σ⊙x|,   t = m/s
/// ```
///
/// [`with_form`](Self::with_form) chooses other coordinates, E\[ω|β\] = U(β − μ) + v, or the sum over the components
/// instead of the mean.
///
/// **Accuracy**: every output and gradient is within 8(u·scale + η·floor) of the exact value, for numbers of any size:
/// the accuracy rule of `docs/NUMERICS.md`. `tests/layers/tables.rs` checks it against 60-digit tables, in `f32` and
/// `f64`.
///
/// # Example
///
/// ```
/// use gmlayer::diagonal::{Diagonal, Gradients, Parameters};
/// use gmlayer::Shape;
///
/// let shape = Shape::new(2, 1, 1)?; // inputs, outputs, components
/// let parameters = Parameters { mu: &[1.0, 0.0], sigma: &[0.0, 0.0], u: &[1.0, 0.0], v: &[2.0] };
/// let layer = Diagonal::new(shape, parameters)?;
///
/// let (x, mut y) = ([3.0_f64, 5.0, -1.0, 0.5], [0.0; 2]); // two rows
/// let (mut saved, mut scratch) = (vec![0.0; layer.saved_len(2)?], vec![0.0; layer.scratch_len(2)?]);
/// layer.forward(&x, &mut y, &mut saved, &mut scratch)?;
/// assert_eq!(y, [9.0, 0.0]); // σ = 0: the neuron (Uμ + v) ReLU(⟨μ, x⟩)
///
/// let (g, mut d_v) = ([1.0, 1.0], [0.0]);
/// let gradients = Gradients { v: Some(&mut d_v), ..Gradients::none() };
/// layer.backward(&x, &g, &saved, gradients, None, &mut scratch)?;
/// assert_eq!(d_v, [3.0]);
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 5 and 6.
#[derive(Debug, Clone, Copy)]
pub struct Diagonal<'a, T> {
    pub(super) shape: Shape,
    pub(super) form: Form,
    pub(super) parameters: Parameters<'a, T>,
    pub(super) workers: Workers<'a>,
}

impl<'a, T: Real> Diagonal<'a, T> {
    /// A layer of the given shape over borrowed parameters, in the paper's form.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it.
    pub fn new(shape: Shape, parameters: Parameters<'a, T>) -> Result<Self, Error> {
        parameters.check(shape)?;
        Ok(Self { shape, form: Form::default(), parameters, workers: Workers::alone() })
    }

    /// The same layer with other coordinates or another scale: its parameters are read as `form` says.
    #[must_use]
    pub fn with_form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// The same layer on several threads: the passes of a large batch are divided by components, so that the
    /// results have the same bits for any number of threads. A batch that is not worth a thread's waking (less
    /// than about 30 microseconds of work for each) stays on the caller's.
    ///
    /// [`scratch_len`](Self::scratch_len) grows with the threads.
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
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The coordinates and the scale.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The parameters.
    #[must_use]
    pub fn parameters(&self) -> Parameters<'a, T> {
        self.parameters
    }

    /// The number of elements that [`forward`](Self::forward) saves of `batch` rows for [`backward`](Self::backward):
    /// none below 8 rows, and some K(L + 5) numbers a row from there on.
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
        Layout::for_workers(self.shape, batch, self.workers, false)
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
    /// Parameter gradients **accumulate**; a block that is left out is not computed. At the kinks (σ⊙x = 0) every
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
    /// # use gmlayer::{diagonal::{Diagonal, Gradients, Parameters}, Shape};
    /// # let shape = Shape::new(2, 1, 1)?;
    /// # let parameters = Parameters { mu: &[1.0_f64, 0.0], sigma: &[1.0, 0.5], u: &[1.0, 0.0], v: &[2.0] };
    /// let layer = Diagonal::new(shape, parameters)?;
    /// let (x, target) = ([1.0, 2.0], 3.0);
    /// let (mut y, mut d_mu) = ([0.0], [0.0; 2]);
    /// let (mut saved, mut scratch) = (vec![0.0; layer.saved_len(1)?], vec![0.0; layer.scratch_len(1)?]);
    /// layer.forward(&x, &mut y, &mut saved, &mut scratch)?;
    /// let g = [y[0] - target];
    /// let gradients = Gradients { mu: Some(&mut d_mu), ..Gradients::none() };
    /// layer.backward(&x, &g, &saved, gradients, None, &mut scratch)?;
    /// # assert!(d_mu[0] != 0.0);
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
        Pass { shape: self.shape, form: self.form, workers: self.workers, layout: self.layout(batch), x }
    }

    /// The number of elements of storage that [`prepare`](Self::prepare) fills: K(L + L·d + d).
    #[must_use]
    pub fn prepared_len(&self) -> usize {
        self.shape.v_len() + self.shape.u_len() + self.shape.sigma_len()
    }

    /// The form for inference: a = Uμ + v (or v in centred coordinates), W = U diag(σ²) and σ², computed once into `storage`;
    /// on the same threads.
    ///
    /// **Accuracy**: as [the layer](Self) says, while U σ² and σ² stay in the
    /// range of normal numbers or are exactly 0 (|σ| between 10⁻¹⁸ and 10¹⁸ in `f32`, for U around 1).
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `storage` does not have [`prepared_len`](Self::prepared_len) elements.
    ///
    /// # Example
    ///
    /// ```
    /// # use gmlayer::{diagonal::{Diagonal, Parameters}, Shape};
    /// # let shape = Shape::new(2, 1, 1)?;
    /// # let parameters = Parameters { mu: &[1.0_f64, 0.0], sigma: &[1.0, 0.5], u: &[1.0, 0.0], v: &[2.0] };
    /// let layer = Diagonal::new(shape, parameters)?;
    /// let mut storage = vec![0.0; layer.prepared_len()];
    /// let prepared = layer.prepare(&mut storage)?;
    /// let (mut y, mut scratch) = ([0.0], vec![0.0; prepared.scratch_len(1)?]);
    /// prepared.forward(&[1.0, 1.0], &mut y, &mut scratch)?;
    /// # let (mut want, mut scratch) = ([0.0], vec![0.0; layer.scratch_len(1)?]);
    /// # layer.forward(&[1.0, 1.0], &mut want, &mut [], &mut scratch)?;
    /// # assert!((y[0] - want[0]).abs() < 1e-15);
    /// # Ok::<(), gmlayer::Error>(())
    /// ```
    pub fn prepare<'b>(&self, storage: &'b mut [T]) -> Result<Prepared<'b, T>, Error>
    where
        'a: 'b,
    {
        shape::exact("storage", storage.len(), self.prepared_len())?;
        let (a, rest) = storage.divide(self.shape.v_len());
        let (w, variance) = rest.divide(self.shape.u_len());
        let (coordinates, stride) = (self.form.coordinates, self.shape.inputs());
        let to = [&mut *a, &mut *w, &mut *variance];
        prepare(self.shape, coordinates, self.parameters, stride, to);
        let constants = Constants { a, w, mu: self.parameters.mu, variance };
        Ok(Prepared::new(self.shape, constants)?.with_scale(self.form.scale).with_workers(self.workers))
    }
}

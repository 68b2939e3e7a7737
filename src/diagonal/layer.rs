//! The layer: lengths are checked here, once, then components and rows are walked.

use super::effect::Adding;
use super::form::Form;
use super::parameters::{Gradients, Parameters};
use super::passes::Pass;
use super::prepare::prepare;
use super::prepared::{Constants, Prepared};
use super::row;
use super::workspace::{self, Layout, Workspace};
use crate::kernel::Workers;
use crate::{Error, Real, Shape, shape};

/// A Gaussian mixture layer over borrowed parameters.
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
/// Other coordinates, E\[ω|β\] = U(β − μ) + v, and a sum in the place of the mean are a choice:
/// [`with_form`](Self::with_form).
///
/// **Accuracy**: every output and gradient is within 8 budgets of the exact value. A budget is u·scale + η,
/// where u is half an ULP of 1, η the smallest subnormal, and scale the sum of the absolute values of the
/// terms of that output, each factor counted with its sensitivity. Held by `tests/diagonal_table.rs` against
/// 60-digit tables, in `f32` and `f64`, and for numbers of any size whose results are in range. Of a component with
/// |t| > 15 (`f32`) or 40 (`f64`), what lies below s·2⁻¹⁷¹ or s·2⁻¹¹⁶⁶ counts as 0: it shows where s is above 10⁶ or
/// 10²⁷.
///
/// The rule counts on rounding errors that go both ways. Where the same few numbers fill a whole layer and its batch,
/// they may all go one way: up to 9.2 budgets were seen in small layers. It is of the first order: where ⟨μ, x⟩ cancels
/// to less than its own rounding error, and s is smaller still or 0, neither t nor p is known. And r, p, φ, tφ and σx/s
/// are numbers of this scalar, known to η where they are small, which the other factors of a term multiply.
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
/// let mut work = vec![0.0; layer.workspace_len(2)?];
/// layer.forward(&x, &mut y, &mut work)?;
/// assert_eq!(y, [9.0, 0.0]); // σ = 0: the neuron (Uμ + v) ReLU(⟨μ, x⟩)
///
/// let (g, mut of_v) = ([1.0, 1.0], [0.0]);
/// layer.backward(&x, &g, Gradients { v: Some(&mut of_v), ..Gradients::none() }, None, &mut work)?;
/// assert_eq!(of_v, [3.0]);
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
    /// [`workspace_len`](Self::workspace_len) grows with the threads.
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

    /// The number of scratch elements that [`forward`](Self::forward) and
    /// [`backward`](Self::backward) need for a batch of `batch` rows: 3(d + K) + L below 8 rows, K filled up to a multiple of 16; from there on
    /// room for the prepared parameters, one chunk and a record of the whole batch.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn workspace_len(&self, batch: usize) -> Result<usize, Error> {
        self.layout(batch).len()
    }

    /// The layout of a workspace.
    const fn layout(&self, batch: usize) -> Layout {
        Layout::new(self.shape, batch, self.workers.parts_of(self.shape, batch), false)
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
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let batch = shape::rows("x", x.len(), inputs)?;
        shape::exact("y", y.len(), shape::product("y", batch, outputs)?)?;
        let layout = self.layout(batch);
        if layout.lanes == 0 {
            let (mut scratch, _) = layout.scratch(shape::workspace(work, layout.len()?)?);
            for (x, y) in shape::side_by_side(x, inputs, y, outputs) {
                row::forward(self.shape, self.form, self.parameters, x, y, &mut scratch);
            }
            return Ok(());
        }
        self.pass(x).forward(self.parameters, Some(y), &mut Workspace::split(layout, work)?);
        Ok(())
    }

    /// Adds the gradients of ℓ = Σ_b ⟨g_b, h(x_b)⟩ to the blocks that are there, and overwrites `dx`.
    ///
    /// **Shapes**: `x: [batch × inputs]`, the cotangent `g: [batch × outputs]` (∂loss/∂h), the gradients
    /// as the parameters, `dx: [batch × inputs]`;
    /// `work`: at least [`workspace_len`](Self::workspace_len) elements, whose contents do not matter.
    ///
    /// Parameter gradients **accumulate**; a block that is left out is not computed. At the kinks
    /// (σ⊙x = 0) every gradient is the limit of central differences.
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
        let batch = self.check_backward(x, g, &gradients, dx.as_deref())?;
        let mut work = Workspace::split(self.layout(batch), work)?;
        self.pass(x).forward(self.parameters, None, &mut work);
        self.replay(x, g, gradients, dx, &mut work);
        Ok(())
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
    ///
    /// # Example
    ///
    /// ```
    /// # use gmlayer::{diagonal::{Diagonal, Gradients, Parameters}, Shape};
    /// # let shape = Shape::new(2, 1, 1)?;
    /// # let parameters = Parameters { mu: &[1.0_f64, 0.0], sigma: &[1.0, 0.5], u: &[1.0, 0.0], v: &[2.0] };
    /// let layer = Diagonal::new(shape, parameters)?;
    /// let (x, target) = ([1.0, 2.0], 3.0);
    /// let (mut y, mut of_mu) = ([0.0], [0.0; 2]);
    /// let mut work = vec![0.0; layer.workspace_len(1)?];
    /// layer.forward(&x, &mut y, &mut work)?;
    /// let g = [y[0] - target];
    /// let gradients = Gradients { mu: Some(&mut of_mu), ..Gradients::none() };
    /// layer.backward_after_forward(&x, &g, gradients, None, &mut work)?;
    /// # let mut again = [0.0; 2];
    /// # let gradients = Gradients { mu: Some(&mut again), ..Gradients::none() };
    /// # layer.backward(&x, &g, gradients, None, &mut work)?;
    /// # assert_eq!(of_mu, again);
    /// # Ok::<(), gmlayer::Error>(())
    /// ```
    pub fn backward_after_forward(
        &self,
        x: &[T],
        g: &[T],
        gradients: Gradients<'_, T>,
        dx: Option<&mut [T]>,
        work: &mut [T],
    ) -> Result<(), Error> {
        let batch = self.check_backward(x, g, &gradients, dx.as_deref())?;
        self.replay(x, g, gradients, dx, &mut Workspace::split(self.layout(batch), work)?);
        Ok(())
    }

    fn pass<'b>(&'b self, x: &'b [T]) -> Pass<'b, T> {
        Pass { shape: self.shape, form: self.form, workers: self.workers, x }
    }

    /// Runs the record backward.
    fn replay(
        &self,
        x: &[T],
        g: &[T],
        gradients: Gradients<'_, T>,
        dx: Option<&mut [T]>,
        work: &mut Workspace<'_, T>,
    ) {
        let (shape, parameters, coordinates) = (self.shape, self.parameters, self.form.coordinates);
        self.pass(x).cotangents(parameters, g, dx, work);
        self.pass(x).gradients(Adding { shape, coordinates, parameters, gradients }, g, work);
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
    /// The number of elements of storage that [`prepare`](Self::prepare) fills: K(L + L·d + d).
    #[must_use]
    pub fn prepared_len(&self) -> usize {
        workspace::prepared_len(self.shape)
    }

    /// The form for inference: a = Uμ + v (or v in centred coordinates), W = U diag(σ²) and σ², computed once into `storage`.
    ///
    /// **Accuracy**: within 8 budgets u·scale + η, as [the layer](Self) says, while U σ² and σ² stay in the
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
        let (a, rest) = shape::split(storage, self.shape.v_len());
        let (w, variance) = shape::split(rest, self.shape.u_len());
        let (coordinates, stride) = (self.form.coordinates, self.shape.inputs());
        let to = [&mut *a, &mut *w, &mut *variance];
        prepare(self.shape, coordinates, &self.parameters, T::one(), stride, to, |_, _| {});
        let constants = Constants { a, w, mu: self.parameters.mu, variance };
        Ok(Prepared::new(self.shape, constants)?.with_scale(self.form.scale))
    }
}

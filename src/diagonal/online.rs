//! Training one sample at a time, in place.

use super::form::Form;
use super::parameters::{Component, Gradients, Parameters, Rates};
use super::row::{PreActivations, Scratch};
use crate::kernel::dot;
use crate::rectified::project_checked;
use crate::shape::{self, split};
use crate::{Error, Real, Shape};

/// A layer that learns from one sample at a time, where memory is short.
///
/// A step of gradient descent goes component by component and changes each one's parameters at once, so that no
/// gradient is kept: beside the parameters it takes 5d + L numbers of scratch.
///
/// ```text
/// θ ← θ − rate · ∂⟨g, h(x)⟩/∂θ        for θ in μ, σ, U, v of every component
/// ```
///
/// The bits of the parameters are those that [`Diagonal::backward`](super::Diagonal::backward) into zeroed
/// gradients and plain gradient descent give for a row by itself, on every platform, as long as no product of numbers
/// on the way overflows or falls below the normal numbers: such rows `Diagonal` takes in a wider scalar, and `Online`,
/// which is to be small, does not.
///
/// **Accuracy**: gradients as [`Diagonal`](super::Diagonal) says, and the rounding of the step, for such numbers.
///
/// # Example
///
/// ```
/// use gmlayer::Shape;
/// use gmlayer::diagonal::{Online, Rates};
/// use gmlayer::loss::cross_entropy;
///
/// const SHAPE: Shape = match Shape::new(2, 2, 1) {
///     Ok(shape) => shape,
///     Err(_) => panic!("the sizes are wrong"),
/// };
/// let mut parameters = [0.5_f32, -0.5, 1.0, 1.0, 0.3, 0.1, -0.2, 0.4, 0.0, 0.0]; // μ, σ, U, v
/// let mut work = [0.0; Online::<f32>::workspace_len(SHAPE)];
/// let mut layer = Online::new(SHAPE, &mut parameters)?;
/// let rates = Rates::all(0.1);
/// let (x, label) = ([1.0, 2.0], 1);
///
/// let (mut y, mut g, mut losses) = ([0.0; 2], [0.0; 2], [0.0; 9]);
/// for loss in &mut losses {
///     layer.forward(&x, &mut y, &mut work)?;
///     *loss = cross_entropy(&y, 2, &[label], Some(&mut g))?;
///     layer.step(&x, &g, &rates, &mut work)?;
/// }
/// assert!(losses.is_sorted_by(|before, after| after < before));
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 5 and 6, for the layer.
#[derive(Debug)]
pub struct Online<'a, T> {
    shape: Shape,
    form: Form,
    parameters: &'a mut [T],
}

impl<'a, T: Real> Online<'a, T> {
    /// A layer over its parameters in one flat slice, in the order μ, σ, U, v, in the paper's form.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `parameters` does not have [`Shape::parameter_count`] elements.
    pub fn new(shape: Shape, parameters: &'a mut [T]) -> Result<Self, Error> {
        shape::exact("parameters", parameters.len(), shape.parameter_count())?;
        Ok(Self { shape, form: Form::default(), parameters })
    }

    /// The same layer with other coordinates or another scale: its parameters are read as `form` says.
    #[must_use]
    pub fn with_form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// The sizes.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The parameters, in the order μ, σ, U, v.
    #[must_use]
    pub fn parameters(&self) -> &[T] {
        self.parameters
    }

    /// The number of scratch elements of a layer of this shape: 5d + L.
    #[must_use]
    pub const fn workspace_len(shape: Shape) -> usize {
        5 * shape.inputs() + shape.outputs()
    }

    /// Overwrites y with h(x).
    ///
    /// **Shapes**: `x: [inputs]`, `y: [outputs]`; `work`: at least [`workspace_len`](Self::workspace_len)
    /// elements, whose contents do not matter.
    ///
    /// **Accuracy**: within 8 budgets u·scale + η, as [`Diagonal`](super::Diagonal) says, for the numbers named
    /// [above](Self).
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `x` or `y` has another length, [`Error::Workspace`] when `work` is too short.
    pub fn forward(&self, x: &[T], y: &mut [T], work: &mut [T]) -> Result<(), Error> {
        let inputs = self.shape.inputs();
        shape::exact("x", x.len(), inputs)?;
        shape::exact("y", y.len(), self.shape.outputs())?;
        let work = shape::workspace(work, Self::workspace_len(self.shape))?;
        let (q, _) = split(work, inputs);
        y.fill(T::zero());
        for component in
            Parameters::from_flat(self.shape, self.parameters)?.components(self.shape, self.form.coordinates)
        {
            let projection = project_checked(component.mu, component.sigma, x, q);
            component.mean_of_weighted(x, &projection, T::one(), q);
            let r = projection.rectified.mean;
            for ((y, u), &v) in y.iter_mut().zip(component.u.chunks_exact(inputs)).zip(component.v) {
                *y += dot(u, q) + v * r;
            }
        }
        let divisor = self.form.scale.divisor(self.shape.components());
        for y in y {
            *y /= divisor;
        }
        Ok(())
    }

    /// One step of gradient descent on ⟨g, h(x)⟩, where g is the loss's derivative by h.
    ///
    /// **Shapes**: `x: [inputs]`, `g: [outputs]`; `work`: at least [`workspace_len`](Self::workspace_len)
    /// elements, whose contents do not matter.
    ///
    /// **Accuracy**: within 8 budgets u·scale + η for the gradients, as [`Diagonal`](super::Diagonal) says, and the
    /// rounding of the step.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward); nothing is changed when a length is wrong.
    pub fn step(&mut self, x: &[T], g: &[T], rates: &Rates<T>, work: &mut [T]) -> Result<(), Error> {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        shape::exact("x", x.len(), inputs)?;
        shape::exact("g", g.len(), outputs)?;
        let work = shape::workspace(work, Self::workspace_len(self.shape))?;
        let (direction, rest) = split(work, inputs);
        let (q, rest) = split(rest, inputs);
        let (c, rest) = split(rest, inputs);
        let (of_mu, rest) = split(rest, inputs);
        let (of_sigma, share) = split(rest, inputs);
        let mut scratch = Scratch { direction, q, c, pre_activations: PreActivations(&mut []) };
        let divisor = self.form.scale.divisor(self.shape.components());
        for (share, &g) in share.iter_mut().zip(g) {
            *share = g / divisor;
        }

        let (mu, rest) = split(self.parameters, self.shape.mu_len());
        let (sigma, rest) = split(rest, self.shape.sigma_len());
        let (u, v) = split(rest, self.shape.u_len());
        let blocks = mu
            .chunks_exact_mut(inputs)
            .zip(sigma.chunks_exact_mut(inputs))
            .zip(u.chunks_exact_mut(self.shape.component_len()).zip(v.chunks_exact_mut(outputs)));
        for ((mu, sigma), (u, v)) in blocks {
            let component = Component { coordinates: self.form.coordinates, mu, sigma, u, v };
            of_mu.fill(T::zero());
            of_sigma.fill(T::zero());
            let mut gradients = Gradients {
                mu: rates.mu.map(|_| &mut *of_mu),
                sigma: rates.sigma.map(|_| &mut *of_sigma),
                ..Gradients::none()
            };
            let projection = component.backward_of_ordinary(x, share, &mut gradients, &mut scratch);
            component.mean_of_weighted(x, &projection, T::one(), scratch.q);

            // ∂Uₗ = gₗ q and ∂vₗ = gₗ r; adding to 0 keeps the bits of gradients that are added up.
            if let Some(rate) = rates.u {
                for (u, &g) in u.chunks_exact_mut(inputs).zip(&*share) {
                    for (u, &q) in u.iter_mut().zip(&*scratch.q) {
                        *u -= rate * (T::zero() + g * q);
                    }
                }
            }
            if let Some(rate) = rates.v {
                for (v, &g) in v.iter_mut().zip(&*share) {
                    *v -= rate * (T::zero() + projection.rectified.mean * g);
                }
            }
            descend(mu, rates.mu, of_mu);
            descend(sigma, rates.sigma, of_sigma);
        }
        Ok(())
    }
}

/// θ ← θ − rate·∂θ, where there is a rate.
fn descend<T: Real>(parameters: &mut [T], rate: Option<T>, gradients: &[T]) {
    if let Some(rate) = rate {
        for (parameter, &gradient) in parameters.iter_mut().zip(gradients) {
            *parameter -= rate * gradient;
        }
    }
}

//! Training one sample at a time, in place.

use super::form::Form;
use super::parameters::{Component, Parameters, ParametersMut, Rates};
use crate::kernel::{add_scaled, dot, dot_of_three, largest};
use crate::mixture::{input_scale, scale_row};
use crate::rectified::project_row;
use crate::slices::{rows, take};
use crate::{Error, Real, Rectified, Shape, shape};

/// A diagonal layer that is trained on one sample at a time, in little memory.
///
/// A step of gradient descent updates the parameters of one component after the other and stores no gradient: besides
/// the parameters it needs 4d + L numbers of scratch.
///
/// ```text
/// θ ← θ − rate · ∂⟨g, h(x)⟩/∂θ        for θ in μ, σ, U, v of every component
/// ```
///
/// With portable instructions a step has the same bits as [`Diagonal::backward`](super::Diagonal::backward) of a single
/// row followed by plain gradient descent. `Online` takes a fraction of the code of [`Diagonal`](super::Diagonal), which
/// is written for wide vectors, large batches and parameters of any size.
///
/// **Accuracy**: as [`Diagonal`](super::Diagonal) says, and the rounding of the step, for parameters whose products stay
/// in range.
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
/// let mut scratch = [0.0; Online::<f32>::scratch_len(SHAPE)];
/// let mut layer = Online::new(SHAPE, &mut parameters)?;
/// let rates = Rates::all(0.1);
/// let (x, label) = ([1.0, 2.0], 1);
///
/// let (mut y, mut g, mut losses) = ([0.0; 2], [0.0; 2], [0.0; 9]);
/// for loss in &mut losses {
///     layer.forward(&x, &mut y, &mut scratch)?;
///     *loss = cross_entropy(&y, 2, &[label], Some(&mut g))?;
///     layer.step(&x, &g, &rates, &mut scratch)?;
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

    /// The number of scratch elements of a layer of this shape: 4d + L.
    #[must_use]
    pub const fn scratch_len(shape: Shape) -> usize {
        shape.inputs().saturating_mul(4).saturating_add(shape.outputs())
    }

    /// Overwrites y with h(x).
    ///
    /// **Shapes**: `x: [inputs]`, `y: [outputs]`; `scratch`: at least [`scratch_len`](Self::scratch_len) elements, whose
    /// contents do not matter.
    ///
    /// **Accuracy**: as [`Diagonal`](super::Diagonal) says.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `x` or `y` has another length, [`Error::Buffer`] when `scratch` is too short.
    pub fn forward(&self, x: &[T], y: &mut [T], scratch: &mut [T]) -> Result<(), Error> {
        shape::exact("x", x.len(), self.shape.inputs())?;
        shape::exact("y", y.len(), self.shape.outputs())?;
        let (mut scratch, back) = self.cut(scratch, x)?;
        y.fill(T::zero());
        for component in Parameters::from_flat(self.shape, self.parameters)?.components(self.shape) {
            let at = scratch.project(&component, self.form).0;
            for ((y, u), &v) in
                y.iter_mut().zip(component.u.chunks_exact(self.shape.inputs())).zip(component.v)
            {
                *y += product(u, scratch.q) + v * at.mean;
            }
        }
        let divisor = self.form.scale.divisor(self.shape.components());
        y.iter_mut().for_each(|y| *y = *y / divisor * back);
        Ok(())
    }

    /// One step of gradient descent on ⟨g, h(x)⟩, where g is the loss's derivative by h.
    ///
    /// **Shapes**: `x: [inputs]`, `g: [outputs]`; `scratch`: at least [`scratch_len`](Self::scratch_len) elements, whose
    /// contents do not matter.
    ///
    /// **Accuracy**: the gradients as [`Diagonal`](super::Diagonal) says, and the rounding of the step.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward); nothing is changed when a length is wrong.
    pub fn step(&mut self, x: &[T], g: &[T], rates: &Rates<T>, scratch: &mut [T]) -> Result<(), Error> {
        shape::exact("x", x.len(), self.shape.inputs())?;
        shape::exact("g", g.len(), self.shape.outputs())?;
        let (mut scratch, back) = self.cut(scratch, x)?;
        let divisor = self.form.scale.divisor(self.shape.components());
        for (share, &g) in scratch.g.iter_mut().zip(g) {
            *share = g / divisor;
        }
        let ParametersMut { mu, sigma, u, v } = ParametersMut::from_flat(self.shape, self.parameters)?;
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let blocks = mu
            .chunks_exact_mut(inputs)
            .zip(sigma.chunks_exact_mut(inputs))
            .zip(u.chunks_exact_mut(self.shape.component_len()).zip(v.chunks_exact_mut(outputs)));
        for ((mu, sigma), (u, v)) in blocks {
            scratch.step(ParametersMut { mu, sigma, u, v }, self.form, rates, back);
        }
        Ok(())
    }

    /// Cuts the scratch and reads a row, with the factor that takes what is linear in it back to size.
    fn cut<'b>(&self, scratch: &'b mut [T], x: &'b [T]) -> Result<(Scratch<'b, T>, T), Error> {
        let mut rest = shape::buffer("scratch", scratch, Self::scratch_len(self.shape))?;
        let [scaled, y, q, c] = [(); 4].map(|()| take(&mut rest, self.shape.inputs()));
        let scale = input_scale(largest(x));
        Ok((Scratch { x: scale_row(x, scale, scaled), y, q, c, g: rest }, scale.recip()))
    }
}

/// ⟨a, b⟩ by a call, so that all of them need the stack of one.
#[inline(never)]
fn product<T: Real>(a: &[T], b: &[T]) -> T {
    dot(a, b)
}

/// Σ aᵢbᵢcᵢ likewise.
#[inline(never)]
fn product_of_three<T: Real>(a: &[T], b: &[T], c: &[T]) -> T {
    dot_of_three(a, (b, T::one()), c)
}

/// What a step takes.
struct Scratch<'a, T> {
    /// The row at usual size: `[inputs]`.
    x: &'a [T],
    /// σ⊙x/s: `[inputs]`.
    y: &'a mut [T],
    q: &'a mut [T],
    /// Uᵀg: `[inputs]`.
    c: &'a mut [T],
    /// g over the divisor: `[outputs]`.
    g: &'a mut [T],
}

impl<T: Real> Scratch<'_, T> {
    /// The pre-activation of a component, and the factor of `y`; overwrites y and q.
    #[inline(never)]
    fn project(&mut self, component: &Component<'_, T>, form: Form) -> (Rectified<T>, T) {
        let at = project_row(component.mu, component.sigma, T::one(), self.x, self.y);
        component.write_q(form.coordinates, T::one(), self.x, &at.rectified, self.q);
        (at.rectified, at.unit)
    }

    /// One step of a component, by the formulas of [`row_backward`](super::row_backward); `back` takes the gradients,
    /// which are linear in the row, to size.
    fn step(&mut self, parameters: ParametersMut<'_, T>, form: Form, rates: &Rates<T>, back: T) {
        let ParametersMut { mu, sigma, u, v } = parameters;
        let component = Component { mu, sigma, u, v };
        let (at, unit) = self.project(&component, form);
        let Self { x, y, q, c, g } = self;
        y.iter_mut().for_each(|y| *y *= unit);
        c.fill(T::zero());
        for (u, &g) in rows(component.u, x.len()).zip(&**g) {
            add_scaled(c, g, u);
        }
        let (r, p) = (at.mean, at.probability);
        let offset = product(g, component.v);
        let a = form.coordinates.through_mean(product(c, component.mu)) + offset;
        let b = product_of_three(c, component.sigma, y);
        let (d_m, d_s) = (a * p + b * at.density, a * at.density - b * at.density_moment);
        let [r, p, d_m, d_s] = [r, p, d_m, d_s].map(|factor| factor * back);
        if let Some(rate) = rates.sigma {
            for ((sigma, &c), (&y, &x)) in sigma.iter_mut().zip(&**c).zip(y.iter().zip(*x)) {
                *sigma -= rate * (x * (d_s * y + (p + p) * (c * *sigma)));
            }
        }
        if let Some(rate) = rates.mu {
            let r = form.coordinates.through_mean(r);
            for ((mu, &c), &x) in mu.iter_mut().zip(&**c).zip(*x) {
                *mu -= rate * (c * r + x * d_m);
            }
        }
        if let Some(rate) = rates.u {
            for (u, g) in rows(u, x.len()).zip(g.iter().map(|&g| g * back)) {
                u.iter_mut().zip(&**q).for_each(|(u, &q)| *u -= rate * (g * q));
            }
        }
        if let Some(rate) = rates.v {
            v.iter_mut().zip(&**g).for_each(|(v, &g)| *v -= rate * (g * r));
        }
    }
}

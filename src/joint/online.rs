//! Training one sample at a time, in place.

use super::parameters::{Parameters, ParametersMut, Rates, Targets};
use super::row::{self, RowScratch};
use super::row_backward::backward;
use super::{JointShape, Scale};
use crate::mixture::RowReader;
use crate::{Error, Real, shape};

/// A joint layer that is trained on one sample at a time, in little memory.
///
/// A step of gradient descent updates the parameters of one component after the other and stores no gradient: besides
/// the parameters it needs 2(d + L) numbers of scratch, and R + 3 for each component.
///
/// ```text
/// θ ← θ − rate · ∂⟨g, h(x)⟩/∂θ        for θ in μ_ω, C_ω, μ_β, C_β of every component
/// ```
///
/// **Accuracy**: gradients as [`Joint`](super::Joint) says, and the rounding of the step.
///
/// # Example
///
/// ```
/// use gmlayer::joint::{JointShape, Online, Rates};
/// use gmlayer::loss::cross_entropy;
///
/// const SHAPE: JointShape = match JointShape::new(2, 2, 1, 1) {
///     Ok(shape) => shape,
///     Err(_) => panic!("the sizes are wrong"),
/// };
/// let mut parameters = [0.3_f32, 0.1, -0.2, 0.4, 0.5, -0.5, 1.0, 1.0]; // μ_ω, C_ω, μ_β, C_β
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
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 4 and Theorem 1, for the layer.
#[derive(Debug)]
pub struct Online<'a, T> {
    shape: JointShape,
    scale: Scale,
    parameters: &'a mut [T],
}

impl<'a, T: Real> Online<'a, T> {
    /// A layer over its parameters in one flat slice, in the order μ_ω, C_ω, μ_β, C_β.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `parameters` does not have [`JointShape::parameter_count`] elements.
    pub fn new(shape: JointShape, parameters: &'a mut [T]) -> Result<Self, Error> {
        shape::exact("parameters", parameters.len(), shape.parameter_count())?;
        Ok(Self { shape, scale: Scale::Mean, parameters })
    }

    /// The same layer with another scale: the sum over the components in the place of their mean.
    #[must_use]
    pub fn with_scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }

    /// The sizes.
    #[must_use]
    pub fn shape(&self) -> JointShape {
        self.shape
    }

    /// The parameters, in the order μ_ω, C_ω, μ_β, C_β.
    #[must_use]
    pub fn parameters(&self) -> &[T] {
        self.parameters
    }

    /// The number of scratch elements of a layer of this shape: 2(d + L) + R(K + 2), and 3K rounded up to multiples of 16.
    #[must_use]
    pub const fn scratch_len(shape: JointShape) -> usize {
        RowScratch::<T>::len(shape)
    }

    /// Overwrites y with h(x).
    ///
    /// **Shapes**: `x: [inputs]`, `y: [outputs]`; `scratch`: at least [`scratch_len`](Self::scratch_len) elements, whose
    /// contents do not matter.
    ///
    /// **Accuracy**: as [`Joint`](super::Joint) says.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `x` or `y` has another length, [`Error::Buffer`] when `scratch` is too short.
    pub fn forward(&self, x: &[T], y: &mut [T], scratch: &mut [T]) -> Result<(), Error> {
        shape::exact("x", x.len(), self.shape.inputs())?;
        shape::exact("y", y.len(), self.shape.outputs())?;
        let mut scratch = self.cut(scratch)?;
        let parameters = Parameters::from_flat(self.shape, self.parameters)?;
        row::forward(self.shape, self.scale, parameters, None, x, y, &mut scratch);
        Ok(())
    }

    /// One step of gradient descent on ⟨g, h(x)⟩, where g is the loss's derivative by h.
    ///
    /// **Shapes**: `x: [inputs]`, `g: [outputs]`; `scratch`: at least [`scratch_len`](Self::scratch_len) elements, whose
    /// contents do not matter.
    ///
    /// **Accuracy**: the gradients as [`Joint`](super::Joint) says, and the rounding of the step.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward); nothing is changed when a length is wrong.
    pub fn step(&mut self, x: &[T], g: &[T], rates: &Rates<T>, scratch: &mut [T]) -> Result<(), Error> {
        shape::exact("x", x.len(), self.shape.inputs())?;
        shape::exact("g", g.len(), self.shape.outputs())?;
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let rows = RowReader { x, inputs, g, outputs, divisor: self.scale.divisor(self.shape.components()) };
        let RowScratch { x: scaled, g: scaled_g, mut vectors, .. } = self.cut(scratch)?;
        let row = rows.read(0, [scaled, scaled_g]);
        let mut parameters = ParametersMut::from_flat(self.shape, self.parameters)?;
        for mut target in Targets::descend(self.shape, &mut parameters, *rates).families() {
            backward(&mut target, &row, None, None, &mut vectors);
        }
        Ok(())
    }

    /// Cuts the scratch.
    fn cut<'b>(&self, scratch: &'b mut [T]) -> Result<RowScratch<'b, T>, Error> {
        let scratch = shape::buffer("scratch", scratch, Self::scratch_len(self.shape))?;
        Ok(RowScratch::cut(self.shape, scratch))
    }
}

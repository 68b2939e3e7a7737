//! Models whose constants are floating-point numbers.

use super::number::Number;
use super::products::dot;
use crate::diagonal::Constants;
use crate::rectified::project_checked;
use crate::shape;
use crate::slices::Slice;
use crate::{Error, Real, Rectified, Shape};

/// A prepared layer whose constants are stored as `f32` or `f16`, for one sample at a time.
///
/// ```text
/// h(x) = 1/K Σ_k [ a_k r_k + W_k x p_k ],   a = Uμ + v,   W = U diag(σ²)
/// ```
///
/// `N` is how a number is stored: see [`Number`].
///
/// **Accuracy**: that of [`Prepared`](crate::diagonal::Prepared) for the constants as they are stored:
/// within 8(u·scale + η·floor), the accuracy rule of `docs/NUMERICS.md`. With `f32` the bits are those of a row by
/// itself there, if its largest entry is 0 or from 2⁻¹⁰ to 2¹⁰ (it reads others times a power of two).
///
/// # Example
///
/// ```
/// use gmlayer::Shape;
/// use gmlayer::compact::Floating;
/// use gmlayer::diagonal::Constants;
///
/// const SHAPE: Shape = match Shape::new(2, 1, 1) {
///     Ok(shape) => shape,
///     Err(_) => panic!("the sizes are wrong"),
/// };
/// const MODEL: Floating<'_, f32> = match Floating::new(
///     SHAPE,
///     Constants { a: &[3.0], w: &[0.0, 0.0], mu: &[1.0, -1.0], variance: &[0.0, 0.0] },
/// ) {
///     Ok(model) => model,
///     Err(_) => panic!("the lengths are wrong"),
/// };
///
/// let (mut y, mut scratch) = ([0.0], [0.0; MODEL.scratch_len()]);
/// MODEL.forward(&[2.0, 0.5], &mut y, &mut scratch)?;
/// assert_eq!(y, [4.5]); // σ = 0: the neuron a ReLU(⟨μ, x⟩)
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 6.
#[derive(Debug, Clone, Copy)]
pub struct Floating<'a, N> {
    shape: Shape,
    constants: Constants<'a, N>,
}

impl<'a, N: Number> Floating<'a, N> {
    /// A model over borrowed constants.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it.
    pub const fn new(shape: Shape, constants: Constants<'a, N>) -> Result<Self, Error> {
        if let Err(error) = shape::exact("a", constants.a.len(), shape.v_len()) {
            return Err(error);
        }
        if let Err(error) = shape::exact("w", constants.w.len(), shape.u_len()) {
            return Err(error);
        }
        if let Err(error) = shape::exact("mu", constants.mu.len(), shape.mu_len()) {
            return Err(error);
        }
        match shape::exact("variance", constants.variance.len(), shape.sigma_len()) {
            Ok(()) => Ok(Self { shape, constants }),
            Err(error) => Err(error),
        }
    }

    /// The sizes.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The constants.
    #[must_use]
    pub const fn constants(&self) -> Constants<'a, N> {
        self.constants
    }

    /// The number of scratch elements that [`forward`](Self::forward) needs: 2d for `f32`, 3d for what has to be
    /// converted.
    #[must_use]
    pub const fn scratch_len(&self) -> usize {
        N::SCRATCH_ROWS * self.shape.inputs()
    }

    /// Overwrites y with h(x).
    ///
    /// **Shapes**: `x: [inputs]`, `y: [outputs]`; `scratch`: at least [`scratch_len`](Self::scratch_len)
    /// elements, whose contents do not matter.
    ///
    /// **Accuracy**: within 8(u·scale + η·floor) for the constants as they are stored, as [the model](Self) says.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `x` or `y` has another length, [`Error::Buffer`] when `scratch` is too short.
    pub fn forward(&self, x: &[f32], y: &mut [f32], scratch: &mut [f32]) -> Result<(), Error> {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        shape::exact("x", x.len(), inputs)?;
        shape::exact("y", y.len(), outputs)?;
        let scratch = shape::buffer("scratch", scratch, self.scratch_len())?;
        let (sigma, rest) = scratch.divide(inputs);
        let (squares, row) = rest.divide(inputs);
        let mut scratch = Scratch { sigma, squares, row };
        square(x, scratch.squares);

        let Constants { a, w, mu, variance } = self.constants;
        y.fill(0.0);
        let means = mu.chunks_exact(inputs).zip(variance.chunks_exact(inputs));
        let slopes = a.chunks_exact(outputs).zip(w.chunks_exact(self.shape.component_len()));
        for ((mu, variance), (a, w)) in means.zip(slopes) {
            let at = rectified(mu, variance, x, &mut scratch);
            for ((y, &a), w) in y.iter_mut().zip(a).zip(w.chunks_exact(inputs)) {
                *y += a.value() * at.mean + dot(N::values(w, scratch.row), x) * at.probability;
            }
        }
        let components = f32::from_usize(self.shape.components());
        for y in y {
            *y /= components;
        }
        Ok(())
    }
}

/// Rows of scratch, `[inputs]` each; `row` is empty where nothing is converted.
struct Scratch<'a> {
    sigma: &'a mut [f32],
    /// x∘x.
    squares: &'a mut [f32],
    row: &'a mut [f32],
}

/// x∘x.
fn square(x: &[f32], squares: &mut [f32]) {
    for (square, &x) in squares.iter_mut().zip(x) {
        *square = x * x;
    }
}

/// The rectified pre-activation from the variance; where s² leaves the safe range, from its root.
fn rectified<N: Number>(mu: &[N], variance: &[N], x: &[f32], scratch: &mut Scratch<'_>) -> Rectified<f32> {
    let Scratch { sigma, squares, row } = scratch;
    let sum = dot(N::values(variance, row), squares);
    let (least, most) = f32::SAFE_SQUARES;
    if sum >= least && sum <= most {
        return Rectified::one(dot(N::values(mu, row), x), libm::sqrtf(sum));
    }
    for (sigma, &variance) in sigma.iter_mut().zip(variance) {
        *sigma = libm::sqrtf(variance.value());
    }
    // The projection takes the place of the squares for its direction.
    let projection = project_checked(N::values(mu, row), sigma, x, squares);
    square(x, squares);
    projection.rectified
}

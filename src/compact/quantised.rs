//! Models whose constants are 8-bit integers, a scale a row.

use super::number::{Integer, Number};
use super::products::integer_dot;
use crate::kernel::largest;
use crate::shape;
use crate::slices::Slice;
use crate::{Error, Real, Rectified, Shape};

/// The constants of a quantised layer: a row of numbers is its scale times its integers.
#[derive(Debug, Clone, Copy)]
pub struct QuantisedConstants<'a, I: Integer> {
    /// a = Uμ + v: `[components × outputs]`.
    pub a: &'a [I::Scale],
    /// The scale of each row of W: `[components × outputs]`.
    pub w_scales: &'a [I::Scale],
    /// W = U diag(σ²): `[components × outputs × inputs]`.
    pub w: &'a [I],
    /// The scale of each row of μ: `[components]`.
    pub mu_scales: &'a [I::Scale],
    /// The means μ: `[components × inputs]`.
    pub mu: &'a [I],
    /// The scale of each row of σ²: `[components]`.
    pub variance_scales: &'a [I::Scale],
    /// The variances σ²: `[components × inputs]`.
    pub variance: &'a [I],
}

/// A prepared layer whose constants are 8-bit integers, for one sample at a time.
///
/// The input is turned into integers too, x ≈ e·q, with one scale e and as many bits (at most 15) as keep every sum
/// in 32 bits. h is homogeneous, so that everything but the last factor is free of e:
///
/// ```text
/// m = c_μ Σ μᵢqᵢ,   s² = c_σ² 2ⁿ Σ σᵢ² ⌊qᵢ²/2ⁿ⌉,   h(x) ≈ e/K Σ_k [ a_k r_k + c_W (W_k q) p_k ]
/// ```
///
/// `I` is how an integer is stored: see [`Integer`].
///
/// **Accuracy**: that of the scales: every stored number is within half a scale, 1/254 of the largest of its row,
/// and every input within 1/2¹⁴ of the largest (up to 512 inputs; half as good each time that number doubles).
/// The program `gmlayer export` prints what that does to the test error. An input that holds an infinity or NaN
/// gives NaN.
///
/// # Example
///
/// ```
/// use gmlayer::Shape;
/// use gmlayer::compact::{Quantised, QuantisedConstants, quantise};
///
/// let (mut mu, mut variance, mut w) = ([0_i8; 2], [0_i8; 2], [0_i8; 2]);
/// let mu_scales = [quantise(&[1.0, -1.0], &mut mu)?];
/// let variance_scales = [quantise(&[0.25, 0.5], &mut variance)?];
/// let w_scales = [quantise(&[0.1, -0.3], &mut w)?];
/// let constants = QuantisedConstants {
///     a: &[3.0], w_scales: &w_scales, w: &w, mu_scales: &mu_scales, mu: &mu,
///     variance_scales: &variance_scales, variance: &variance,
/// };
/// let model = Quantised::new(Shape::new(2, 1, 1)?, constants)?;
/// let (mut y, mut scratch) = ([0.0], [0; 4]);
/// model.forward(&[2.0, 0.5], &mut y, &mut scratch)?;
/// assert!((y[0] - 4.6591).abs() < 0.01);
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 6, for the layer.
#[derive(Debug, Clone, Copy)]
pub struct Quantised<'a, I: Integer> {
    shape: Shape,
    constants: QuantisedConstants<'a, I>,
}

/// The largest integer of a row.
const LARGEST: i16 = i8::MAX as i16;

/// The most inputs: from there on an input would have fewer bits than a constant.
const MOST_INPUTS: usize = 1 << 17;

impl<'a, I: Integer> Quantised<'a, I> {
    /// A model over borrowed constants.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it, [`Error::Range`] for more than
    /// 2¹⁷ inputs.
    pub const fn new(shape: Shape, constants: QuantisedConstants<'a, I>) -> Result<Self, Error> {
        if shape.inputs() > MOST_INPUTS {
            return Err(Error::Range { argument: "inputs", largest: MOST_INPUTS, got: shape.inputs() });
        }
        let lengths = [
            shape::exact("a", constants.a.len(), shape.v_len()),
            shape::exact("w_scales", constants.w_scales.len(), shape.v_len()),
            shape::exact("w", constants.w.len(), shape.u_len()),
            shape::exact("mu_scales", constants.mu_scales.len(), shape.components()),
            shape::exact("mu", constants.mu.len(), shape.mu_len()),
            shape::exact("variance_scales", constants.variance_scales.len(), shape.components()),
            shape::exact("variance", constants.variance.len(), shape.sigma_len()),
        ];
        let mut rest: &[Result<(), Error>] = &lengths;
        while let [length, after @ ..] = rest {
            if let Err(error) = *length {
                return Err(error);
            }
            rest = after;
        }
        Ok(Self { shape, constants })
    }

    /// The sizes.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The constants.
    #[must_use]
    pub const fn constants(&self) -> QuantisedConstants<'a, I> {
        self.constants
    }

    /// The number of scratch elements that [`forward`](Self::forward) needs: 2d.
    #[must_use]
    pub const fn scratch_len(&self) -> usize {
        2 * self.shape.inputs()
    }

    /// Overwrites y with h(x).
    ///
    /// **Shapes**: `x: [inputs]`, `y: [outputs]`; `scratch`: at least [`scratch_len`](Self::scratch_len)
    /// elements, whose contents do not matter.
    ///
    /// **Accuracy**: as [the model](Self) says.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `x` or `y` has another length, [`Error::Buffer`] when `scratch` is too short.
    pub fn forward(&self, x: &[f32], y: &mut [f32], scratch: &mut [i16]) -> Result<(), Error> {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        shape::exact("x", x.len(), inputs)?;
        shape::exact("y", y.len(), outputs)?;
        let scratch = shape::buffer("scratch", scratch, self.scratch_len())?;
        let (q, squares) = scratch.divide(inputs);
        // |integer| ≤ 128, so that sums of `inputs` products stay below 2³¹.
        let most = (i32::MAX as usize / 128 / inputs).min(i16::MAX as usize) as i16;
        let scale = round_to(x, most, q);
        let shift = i16::BITS - most.leading_zeros();
        for (square, &q) in squares.iter_mut().zip(&*q) {
            let exact = i32::from(q) * i32::from(q);
            *square = ((exact + (1 << shift >> 1)) >> shift) as i16;
        }
        let unit = (1_i32 << shift) as f32;

        let QuantisedConstants { a, w_scales, w, mu_scales, mu, variance_scales, variance } = self.constants;
        y.fill(0.0);
        let means = mu_scales.iter().zip(mu.chunks_exact(inputs));
        let variances = variance_scales.iter().zip(variance.chunks_exact(inputs));
        let slopes = a.chunks_exact(outputs).zip(w_scales.chunks_exact(outputs));
        let rows = means.zip(variances).zip(slopes.zip(w.chunks_exact(self.shape.component_len())));
        for (((mu_scale, mu), (variance_scale, variance)), ((a, w_scales), w)) in rows {
            let m = mu_scale.value() * integer_dot(mu, q);
            let s = libm::sqrtf(variance_scale.value() * unit * integer_dot(variance, squares));
            let at = Rectified::one(m, s);
            let slopes = w_scales.iter().zip(w.chunks_exact(inputs));
            for ((y, a), (w_scale, w)) in y.iter_mut().zip(a).zip(slopes) {
                *y += a.value() * at.mean + w_scale.value() * integer_dot(w, q) * at.probability;
            }
        }
        let factor = scale / f32::from_usize(self.shape.components());
        for y in y {
            *y *= factor;
        }
        Ok(())
    }
}

/// Rounds a row to 8-bit integers and returns the scale: row ≈ scale · integers.
///
/// **Shapes**: `row` and `integers`: `[inputs]`. The largest entry becomes ±127.
///
/// **Accuracy**: each entry is within half a scale, and the rounding of one product. A row that holds an infinity
/// or NaN has the scale NaN.
///
/// # Errors
///
/// [`Error::Length`] when the slices are not of one length.
///
/// # Example
///
/// ```
/// let mut integers = [0; 3];
/// let scale = gmlayer::compact::quantise(&[0.5, -1.0, 0.0], &mut integers)?;
/// assert_eq!(integers, [64, -127, 0]);
/// assert_eq!(scale, 1.0 / 127.0);
/// # Ok::<(), gmlayer::Error>(())
/// ```
pub fn quantise(row: &[f32], integers: &mut [i8]) -> Result<f32, Error> {
    shape::exact("integers", integers.len(), row.len())?;
    let (scale, inverse) = scales(row, LARGEST);
    for (integer, &x) in integers.iter_mut().zip(row) {
        *integer = rounded(x * inverse) as i8;
    }
    Ok(scale)
}

/// The same to integers up to `most`.
fn round_to(row: &[f32], most: i16, integers: &mut [i16]) -> f32 {
    let (scale, inverse) = scales(row, most);
    for (integer, &x) in integers.iter_mut().zip(row) {
        *integer = rounded(x * inverse);
    }
    scale
}

/// The scale that makes the largest entry `most`, and its inverse; 0 for a row of zeros, or of numbers so small that
/// the inverse would overflow.
fn scales(row: &[f32], most: i16) -> (f32, f32) {
    if !row.iter().all(|x| x.is_finite()) {
        return (f32::NAN, 0.0);
    }
    let (largest, most) = (largest(row), f32::from(most));
    let inverse = most / largest;
    if inverse.is_finite() { (largest / most, inverse) } else { (0.0, 0.0) }
}

/// The nearest integer, of two the even one, for |x| < 2¹⁵.
#[inline(always)]
fn rounded(x: f32) -> i16 {
    const ROUND: f32 = 1.5 * (1 << 23) as f32; // its last bit is worth 1
    (x + ROUND).to_bits() as i16
}

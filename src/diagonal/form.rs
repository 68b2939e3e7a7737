//! The form of a diagonal layer: the coordinates of its parameters, and the mean or sum over its components.

use super::parameters::ParametersMut;
use crate::kernel::dot;
use crate::{Error, Real, Scale, Shape};

/// The coordinates of U and v: whether U acts on β or on β − μ. Both give the same functions.
///
/// ```text
/// Paper:    E[ω|β] = Uβ + v           a = Uμ + v
/// Centred:  E[ω|β] = U(β − μ) + v     a = v, the mean of ω
/// ```
///
/// The rest of the [layer](super::Diagonal) is the same: h(x) = 1/K Σ_k [ a r + U (σ²⊙x) p ]. Gradient descent differs:
/// in centred coordinates ∂U lacks the term ∂a μᵀ and ∂μ the term Uᵀ∂a, so that a step of μ does not change the mean of
/// ω, and the problem is better conditioned.
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 5 (paper) and the parameters of Theorem 1 (centred).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Coordinates {
    /// E\[ω|β\] = Uβ + v.
    #[default]
    Paper,
    /// E\[ω|β\] = U(β − μ) + v.
    Centred,
}

impl Coordinates {
    /// The share of μ in E\[ω|β\] at β = μ: `value` in the paper's coordinates, 0 in centred ones.
    #[inline(always)]
    pub(super) fn through_mean<T: Real>(self, value: T) -> T {
        match self {
            Self::Paper => value,
            Self::Centred => T::zero(),
        }
    }

    /// Rewrites parameters in these coordinates to the same function in the coordinates `to`.
    ///
    /// ```text
    /// v ← v + Uμ  (paper to centred),   v ← v − Uμ  (centred to paper)
    /// ```
    ///
    /// μ, σ and U stay as they are.
    ///
    /// **Accuracy**: each entry of v by the rule of [the layer](super::Diagonal).
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it; nothing is written then.
    ///
    /// # Example
    ///
    /// ```
    /// use gmlayer::Shape;
    /// use gmlayer::diagonal::{Coordinates, ParametersMut};
    ///
    /// let shape = Shape::new(2, 1, 1)?;
    /// let (mut mu, mut sigma, mut u, mut v) = ([1.0, 2.0], [0.5, 0.5], [3.0, 4.0], [1.0]);
    /// let parameters = ParametersMut { mu: &mut mu, sigma: &mut sigma, u: &mut u, v: &mut v };
    /// Coordinates::Paper.change(Coordinates::Centred, shape, parameters)?;
    /// assert_eq!(v, [12.0]); // Uμ + v: the mean of ω
    /// # Ok::<(), gmlayer::Error>(())
    /// ```
    pub fn change<T: Real>(
        self,
        to: Self,
        shape: Shape,
        parameters: ParametersMut<'_, T>,
    ) -> Result<(), Error> {
        parameters.as_ref().check(shape)?;
        let ParametersMut { mu, u, v, .. } = parameters;
        let components = v.chunks_exact_mut(shape.outputs()).zip(mu.chunks_exact(shape.inputs()));
        for ((v, mu), u) in components.zip(u.chunks_exact(shape.component_len())) {
            for (v, u) in v.iter_mut().zip(u.chunks_exact(shape.inputs())) {
                match (self, to) {
                    (Self::Paper, Self::Centred) => *v += dot(u, mu),
                    (Self::Centred, Self::Paper) => *v -= dot(u, mu),
                    (Self::Paper, Self::Paper) | (Self::Centred, Self::Centred) => {}
                }
            }
        }
        Ok(())
    }
}

/// The coordinates of a diagonal layer, and the mean or sum over its components; the default is the paper's.
///
/// # Example
///
/// ```
/// use gmlayer::Shape;
/// use gmlayer::diagonal::{Coordinates, Diagonal, Form, Parameters, Scale};
///
/// let shape = Shape::new(1, 1, 2)?;
/// let parameters = Parameters { mu: &[1.0, 2.0], sigma: &[0.0, 0.0], u: &[5.0, 7.0], v: &[3.0, 4.0] };
/// let form = Form { coordinates: Coordinates::Centred, scale: Scale::Sum };
/// let layer = Diagonal::new(shape, parameters)?.with_form(form);
/// let (mut y, mut scratch) = ([0.0_f64], vec![0.0; layer.scratch_len(1)?]);
/// layer.forward(&[1.0], &mut y, &mut [], &mut scratch)?;
/// assert_eq!(y, [3.0 * 1.0 + 4.0 * 2.0]); // Σ v ReLU(⟨μ, x⟩)
/// # Ok::<(), gmlayer::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Form {
    /// What U acts on.
    pub coordinates: Coordinates,
    /// The mean or the sum over the components.
    pub scale: Scale,
}

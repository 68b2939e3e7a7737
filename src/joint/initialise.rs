//! Starting values.

use rand_core::Rng;

use super::{JointShape, ParametersMut};
use crate::random::StandardNormal;
use crate::{Error, Real};

/// Draws the starting values of a layer: all four blocks from centred Gaussians.
///
/// ```text
/// mu_w, c_w ~ N(0, γ_ω²),   mu_b ~ N(0, γ²),   c_b ~ N(0, γ²/R)          independently
/// ```
///
/// A [tied](JointShape::tied) layer has one c_b. Each β then has the variance γ² on average, as the diagonal layer has with σ = γ, whatever the rank. The order
/// is μ_ω, C_ω, μ_β, C_β, each in the order of its slice; every value is drawn in `f64` and rounded once, so that
/// `f32` and `f64` layers with the same seed start from the same point.
///
/// - `gamma`: the scale γ of β.
/// - `output_gamma`: the scale γ_ω of ω.
///
/// # Errors
///
/// [`Error::Length`] when a slice does not have the length that `shape` gives it; nothing is written then.
///
/// # Example
///
/// ```
/// use gmlayer::joint::{self, JointShape, ParametersMut};
/// use rand_core::SeedableRng;
///
/// let shape = JointShape::new(3, 2, 4, 2)?;
/// let mut flat = vec![0.0_f32; shape.parameter_count()];
/// let mut generator = rand_pcg::Pcg64::seed_from_u64(0);
/// joint::initialise(shape, 0.5, 0.5, &mut generator, ParametersMut::from_flat(shape, &mut flat)?)?;
/// assert!(flat.iter().all(|value| *value != 0.0));
/// # Ok::<(), gmlayer::Error>(())
/// ```
pub fn initialise<T: Real, R: Rng + ?Sized>(
    shape: JointShape,
    gamma: f64,
    output_gamma: f64,
    random: &mut R,
    parameters: ParametersMut<'_, T>,
) -> Result<(), Error> {
    parameters.as_ref().check(shape)?;
    let ParametersMut { mu_w, c_w, mu_b, c_b } = parameters;
    let c_b_gamma = gamma / libm::sqrt(shape.rank() as f64);
    let mut normal = StandardNormal::new();
    for (block, scale) in [(mu_w, output_gamma), (c_w, output_gamma), (mu_b, gamma), (c_b, c_b_gamma)] {
        for value in block {
            *value = T::from_f64(scale * normal.sample(random));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng;
    use rand_pcg::Pcg64;

    use super::initialise;
    use crate::Error;
    use crate::joint::{JointShape, ParametersMut};
    use crate::random::StandardNormal;

    #[test]
    fn values_are_drawn_in_the_stated_order_and_scale() {
        let shape = JointShape::new(3, 2, 2, 4).unwrap();
        let mut wide = vec![0.0_f64; shape.parameter_count()];
        let mut narrow = vec![0.0_f32; shape.parameter_count()];
        let mut seed = Pcg64::seed_from_u64(3);
        initialise(shape, 0.5, 0.25, &mut seed, ParametersMut::from_flat(shape, &mut wide).unwrap()).unwrap();
        let mut seed = Pcg64::seed_from_u64(3);
        initialise(shape, 0.5, 0.25, &mut seed, ParametersMut::from_flat(shape, &mut narrow).unwrap())
            .unwrap();
        let (mut generator, mut normal) = (Pcg64::seed_from_u64(3), StandardNormal::new());
        let scales = [(4, 0.25), (16, 0.25), (6, 0.5), (24, 0.25)];
        let scales = scales.into_iter().flat_map(|(len, scale)| std::iter::repeat_n(scale, len));
        for ((wide, narrow), scale) in wide.iter().zip(narrow).zip(scales) {
            assert_eq!(*wide, scale * normal.sample(&mut generator));
            assert_eq!(*wide as f32, narrow);
        }
    }

    #[test]
    fn wrong_lengths_write_nothing() {
        let shape = JointShape::new(2, 1, 1, 1).unwrap();
        let (mut mu_w, mut mu_b, mut c_w, mut c_b) = ([9.0_f64; 1], [9.0; 2], [9.0; 1], [9.0; 3]);
        let parameters = ParametersMut { mu_w: &mut mu_w, mu_b: &mut mu_b, c_w: &mut c_w, c_b: &mut c_b };
        let got = initialise(shape, 0.5, 0.5, &mut Pcg64::seed_from_u64(9), parameters);
        assert_eq!(got, Err(Error::Length { argument: "c_b", expected: 2, got: 3 }));
        assert_eq!((mu_w, mu_b, c_w, c_b), ([9.0; 1], [9.0; 2], [9.0; 1], [9.0; 3]));
    }
}

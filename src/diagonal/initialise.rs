//! The starting values of the paper.

use rand_core::Rng;

use crate::random::StandardNormal;
use crate::{Error, Real, Shape, shape};

/// Draws the starting values of a layer: μ, U, v from N(0, γ²), and σ = γ.
///
/// ```text
/// mu, u, v ~ N(0, γ²) independently,   sigma = γ
/// ```
///
/// The order is μ, then U, then v, each in the order of its slice; every value is drawn in `f64` and
/// rounded once, so that `f32` and `f64` layers with the same seed start from the same point.
///
/// - `gamma`: the scale γ; the paper's main setting is 1/2.
/// - `mu`, `sigma`: `[K][d]`; `u`: `[K][L][d]`; `v`: `[K][L]`.
///
/// # Errors
///
/// [`Error::Length`] when a slice does not have the length that `shape` gives it; nothing is written
/// then.
///
/// # Example
///
/// ```
/// use gmlayer::{Shape, diagonal};
/// use rand_core::SeedableRng;
///
/// let shape = Shape::new(3, 2, 4)?;
/// let (mut mu, mut sigma) = (vec![0.0; shape.mu_len()], vec![0.0; shape.sigma_len()]);
/// let (mut u, mut v) = (vec![0.0; shape.u_len()], vec![0.0; shape.v_len()]);
/// let mut generator = rand_pcg::Pcg64::seed_from_u64(0);
/// diagonal::initialise(shape, 0.5, &mut generator, &mut mu, &mut sigma, &mut u, &mut v)?;
/// assert!(sigma.iter().all(|&sigma: &f32| sigma == 0.5));
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// Source: arXiv 2508.04883, section on experiments.
pub fn initialise<T: Real, R: Rng + ?Sized>(
    shape: Shape,
    gamma: f64,
    random: &mut R,
    mu: &mut [T],
    sigma: &mut [T],
    u: &mut [T],
    v: &mut [T],
) -> Result<(), Error> {
    shape::exact("mu", mu.len(), shape.mu_len())?;
    shape::exact("sigma", sigma.len(), shape.sigma_len())?;
    shape::exact("u", u.len(), shape.u_len())?;
    shape::exact("v", v.len(), shape.v_len())?;
    let mut normal = StandardNormal::new();
    for block in [mu, u, v] {
        for value in block {
            *value = T::from_f64(gamma * normal.sample(random));
        }
    }
    sigma.fill(T::from_f64(gamma));
    Ok(())
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng;
    use rand_pcg::Pcg64;

    use super::initialise;
    use crate::random::StandardNormal;
    use crate::{Error, Shape};

    #[test]
    fn both_precisions_start_from_the_same_point() {
        let shape = Shape::new(5, 3, 2).unwrap();
        let mut wide = [vec![0.0_f64; 10], vec![0.0; 10], vec![0.0; 30], vec![0.0; 6]];
        let mut narrow = [vec![0.0_f32; 10], vec![0.0; 10], vec![0.0; 30], vec![0.0; 6]];
        let [mu, sigma, u, v] = &mut wide;
        initialise(shape, 0.25, &mut Pcg64::seed_from_u64(9), mu, sigma, u, v).unwrap();
        let [mu, sigma, u, v] = &mut narrow;
        initialise(shape, 0.25, &mut Pcg64::seed_from_u64(9), mu, sigma, u, v).unwrap();
        for (wide, narrow) in wide.iter().flatten().zip(narrow.iter().flatten()) {
            assert_eq!(*wide as f32, *narrow);
        }
        assert!(wide[1].iter().all(|&sigma| sigma == 0.25));
        let values: Vec<f64> = [&wide[0], &wide[2], &wide[3]].into_iter().flatten().copied().collect();
        let square = values.iter().map(|value| value * value).sum::<f64>() / 46.0;
        assert!((square / 0.0625 - 1.0).abs() < 5.0 * (2.0_f64 / 46.0).sqrt(), "{square}");
        assert!(values.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn values_are_drawn_in_the_stated_order() {
        let shape = Shape::new(3, 2, 2).unwrap();
        let mut blocks = [vec![0.0_f64; 6], vec![0.0; 6], vec![0.0; 12], vec![0.0; 4]];
        let [mu, sigma, u, v] = &mut blocks;
        initialise(shape, 0.5, &mut Pcg64::seed_from_u64(3), mu, sigma, u, v).unwrap();
        let (mut generator, mut normal) = (Pcg64::seed_from_u64(3), StandardNormal::new());
        for value in [&*mu, &*u, &*v].into_iter().flatten() {
            assert_eq!(*value, 0.5 * normal.sample(&mut generator));
        }
    }

    #[test]
    fn wrong_lengths_write_nothing() {
        let shape = Shape::new(2, 1, 1).unwrap();
        let (mut mu, mut sigma, mut u, mut v) = ([9.0_f64; 2], [9.0; 2], [9.0; 2], [9.0; 2]);
        let got = initialise(shape, 0.5, &mut Pcg64::seed_from_u64(9), &mut mu, &mut sigma, &mut u, &mut v);
        assert_eq!(got, Err(Error::Length { argument: "v", expected: 1, got: 2 }));
        assert_eq!((mu, sigma, u), ([9.0; 2], [9.0; 2], [9.0; 2]));
    }
}

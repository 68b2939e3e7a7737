//! Wasserstein distances between Gaussians.
//!
//! The squared 2-Wasserstein distance W₂² is the least mean of |x − y|² over all joint distributions of x and y with the
//! given marginals. The Gaussian mixture flows of the paper are gradient flows in this geometry.

use crate::kernel::{dot, sum};
use crate::slices::zip_rows;
use crate::{Error, Real, shape};

/// The squared 2-Wasserstein distance W₂² between two Gaussians with diagonal covariances.
///
/// ```text
/// W₂²(N(μ₁, diag σ₁²), N(μ₂, diag σ₂²)) = |μ₁ − μ₂|² + Σᵢ (|σ₁ᵢ| − |σ₂ᵢ|)²
/// ```
///
/// **Shapes**: all slices `[dimensions]`. Standard deviations may be negative: they enter squared.
///
/// **Accuracy**: every term is squared from one difference, all are positive: a few units in the last place beside
/// the rounding of the differences.
///
/// # Errors
///
/// [`Error::Zero`] for no dimensions, [`Error::Length`] for slices of other lengths than `first_mean`.
///
/// # Example
///
/// ```
/// use gmlayer::wasserstein::squared_diagonal;
///
/// let distance = squared_diagonal(&[0.0, 0.0], &[1.0, 1.0], &[3.0, 4.0], &[1.0, 3.0])?;
/// assert_eq!(distance, 3.0 * 3.0 + 4.0 * 4.0 + 2.0 * 2.0);
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// **Source**: D. C. Dowson and B. V. Landau, *The Fréchet distance between multivariate normal distributions*,
/// Journal of Multivariate Analysis 12 (1982).
pub fn squared_diagonal<T: Real>(
    first_mean: &[T],
    first_sigma: &[T],
    second_mean: &[T],
    second_sigma: &[T],
) -> Result<T, Error> {
    let dimensions = shape::rows("first_mean", first_mean.len(), 1)?;
    shape::exact("first_sigma", first_sigma.len(), dimensions)?;
    shape::exact("second_mean", second_mean.len(), dimensions)?;
    shape::exact("second_sigma", second_sigma.len(), dimensions)?;
    let mut total = T::zero();
    for ((&a, &b), (&s, &t)) in first_mean.iter().zip(second_mean).zip(first_sigma.iter().zip(second_sigma)) {
        let (mean, spread) = (a - b, s.abs() - t.abs());
        total += mean * mean + spread * spread;
    }
    Ok(total)
}

/// The number of scratch elements that [`squared`] needs for factors of these ranks.
///
/// # Errors
///
/// [`Error::Overflow`] when that number cannot be addressed.
pub const fn scratch_len(first_rank: usize, second_rank: usize) -> Result<usize, Error> {
    shape::product("scratch", first_rank, second_rank)
}

/// The squared 2-Wasserstein distance W₂² between two Gaussians whose covariances are given by factors, Σ = CCᵀ.
///
/// ```text
/// W₂²(N(μ₁, C₁C₁ᵀ), N(μ₂, C₂C₂ᵀ)) = |μ₁ − μ₂|² + |C₁|² + |C₂|² − 2 ‖C₁ᵀC₂‖∗
/// ```
///
/// with Frobenius norms |C| and the sum of singular values ‖·‖∗: tr (Σ₁^½ Σ₂ Σ₁^½)^½ = ‖C₁ᵀC₂‖∗. No square root of
/// a matrix is taken, and covariances may be singular.
///
/// **Shapes**: means `[dimensions]`, factors `[dimensions × rank]`, row-major, each of a rank of its own: a Cholesky
/// factor, or the low rank of a joint layer; `scratch`: at least [`scratch_len`] elements.
///
/// **Accuracy**: within a few hundred units in the last place of |μ₁ − μ₂|² + |C₁|² + |C₂|²; near 0 the difference
/// cancels.
///
/// # Errors
///
/// [`Error::Zero`] for no dimensions or an empty factor, [`Error::Length`] for means of two lengths,
/// [`Error::Rows`] for a factor that is not a whole number of columns, [`Error::Buffer`] when `scratch` is too
/// short.
///
/// # Example
///
/// ```
/// use gmlayer::wasserstein::squared;
///
/// // Unit variance along one axis, and along the other: all of it has to move.
/// let distance = squared(&[0.0, 0.0], &[1.0, 0.0], &[0.0, 0.0], &[0.0, 1.0], &mut [0.0])?;
/// assert_eq!(distance, 2.0);
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// **Source**: Dowson and Landau (1982), as for [`squared_diagonal`]; the singular values by one-sided Jacobi
/// rotations: M. R. Hestenes, SIAM Journal 6 (1958).
pub fn squared<T: Real>(
    first_mean: &[T],
    first_factor: &[T],
    second_mean: &[T],
    second_factor: &[T],
    scratch: &mut [T],
) -> Result<T, Error> {
    let dimensions = shape::rows("first_mean", first_mean.len(), 1)?;
    shape::exact("second_mean", second_mean.len(), dimensions)?;
    let first_rank = shape::rows("first_factor", first_factor.len(), dimensions)?;
    let second_rank = shape::rows("second_factor", second_factor.len(), dimensions)?;
    let product = shape::buffer("scratch", scratch, scratch_len(first_rank, second_rank)?)?;

    // Row j of the product is column j of C₁ᵀC₂.
    product.fill(T::zero());
    for (first, second) in zip_rows(first_factor, first_rank, second_factor, second_rank) {
        for (column, &factor) in product.chunks_mut(first_rank.max(1)).zip(second) {
            for (entry, &value) in column.iter_mut().zip(first) {
                *entry += value * factor;
            }
        }
    }
    let overlap = sum_of_singular_values(product, first_rank);
    let mut total = T::zero();
    for (&a, &b) in first_mean.iter().zip(second_mean) {
        total += (a - b) * (a - b);
    }
    total += dot(first_factor, first_factor) + dot(second_factor, second_factor) - (overlap + overlap);
    // Rounding may carry a distance of 0 below it; NaN stays.
    Ok(if total < T::zero() { T::zero() } else { total })
}

/// Rounds over all pairs of columns; convergence is quadratic, and six to ten are what it takes.
const ROUNDS: usize = 40;

/// The sum of the singular values of a matrix whose columns are the rows of `columns`, which is overwritten.
fn sum_of_singular_values<T: Real>(columns: &mut [T], len: usize) -> T {
    let (len, count) = (len.max(1), columns.len() / len.max(1));
    for _ in 0..ROUNDS {
        let mut rotated = false;
        for second in 1..count {
            for first in 0..second {
                rotated |= orthogonalise(columns, len, first, second);
            }
        }
        if !rotated {
            break;
        }
    }
    sum(columns.chunks(len).map(|column| dot(column, column).sqrt()))
}

/// Turns two columns into orthogonal ones; `first` lies before `second`. Returns whether they were not.
fn orthogonalise<T: Real>(columns: &mut [T], len: usize, first: usize, second: usize) -> bool {
    let Some((before, after)) = columns.split_at_mut_checked(second * len) else { return false };
    let (Some(a), Some(b)) = (before.get_mut(first * len..(first + 1) * len), after.get_mut(..len)) else {
        return false;
    };
    let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b));
    let negligible = T::from_f64(2.0 * T::UNIT_ROUNDOFF) * (aa * bb).sqrt();
    if ab.is_zero() || ab.abs() <= negligible || ab.partial_cmp(&ab).is_none() {
        return false;
    }
    let tau = (bb - aa) / (ab + ab);
    let size = (T::one() + tau * tau).sqrt();
    let tangent = if tau < T::zero() { -T::one() / (size - tau) } else { T::one() / (size + tau) };
    let cosine = T::one() / (T::one() + tangent * tangent).sqrt();
    let sine = cosine * tangent;
    for (a, b) in a.iter_mut().zip(b) {
        let (old_a, old_b) = (*a, *b);
        *a = cosine * old_a - sine * old_b;
        *b = sine * old_a + cosine * old_b;
    }
    true
}

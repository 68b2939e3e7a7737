//! The rectified Gaussian: mean and probability of max(z, 0) for z ~ N(m, s²), and what their derivatives need.
//!
//! These four numbers are all that a mixture layer needs of a component and a row. They are the expected improvement of
//! Bayesian optimisation and the mean of a censored (Tobit) normal variable too. Take [`Rectified::new`] where m and s are
//! known, [`project`] where z = ⟨β, x⟩ with β ~ N(μ, diag σ²), and [`normal`] for φ, Φ and ψ by themselves.

use crate::kernel::{LANES, dot, sum, tree};
use crate::mixture::{halves, largest_of};
use crate::{Error, Real, normal, shape};

/// What the layer needs of max(z, 0) for z ~ N(m, s²), with t = m/s.
///
/// ```text
/// mean           r  = E[max(z, 0)] = s ψ(t)     ∂r/∂m = p    ∂r/∂s = φ(t)
/// probability    p  = P(z > 0)     = Φ(t)       ∂p/∂m = φ(t)/s    ∂p/∂s = −tφ(t)/s
/// density        φ(t)
/// density_moment t φ(t)
/// ```
///
/// φ/s and tφ/s are not formed: they overflow for small s, while every gradient is a product of φ or tφ
/// with a bounded factor.
///
/// At s = 0 the mean is max(m, 0), the probability 1, 1/2 or 0 for m above, at or below 0, and both
/// densities are 0: so every gradient is the limit of central differences, at the kink too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectified<T> {
    /// r, never below max(m, 0).
    pub mean: T,
    /// p, within [0, 1].
    pub probability: T,
    /// φ(t), and 0 at s = 0.
    pub density: T,
    /// tφ(t), and 0 at s = 0.
    pub density_moment: T,
}

impl<T: Real> Rectified<T> {
    /// The rectified Gaussian of mean `m` and standard deviation `s` ≥ 0.
    ///
    /// **Accuracy**: within 8 budgets, a value F having the budget u(|F| + |t F′(t)|): u is half an ULP of 1,
    /// and the second term is what the rounding of t = m/s may cost. r is the sum of two terms that are not
    /// negative, so nothing cancels; a tail below s·2⁻¹⁷¹ in
    /// `f32` (|t| > 15) and s·2⁻¹¹⁶⁶ in `f64` (|t| > 40) counts as 0. Measured by `tests/numbers`.
    ///
    /// # Example
    ///
    /// ```
    /// use gmlayer::Rectified;
    ///
    /// let z = Rectified::new(0.0_f64, 2.0);
    /// assert_eq!(z.probability, 0.5);
    /// assert!((z.mean - 2.0 / (2.0 * std::f64::consts::PI).sqrt()).abs() < 1e-15);
    /// ```
    ///
    /// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 6.
    #[inline(always)]
    pub fn new(m: T, s: T) -> Self {
        let t = standardised(m, s);
        Self::assemble(m, s, t, &t.normal())
    }

    /// [`new`](Self::new) for one row at a time.
    pub(crate) fn one(m: T, s: T) -> Self {
        let t = standardised(m, s);
        Self::assemble(m, s, t, &normal_once(t))
    }

    /// The same from m and s beside powers of two that they still want, which may carry either out of range.
    pub(crate) fn scaled((m, m_power): (T, i32), (s, s_power): (T, i32)) -> Self {
        // t takes the ratio of the two powers, the mean takes the larger of them.
        let common = if m.is_zero() {
            s_power
        } else if s.is_zero() {
            m_power
        } else {
            m_power.max(s_power)
        };
        let t = standardised(m, s).times_power_of_two(m_power - s_power);
        let (m, s) = (m.times_power_of_two(m_power - common), s.times_power_of_two(s_power - common));
        // The tail keeps its factor until all powers of two are put together, so that the mean rounds once.
        let unscale = T::UNSCALE.exponent();
        let at = normal_once(t);
        let mean = m.positive_part().times_power_of_two(-unscale) + s * at.ramp_tail;
        let scaled = Self::assemble(m, s, t, &at);
        // The factor may carry the derivative out of range: it is that of the mean without the factor.
        let without = scaled.mean.times_power_of_two(common);
        Self { mean: mean.times_power_of_two(common + unscale).with_slopes([(T::one(), without)]), ..scaled }
    }

    /// From m, s, their ratio t, and the normal distribution there.
    #[inline(always)]
    fn assemble(m: T, s: T, t: T, at: &normal::Scaled<T>) -> Self {
        // Large deviations are brought down before the product, small tails after it.
        let (before, after) = if s < T::one() { (T::one(), T::UNSCALE) } else { (T::UNSCALE, T::one()) };
        let (density, density_moment) = if s.is_zero() {
            (T::zero(), T::zero())
        } else {
            (at.density * T::UNSCALE, at.density_moment * T::UNSCALE)
        };
        let probability = at.cumulative(t).with_slopes([(density, t)]);
        // The slopes of r are in range where that of t = m/s is not.
        let mean = m.positive_part() + s * before * at.ramp_tail * after;
        Self {
            mean: mean.with_slopes([(probability, m), (density, s)]),
            probability,
            density,
            density_moment,
        }
    }
}

/// [`Real::normal`] by a call: what goes one row at a time shares one copy of its code.
#[inline(never)]
fn normal_once<T: Real>(t: T) -> normal::Scaled<T> {
    t.normal()
}

/// t = m/s, with the limit at s = 0 and 0 for 0/0; NaN stays NaN.
#[inline(always)]
fn standardised<T: Real>(m: T, s: T) -> T {
    if !s.is_zero() {
        m / s
    } else if m > T::zero() {
        T::from_f64(f64::INFINITY)
    } else if m < T::zero() {
        T::from_f64(f64::NEG_INFINITY)
    } else {
        m
    }
}

/// The pre-activation z = ⟨β, x⟩ of a component β ~ N(μ, diag σ²), rectified.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Projection<T> {
    /// The rectified Gaussian of mean ⟨μ, x⟩ and standard deviation |σ⊙x|.
    pub rectified: Rectified<T>,
    /// The factor that makes the slice written by [`project`] a unit vector y; 0 where σ⊙x = 0.
    pub unit: T,
}

/// Projects a component on an input: m = ⟨μ, x⟩ and s = |σ⊙x|, rectified.
///
/// **Shapes**: `mu`, `sigma`, `x` and `direction`: `[inputs]`. `direction` receives σ⊙x up to a scale,
/// so that y = `unit` · `direction` is the unit vector σ⊙x/s.
///
/// Where s² lies in [`Real::SAFE_SQUARES`] it is a plain sum. Elsewhere (inputs of 10⁻³⁰ or 10³⁰, and
/// s = 0) the row is scaled by powers of two, which is exact, and done again.
///
/// **Accuracy**: within 8 budgets, as [`Rectified::new`], with the sum of the absolute values of the terms of m
/// and s in the place of m and s. Measured by `tests/numbers`.
///
/// # Errors
///
/// [`Error::Length`] when a slice has another length than `x`.
///
/// # Example
///
/// ```
/// let mut direction = [0.0_f32; 2];
/// let z = gmlayer::rectified::project(&[1.0, 2.0], &[0.0, 0.0], &[3.0, -1.0], &mut direction)?;
/// assert_eq!((z.rectified.mean, z.rectified.probability), (1.0, 1.0));
/// # Ok::<(), gmlayer::Error>(())
/// ```
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 6.
pub fn project<T: Real>(mu: &[T], sigma: &[T], x: &[T], direction: &mut [T]) -> Result<Projection<T>, Error> {
    shape::exact("mu", mu.len(), x.len())?;
    shape::exact("sigma", sigma.len(), x.len())?;
    shape::exact("direction", direction.len(), x.len())?;
    Ok(project_checked(mu, sigma, x, direction))
}

/// [`project`] for slices of one length.
pub(crate) fn project_checked<T: Real>(mu: &[T], sigma: &[T], x: &[T], direction: &mut [T]) -> Projection<T> {
    let (m, squares) = sums(mu, sigma, T::one(), x, direction);
    if in_range(squares) {
        let s = squares.sqrt();
        return Projection { rectified: Rectified::one(m, s), unit: s.recip() };
    }
    project_scaled(mu, sigma, x, direction)
}

/// The pre-activation of a component of mean `factor`·μ and standard deviations `factor`·σ at a row of usual size.
///
/// What lies more than the whole range of the scalar below the largest product σᵢxᵢ counts as 0.
#[inline(always)]
pub(crate) fn project_row<T: Real>(
    mu: &[T],
    sigma: &[T],
    factor: T,
    x: &[T],
    direction: &mut [T],
) -> Projection<T> {
    let (m, squares) = sums(mu, sigma, factor, x, direction);
    if in_range(squares) {
        let s = squares.sqrt();
        return Projection { rectified: Rectified::one(m, s), unit: s.recip() };
    }
    let (s, unit) = norm(direction);
    Projection { rectified: Rectified::one(m, s), unit }
}

/// |w| for numbers of any size, which are brought to usual size, and one over the norm that they have then; 0 and 0
/// where all are 0.
#[cold]
#[inline(never)]
pub(crate) fn norm<T: Real>(w: &mut [T]) -> (T, T) {
    let size = largest_of(w);
    if size.is_zero() || !size.is_finite() {
        return (size, T::zero());
    }
    let exponent = size.exponent();
    let [first, second] = halves::<T>(-exponent);
    for w in w.iter_mut() {
        *w = *w * first * second;
    }
    let norm = dot(w, w).sqrt();
    (norm.times_power_of_two(exponent), norm.recip())
}

/// Whether a sum of squares is used as it is.
pub(crate) fn in_range<T: Real>(squares: T) -> bool {
    let (least, most) = T::SAFE_SQUARES;
    squares >= least && squares <= most
}

/// ⟨μ, x⟩ and |σ⊙x|², and σ⊙x in `direction`, for μ and σ times a factor, in one pass.
#[inline(always)]
fn sums<T: Real>(mu: &[T], sigma: &[T], factor: T, x: &[T], direction: &mut [T]) -> (T, T) {
    let (mu, mu_rest) = mu.as_chunks::<LANES>();
    let (sigma, sigma_rest) = sigma.as_chunks::<LANES>();
    let (x, x_rest) = x.as_chunks::<LANES>();
    let (direction, direction_rest) = direction.as_chunks_mut::<LANES>();
    let mut sums = ([T::zero(); LANES], [T::zero(); LANES]);
    for (((mu, sigma), x), direction) in mu.iter().zip(sigma).zip(x).zip(direction) {
        add_terms(&mut sums, (mu, sigma, factor), x, direction);
    }
    add_terms(&mut sums, (mu_rest, sigma_rest, factor), x_rest, direction_rest);
    (tree(sums.0), tree(sums.1))
}

/// One term in each lane of [`sums`].
#[inline(always)]
fn add_terms<T: Real>(
    (means, squares): &mut ([T; LANES], [T; LANES]),
    (mu, sigma, factor): (&[T], &[T], T),
    x: &[T],
    direction: &mut [T],
) {
    let terms = mu.iter().zip(sigma).zip(x).zip(direction);
    for ((mean, square), (((&mu, &sigma), &x), direction)) in means.iter_mut().zip(squares).zip(terms) {
        let w = sigma * factor * x;
        *direction = w;
        *mean += mu * factor * x;
        *square += w * w;
    }
}

/// The same for any size of its arguments: the products μᵢxᵢ and the products σᵢxᵢ are scaled by the powers of two
/// that bring the largest of each to [1, 4).
#[cold]
fn project_scaled<T: Real>(mu: &[T], sigma: &[T], x: &[T], direction: &mut [T]) -> Projection<T> {
    let (m_power, s_power) = (largest_product(mu, x), largest_product(sigma, x));
    for ((direction, &sigma), &x) in direction.iter_mut().zip(sigma).zip(x) {
        *direction = scaled_product(sigma, x, s_power);
    }
    let s = dot(direction, direction).sqrt();
    let m = sum(mu.iter().zip(x).map(|(&mu, &x)| scaled_product(mu, x, m_power)));

    Projection {
        rectified: Rectified::scaled((m, m_power), (s, s_power)),
        unit: if s.is_zero() { T::zero() } else { s.recip() },
    }
}

/// The exponent of the largest product of two elements, the mantissas aside; 0 where all are 0.
fn largest_product<T: Real>(a: &[T], b: &[T]) -> i32 {
    let products = a.iter().zip(b).filter(|(a, b)| !a.is_zero() && !b.is_zero());
    products.map(|(a, b)| a.exponent() + b.exponent()).max().unwrap_or(0)
}

/// a·b·2⁻ⁿ, rounded once more only where it is far below the largest one.
fn scaled_product<T: Real>(a: T, b: T, n: i32) -> T {
    let (a_power, b_power) = (a.exponent(), b.exponent());
    (a.times_power_of_two(-a_power) * b.times_power_of_two(-b_power))
        .times_power_of_two(a_power + b_power - n)
}

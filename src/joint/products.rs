//! The matrix products of a batch, and the loops between them.
//!
//! Each takes the means and the factors of a block one after the other. The forward pass is
//!
//! ```text
//! [m; q] = [μ_β; C_βᵀ] Xᵀ     s² = Σ q∘q     r, p, φ, tφ from m and s     h = 1/K [r; q p]ᵀ [μ_ωᵀ; C_ωᵀ]
//! ```
//!
//! and the backward pass, with the cotangents G (times 1/K),
//!
//! ```text
//! [ρ; e] = [μ_ωᵀ; C_ωᵀ] Gᵀ     π = Σ e∘q     ∂m = ρ p + π φ/s     ∂s/s = (ρ φ − π tφ/s)/s     ∂q = (∂s/s) q + p e
//! ∂X = [∂m; ∂q]ᵀ [μ_β; C_βᵀ]     [∂μ_β; ∂C_βᵀ] = [∂m; ∂q] X     [∂μ_ω; ∂C_ωᵀ] = [r; q p] G
//! ```

use super::parameters::Family;
use crate::Real;
use crate::kernel::{Accum, LANES, Matrix, Panels, Rows, RowsMut, Simd, add_scaled, dispatch, task};
use crate::mixture::{self, Activations, Target, fits_batch, largest_of, write_product, write_rows};
use crate::slices::{Slice, after, count, rows, zip_rows};

/// \[m; q\] = \[μ; C\] Xᵀ for the lanes of a chunk: `x` is its transpose, of rows of `width` numbers.
pub(super) fn project<T: Real>(
    to: [&mut [T]; 2],
    lanes: (usize, usize),
    parameters: [&[T]; 2],
    x: Rows<'_, T>,
    width: usize,
) {
    for (to, parameters) in to.into_iter().zip(parameters) {
        write_product(to, lanes, Matrix::rows(parameters, width), x, width, &[]);
    }
}

/// Y = \[m; q\]ᵀ \[μ; C\] for some rows of the batch, whose lanes begin with `first`.
pub(super) fn combine<T: Real>(
    y: &mut [T],
    width: usize,
    (lanes, first): (usize, usize),
    coefficients: [&[T]; 2],
    parameters: [&[T]; 2],
) {
    let products = coefficients.into_iter().zip(parameters);
    for (accum, (coefficients, data)) in [Accum::Replace, Accum::Add].into_iter().zip(products) {
        write_rows(accum, y, width, (coefficients, lanes, first), Rows { data, stride: width });
    }
}

/// Adds the products of coefficients and the rows of a group, whose lanes begin with `first`, where the gradient is
/// wanted; the rate is in the coefficients.
pub(super) fn add_gradient<T: Real>(
    target: &mut Target<'_, T>,
    width: usize,
    (lanes, first): (usize, usize),
    coefficients: &[T],
    x: Panels<'_, T>,
) {
    if let Some((to, _)) = target.destination() {
        let (rows, a) = (count(to.len(), width), Matrix::rows(after(coefficients, first), lanes));
        x.product::<false>(Accum::Add, RowsMut { data: to, stride: width }, a, rows, width, &[]);
    }
}

impl<T: Real> Family<'_, T> {
    /// Whether the parameters [fit a batch](fits_batch).
    pub(super) fn fits(&self) -> bool {
        let [mu_b, c_b, mu_w, c_w] = [self.mu_b, self.c_b, self.mu_w, self.c_w].map(largest_of);
        fits_batch([mu_b, c_b], [mu_w, c_w])
    }
}

/// s² = Σ q∘q of a component.
pub(super) fn write_squares<T: Real>(q: &[T], squares: &mut [T]) {
    dispatch(Squares, (q, squares));
}

#[inline(always)]
fn sum_squares<T: Real, S: Simd>(_: S, q: &[T], squares: &mut [T]) {
    squares.fill(T::zero());
    for q in rows(q, squares.len()) {
        for (square, &q) in squares.iter_mut().zip(q) {
            *square += q * q;
        }
    }
}

/// q p of a component.
pub(super) fn write_weighted<T: Real>(q: &[T], p: &[T], q_p: &mut [T]) {
    dispatch(Weigh, (q, p, q_p));
}

#[inline(always)]
fn weigh<T: Real, S: Simd>(_: S, q: &[T], p: &[T], q_p: &mut [T]) {
    for (q, q_p) in zip_rows(q, p.len(), q_p, p.len()) {
        for ((q_p, &q), &p) in q_p.iter_mut().zip(q).zip(p) {
            *q_p = q * p;
        }
    }
}

/// The sum of what the components give, in the place of what the first of them gives.
pub(super) fn add_members<T: Real>(given: &mut [T], each: usize) -> &[T] {
    let (sum, others) = given.divide(each);
    for other in rows(others, each) {
        add_scaled(sum, T::one(), other);
    }
    sum
}

/// From ρ in the place of ∂m and e in that of ∂q of a component: ∂m and ∂q; r and q p beside them.
pub(super) fn pull_back<T: Real>(saved: Activations<&[T]>, means: [&mut [T]; 2], factors: [&mut [T]; 2]) {
    dispatch(PullBack, (saved, means, factors));
}

/// [`pull_back`].
#[inline(always)]
fn pull_back_lanes<T: Real, S: Simd>(
    simd: S,
    saved: Activations<&[T]>,
    [r, d_m]: [&mut [T]; 2],
    [q_p, d_q]: [&mut [T]; 2],
) {
    let (vectors, all) = (saved.lanes / LANES, saved.linear.len() / LANES);
    let mut lane = |at: usize| -> Option<()> {
        let mut pi = simd.splat(T::zero());
        for at in (at..all).step_by(vectors.max(1)) {
            pi = simd.mul_add(simd.load::<true, T>(d_q, at)?, simd.load::<true, T>(saved.linear, at)?, pi);
        }
        let rho = simd.load::<true, T>(d_m, at)?;
        let (m, s) = mixture::pull_back(simd, &saved, at, rho, pi)?;
        simd.store::<true, T>(d_m, at, m);
        simd.store::<true, T>(r, at, simd.load::<true, T>(saved.r, at)?);
        let p = simd.load::<true, T>(saved.p, at)?;
        for at in (at..all).step_by(vectors.max(1)) {
            let q = simd.load::<true, T>(saved.linear, at)?;
            let p_e = simd.mul(p, simd.load::<true, T>(d_q, at)?);
            simd.store::<true, T>(d_q, at, simd.mul_add(s, q, p_e));
            simd.store::<true, T>(q_p, at, simd.mul(q, p));
        }
        Some(())
    };
    for at in 0..vectors {
        lane(at);
    }
}

task!(Squares, sum_squares, (q: &'a [T], squares: &'a mut [T]) -> ());
task!(Weigh, weigh, (q: &'a [T], p: &'a [T], q_p: &'a mut [T]) -> ());
task!(PullBack, pull_back_lanes, (
    saved: Activations<&'a [T]>,
    means: [&'a mut [T]; 2],
    factors: [&'a mut [T]; 2],
) -> ());

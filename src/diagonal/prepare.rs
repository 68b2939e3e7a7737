//! What does not depend on the input: a = Uμ + v, W = U diag(σ²) and σ².

use super::batch::{bounded, ordinary};
use super::parameters::{Component, Parameters};
use crate::kernel::{LANES, task, tree, widest};
use crate::{Real, Shape};

/// Writes a, W and σ² of checked lengths. Returns whether all numbers are of ordinary size, so that batches may
/// use them.
pub(super) fn prepare<T: Real>(
    shape: Shape,
    parameters: &Parameters<'_, T>,
    a: &mut [T],
    w: &mut [T],
    variance: &mut [T],
) -> bool {
    let outputs = shape.outputs();
    let mut usual = prepare_variance(parameters, variance);
    let written = a.chunks_exact_mut(outputs).zip(w.chunks_exact_mut(shape.component_len()));
    for (component, (a, w)) in parameters.components(shape).zip(written) {
        usual &= component.prepare(a, w);
    }
    usual
}

/// Writes σ². Returns whether σ and μ are of ordinary size.
pub(super) fn prepare_variance<T: Real>(parameters: &Parameters<'_, T>, variance: &mut [T]) -> bool {
    for (variance, &sigma) in variance.iter_mut().zip(parameters.sigma) {
        *variance = sigma * sigma;
    }
    widest(Ordinary, (parameters.sigma,)) && widest(Bounded, (parameters.mu,))
}

impl<T: Real> Component<'_, T> {
    /// Writes a and W. Returns whether U, v, a and W are of ordinary size: with an ordinary σ, no digit of W is
    /// lost then.
    pub(super) fn prepare(&self, a: &mut [T], w: &mut [T]) -> bool {
        widest(Prepare, (self, a, w))
    }

    #[inline(always)]
    fn prepare_rows(&self, a: &mut [T], w: &mut [T]) -> bool {
        let inputs = self.mu.len().max(1);
        let rows = self.u.chunks_exact(inputs).zip(w.chunks_exact_mut(inputs));
        let mut usual = bounded(self.v);
        for ((u, w), (a, &v)) in rows.zip(a.iter_mut().zip(self.v)) {
            let (product, usual_row) = prepare_row(u, self.mu, self.sigma, w);
            *a = product + v;
            usual &= usual_row;
        }
        usual && bounded(a)
    }
}

/// One row of W; returns ⟨U, μ⟩, and whether U is of ordinary size and W bounded.
#[allow(clippy::indexing_slicing, clippy::needless_range_loop)] // arrays of one length
#[inline(always)]
fn prepare_row<T: Real>(u: &[T], mu: &[T], sigma: &[T], w: &mut [T]) -> (T, bool) {
    let (u, u_rest) = u.as_chunks::<LANES>();
    let (mu, mu_rest) = mu.as_chunks::<LANES>();
    let (sigma, sigma_rest) = sigma.as_chunks::<LANES>();
    let (w, w_rest) = w.as_chunks_mut::<LANES>();
    let (mut products, mut misses) = ([T::zero(); LANES], [T::zero(); LANES]);
    for (((u, mu), sigma), w) in u.iter().zip(mu).zip(sigma).zip(w) {
        for i in 0..LANES {
            w[i] = u[i] * sigma[i] * sigma[i];
            products[i] += u[i] * mu[i];
            misses[i] += miss(u[i], w[i]);
        }
    }
    // Copies, so that the arrays above stay in registers.
    let (mut products, mut misses) = (products, misses);
    let rest = u_rest.iter().zip(mu_rest).zip(sigma_rest).zip(w_rest);
    for ((product, total), (((&u, &mu), &sigma), w)) in products.iter_mut().zip(&mut misses).zip(rest) {
        *w = u * sigma * sigma;
        *product += u * mu;
        *total += miss(u, *w);
    }
    (tree(products), misses.iter().all(T::is_zero))
}

/// 1 where U is not of ordinary size or W not bounded, and 0 else.
#[inline(always)]
fn miss<T: Real>(u: T, w: T) -> T {
    let (least, most) = T::ORDINARY;
    let size = u.abs();
    let usual = (size.is_zero() | ((size >= least) & (size <= most))) & (w.abs() <= most);
    if usual { T::zero() } else { T::one() }
}

task!(Ordinary, ordinary, (numbers: &'a [T]) -> bool);
task!(Bounded, bounded, (numbers: &'a [T]) -> bool);
task!(Prepare, Component::prepare_rows, (component: &'a Component<'a, T>, a: &'a mut [T], w: &'a mut [T]) -> bool);

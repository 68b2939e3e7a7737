//! One component at one row: the formulas, forward and backward.
//!
//! With q = μ r + σ⊙(σ⊙x) p = E[β ReLU(z)] (Stein), the component gives U q + v r. Backward, with the
//! cotangent g, y = σ⊙x/s (a unit vector, 0 at s = 0) and c = Uᵀg:
//!
//! ```text
//! A = ⟨c, μ⟩ + ⟨g, v⟩      b = Σ cᵢσᵢyᵢ
//! ∂m = A p + b φ           ∂s = A φ − b tφ
//! ∂Uₗ += gₗ q              ∂μᵢ += cᵢ r + xᵢ ∂m
//! ∂vₗ += gₗ r              ∂σᵢ += xᵢ (∂s yᵢ + 2p cᵢσᵢ)
//!                          ∂xᵢ += μᵢ ∂m + σᵢ (∂s yᵢ + p cᵢσᵢ)
//! ```
//!
//! No term divides by s, so nothing overflows however small s is.

use super::parameters::{Component, Gradients};
use crate::Real;
use crate::kernel::{add_scaled, dot};
use crate::rectified::{Projection, project_checked};

impl<T: Real> Component<'_, T> {
    /// Adds U q + v r to `y: [outputs]`; `q: [inputs]` is scratch.
    pub(super) fn forward(&self, x: &[T], y: &mut [T], q: &mut [T]) {
        let projection = project_checked(self.mu, self.sigma, x, q);
        self.mean_of_weighted(x, &projection, q);
        let r = projection.rectified.mean;
        for ((y, u), &v) in y.iter_mut().zip(self.u.chunks_exact(x.len().max(1))).zip(self.v) {
            *y += dot(u, q) + v * r;
        }
    }

    /// Adds the gradients of ⟨g, U q + v r⟩ to the blocks that are there and to `dx`; returns the projection.
    pub(super) fn backward(
        &self,
        x: &[T],
        g: &[T],
        gradients: &mut Gradients<'_, T>,
        dx: Option<&mut [T]>,
        scratch: &mut Scratch<'_, T>,
    ) -> Projection<T> {
        let Scratch { direction, q, c } = scratch;
        let projection = project_checked(self.mu, self.sigma, x, direction);
        let r = projection.rectified.mean;
        for y in direction.iter_mut() {
            *y *= projection.unit;
        }

        if let Some(of_u) = gradients.u.as_deref_mut() {
            self.mean_of_weighted(x, &projection, q);
            for (of_u, &g) in of_u.chunks_exact_mut(x.len().max(1)).zip(g) {
                add_scaled(of_u, g, q);
            }
        }
        if let Some(of_v) = gradients.v.as_deref_mut() {
            add_scaled(of_v, r, g);
        }
        if gradients.mu.is_none() && gradients.sigma.is_none() && dx.is_none() {
            return projection;
        }

        c.fill(T::zero());
        for (u, &g) in self.u.chunks_exact(x.len().max(1)).zip(g) {
            add_scaled(c, g, u);
        }
        // q has done its duty; from here it holds cᵢσᵢ.
        for (c_sigma, (&c, &sigma)) in q.iter_mut().zip(c.iter().zip(self.sigma)) {
            *c_sigma = c * sigma;
        }
        let at = projection.rectified;
        let p = at.probability;
        let a = dot(c, self.mu) + dot(g, self.v);
        let b = dot(q, direction);
        let of_m = a * p + b * at.density;
        let of_s = a * at.density - b * at.density_moment;
        if let Some(of_mu) = gradients.mu.as_deref_mut() {
            for ((of_mu, &c), &x) in of_mu.iter_mut().zip(c.iter()).zip(x) {
                *of_mu += c * r + x * of_m;
            }
        }
        if let Some(of_sigma) = gradients.sigma.as_deref_mut() {
            let terms = q.iter().zip(direction.iter()).zip(x);
            for (of_sigma, ((&c_sigma, &y), &x)) in of_sigma.iter_mut().zip(terms) {
                *of_sigma += x * (of_s * y + (p + p) * c_sigma);
            }
        }
        if let Some(dx) = dx {
            let terms = q.iter().zip(direction.iter()).zip(self.mu).zip(self.sigma);
            for (dx, (((&c_sigma, &y), &mu), &sigma)) in dx.iter_mut().zip(terms) {
                *dx += mu * of_m + sigma * (of_s * y + p * c_sigma);
            }
        }
        projection
    }

    /// q = E[β ReLU(z)] = μ r + σ⊙(σ⊙x) p.
    pub(super) fn mean_of_weighted(&self, x: &[T], projection: &Projection<T>, q: &mut [T]) {
        let (r, p) = (projection.rectified.mean, projection.rectified.probability);
        for (q, ((&mu, &sigma), &x)) in q.iter_mut().zip(self.mu.iter().zip(self.sigma).zip(x)) {
            *q = mu * r + sigma * (sigma * x) * p;
        }
    }
}

/// Three rows of scratch, `[inputs]` each.
#[derive(Debug)]
pub(super) struct Scratch<'a, T> {
    pub(super) direction: &'a mut [T],
    pub(super) q: &'a mut [T],
    pub(super) c: &'a mut [T],
}

//! The gradients of one component at one row.

use super::super::far::{self, Cotangent};
use super::super::parameters::{Component, Gradients};
use super::super::usual::{self, Together};
use super::Scratch;
use crate::Real;
use crate::batch::Lift;
use crate::kernel::{Along, Simd, Task, Vector, add_scaled, dot, widest};
use crate::rectified::{Projection, project_checked};

/// The projection, and the lift of q; or ∂x as it was, where the row does not go the usual way.
type Outcome<'d, T> = (Projection<T>, Result<Lift<T>, Option<&'d mut [T]>>);

impl<T: Real> Component<'_, T> {
    /// Adds the gradients of ⟨g, U q + v r⟩ to the blocks that are there and to `dx`.
    pub(in crate::diagonal) fn backward(
        &self,
        x: &[T],
        cotangent: Cotangent<'_, T>,
        gradients: &mut Gradients<'_, T>,
        dx: Option<&mut [T]>,
        scratch: &mut Scratch<'_, T>,
    ) {
        let share = (cotangent.share, cotangent.unit);
        let done = widest(Backward::<true>, (self, x, share, gradients, dx, scratch)).1;
        if let Err(dx) = done {
            far::backward(self, x, cotangent, gradients, dx);
        }
    }

    /// [`backward`](Self::backward) where the row goes the usual way: returns the projection and the lift of q. `None`,
    /// with no gradient added, where it does not.
    pub(in crate::diagonal) fn backward_of_usual(
        &self,
        x: &[T],
        Cotangent { share, unit, .. }: Cotangent<'_, T>,
        gradients: &mut Gradients<'_, T>,
        scratch: &mut Scratch<'_, T>,
    ) -> Option<(Projection<T>, Lift<T>)> {
        let (projection, done) = widest(Backward::<true>, (self, x, (share, unit), gradients, None, scratch));
        Some((projection, done.ok()?))
    }

    /// [`backward`](Self::backward) for numbers of ordinary size, whose products are ordinary too; returns the
    /// projection.
    pub(in crate::diagonal) fn backward_of_ordinary(
        &self,
        x: &[T],
        g: &[T],
        gradients: &mut Gradients<'_, T>,
        scratch: &mut Scratch<'_, T>,
    ) -> Projection<T> {
        widest(Backward::<false>, (self, x, (g, T::one()), gradients, None, scratch)).0
    }

    /// [`backward`](Self::backward), compiled for the vectors at hand, for a g that `unit` takes to the cotangent. Where
    /// it `EXAMINES` sizes and products are not ordinary, it does nothing and gives `dx` back; otherwise it returns the lift
    /// of q.
    #[inline(always)]
    fn backward_in_vectors<'d, S: Simd, const EXAMINES: bool>(
        &self,
        simd: S,
        x: &[T],
        (g, unit): (&[T], T),
        gradients: &mut Gradients<'_, T>,
        dx: Option<&'d mut [T]>,
        scratch: &mut Scratch<'_, T>,
    ) -> Outcome<'d, T> {
        let Scratch { direction, q, c, .. } = scratch;
        let projection = project_checked(self.mu, self.sigma, x, direction);
        let r = projection.rectified.mean;
        for y in direction.iter_mut() {
            *y *= projection.unit;
        }
        let mut lift = Lift::none();
        if EXAMINES {
            c.fill(T::zero());
            let u = self.add_columns(simd, g, c);
            match usual::backward_lift(simd, self, x, (g, unit), &projection, direction, u) {
                Some(of_q) => lift = of_q,
                None => return (projection, Err(dx)),
            }
        }

        if let Some(of_u) = gradients.u.as_deref_mut() {
            self.mean_of_weighted(x, &projection, lift.factor, q);
            for (of_u, &g) in of_u.chunks_exact_mut(x.len().max(1)).zip(g) {
                for (of_u, &q) in of_u.iter_mut().zip(q.iter()) {
                    *of_u += g * q * (unit * lift.unit);
                }
            }
        }
        if let Some(of_v) = gradients.v.as_deref_mut() {
            for (of_v, &g) in of_v.iter_mut().zip(g) {
                *of_v += r * g * unit;
            }
        }
        if gradients.mu.is_none() && gradients.sigma.is_none() && dx.is_none() {
            return (projection, Ok(lift));
        }

        if !EXAMINES {
            c.fill(T::zero());
            for (u, &g) in self.u.chunks_exact(x.len().max(1)).zip(g) {
                add_scaled(c, g, u);
            }
        }
        // q has done its duty; from here it holds cᵢσᵢ.
        for (c_sigma, (&c, &sigma)) in q.iter_mut().zip(c.iter().zip(self.sigma)) {
            *c_sigma = c * sigma;
        }
        let at = projection.rectified;
        let p = at.probability;
        let a = self.coordinates.through_mean(dot(c, self.mu)) + dot(g, self.v);
        let b = dot(q, direction);
        let of_m = a * p + b * at.density;
        let of_s = a * at.density - b * at.density_moment;
        if let Some(of_mu) = gradients.mu.as_deref_mut() {
            let r = self.coordinates.through_mean(r);
            for ((of_mu, &c), &x) in of_mu.iter_mut().zip(c.iter()).zip(x) {
                *of_mu += (c * r + x * of_m) * unit;
            }
        }
        if let Some(of_sigma) = gradients.sigma.as_deref_mut() {
            let terms = q.iter().zip(direction.iter()).zip(x);
            for (of_sigma, ((&c_sigma, &y), &x)) in of_sigma.iter_mut().zip(terms) {
                *of_sigma += x * (of_s * y + (p + p) * c_sigma) * unit;
            }
        }
        if let Some(dx) = dx {
            let terms = q.iter().zip(direction.iter()).zip(self.mu).zip(self.sigma);
            for (dx, (((&c_sigma, &y), &mu), &sigma)) in dx.iter_mut().zip(terms) {
                *dx += (mu * of_m + sigma * (of_s * y + p * c_sigma)) * unit;
            }
        }
        (projection, Ok(lift))
    }

    /// c += Uᵀg; the smallest size in U that is not 0, and 1, and the largest.
    #[inline(always)]
    fn add_columns<S: Simd>(&self, simd: S, g: &[T], c: &mut [T]) -> (T, T) {
        let (mut together, mut u) = (Together::none(simd), self.u);
        let inputs = c.len();
        for &g in g {
            // Rows of one length, as the compiler can see.
            let Some((row, rest)) = u.split_at_checked(inputs) else { break };
            Columns { together, .. } =
                Columns { simd, row, g: simd.splat(g), c: &mut *c, together }.along(inputs);
            u = rest;
        }
        together.sizes(simd)
    }

    /// q = E[β ReLU(z)] = μ r + σ⊙(σ⊙x) p times a factor.
    #[inline(always)]
    pub(in crate::diagonal) fn mean_of_weighted(
        &self,
        x: &[T],
        projection: &Projection<T>,
        factor: T,
        q: &mut [T],
    ) {
        let at = projection.rectified;
        let (r, p) = (self.coordinates.through_mean(at.mean) * factor, at.probability);
        for (q, ((&mu, &sigma), &x)) in q.iter_mut().zip(self.mu.iter().zip(self.sigma).zip(x)) {
            *q = mu * r + sigma * (sigma * (x * factor)) * p;
        }
    }
}

/// [`Component::backward_in_vectors`].
struct Backward<const EXAMINES: bool>;

/// Its arguments.
type BackwardArguments<'a, 'b, 'c, 'd, T> = (
    &'a Component<'a, T>,
    &'a [T],
    (&'a [T], T),
    &'a mut Gradients<'b, T>,
    Option<&'d mut [T]>,
    &'a mut Scratch<'c, T>,
);

impl<'d, T: Real, const EXAMINES: bool> Task<BackwardArguments<'_, '_, '_, 'd, T>> for Backward<EXAMINES> {
    type Output = Outcome<'d, T>;

    #[inline(always)]
    fn run<S: Simd>(
        self,
        simd: S,
        (component, x, g, gradients, dx, scratch): BackwardArguments<'_, '_, '_, 'd, T>,
    ) -> Self::Output {
        component.backward_in_vectors::<S, EXAMINES>(simd, x, g, gradients, dx, scratch)
    }
}

/// A row of U times g, added to c, and the sizes in it.
struct Columns<'a, T, S> {
    simd: S,
    row: &'a [T],
    g: Vector<T>,
    c: &'a mut [T],
    together: Together<T>,
}

impl<T: Real, S: Simd> Along for Columns<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let simd = self.simd;
        let u = simd.load::<WHOLE, T>(self.row, at)?;
        self.together.see(simd, u);
        let c = simd.load::<WHOLE, T>(self.c, at)?;
        simd.store::<WHOLE, T>(self.c, at, simd.mul_add(u, self.g, c));
        Some(())
    }
}

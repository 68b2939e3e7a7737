//! One component at one row of numbers far from ordinary size: where a product of the [usual way](super::row)
//! overflows or falls below the normal numbers, which a large factor would bring back.
//!
//! The formulas are the same, in the [wider scalar](Real::Wide), and each output is rounded once. Nothing is kept of
//! a row, so that no buffer of wider numbers is needed: it takes several times as long.

use num_traits::Zero;

use super::parameters::{Component, Gradients};
use crate::batch::sizes;
use crate::kernel::{Simd, sum};
use crate::{Real, Rectified};

/// Of each of some blocks, the smallest size that is not 0, and 1; and the largest size of all, NaN where one is.
#[derive(Debug, Clone, Copy)]
struct Sizes<T, const N: usize> {
    least: [T; N],
    most: T,
}

impl<T: Real, const N: usize> Sizes<T, N> {
    #[inline(always)]
    fn of<S: Simd>(simd: S, blocks: [&[T]; N]) -> Self {
        let mut most = T::zero();
        let least = blocks.map(|block| {
            let (least, largest) = sizes(simd, block);
            let is_nan = largest.partial_cmp(&largest).is_none();
            most = if largest > most || is_nan { largest } else { most };
            least
        });
        Self { least, most }
    }
}

/// The size of a factor, or 1 where it is 0 and so are its products, or above 1.
fn size<T: Real>(factor: T) -> T {
    if factor.is_zero() { T::one() } else { smaller(factor.abs(), T::one()) }
}

/// The smaller one.
fn smaller<T: Real>(a: T, b: T) -> T {
    if a <= b { a } else { b }
}

/// Whether products of numbers between these stay in range: four of the largest, and the smallest product.
fn usual<T: Real>(most: T, least: T) -> bool {
    let square = most * most;
    square * square <= T::SAFE_SQUARES.1 && least >= T::LEAST_NORMAL
}

/// Whether no product of the forward pass overflows or falls below the normal numbers.
#[inline(always)]
pub(super) fn forward_is_usual<T: Real, S: Simd>(
    simd: S,
    component: &Component<'_, T>,
    x: &[T],
    (r, p): (T, T),
) -> bool {
    let Sizes { least: [mu, sigma, u, v, x], most } =
        Sizes::of(simd, [component.mu, component.sigma, component.u, component.v, x]);
    let (r, p) = (size(r), size(p));
    let q = smaller(mu * r, sigma * (sigma * x) * p);
    usual(most, smaller(u * q, v * r))
}

/// The same of the backward pass; `direction` is y.
#[inline(always)]
pub(super) fn backward_is_usual<T: Real, S: Simd>(
    simd: S,
    component: &Component<'_, T>,
    x: &[T],
    share: &[T],
    at: &Rectified<T>,
    direction: &[T],
) -> bool {
    let Sizes { least: [mu, sigma, u, v, x, g], most } =
        Sizes::of(simd, [component.mu, component.sigma, component.u, component.v, x, share]);
    let y = sizes(simd, direction).0;
    let [r, p, phi, moment] = [at.mean, at.probability, at.density, at.density_moment].map(size);
    let q = smaller(mu * r, sigma * (sigma * x) * p);
    let c = u * g;
    let (a, b) = (smaller(c * mu, g * v), c * sigma * y);
    let of_z = smaller(a * smaller(p, phi), b * smaller(phi, moment));
    let through_spread = smaller(of_z * y, p * (c * sigma)) * smaller(x, sigma);
    let through_mean = smaller(of_z * smaller(x, mu), c * r);
    usual(most, smaller(g * smaller(q, r), smaller(through_mean, through_spread)))
}

/// The pre-activation, and 1/s, or 0 for s = 0.
fn project<T: Real>(component: &Component<'_, T>, x: &[T]) -> (Rectified<T::Wide>, T::Wide) {
    let m = sum(component.mu.iter().zip(x).map(|(&mu, &x)| mu.widen() * x.widen()));
    let s = sum(component.sigma.iter().zip(x).map(|(&sigma, &x)| {
        let spread = sigma.widen() * x.widen();
        spread * spread
    }))
    .sqrt();
    (Rectified::one(m, s), if s.is_zero() { s } else { s.recip() })
}

/// The terms of E[β ReLU(z)] = μ r + σ⊙(σ⊙x) p.
fn mean_of_weighted<T: Real>(
    component: &Component<'_, T>,
    x: &[T],
    at: &Rectified<T::Wide>,
) -> impl Iterator<Item = T::Wide> {
    let (r, p) = (component.coordinates.through_mean(at.mean), at.probability);
    component.mu.iter().zip(component.sigma).zip(x).map(move |((&mu, &sigma), &x)| {
        let sigma = sigma.widen();
        mu.widen() * r + sigma * (sigma * x.widen()) * p
    })
}

/// Adds U E[β ReLU(z)] + v r to `y`.
#[cold]
#[inline(never)]
pub(super) fn forward<T: Real>(component: &Component<'_, T>, x: &[T], y: &mut [T]) {
    let (at, _) = project(component, x);
    for ((y, u), &v) in y.iter_mut().zip(component.u.chunks_exact(x.len().max(1))).zip(component.v) {
        let slope = sum(u.iter().zip(mean_of_weighted(component, x, &at)).map(|(&u, q)| u.widen() * q));
        *y += T::narrow(slope + v.widen() * at.mean);
    }
}

/// Adds the gradients of ⟨g/divisor, U q + v r⟩ to the blocks that are there and to `dx`.
#[cold]
#[inline(never)]
pub(super) fn backward<T: Real>(
    component: &Component<'_, T>,
    x: &[T],
    Cotangent { g, divisor, .. }: Cotangent<'_, T>,
    gradients: &mut Gradients<'_, T>,
    dx: Option<&mut [T]>,
) {
    let (at, inverse) = project(component, x);
    let (p, through_mean) = (at.probability, |value| component.coordinates.through_mean(value));
    let share = |g: T| g.widen() / divisor.widen();
    if let Some(of_u) = gradients.u.as_deref_mut() {
        for (of_u, &g) in of_u.chunks_exact_mut(x.len().max(1)).zip(g) {
            for (of_u, q) in of_u.iter_mut().zip(mean_of_weighted(component, x, &at)) {
                *of_u += T::narrow(share(g) * q);
            }
        }
    }
    if let Some(of_v) = gradients.v.as_deref_mut() {
        for (of_v, &g) in of_v.iter_mut().zip(g) {
            *of_v += T::narrow(share(g) * at.mean);
        }
    }
    // Of each input: μ, σ, x, c = Uᵀg and y = σx/s.
    let inputs = || {
        let numbers = component.mu.iter().zip(component.sigma).zip(x).enumerate();
        numbers.map(|(index, ((&mu, &sigma), &x))| {
            let column = component.u.iter().skip(index).step_by(component.mu.len().max(1));
            let c = sum(column.zip(g).map(|(&u, &g)| u.widen() * share(g)));
            let (sigma, x) = (sigma.widen(), x.widen());
            (mu.widen(), sigma, x, c, sigma * x * inverse)
        })
    };
    let of_v = sum(g.iter().zip(component.v).map(|(&g, &v)| share(g) * v.widen()));
    let a = through_mean(sum(inputs().map(|(mu, _, _, c, _)| c * mu))) + of_v;
    let b = sum(inputs().map(|(_, sigma, _, c, y)| c * sigma * y));
    let of_m = a * p + b * at.density;
    let of_s = a * at.density - b * at.density_moment;
    if let Some(of_mu) = gradients.mu.as_deref_mut() {
        let r = through_mean(at.mean);
        for (of_mu, (_, _, x, c, _)) in of_mu.iter_mut().zip(inputs()) {
            *of_mu += T::narrow(c * r + x * of_m);
        }
    }
    if let Some(of_sigma) = gradients.sigma.as_deref_mut() {
        for (of_sigma, (_, sigma, x, c, y)) in of_sigma.iter_mut().zip(inputs()) {
            *of_sigma += T::narrow(x * (of_s * y + (p + p) * (c * sigma)));
        }
    }
    if let Some(dx) = dx {
        for (dx, (mu, sigma, _, c, y)) in dx.iter_mut().zip(inputs()) {
            *dx += T::narrow(mu * of_m + sigma * (of_s * y + p * (c * sigma)));
        }
    }
}

/// A row's cotangent g, and `share`, which is g over the divisor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cotangent<'a, T> {
    pub(super) g: &'a [T],
    pub(super) share: &'a [T],
    pub(super) divisor: T,
}

//! One component at one row of numbers far from ordinary size: where a product of the [usual way](super::row)
//! overflows or falls below the normal numbers, which a large factor would bring back.
//!
//! The formulas are the same, in the [wider scalar](Real::Wide), and each output is rounded once. Nothing is kept of
//! a row, so that no buffer of wider numbers is needed: it takes several times as long.

use num_traits::Zero;

use super::parameters::{Component, Gradients};
use crate::kernel::sum;
use crate::{Real, Rectified};

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

/// A row's cotangent g, and `share`, which `unit` takes to g over the divisor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cotangent<'a, T> {
    pub(super) g: &'a [T],
    pub(super) share: &'a [T],
    pub(super) unit: T,
    pub(super) divisor: T,
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng;
    use rand_pcg::Pcg64;

    use super::{Cotangent, backward, forward};
    use crate::diagonal::Coordinates;
    use crate::diagonal::parameters::{Component, Gradients};
    use crate::diagonal::row::{PreActivations, Scratch};
    use crate::random::StandardNormal;
    use crate::{Dual, Real};

    const INPUTS: usize = 19;
    const OUTPUTS: usize = 3;

    /// μ, σ, U, v, x, g of a component and a row.
    fn numbers<T: Real>(seed: u64) -> [Vec<T>; 6] {
        let (mut random, mut normal) = (Pcg64::seed_from_u64(seed), StandardNormal::new());
        [INPUTS, INPUTS, OUTPUTS * INPUTS, OUTPUTS, INPUTS, OUTPUTS]
            .map(|len| (0..len).map(|_| T::from_f64(normal.sample(&mut random))).collect())
    }

    fn component<T>([mu, sigma, u, v, ..]: &[Vec<T>; 6], coordinates: Coordinates) -> Component<'_, T> {
        Component { coordinates, mu, sigma, u, v }
    }

    /// h, ∂μ, ∂σ, ∂U, ∂v, ∂x over the divisor 4.
    fn far<T: Real>(numbers: &[Vec<T>; 6], coordinates: Coordinates) -> [Vec<T>; 6] {
        let component = component(numbers, coordinates);
        let [mu, sigma, u, v, x, g] = numbers;
        let mut all = [v, mu, sigma, u, v, x].map(|block| vec![T::zero(); block.len()]);
        let [h, of_mu, of_sigma, of_u, of_v, dx] = &mut all;
        forward(&component, x, h);
        let mut gradients =
            Gradients { mu: Some(of_mu), sigma: Some(of_sigma), u: Some(of_u), v: Some(of_v) };
        let cotangent = Cotangent { g, share: &[], unit: T::one(), divisor: T::from_usize(4) };
        backward(&component, x, cotangent, &mut gradients, Some(dx));
        all
    }

    fn usual<T: Real>(numbers: &[Vec<T>; 6], coordinates: Coordinates) -> [Vec<T>; 5] {
        let component = component(numbers, coordinates);
        let [mu, sigma, u, v, x, g] = numbers;
        let mut all = [mu, sigma, u, v, x].map(|block| vec![T::zero(); block.len()]);
        let [of_mu, of_sigma, of_u, of_v, dx] = &mut all;
        let mut gradients =
            Gradients { mu: Some(of_mu), sigma: Some(of_sigma), u: Some(of_u), v: Some(of_v) };
        let share: Vec<T> = g.iter().map(|&g| g / T::from_usize(4)).collect();
        let rows = || vec![T::zero(); INPUTS];
        let [mut direction, mut q, mut c] = [rows(), rows(), rows()];
        let mut scratch = Scratch {
            direction: &mut direction,
            q: &mut q,
            c: &mut c,
            pre_activations: PreActivations(&mut []),
        };
        let cotangent = Cotangent { g, share: &share, unit: T::one(), divisor: T::from_usize(4) };
        component.backward(x, cotangent, &mut gradients, Some(dx), &mut scratch);
        all
    }

    /// On ordinary numbers, which go the usual way, both ways agree.
    fn ways_agree<T: Real>(tolerance: f64) {
        for (seed, coordinates) in [(0, Coordinates::Paper), (1, Coordinates::Centred)] {
            let numbers = numbers::<T>(seed);
            let [_, gradients @ ..] = far(&numbers, coordinates);
            for (far, usual) in gradients.iter().flatten().zip(usual(&numbers, coordinates).iter().flatten())
            {
                let (far, usual) = (far.to_f64(), usual.to_f64());
                assert!((far - usual).abs() <= tolerance * (1.0 + usual.abs()), "{far} {usual}");
            }
        }
    }

    #[test]
    fn both_ways_agree_on_ordinary_numbers() {
        ways_agree::<f32>(1e-5);
        ways_agree::<f64>(1e-14);
    }

    /// ⟨gradient, direction⟩ is the derivative of ⟨g, h⟩ along the direction, which dual numbers carry.
    #[test]
    fn dual_numbers_give_the_same_derivative() {
        for coordinates in [Coordinates::Paper, Coordinates::Centred] {
            let (at, along) = (numbers::<f64>(2), numbers::<f64>(3));
            let moving = core::array::from_fn(|block| {
                let pairs = at[block].iter().zip(&along[block]);
                pairs.map(|(&at, &along)| Dual::new(at, if block < 5 { along } else { 0.0 })).collect()
            });
            let [h, ..] = far::<Dual<f64>>(&moving, coordinates);
            let derivative: f64 = h.iter().zip(&at[5]).map(|(h, g)| h.derivative * g / 4.0).sum();
            let [_, gradients @ ..] = far(&at, coordinates);
            let products = gradients.iter().flatten().zip(along[..5].iter().flatten());
            let by_gradient: f64 = products.map(|(gradient, along)| gradient * along).sum();
            assert!((derivative - by_gradient).abs() < 1e-12, "{derivative} {by_gradient}");
        }
    }

    /// Powers of two that cancel in the end change no bit, though Uᵀg is of size 2¹⁸⁰⁰ and E[β ReLU(z)] of 2⁻¹⁸⁰⁰.
    #[test]
    fn sizes_that_cancel_leave_no_trace() {
        let ordinary = numbers::<f64>(4);
        let want = far(&ordinary, Coordinates::Paper);
        let mut scaled = ordinary;
        for (block, power) in scaled.iter_mut().zip([-900, -900, 900, 0, 0, 900]) {
            block.iter_mut().for_each(|number| *number = number.times_power_of_two(power));
        }
        let got = far(&scaled, Coordinates::Paper);
        for ((got, want), power) in got.iter().zip(&want).zip([-900, 900, 900, -900, 0, 0]) {
            for (got, want) in got.iter().zip(want) {
                assert_eq!(*got, want.times_power_of_two(power), "{power}");
            }
        }
    }
}

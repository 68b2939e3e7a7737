//! What becomes of the gradients of a component: they are added up, or the parameters go down them.

use super::far::Cotangent;
use super::form::Coordinates;
use super::parameters::{Component, ComponentMut, Gradients, Parameters, ParametersMut, Rates};
use super::row::Scratch;
use super::sweep::{Descending, Fixed, Sums, Written, sweep};
use crate::batch::Lift;
use crate::kernel::{Simd, Split, add_scaled, task, widest};
use crate::rectified::Projection;
use crate::{Real, Shape, shape};

/// The gradients of all components, or of some.
pub(super) trait Effects<T: Real>: Split + Send {
    /// Whether ∂W is wanted, Σ ∂m x and Σ (∂s/s) x∘x.
    fn wants(&self) -> [bool; 3];

    /// Those of the components one after the other.
    fn each(self, shape: Shape) -> impl Iterator<Item = impl Effect<T>>;
}

/// The gradients of one component.
pub(super) trait Effect<T: Real> {
    /// U, which will be read.
    fn ahead(&self) -> &[T];

    /// Adds those of one row to `kept`; where that is empty, and they can be used at once, to where they go.
    fn add_row(&mut self, x: &[T], g: Cotangent<'_, T>, scratch: &mut Scratch<'_, T>, kept: &mut [T]);

    /// Uses those of a row that is the only one; `kept` is scratch.
    fn use_row(&mut self, x: &[T], g: Cotangent<'_, T>, scratch: &mut Scratch<'_, T>, kept: &mut [T]);

    /// Adds those of the sums over a batch.
    fn add_batch(&mut self, sums: &mut Sums<'_, T>);

    /// Uses what was kept.
    fn end(&mut self, kept: &[T]);
}

/// Gradients that are added to the caller's.
#[derive(Debug)]
pub(super) struct Adding<'a, T> {
    pub(super) shape: Shape,
    pub(super) coordinates: Coordinates,
    pub(super) parameters: Parameters<'a, T>,
    pub(super) gradients: Gradients<'a, T>,
}

impl<T> Split for Adding<'_, T> {
    fn split_at(self, components: usize, _: usize) -> (Self, Self) {
        let (shape, coordinates) = (self.shape, self.coordinates);
        let (parameters, others) = self.parameters.split_at(shape, components);
        let (gradients, other_gradients) = self.gradients.split_at(shape, components);
        (
            Self { shape, coordinates, parameters, gradients },
            Self { shape, coordinates, parameters: others, gradients: other_gradients },
        )
    }
}

impl<T: Real> Effects<T> for Adding<'_, T> {
    fn wants(&self) -> [bool; 3] {
        let Gradients { mu, sigma, u, .. } = &self.gradients;
        [u.is_some() || sigma.is_some(), mu.is_some(), sigma.is_some()]
    }

    fn each(self, shape: Shape) -> impl Iterator<Item = impl Effect<T>> {
        let Self { coordinates, parameters, gradients, .. } = self;
        parameters.components(shape, coordinates).zip(gradients.components(shape))
    }
}

impl<T: Real> Effect<T> for (Component<'_, T>, Gradients<'_, T>) {
    fn ahead(&self) -> &[T] {
        self.0.u
    }

    fn add_row(&mut self, x: &[T], g: Cotangent<'_, T>, scratch: &mut Scratch<'_, T>, kept: &mut [T]) {
        let (component, gradients) = self;
        if kept.is_empty() {
            component.backward(x, g, gradients, None, scratch);
        } else {
            let Gradients { mu, sigma, u, v } = &gradients;
            let wanted = [mu.is_some(), sigma.is_some(), u.is_some(), v.is_some()];
            component.backward(x, g, &mut kept_gradients(component, wanted, kept), None, scratch);
        }
    }

    fn use_row(&mut self, x: &[T], g: Cotangent<'_, T>, scratch: &mut Scratch<'_, T>, _: &mut [T]) {
        self.add_row(x, g, scratch, &mut []);
    }

    fn add_batch(&mut self, sums: &mut Sums<'_, T>) {
        let (component, gradients) = self;
        if let Some(of_v) = gradients.v.as_deref_mut() {
            add_scaled(of_v, sums.unit, sums.of_a);
        }
        match gradients.u.as_deref_mut() {
            Some(of_u) => {
                let unit = sums.unit * Lift::<T>::prepared().unit;
                sweep(component.mu, component.coordinates, Written(component.u, of_u, unit), sums);
            }
            None if gradients.mu.is_some() || gradients.sigma.is_some() => {
                sweep(component.mu, component.coordinates, Fixed(component.u), sums);
            }
            None => {}
        }
        if let Some(of_mu) = gradients.mu.as_deref_mut() {
            add_scaled(of_mu, sums.unit, sums.of_mean);
        }
        if let Some(of_sigma) = gradients.sigma.as_deref_mut() {
            for ((of_sigma, &sigma), &sum) in of_sigma.iter_mut().zip(component.sigma).zip(&*sums.of_variance)
            {
                *of_sigma += sigma * sum * sums.unit;
            }
        }
    }

    fn end(&mut self, kept: &[T]) {
        let (component, Gradients { mu, sigma, u, v }) = self;
        for (block, kept) in [mu, sigma, u, v].into_iter().zip(kept_blocks(component, kept)) {
            if let Some(block) = block {
                add_scaled(block, T::one(), kept);
            }
        }
    }
}

/// Parameters that go down their gradients.
#[derive(Debug)]
pub(super) struct Descent<'a, T> {
    pub(super) shape: Shape,
    pub(super) coordinates: Coordinates,
    pub(super) parameters: ParametersMut<'a, T>,
    pub(super) rates: Rates<T>,
}

impl<T: Copy> Split for Descent<'_, T> {
    fn split_at(self, components: usize, _: usize) -> (Self, Self) {
        let Self { shape, coordinates, parameters, rates } = self;
        let (parameters, others) = parameters.split_at(shape, components);
        (
            Self { shape, coordinates, parameters, rates },
            Self { shape, coordinates, parameters: others, rates },
        )
    }
}

impl<T: Real> Effects<T> for Descent<'_, T> {
    fn wants(&self) -> [bool; 3] {
        let Rates { mu, sigma, u, .. } = self.rates;
        [u.is_some() || sigma.is_some(), mu.is_some(), sigma.is_some()]
    }

    fn each(self, shape: Shape) -> impl Iterator<Item = impl Effect<T>> {
        let (coordinates, rates) = (self.coordinates, self.rates);
        self.parameters.components(shape).map(move |component| (component, coordinates, rates))
    }
}

impl<T: Real> Effect<T> for (ComponentMut<'_, T>, Coordinates, Rates<T>) {
    fn ahead(&self) -> &[T] {
        self.0.u
    }

    fn add_row(&mut self, x: &[T], g: Cotangent<'_, T>, scratch: &mut Scratch<'_, T>, kept: &mut [T]) {
        let component = self.0.as_ref(self.1);
        let Rates { mu, sigma, u, v } = self.2;
        let wanted = [mu.is_some(), sigma.is_some(), u.is_some(), v.is_some()];
        component.backward(x, g, &mut kept_gradients(&component, wanted, kept), None, scratch);
    }

    /// ∂U, of rank one, is never written out where the row goes the usual way.
    fn use_row(&mut self, x: &[T], g: Cotangent<'_, T>, scratch: &mut Scratch<'_, T>, kept: &mut [T]) {
        let (component, rates) = (self.0.as_ref(self.1), self.2);
        // The usual way does not use those of U and v behind them.
        shape::split(kept, 2 * x.len()).0.fill(T::zero());
        let wanted = [rates.mu.is_some(), rates.sigma.is_some(), false, false];
        let mut gradients = kept_gradients(&component, wanted, kept);
        let Some(at) = component.backward_of_usual(x, g, &mut gradients, scratch) else {
            kept.fill(T::zero());
            self.add_row(x, g, scratch, kept);
            self.end(kept);
            return;
        };
        let [of_mu, of_sigma, ..] = kept_blocks(&component, kept);
        let step = Step { at, of_mu, of_sigma, x, g, q: scratch.q };
        let (ComponentMut { mu, sigma, u, v }, coordinates, _) = self;
        widest(Descend, (ComponentMut { mu, sigma, u, v }, *coordinates, rates, step));
    }

    fn add_batch(&mut self, sums: &mut Sums<'_, T>) {
        let (ComponentMut { mu, sigma, u, v }, coordinates, rates) = self;
        let rates = rates.times(sums.unit);
        match rates.u {
            Some(rate) => {
                sweep(mu, *coordinates, Descending(u, rate * Lift::<T>::prepared().unit), sums);
            }
            None if rates.mu.is_some() || rates.sigma.is_some() => sweep(mu, *coordinates, Fixed(u), sums),
            None => {}
        }
        descend(v, rates.v, sums.of_a);
        descend(mu, rates.mu, sums.of_mean);
        if let Some(rate) = rates.sigma {
            for (sigma, &sum) in sigma.iter_mut().zip(&*sums.of_variance) {
                *sigma -= rate * (*sigma * sum);
            }
        }
    }

    fn end(&mut self, kept: &[T]) {
        let [of_mu, of_sigma, of_u, of_v] = kept_blocks(&self.0.as_ref(self.1), kept);
        let (ComponentMut { mu, sigma, u, v }, _, rates) = self;
        descend(mu, rates.mu, of_mu);
        descend(sigma, rates.sigma, of_sigma);
        descend(u, rates.u, of_u);
        descend(v, rates.v, of_v);
    }
}

/// Of the gradients of a component that are kept, those that are wanted of μ, σ, U, v.
fn kept_gradients<'a, T: Real>(
    component: &Component<'_, T>,
    [wants_mu, wants_sigma, wants_u, wants_v]: [bool; 4],
    kept: &'a mut [T],
) -> Gradients<'a, T> {
    let (mu, rest) = shape::split(kept, component.mu.len());
    let (sigma, rest) = shape::split(rest, component.sigma.len());
    let (u, v) = shape::split(rest, component.u.len());
    Gradients {
        mu: wants_mu.then_some(mu),
        sigma: wants_sigma.then_some(sigma),
        u: wants_u.then_some(u),
        v: wants_v.then_some(v),
    }
}

/// The gradients of a component that are kept: of μ, σ, U, v.
fn kept_blocks<'a, T: Real>(component: &Component<'_, T>, kept: &'a [T]) -> [&'a [T]; 4] {
    let (mu, rest) = shape::split_ref(kept, component.mu.len());
    let (sigma, rest) = shape::split_ref(rest, component.sigma.len());
    let (u, v) = shape::split_ref(rest, component.u.len());
    [mu, sigma, u, v]
}

/// One step down a gradient, where there is a rate.
#[inline(always)]
fn descend<T: Real>(parameters: &mut [T], rate: Option<T>, gradient: &[T]) {
    if let Some(rate) = rate {
        add_scaled(parameters, -rate, gradient);
    }
}

/// What a component's step down the gradients of a single row takes.
struct Step<'a, T> {
    /// The projection, and the lift of q.
    at: (Projection<T>, Lift<T>),
    of_mu: &'a [T],
    of_sigma: &'a [T],
    x: &'a [T],
    g: Cotangent<'a, T>,
    /// Scratch: `[inputs]`.
    q: &'a mut [T],
}

/// One step, with ∂Uₗ = gₗ q and ∂vₗ = gₗ r to the bits of gradients that are written out.
#[inline(always)]
fn descend_at_row<T: Real, S: Simd>(
    _: S,
    component: ComponentMut<'_, T>,
    coordinates: Coordinates,
    rates: Rates<T>,
    Step { at: (projection, lift), of_mu, of_sigma, x, g, q }: Step<'_, T>,
) {
    if let Some(rate) = rates.u {
        component.as_ref(coordinates).mean_of_weighted(x, &projection, lift.factor, q);
        let unit = g.unit * lift.unit;
        for (u, &share) in component.u.chunks_exact_mut(q.len().max(1)).zip(g.share) {
            for (u, &q) in u.iter_mut().zip(&*q) {
                *u -= rate * (T::zero() + share * q * unit);
            }
        }
    }
    if let Some(rate) = rates.v {
        for (v, &share) in component.v.iter_mut().zip(g.share) {
            *v -= rate * (T::zero() + projection.rectified.mean * share * g.unit);
        }
    }
    descend(component.mu, rates.mu, of_mu);
    descend(component.sigma, rates.sigma, of_sigma);
}

task!(Descend, descend_at_row, (
    component: ComponentMut<'a, T>,
    coordinates: Coordinates,
    rates: Rates<T>,
    step: Step<'a, T>,
) -> ());

//! The four blocks of parameters, their gradients, and one component's share of them.

use super::form::Coordinates;
use crate::{Error, Real, Shape, shape};

/// The parameters of a layer, as borrowed row-major slices.
///
/// Component k holds β ~ N(μ, diag σ²) and E\[ω|β\] = Uβ + v. σ enters squared: negative entries are
/// legal, and zeros make that input deterministic.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<'a, T> {
    /// Means μ: `[components × inputs]`.
    pub mu: &'a [T],
    /// Standard deviations σ: `[components × inputs]`.
    pub sigma: &'a [T],
    /// Output slopes U: `[components × outputs × inputs]`.
    pub u: &'a [T],
    /// Output offsets v: `[components × outputs]`.
    pub v: &'a [T],
}

impl<'a, T> Parameters<'a, T> {
    /// The four blocks of one flat slice, in the order μ, σ, U, v.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `flat` does not have [`Shape::parameter_count`] elements.
    pub fn from_flat(shape: Shape, flat: &'a [T]) -> Result<Self, Error> {
        shape::exact("parameters", flat.len(), shape.parameter_count())?;
        let (mu, rest) = shape::split_ref(flat, shape.mu_len());
        let (sigma, rest) = shape::split_ref(rest, shape.sigma_len());
        let (u, v) = shape::split_ref(rest, shape.u_len());
        Ok(Self { mu, sigma, u, v })
    }

    /// Refuses blocks that do not have the lengths of `shape`.
    pub(super) fn check(&self, shape: Shape) -> Result<(), Error> {
        shape::exact("mu", self.mu.len(), shape.mu_len())?;
        shape::exact("sigma", self.sigma.len(), shape.sigma_len())?;
        shape::exact("u", self.u.len(), shape.u_len())?;
        shape::exact("v", self.v.len(), shape.v_len())
    }

    /// The first components, and the others.
    pub(super) fn split_at(self, shape: Shape, components: usize) -> (Self, Self) {
        let at = components * shape.inputs();
        let (mu, sigma) = (shape::split_ref(self.mu, at), shape::split_ref(self.sigma, at));
        let (u, v) = (
            shape::split_ref(self.u, at * shape.outputs()),
            shape::split_ref(self.v, components * shape.outputs()),
        );
        (Self { mu: mu.0, sigma: sigma.0, u: u.0, v: v.0 }, Self { mu: mu.1, sigma: sigma.1, u: u.1, v: v.1 })
    }

    /// The components one after the other.
    #[inline]
    pub(super) fn components(
        self,
        shape: Shape,
        coordinates: Coordinates,
    ) -> impl Iterator<Item = Component<'a, T>> {
        let (inputs, outputs) = (shape.inputs(), shape.outputs());
        self.mu
            .chunks_exact(inputs)
            .zip(self.sigma.chunks_exact(inputs))
            .zip(self.u.chunks_exact(shape.component_len()))
            .zip(self.v.chunks_exact(outputs))
            .map(move |(((mu, sigma), u), v)| Component { coordinates, mu, sigma, u, v })
    }
}

/// The parameters of a layer, as borrowed row-major slices that training writes to.
#[derive(Debug)]
pub struct ParametersMut<'a, T> {
    /// Means μ: `[components × inputs]`.
    pub mu: &'a mut [T],
    /// Standard deviations σ: `[components × inputs]`.
    pub sigma: &'a mut [T],
    /// Output slopes U: `[components × outputs × inputs]`.
    pub u: &'a mut [T],
    /// Output offsets v: `[components × outputs]`.
    pub v: &'a mut [T],
}

impl<'a, T> ParametersMut<'a, T> {
    /// The four blocks of one flat slice, in the order μ, σ, U, v.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `flat` does not have [`Shape::parameter_count`] elements.
    pub fn from_flat(shape: Shape, flat: &'a mut [T]) -> Result<Self, Error> {
        shape::exact("parameters", flat.len(), shape.parameter_count())?;
        let (mu, rest) = shape::split(flat, shape.mu_len());
        let (sigma, rest) = shape::split(rest, shape.sigma_len());
        let (u, v) = shape::split(rest, shape.u_len());
        Ok(Self { mu, sigma, u, v })
    }

    /// The same blocks, to be read.
    #[must_use]
    pub fn as_ref(&self) -> Parameters<'_, T> {
        Parameters { mu: self.mu, sigma: self.sigma, u: self.u, v: self.v }
    }

    /// The same blocks for a shorter time.
    pub(super) fn reborrow(&mut self) -> ParametersMut<'_, T> {
        ParametersMut { mu: self.mu, sigma: self.sigma, u: self.u, v: self.v }
    }

    /// The first components, and the others.
    pub(super) fn split_at(self, shape: Shape, components: usize) -> (Self, Self) {
        let at = components * shape.inputs();
        let (mu, sigma) = (shape::split(self.mu, at), shape::split(self.sigma, at));
        let u = shape::split(self.u, at * shape.outputs());
        let v = shape::split(self.v, components * shape.outputs());
        (Self { mu: mu.0, sigma: sigma.0, u: u.0, v: v.0 }, Self { mu: mu.1, sigma: sigma.1, u: u.1, v: v.1 })
    }

    /// The components one after the other.
    pub(super) fn components(self, shape: Shape) -> impl Iterator<Item = ComponentMut<'a, T>> {
        let (inputs, outputs) = (shape.inputs(), shape.outputs());
        self.mu
            .chunks_exact_mut(inputs)
            .zip(self.sigma.chunks_exact_mut(inputs))
            .zip(self.u.chunks_exact_mut(shape.component_len()))
            .zip(self.v.chunks_exact_mut(outputs))
            .map(|(((mu, sigma), u), v)| ComponentMut { mu, sigma, u, v })
    }
}

/// The learning rates of a step of gradient descent; a block without one (`None`) is frozen, and its gradient is
/// not computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates<T> {
    /// Of the means.
    pub mu: Option<T>,
    /// Of the standard deviations.
    pub sigma: Option<T>,
    /// Of the output slopes.
    pub u: Option<T>,
    /// Of the output offsets.
    pub v: Option<T>,
}

impl<T: Copy> Rates<T> {
    /// One rate for all blocks.
    #[must_use]
    pub const fn all(rate: T) -> Self {
        Self { mu: Some(rate), sigma: Some(rate), u: Some(rate), v: Some(rate) }
    }
}

impl<T: Real> Rates<T> {
    /// All rates times a factor.
    pub(super) fn times(self, factor: T) -> Self {
        let Self { mu, sigma, u, v } = self;
        let [mu, sigma, u, v] = [mu, sigma, u, v].map(|rate| rate.map(|rate| rate * factor));
        Self { mu, sigma, u, v }
    }
}

/// Where the gradients of the parameters are **added**; a block left out (`None`) is frozen, and its
/// gradient is not computed.
///
/// # Example
///
/// ```
/// use gmlayer::diagonal::Gradients;
///
/// let mut of_u = vec![0.0_f32; 12];
/// let gradients = Gradients { u: Some(&mut of_u), ..Gradients::none() };
/// assert!(gradients.mu.is_none());
/// ```
#[derive(Debug, Default)]
pub struct Gradients<'a, T> {
    /// Of the means: `[components × inputs]`.
    pub mu: Option<&'a mut [T]>,
    /// Of the standard deviations: `[components × inputs]`.
    pub sigma: Option<&'a mut [T]>,
    /// Of the output slopes: `[components × outputs × inputs]`.
    pub u: Option<&'a mut [T]>,
    /// Of the output offsets: `[components × outputs]`.
    pub v: Option<&'a mut [T]>,
}

impl<'a, T> Gradients<'a, T> {
    /// No gradient at all: fill in those that are wanted.
    #[must_use]
    pub fn none() -> Self {
        Self { mu: None, sigma: None, u: None, v: None }
    }

    /// All four blocks of one flat slice, in the order μ, σ, U, v.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `flat` does not have [`Shape::parameter_count`] elements.
    pub fn from_flat(shape: Shape, flat: &'a mut [T]) -> Result<Self, Error> {
        shape::exact("gradients", flat.len(), shape.parameter_count())?;
        let (mu, rest) = shape::split(flat, shape.mu_len());
        let (sigma, rest) = shape::split(rest, shape.sigma_len());
        let (u, v) = shape::split(rest, shape.u_len());
        Ok(Self { mu: Some(mu), sigma: Some(sigma), u: Some(u), v: Some(v) })
    }

    /// Refuses blocks that do not have the lengths of `shape`.
    pub(super) fn check(&self, shape: Shape) -> Result<(), Error> {
        let blocks = [
            ("gradients.mu", self.mu.as_deref(), shape.mu_len()),
            ("gradients.sigma", self.sigma.as_deref(), shape.sigma_len()),
            ("gradients.u", self.u.as_deref(), shape.u_len()),
            ("gradients.v", self.v.as_deref(), shape.v_len()),
        ];
        for (argument, block, expected) in blocks {
            if let Some(block) = block {
                shape::exact(argument, block.len(), expected)?;
            }
        }
        Ok(())
    }

    /// Those of the first components, and those of the others.
    pub(super) fn split_at(self, shape: Shape, components: usize) -> (Self, Self) {
        let (inputs, outputs) = (components * shape.inputs(), components * shape.outputs());
        let halves = |block: Option<&'a mut [T]>, at: usize| match block.map(|block| shape::split(block, at))
        {
            Some((first, second)) => (Some(first), Some(second)),
            None => (None, None),
        };
        let (mu, sigma) = (halves(self.mu, inputs), halves(self.sigma, inputs));
        let (u, v) = (halves(self.u, inputs * shape.outputs()), halves(self.v, outputs));
        (Self { mu: mu.0, sigma: sigma.0, u: u.0, v: v.0 }, Self { mu: mu.1, sigma: sigma.1, u: u.1, v: v.1 })
    }

    /// The components' shares one after the other, without end.
    pub(super) fn components(self, shape: Shape) -> impl Iterator<Item = Gradients<'a, T>> {
        let (inputs, outputs) = (shape.inputs(), shape.outputs());
        let mut mu = self.mu.map(|block| block.chunks_exact_mut(inputs));
        let mut sigma = self.sigma.map(|block| block.chunks_exact_mut(inputs));
        let mut u = self.u.map(|block| block.chunks_exact_mut(shape.component_len()));
        let mut v = self.v.map(|block| block.chunks_exact_mut(outputs));
        core::iter::repeat_with(move || Gradients {
            mu: mu.as_mut().and_then(Iterator::next),
            sigma: sigma.as_mut().and_then(Iterator::next),
            u: u.as_mut().and_then(Iterator::next),
            v: v.as_mut().and_then(Iterator::next),
        })
    }
}

/// One component's parameters: μ, σ `[inputs]`, U `[outputs × inputs]`, v `[outputs]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component<'a, T> {
    pub(super) coordinates: Coordinates,
    pub(super) mu: &'a [T],
    pub(super) sigma: &'a [T],
    pub(super) u: &'a [T],
    pub(super) v: &'a [T],
}

/// One component's parameters, to be written.
#[derive(Debug)]
pub(super) struct ComponentMut<'a, T> {
    pub(super) mu: &'a mut [T],
    pub(super) sigma: &'a mut [T],
    pub(super) u: &'a mut [T],
    pub(super) v: &'a mut [T],
}

impl<T> ComponentMut<'_, T> {
    /// The same, to be read.
    pub(super) fn as_ref(&self, coordinates: Coordinates) -> Component<'_, T> {
        Component { coordinates, mu: self.mu, sigma: self.sigma, u: self.u, v: self.v }
    }
}

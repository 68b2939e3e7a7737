//! The four blocks of parameters, their gradients, and one component's share of them.

use super::JointShape;
use crate::kernel::{Split, add_scaled};
use crate::{Error, Real, shape};

/// The parameters of a layer, as borrowed row-major slices.
///
/// Component k is the Gaussian (ω, β) ~ N((μ_ω, μ_β), CCᵀ) with C = \[C_ω; C_β\].
#[derive(Debug, Clone, Copy)]
pub struct Parameters<'a, T> {
    /// Means of the outputs, μ_ω: `[components × outputs]`.
    pub mu_w: &'a [T],
    /// Means of the weights, μ_β: `[components × inputs]`.
    pub mu_b: &'a [T],
    /// Factors of the outputs, C_ω: `[components × outputs × rank]`.
    pub c_w: &'a [T],
    /// Factors of the weights, C_β: `[components × inputs × rank]`.
    pub c_b: &'a [T],
}

impl<'a, T> Parameters<'a, T> {
    /// The four blocks of one flat slice, in the order μ_ω, μ_β, C_ω, C_β.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `flat` does not have [`JointShape::parameter_count`] elements.
    pub fn from_flat(shape: JointShape, flat: &'a [T]) -> Result<Self, Error> {
        shape::exact("parameters", flat.len(), shape.parameter_count())?;
        let (mu_w, rest) = shape::split_ref(flat, shape.mu_w_len());
        let (mu_b, rest) = shape::split_ref(rest, shape.mu_b_len());
        let (c_w, c_b) = shape::split_ref(rest, shape.c_w_len());
        Ok(Self { mu_w, mu_b, c_w, c_b })
    }

    /// Refuses blocks that do not have the lengths of `shape`.
    pub(super) fn check(&self, shape: JointShape) -> Result<(), Error> {
        shape::exact("mu_w", self.mu_w.len(), shape.mu_w_len())?;
        shape::exact("mu_b", self.mu_b.len(), shape.mu_b_len())?;
        shape::exact("c_w", self.c_w.len(), shape.c_w_len())?;
        shape::exact("c_b", self.c_b.len(), shape.c_b_len())
    }

    /// All components but the first `components`.
    pub(super) fn skip(self, shape: JointShape, components: usize) -> Self {
        let [of_mu_w, of_mu_b, of_c_w, of_c_b] = lengths(shape).map(|each| each * components);
        Self {
            mu_w: shape::split_ref(self.mu_w, of_mu_w).1,
            mu_b: shape::split_ref(self.mu_b, of_mu_b).1,
            c_w: shape::split_ref(self.c_w, of_c_w).1,
            c_b: shape::split_ref(self.c_b, of_c_b).1,
        }
    }

    /// The components one after the other.
    pub(super) fn components(self, shape: JointShape) -> impl Iterator<Item = Component<'a, T>> {
        let [of_mu_w, of_mu_b, of_c_w, of_c_b] = lengths(shape);
        self.mu_w
            .chunks_exact(of_mu_w.max(1))
            .zip(self.mu_b.chunks_exact(of_mu_b.max(1)))
            .zip(self.c_w.chunks_exact(of_c_w.max(1)).zip(self.c_b.chunks_exact(of_c_b.max(1))))
            .map(|((mu_w, mu_b), (c_w, c_b))| Component { mu_w, mu_b, c_w, c_b })
    }
}

/// The elements of one component: of μ_ω, μ_β, C_ω, C_β.
const fn lengths(shape: JointShape) -> [usize; 4] {
    let (inputs, outputs, rank) = (shape.inputs(), shape.outputs(), shape.rank());
    [outputs, inputs, outputs * rank, inputs * rank]
}

/// One component's parameters: μ_ω `[outputs]`, μ_β `[inputs]`, C_ω `[outputs × rank]`, C_β `[inputs × rank]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component<'a, T> {
    pub(super) mu_w: &'a [T],
    pub(super) mu_b: &'a [T],
    pub(super) c_w: &'a [T],
    pub(super) c_b: &'a [T],
}

/// The parameters of a layer that may write them.
#[derive(Debug)]
pub struct ParametersMut<'a, T> {
    /// Means of the outputs, μ_ω: `[components × outputs]`.
    pub mu_w: &'a mut [T],
    /// Means of the weights, μ_β: `[components × inputs]`.
    pub mu_b: &'a mut [T],
    /// Factors of the outputs, C_ω: `[components × outputs × rank]`.
    pub c_w: &'a mut [T],
    /// Factors of the weights, C_β: `[components × inputs × rank]`.
    pub c_b: &'a mut [T],
}

impl<'a, T> ParametersMut<'a, T> {
    /// The four blocks of one flat slice, in the order μ_ω, μ_β, C_ω, C_β.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `flat` does not have [`JointShape::parameter_count`] elements.
    pub fn from_flat(shape: JointShape, flat: &'a mut [T]) -> Result<Self, Error> {
        shape::exact("parameters", flat.len(), shape.parameter_count())?;
        let (mu_w, rest) = shape::split(flat, shape.mu_w_len());
        let (mu_b, rest) = shape::split(rest, shape.mu_b_len());
        let (c_w, c_b) = shape::split(rest, shape.c_w_len());
        Ok(Self { mu_w, mu_b, c_w, c_b })
    }

    /// The same blocks, to be read.
    #[must_use]
    pub fn as_ref(&self) -> Parameters<'_, T> {
        Parameters { mu_w: self.mu_w, mu_b: self.mu_b, c_w: self.c_w, c_b: self.c_b }
    }
}

/// The learning rates of a step of gradient descent; a block without one (`None`) is frozen, and its gradient is
/// not computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates<T> {
    /// Of the means of the outputs.
    pub mu_w: Option<T>,
    /// Of the means of the weights.
    pub mu_b: Option<T>,
    /// Of the factors of the outputs.
    pub c_w: Option<T>,
    /// Of the factors of the weights.
    pub c_b: Option<T>,
}

impl<T: Copy> Rates<T> {
    /// One rate for all blocks.
    #[must_use]
    pub const fn all(rate: T) -> Self {
        Self { mu_w: Some(rate), mu_b: Some(rate), c_w: Some(rate), c_b: Some(rate) }
    }

    /// Whether there are rates of μ_ω, μ_β, C_ω, C_β.
    pub(super) fn wants(&self) -> [bool; 4] {
        [self.mu_w, self.mu_b, self.c_w, self.c_b].map(|rate| rate.is_some())
    }
}

/// Where the gradients of the parameters are **added**; a block left out (`None`) is frozen, and its
/// gradient is not computed.
///
/// # Example
///
/// ```
/// use gmlayer::joint::Gradients;
///
/// let mut of_c_b = vec![0.0_f32; 12];
/// let gradients = Gradients { c_b: Some(&mut of_c_b), ..Gradients::none() };
/// assert!(gradients.mu_w.is_none());
/// ```
#[derive(Debug, Default)]
pub struct Gradients<'a, T> {
    /// Of the means of the outputs: `[components × outputs]`.
    pub mu_w: Option<&'a mut [T]>,
    /// Of the means of the weights: `[components × inputs]`.
    pub mu_b: Option<&'a mut [T]>,
    /// Of the factors of the outputs: `[components × outputs × rank]`.
    pub c_w: Option<&'a mut [T]>,
    /// Of the factors of the weights: `[components × inputs × rank]`.
    pub c_b: Option<&'a mut [T]>,
}

impl<'a, T> Gradients<'a, T> {
    /// No gradient at all: fill in those that are wanted.
    #[must_use]
    pub fn none() -> Self {
        Self { mu_w: None, mu_b: None, c_w: None, c_b: None }
    }

    /// All four blocks of one flat slice, in the order μ_ω, μ_β, C_ω, C_β.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `flat` does not have [`JointShape::parameter_count`] elements.
    pub fn from_flat(shape: JointShape, flat: &'a mut [T]) -> Result<Self, Error> {
        shape::exact("gradients", flat.len(), shape.parameter_count())?;
        let (mu_w, rest) = shape::split(flat, shape.mu_w_len());
        let (mu_b, rest) = shape::split(rest, shape.mu_b_len());
        let (c_w, c_b) = shape::split(rest, shape.c_w_len());
        Ok(Self { mu_w: Some(mu_w), mu_b: Some(mu_b), c_w: Some(c_w), c_b: Some(c_b) })
    }

    /// Refuses blocks that do not have the lengths of `shape`.
    pub(super) fn check(&self, shape: JointShape) -> Result<(), Error> {
        let blocks = [
            ("gradients.mu_w", self.mu_w.as_deref(), shape.mu_w_len()),
            ("gradients.mu_b", self.mu_b.as_deref(), shape.mu_b_len()),
            ("gradients.c_w", self.c_w.as_deref(), shape.c_w_len()),
            ("gradients.c_b", self.c_b.as_deref(), shape.c_b_len()),
        ];
        for (argument, block, expected) in blocks {
            if let Some(block) = block {
                shape::exact(argument, block.len(), expected)?;
            }
        }
        Ok(())
    }
}

/// Blocks that gradients are added to, each times a factor: gradients that add up, or parameters that go down
/// theirs.
#[derive(Debug)]
pub(super) struct Targets<'a, T> {
    pub(super) mu_w: Option<Target<'a, T>>,
    pub(super) mu_b: Option<Target<'a, T>>,
    pub(super) c_w: Option<Target<'a, T>>,
    pub(super) c_b: Option<Target<'a, T>>,
    shape: JointShape,
}

/// A block and the factor of what is added to it.
#[derive(Debug)]
pub(super) struct Target<'a, T> {
    pub(super) block: &'a mut [T],
    pub(super) factor: T,
}

impl<'a, T: Real> Target<'a, T> {
    /// Adds sums that are as long as the block.
    pub(super) fn add(&mut self, sums: &[T]) {
        add_scaled(self.block, self.factor, sums);
    }

    /// The first elements, and the others.
    fn split_at(self, at: usize) -> (Self, Self) {
        let Self { block, factor } = self;
        let (first, second) = shape::split(block, at.min(block.len()));
        (Self { block: first, factor }, Self { block: second, factor })
    }
}

impl<'a, T: Real> Targets<'a, T> {
    /// Whether there are μ_ω, μ_β, C_ω, C_β.
    pub(super) fn wants(&self) -> [bool; 4] {
        [&self.mu_w, &self.mu_b, &self.c_w, &self.c_b].map(Option::is_some)
    }

    /// Gradients, which add up.
    pub(super) fn adding(shape: JointShape, gradients: Gradients<'a, T>) -> Self {
        let Gradients { mu_w, mu_b, c_w, c_b } = gradients;
        let with = |block: Option<&'a mut [T]>| block.map(|block| Target { block, factor: T::one() });
        Self { mu_w: with(mu_w), mu_b: with(mu_b), c_w: with(c_w), c_b: with(c_b), shape }
    }

    /// Parameters, which go down their gradients.
    pub(super) fn descending(
        shape: JointShape,
        parameters: &'a mut ParametersMut<'_, T>,
        rates: Rates<T>,
    ) -> Self {
        let ParametersMut { mu_w, mu_b, c_w, c_b } = parameters;
        let with = |block, rate: Option<T>| rate.map(|rate| Target { block, factor: -rate });
        Self {
            mu_w: with(mu_w, rates.mu_w),
            mu_b: with(mu_b, rates.mu_b),
            c_w: with(c_w, rates.c_w),
            c_b: with(c_b, rates.c_b),
            shape,
        }
    }
}

impl<T: Real> Split for Targets<'_, T> {
    fn split_at(self, components: usize, _: usize) -> (Self, Self) {
        let Self { mu_w, mu_b, c_w, c_b, shape } = self;
        let [of_mu_w, of_mu_b, of_c_w, of_c_b] = lengths(shape).map(|each| each * components);
        let (mu_w, other_mu_w) = mu_w.map(|target| target.split_at(of_mu_w)).unzip();
        let (mu_b, other_mu_b) = mu_b.map(|target| target.split_at(of_mu_b)).unzip();
        let (c_w, other_c_w) = c_w.map(|target| target.split_at(of_c_w)).unzip();
        let (c_b, other_c_b) = c_b.map(|target| target.split_at(of_c_b)).unzip();
        (
            Self { mu_w, mu_b, c_w, c_b, shape },
            Self { mu_w: other_mu_w, mu_b: other_mu_b, c_w: other_c_w, c_b: other_c_b, shape },
        )
    }
}

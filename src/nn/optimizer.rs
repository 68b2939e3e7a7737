//! Optimisers: how gradients change parameters.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Debug;

use super::{OptimizerState, ParameterBlock};
use crate::kernel::{Along, Simd, Vector, task, widest};
use crate::{Error, Real, shape};

/// A rule that changes parameters by their gradients.
///
/// A frozen block is neither read nor written.
pub trait Optimizer<T: Real>: Debug + Send {
    /// One step. `blocks` say which parameters are where; `parameters` and `gradients` are flat slices of
    /// the same length.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when the optimiser was made for other blocks or the slices do not fit.
    fn step(&mut self, blocks: &[ParameterBlock], parameters: &mut [T], gradients: &[T])
    -> Result<(), Error>;

    /// Multiplies all learning rates by `factor` from now on, in the place of the factor before.
    fn set_rate_factor(&mut self, factor: T);

    /// The learning rates, one a block, of an optimiser that is plain gradient descent and nothing else: layers
    /// may then join the step with their backward pass.
    fn descent_rates(&self) -> Option<&[T]> {
        None
    }

    /// Everything that the next step depends on besides its arguments: what a checkpoint keeps.
    fn state(&self) -> OptimizerState<'_, T>;

    /// Takes up the counts and the memory of a [`state`](Self::state) of an optimiser of the same kind and settings.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when they are not as many and as long as the optimiser's own; it is then as it was.
    fn restore(&mut self, counts: &[u64], memory: &[&[T]]) -> Result<(), Error>;
}

/// Stochastic gradient descent, with a learning rate for each block and with or without momentum.
///
/// ```text
/// w ← momentum·w + ∂θ,   θ ← θ − rate·w           (momentum 0, the default: θ ← θ − rate·∂θ)
/// ```
///
/// # Example
///
/// The paper's rates:
///
/// ```
/// # use gmlayer::{Shape, nn::{Mixture, Network, Sgd}};
/// # let network = Network::<f32>::new(vec![Box::new(Mixture::new(Shape::new(4, 2, 3)?, 0.5))], 8)?;
/// let optimizer = Sgd::new(network.blocks(), |block| if block.kind == "sigma" { 1.0 } else { 0.1 });
/// # let _: Sgd<f32> = optimizer;
/// # Ok::<(), gmlayer::nn::NetworkError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sgd<T> {
    rates: Vec<T>,
    /// The rates before any factor.
    full_rates: Vec<T>,
    momentum: T,
    velocity: Vec<T>,
}

impl<T: Real> Sgd<T> {
    /// Plain gradient descent with the learning rate `rate(block)` for each block.
    pub fn new(blocks: &[ParameterBlock], rate: impl FnMut(&ParameterBlock) -> T) -> Self {
        let rates: Vec<T> = blocks.iter().map(rate).collect();
        Self { full_rates: rates.clone(), rates, momentum: T::zero(), velocity: Vec::new() }
    }

    /// The same with momentum: gradients are remembered, weakened by `momentum` at each step.
    pub fn with_momentum(
        blocks: &[ParameterBlock],
        rate: impl FnMut(&ParameterBlock) -> T,
        momentum: T,
    ) -> Self {
        let len = blocks.last().map_or(0, |block| block.range.end);
        Self { momentum, velocity: vec![T::zero(); len], ..Self::new(blocks, rate) }
    }
}

impl<T: Real> Optimizer<T> for Sgd<T> {
    fn set_rate_factor(&mut self, factor: T) {
        for (rate, &full) in self.rates.iter_mut().zip(&self.full_rates) {
            *rate = factor * full;
        }
    }

    fn descent_rates(&self) -> Option<&[T]> {
        self.velocity.is_empty().then_some(&self.rates)
    }

    fn state(&self) -> OptimizerState<'_, T> {
        let memory =
            if self.velocity.is_empty() { Vec::new() } else { vec![("velocity", self.velocity.as_slice())] };
        OptimizerState {
            name: "sgd",
            settings: vec![("momentum", self.momentum.to_f64())],
            rates: &self.full_rates,
            counts: Vec::new(),
            memory,
        }
    }

    fn restore(&mut self, counts: &[u64], memory: &[&[T]]) -> Result<(), Error> {
        shape::exact("counts", counts.len(), 0)?;
        shape::exact("memory", memory.len(), usize::from(!self.velocity.is_empty()))?;
        for velocity in memory {
            shape::exact("velocity", velocity.len(), self.velocity.len())?;
            self.velocity.clear();
            self.velocity.extend_from_slice(velocity);
        }
        Ok(())
    }

    fn step(
        &mut self,
        blocks: &[ParameterBlock],
        parameters: &mut [T],
        gradients: &[T],
    ) -> Result<(), Error> {
        check(&self.rates, blocks, parameters, gradients)?;
        if !self.velocity.is_empty() {
            shape::exact("velocity", self.velocity.len(), parameters.len())?;
        }
        for (block, &rate) in blocks.iter().zip(&self.rates).filter(|(block, _)| !block.frozen) {
            let range = block.range.clone();
            let (Some(parameters), Some(gradients)) =
                (parameters.get_mut(range.clone()), gradients.get(range.clone()))
            else {
                continue;
            };
            match self.velocity.get_mut(range) {
                Some(velocity) => {
                    for ((parameter, &gradient), velocity) in
                        parameters.iter_mut().zip(gradients).zip(velocity)
                    {
                        *velocity = self.momentum * *velocity + gradient;
                        *parameter -= rate * *velocity;
                    }
                }
                None => {
                    for (parameter, &gradient) in parameters.iter_mut().zip(gradients) {
                        *parameter -= rate * gradient;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The settings of [`Adam`] besides the learning rates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamSettings {
    /// Decay of the mean of the gradients, β₁.
    pub mean_decay: f64,
    /// Decay of the mean of their squares, β₂.
    pub square_decay: f64,
    /// What is added to the root of the mean square, ε.
    pub epsilon: f64,
}

impl Default for AdamSettings {
    /// β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸, as in the source.
    fn default() -> Self {
        Self { mean_decay: 0.9, square_decay: 0.999, epsilon: 1e-8 }
    }
}

/// Adam, with a learning rate for each block.
///
/// ```text
/// m ← β₁ m + (1 − β₁) ∂θ,   w ← β₂ w + (1 − β₂) ∂θ²
/// θ ← θ − rate · (m / (1 − β₁ⁿ)) / ( √(w / (1 − β₂ⁿ)) + ε )            n the number of the step
/// ```
///
/// Moments smaller than the lower end of [`Real::SAFE_SQUARES`] (2⁻⁹⁰ in `f32`) become 0: beside
/// ε they do nothing, and as denormal numbers they would slow every step down. For the same reason a
/// gradient whose square is smaller than that does not enter w.
///
/// Source: D. P. Kingma and J. Ba, *Adam*, ICLR 2015.
#[derive(Debug, Clone, PartialEq)]
pub struct Adam<T> {
    rates: Vec<T>,
    rate_factor: T,
    settings: AdamSettings,
    steps: u64,
    mean: Vec<T>,
    square: Vec<T>,
}

impl<T: Real> Adam<T> {
    /// Adam with the learning rate `rate(block)` for each block.
    pub fn new(
        blocks: &[ParameterBlock],
        rate: impl FnMut(&ParameterBlock) -> T,
        settings: AdamSettings,
    ) -> Self {
        let zeros = vec![T::zero(); blocks.last().map_or(0, |block| block.range.end)];
        Self {
            rates: blocks.iter().map(rate).collect(),
            rate_factor: T::one(),
            settings,
            steps: 0,
            mean: zeros.clone(),
            square: zeros,
        }
    }
}

impl<T: Real> Optimizer<T> for Adam<T> {
    fn set_rate_factor(&mut self, factor: T) {
        self.rate_factor = factor;
    }

    fn step(
        &mut self,
        blocks: &[ParameterBlock],
        parameters: &mut [T],
        gradients: &[T],
    ) -> Result<(), Error> {
        check(&self.rates, blocks, parameters, gradients)?;
        shape::exact("moments", self.mean.len(), parameters.len())?;
        self.steps += 1;
        let AdamSettings { mean_decay, square_decay, epsilon } = self.settings;
        let count = self.steps as f64;
        let mean_correction = 1.0 - libm::pow(mean_decay, count);
        let square_correction = 1.0 - libm::pow(square_decay, count);
        let least = T::SAFE_SQUARES.0;
        for (block, &rate) in blocks.iter().zip(&self.rates).filter(|(block, _)| !block.frozen) {
            let range = || block.range.clone();
            let (Some(parameters), Some(gradients), Some(mean), Some(square)) = (
                parameters.get_mut(range()),
                gradients.get(range()),
                self.mean.get_mut(range()),
                self.square.get_mut(range()),
            ) else {
                continue;
            };
            let factors = Factors {
                mean_decay: T::from_f64(mean_decay),
                mean_part: T::from_f64(1.0 - mean_decay),
                square_decay: T::from_f64(square_decay),
                square_part: T::from_f64(1.0 - square_decay),
                square_scale: T::from_f64(1.0 / square_correction),
                rate: self.rate_factor * rate / T::from_f64(mean_correction),
                epsilon: T::from_f64(epsilon),
                least,
                least_gradient: least.sqrt(),
            };
            widest(AdamStep, (factors, parameters, gradients, mean, square));
        }
        Ok(())
    }

    fn state(&self) -> OptimizerState<'_, T> {
        let AdamSettings { mean_decay, square_decay, epsilon } = self.settings;
        OptimizerState {
            name: "adam",
            settings: vec![("mean_decay", mean_decay), ("square_decay", square_decay), ("epsilon", epsilon)],
            rates: &self.rates,
            counts: vec![("steps", self.steps)],
            memory: vec![("mean", self.mean.as_slice()), ("square", self.square.as_slice())],
        }
    }

    fn restore(&mut self, counts: &[u64], memory: &[&[T]]) -> Result<(), Error> {
        let (&[steps], &[mean, square]) = (counts, memory) else {
            return Err(Error::Length { argument: "memory", expected: 2, got: memory.len() });
        };
        shape::exact("mean", mean.len(), self.mean.len())?;
        shape::exact("square", square.len(), self.square.len())?;
        self.steps = steps;
        self.mean = mean.to_vec();
        self.square = square.to_vec();
        Ok(())
    }
}

/// What is the same for all parameters of a block.
#[derive(Debug, Clone, Copy)]
struct Factors<T> {
    mean_decay: T,
    mean_part: T,
    square_decay: T,
    square_part: T,
    square_scale: T,
    rate: T,
    epsilon: T,
    least: T,
    least_gradient: T,
}

/// A step of Adam along a block.
struct AdamWalk<'a, T, S> {
    simd: S,
    factors: Factors<T>,
    parameters: &'a mut [T],
    gradients: &'a [T],
    mean: &'a mut [T],
    square: &'a mut [T],
}

impl<T: Real, S: Simd> Along for AdamWalk<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let (simd, factors) = (self.simd, self.factors);
        let gradient = simd.load::<WHOLE, T>(self.gradients, at)?;
        let squared = large_or_zero(gradient, factors.least_gradient);
        let squared = simd.mul(simd.splat(factors.square_part), simd.mul(squared, squared));
        let mean = simd.mul(simd.splat(factors.mean_decay), simd.load::<WHOLE, T>(self.mean, at)?);
        let mean = simd.add(mean, simd.mul(simd.splat(factors.mean_part), gradient));
        let square = simd.mul(simd.splat(factors.square_decay), simd.load::<WHOLE, T>(self.square, at)?);
        let (mean, square) =
            (large_or_zero(mean, factors.least), large_or_zero(simd.add(square, squared), factors.least));
        simd.store::<WHOLE, T>(self.mean, at, mean);
        simd.store::<WHOLE, T>(self.square, at, square);
        let root = simd.sqrt(simd.mul(square, simd.splat(factors.square_scale)));
        let Vector(divisor) = simd.add(root, simd.splat(factors.epsilon));
        let Vector(mut change) = simd.mul(simd.splat(factors.rate), mean);
        for (change, divisor) in change.iter_mut().zip(divisor) {
            *change /= divisor;
        }
        let parameters = simd.load::<WHOLE, T>(self.parameters, at)?;
        simd.store::<WHOLE, T>(self.parameters, at, simd.sub(parameters, Vector(change)));
        Some(())
    }
}

/// [`AdamWalk`] compiled for the vectors at hand.
#[inline(always)]
fn adam_step<T: Real, S: Simd>(
    simd: S,
    factors: Factors<T>,
    parameters: &mut [T],
    gradients: &[T],
    mean: &mut [T],
    square: &mut [T],
) {
    let len = parameters.len();
    AdamWalk { simd, factors, parameters, gradients, mean, square }.along(len);
}

task!(AdamStep, adam_step, (
    factors: Factors<T>,
    parameters: &'a mut [T],
    gradients: &'a [T],
    mean: &'a mut [T],
    square: &'a mut [T],
) -> ());

/// Each value, or 0 where its size is below `least`; NaN stays.
#[inline(always)]
fn large_or_zero<T: Real>(Vector(mut values): Vector<T>, least: T) -> Vector<T> {
    for value in &mut values {
        *value = if value.abs() < least { T::zero() } else { *value };
    }
    Vector(values)
}

/// Checks the lengths that every optimiser has to agree on.
fn check<T>(rates: &[T], blocks: &[ParameterBlock], parameters: &[T], gradients: &[T]) -> Result<(), Error> {
    shape::exact("blocks", blocks.len(), rates.len())?;
    shape::exact("parameters", parameters.len(), blocks.last().map_or(0, |block| block.range.end))?;
    shape::exact("gradients", gradients.len(), parameters.len())
}

//! Adam.

use alloc::vec;
use alloc::vec::Vec;

use super::optimizer::{check, check_rates, for_each_block};
use super::threads::OptionalThreads;
use super::{Optimizer, OptimizerState, ParameterBlock};
use crate::kernel::{Simd, Vector, VectorLoop, dispatch, task};
use crate::{Error, Real, shape};

/// The settings of [`Adam`] besides the learning rates; a step refuses others than these.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamSettings {
    /// Decay of the mean of the gradients, β₁, from 0 to below 1.
    pub mean_decay: f64,
    /// Decay of the mean of their squares, β₂, from 0 to below 1.
    pub square_decay: f64,
    /// What is added to the root of the mean square, ε: at least 0, and finite in the numbers of the parameters.
    pub epsilon: f64,
}

impl AdamSettings {
    /// Refuses what would make numbers of no sense in `T`.
    fn check<T: Real>(self) -> Result<(), Error> {
        for (argument, decay) in [("mean_decay", self.mean_decay), ("square_decay", self.square_decay)] {
            if !(0.0..1.0).contains(&decay) {
                return Err(Error::Setting { argument, expected: "from 0 to below 1" });
            }
        }
        match self.epsilon >= 0.0 && T::from_f64(self.epsilon).is_finite() {
            true => Ok(()),
            false => Err(Error::Setting { argument: "epsilon", expected: "at least 0 and finite" }),
        }
    }
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
/// gradient whose square is smaller than that does not enter w. Where w and ε are both 0, ε as a number of type `T`, the
/// parameter stays as it is.
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
    threads: OptionalThreads,
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
            threads: OptionalThreads::none(),
        }
    }

    /// The same optimiser on several threads, with the same bits: each takes its share of every block. Fewer than 2¹⁷
    /// parameters are not worth a second thread.
    #[cfg(feature = "threads")]
    #[must_use]
    pub fn with_threads(self, threads: crate::Threads) -> Self {
        Self { threads: OptionalThreads::of(threads), ..self }
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
        gradients: &mut [T],
    ) -> Result<(), Error> {
        check(&self.rates, blocks, parameters, gradients)?;
        shape::exact("moments", self.mean.len(), parameters.len())?;
        self.settings.check::<T>()?;
        let AdamSettings { mean_decay, square_decay, epsilon } = self.settings;
        let steps = self.steps.saturating_add(1);
        let count = steps as f64;
        let mean_correction = 1.0 - libm::pow(mean_decay, count);
        let corrected = |rate| self.rate_factor * rate / T::from_f64(mean_correction);
        check_rates(self.rates.iter().copied().map(corrected))?;
        self.steps = steps;
        let square_correction = 1.0 - libm::pow(square_decay, count);
        let least = T::SAFE_SQUARES.0;
        let (workers, rate_factor) = (self.threads.workers(), self.rate_factor);
        let slices = [parameters, gradients, &mut *self.mean, &mut *self.square];
        for_each_block(
            workers,
            blocks,
            &self.rates,
            slices,
            |rate, [parameters, gradients, mean, square]| {
                let factors = Factors {
                    mean_decay: T::from_f64(mean_decay),
                    mean_part: T::from_f64(1.0 - mean_decay),
                    square_decay: T::from_f64(square_decay),
                    square_part: T::from_f64(1.0 - square_decay),
                    square_scale: T::from_f64(1.0 / square_correction),
                    rate: rate_factor * rate / T::from_f64(mean_correction),
                    epsilon: T::from_f64(epsilon),
                    least,
                    least_gradient: least.sqrt(),
                };
                dispatch(AdamStep, (factors, parameters, gradients, mean, square));
            },
        );
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
        self.mean.copy_from_slice(mean);
        self.square.copy_from_slice(square);
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
    gradients: &'a mut [T],
    mean: &'a mut [T],
    square: &'a mut [T],
}

impl<T: Real, S: Simd> VectorLoop for AdamWalk<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let (simd, factors) = (self.simd, self.factors);
        let gradient = simd.load::<WHOLE, T>(self.gradients, at)?;
        simd.store::<WHOLE, T>(self.gradients, at, simd.splat(T::zero()));
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
            *change = if divisor == T::zero() { divisor } else { *change / divisor };
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
    gradients: &mut [T],
    mean: &mut [T],
    square: &mut [T],
) {
    let len = parameters.len();
    AdamWalk { simd, factors, parameters, gradients, mean, square }.run(len);
}

task!(AdamStep, adam_step, (
    factors: Factors<T>,
    parameters: &'a mut [T],
    gradients: &'a mut [T],
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

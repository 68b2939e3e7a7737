//! Stochastic gradient descent.

use alloc::vec;
use alloc::vec::Vec;

use super::optimizer::{check, check_rates, for_each_block};
use super::threads::OptionalThreads;
use super::{BackwardPass, Optimizer, OptimizerState, ParameterBlock};
use crate::kernel::{Simd, VectorLoop, dispatch, task};
use crate::{Error, Real, shape};

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
/// # use gmlayer::{Shape, nn::{Diagonal, Network, Sgd}};
/// # let network = Network::<f32>::new(vec![Box::new(Diagonal::new(Shape::new(4, 2, 3)?, 0.5))], 8)?;
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
    threads: OptionalThreads,
}

impl<T: Real> Sgd<T> {
    /// Plain gradient descent with the learning rate `rate(block)` for each block.
    pub fn new(blocks: &[ParameterBlock], rate: impl FnMut(&ParameterBlock) -> T) -> Self {
        let rates: Vec<T> = blocks.iter().map(rate).collect();
        Self {
            full_rates: rates.clone(),
            rates,
            momentum: T::zero(),
            velocity: Vec::new(),
            threads: OptionalThreads::none(),
        }
    }

    /// The same with momentum, from 0 to below 1: gradients are remembered, weakened by it at each step.
    pub fn with_momentum(
        blocks: &[ParameterBlock],
        rate: impl FnMut(&ParameterBlock) -> T,
        momentum: T,
    ) -> Self {
        let len = blocks.last().map_or(0, |block| block.range.end);
        Self { momentum, velocity: vec![T::zero(); len], ..Self::new(blocks, rate) }
    }

    /// Refuses settings that make numbers of no sense.
    fn check_settings(&self) -> Result<(), Error> {
        check_rates(self.rates.iter().copied())?;
        match T::zero() <= self.momentum && self.momentum < T::one() {
            true => Ok(()),
            false => Err(Error::Setting { argument: "momentum", expected: "from 0 to below 1" }),
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

impl<T: Real> Optimizer<T> for Sgd<T> {
    fn set_rate_factor(&mut self, factor: T) {
        for (rate, &full) in self.rates.iter_mut().zip(&self.full_rates) {
            *rate = factor * full;
        }
    }

    fn learn(&mut self, pass: &mut BackwardPass<'_, T>) -> Result<(), Error> {
        self.check_settings()?;
        let left =
            if self.velocity.is_empty() { pass.descend(&self.rates)? } else { Some(pass.accumulate()?) };
        match left {
            Some((blocks, parameters, gradients)) => self.step(blocks, parameters, gradients),
            None => Ok(()),
        }
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
        gradients: &mut [T],
    ) -> Result<(), Error> {
        self.check_settings()?;
        check(&self.rates, blocks, parameters, gradients)?;
        if !self.velocity.is_empty() {
            shape::exact("velocity", self.velocity.len(), parameters.len())?;
        }
        let (workers, momentum) = (self.threads.workers(), self.momentum);
        let slices = [parameters, gradients, &mut *self.velocity];
        for_each_block(workers, blocks, &self.rates, slices, |rate, [parameters, gradients, velocity]| {
            dispatch(Descent, (rate, momentum, parameters, gradients, velocity));
        });
        Ok(())
    }
}

/// A step along a block; without velocity it is plain.
struct DescentWalk<'a, T, S> {
    simd: S,
    rate: T,
    momentum: T,
    parameters: &'a mut [T],
    gradients: &'a mut [T],
    velocity: &'a mut [T],
}

impl<T: Real, S: Simd> VectorLoop for DescentWalk<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let simd = self.simd;
        let mut change = simd.load::<WHOLE, T>(self.gradients, at)?;
        simd.store::<WHOLE, T>(self.gradients, at, simd.splat(T::zero()));
        if !self.velocity.is_empty() {
            let velocity = simd.load::<WHOLE, T>(self.velocity, at)?;
            change = simd.add(simd.mul(simd.splat(self.momentum), velocity), change);
            simd.store::<WHOLE, T>(self.velocity, at, change);
        }
        let parameters = simd.load::<WHOLE, T>(self.parameters, at)?;
        let change = simd.mul(simd.splat(self.rate), change);
        simd.store::<WHOLE, T>(self.parameters, at, simd.sub(parameters, change));
        Some(())
    }
}

/// [`DescentWalk`] compiled for the vectors at hand.
#[inline(always)]
fn descent<T: Real, S: Simd>(
    simd: S,
    rate: T,
    momentum: T,
    parameters: &mut [T],
    gradients: &mut [T],
    velocity: &mut [T],
) {
    let len = parameters.len();
    DescentWalk { simd, rate, momentum, parameters, gradients, velocity }.run(len);
}

task!(Descent, descent, (
    rate: T,
    momentum: T,
    parameters: &'a mut [T],
    gradients: &'a mut [T],
    velocity: &'a mut [T],
) -> ());

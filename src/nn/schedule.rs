//! Learning rates that fall while training goes on.

use super::{Optimizer, OptimizerState, ParameterBlock};
use crate::{Error, Real, shape};

/// An optimiser whose learning rates fall to 0 as half a cosine.
///
/// ```text
/// rate · ½ (1 + cos(π n / N)),   n = 0, 1, ... the number of steps so far, N of all; 0 from the step N on
/// ```
///
/// # Example
///
/// ```
/// use gmlayer::nn::{Adam, AdamSettings, Cosine, Dense, Network};
///
/// let network = Network::<f32>::new(vec![Box::new(Dense::new(2, 2, true)?)], 4)?;
/// let adam = Adam::new(network.blocks(), |_| 0.01, AdamSettings::default());
/// let optimizer = Cosine::new(adam, 1000); // steps: epochs times batches
/// # let _: Cosine<Adam<f32>> = optimizer;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: I. Loshchilov and F. Hutter, *SGDR: stochastic gradient descent with warm restarts*, ICLR 2017.
#[derive(Debug, Clone, PartialEq)]
pub struct Cosine<O> {
    optimizer: O,
    factor: f64,
    done: u64,
    steps: u64,
}

impl<O> Cosine<O> {
    /// The optimiser `optimizer` with rates that reach 0 after `steps` steps.
    #[must_use]
    pub const fn new(optimizer: O, steps: u64) -> Self {
        Self { optimizer, factor: 1.0, done: 0, steps }
    }

    /// The factor of the next step.
    fn next_factor(&self) -> f64 {
        if self.done >= self.steps {
            return 0.0;
        }
        let angle = core::f64::consts::PI * self.done as f64 / self.steps as f64;
        0.5 * self.factor * (1.0 + libm::cos(angle))
    }
}

impl<T: Real, O: Optimizer<T>> Optimizer<T> for Cosine<O> {
    fn step(
        &mut self,
        blocks: &[ParameterBlock],
        parameters: &mut [T],
        gradients: &mut [T],
    ) -> Result<(), Error> {
        self.optimizer.set_rate_factor(T::from_f64(self.next_factor()));
        self.optimizer.step(blocks, parameters, gradients)?;
        self.done = self.done.saturating_add(1);
        Ok(())
    }

    fn set_rate_factor(&mut self, factor: T) {
        self.factor = factor.to_f64();
    }

    fn state(&self) -> OptimizerState<'_, T> {
        let mut state = self.optimizer.state();
        state.settings.push(("cosine_steps", self.steps as f64));
        state.counts.push(("cosine_done", self.done));
        state
    }

    fn restore(&mut self, counts: &[u64], memory: &[&[T]]) -> Result<(), Error> {
        let Some((&done, counts)) = counts.split_last() else {
            return shape::exact("counts", counts.len(), 1);
        };
        self.optimizer.restore(counts, memory)?;
        self.done = done;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Cosine;
    use crate::nn::{Optimizer, ParameterBlock, Sgd};

    /// The steps of plain descent show the rates: 1, then as half a cosine, 0 at the end and after it.
    #[test]
    fn rates_fall_to_nothing() {
        let block =
            ParameterBlock { name: "0.w".into(), kind: "w", dimensions: vec![1], range: 0..1, frozen: false };
        let blocks = [block];
        let mut optimizer = Cosine::new(Sgd::new(&blocks, |_| 2.0_f64), 4);
        let mut rates = Vec::new();
        for _ in 0..6 {
            let mut parameter = [0.0];
            optimizer.step(&blocks, &mut parameter, &mut [-1.0]).unwrap();
            rates.push(parameter[0]);
        }
        let half = core::f64::consts::FRAC_1_SQRT_2;
        let want = [2.0, 1.0 + half, 1.0, 1.0 - half, 0.0, 0.0];
        assert!(rates.iter().zip(want).all(|(rate, want)| (rate - want).abs() < 1e-15), "{rates:?}");
        optimizer = Cosine::new(Sgd::new(&blocks, |_| 2.0), 4);
        optimizer.set_rate_factor(0.5);
        let mut parameter = [0.0];
        optimizer.step(&blocks, &mut parameter, &mut [-1.0]).unwrap();
        assert_eq!(parameter, [1.0]);
    }
}

//! The loop over epochs and batches.

use core::ops::ControlFlow;

use super::evaluate::{Batch, check};
use super::order::{disturbance, epoch_order};
use super::{History, Position, Record, Regularisation, State, TrainError, evaluate};
use crate::data::Dataset;
use crate::memory::filled;
use crate::nn::{Network, Optimizer, cross_entropy};
use crate::{Aligned, Error, Real, shape};

/// How long and in which order to train.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The number of passes over the samples.
    pub epochs: usize,
    /// The number of samples of a step; the last step of an epoch takes what is left.
    pub batch_size: usize,
    /// The seed of the order of the samples and of the inputs that are left out.
    pub seed: u64,
    /// What is done to the samples.
    pub regularisation: Regularisation,
}

/// What training tells its observer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a, T> {
    /// A step is done.
    Step {
        /// The epoch, from 1.
        epoch: usize,
        /// The step in the epoch, from 1.
        step: usize,
        /// The number of steps of an epoch.
        steps: usize,
        /// The number of samples of the step.
        samples: usize,
        /// The mean loss of the epoch so far.
        loss: f64,
        /// Everything that training goes on from.
        state: State<'a, T>,
    },
    /// An epoch is done, or was stopped, and the network has been evaluated.
    Epoch {
        /// The epoch's figures.
        record: &'a Record,
        /// Everything that training goes on from.
        state: State<'a, T>,
    },
}

/// Trains `network` on `data` with the cross-entropy of the softmax of its outputs, and evaluates it after
/// every epoch.
///
/// The order of the samples in an epoch, and what is left out of them, follow from the seed and the epoch alone.
/// `observer` is called after every step and every epoch; when it breaks, training stops there, and an epoch that was
/// begun is evaluated like a whole one. A step allocates nothing.
///
/// # Errors
///
/// - [`TrainError::Size`] when there are no epochs, or a batch is empty or larger than the network's;
/// - [`TrainError::Share`] when a share of the regularisation is none;
/// - [`TrainError::Inputs`], [`TrainError::Classes`] when the data do not fit the network;
/// - [`TrainError::Loss`], [`TrainError::Parameter`] when training diverges.
pub fn train<T: Real>(
    network: &mut Network<T>,
    optimizer: &mut dyn Optimizer<T>,
    data: &Dataset,
    settings: &Settings,
    observer: impl FnMut(Event<'_, T>) -> ControlFlow<()>,
) -> Result<History, TrainError> {
    resume(network, optimizer, data, settings, &mut Position::default(), observer)
}

/// [`train`] from `position` on, which it moves along: where network and optimiser are as they were there, the rest
/// of the training has the bits that it would have had without a stop.
///
/// # Errors
///
/// As for [`train`]; [`TrainError::Size`] also when the position has more steps than an epoch.
pub fn resume<T: Real>(
    network: &mut Network<T>,
    optimizer: &mut dyn Optimizer<T>,
    data: &Dataset,
    settings: &Settings,
    position: &mut Position,
    mut observer: impl FnMut(Event<'_, T>) -> ControlFlow<()>,
) -> Result<History, TrainError> {
    let &Settings { epochs, batch_size, seed, regularisation } = settings;
    if epochs == 0 {
        return Err(Error::Zero { argument: "epochs" }.into());
    }
    if batch_size == 0 {
        return Err(Error::Zero { argument: "batch_size" }.into());
    }
    if batch_size > network.batch() {
        let largest = network.batch();
        return Err(Error::Range { argument: "batch_size", largest, got: batch_size }.into());
    }
    regularisation.check()?;
    check(network, &data.train)?;
    check(network, &data.test)?;

    let (outputs, mark) = (network.outputs(), data.mark());
    let mut batch = Batch::new(network)?;
    let mut gradient = Aligned::<T>::zeros(shape::product("gradient", batch_size, outputs)?)?;
    let mut order = filled("order", 0, data.train.len())?;
    let (samples, steps) = (order.len(), order.len().div_ceil(batch_size));
    if position.step > steps {
        return Err(Error::Range { argument: "position.step", largest: steps, got: position.step }.into());
    }
    let mut history = History { records: position.records.clone(), ..History::default() };
    if position.epoch() > epochs {
        history.evaluation = evaluate(network, &data.test)?;
    }
    while position.epoch() <= epochs {
        let epoch = position.epoch();
        epoch_order(seed, epoch, &mut order);
        let mut random = disturbance(seed, epoch);
        // Random numbers that the steps up to the position have taken.
        if regularisation.input_dropout > 0.0 {
            for indices in order.chunks(batch_size).take(position.step) {
                let (x, _) = batch.load(&data.train, indices)?;
                regularisation.drop_inputs(x, &mut random);
            }
        }
        let mut stop = ControlFlow::Continue(());
        // The samples that the steps of this epoch have seen.
        let seen = |step: usize| samples.min(step.saturating_mul(batch_size));
        for indices in order.chunks(batch_size).skip(position.step) {
            let (x, labels) = batch.load(&data.train, indices)?;
            regularisation.drop_inputs(x, &mut random);
            let (gradient, _) = gradient.split_at_mut(indices.len() * outputs);
            let loss = cross_entropy(network.forward(x)?, outputs, labels, Some(gradient))?;
            if !loss.is_finite() {
                return Err(diverged(network, epoch, position.step));
            }
            regularisation.smooth(outputs, labels, gradient);
            network.learn(x, gradient, optimizer)?;
            position.loss_sum += loss.to_f64() * indices.len() as f64;
            position.step += 1;
            let (step, loss) = (position.step, position.loss_sum / seen(position.step) as f64);
            let state = State { network, optimizer, data: mark, settings, position };
            stop = observer(Event::Step { epoch, step, steps, samples: indices.len(), loss, state });
            if stop.is_break() {
                break;
            }
        }
        if let Some(block) = not_finite(network) {
            return Err(TrainError::Parameter { epoch, step: position.step, block });
        }
        history.evaluation = evaluate(network, &data.test)?;
        let train_loss = position.loss_sum / seen(position.step).max(1) as f64;
        let test_error = history.evaluation.total().error().unwrap_or(f64::NAN);
        let record = Record { epoch, steps: position.step, train_loss, test_error };
        history.records.push(record);
        if position.step == steps {
            position.records.push(record);
            (position.step, position.loss_sum) = (0, 0.0);
        }
        let state = State { network, optimizer, data: mark, settings, position };
        let stop_after = observer(Event::Epoch { record: &record, state });
        if stop.is_break() || stop_after.is_break() {
            history.interrupted = position.epoch() <= epochs;
            break;
        }
    }
    Ok(history)
}

/// The first block with a parameter that is not finite.
fn not_finite<T: Real>(network: &Network<T>) -> Option<String> {
    let finite = |name: &str| network.block(name).unwrap_or(&[]).iter().all(|value| value.is_finite());
    network.blocks().iter().find(|block| !finite(&block.name)).map(|block| block.name.clone())
}

/// Why the loss of the batch after `step` steps is not finite: a parameter is not, or one is so large that the
/// outputs are not.
fn diverged<T: Real>(network: &Network<T>, epoch: usize, step: usize) -> TrainError {
    if let Some(block) = not_finite(network) {
        return TrainError::Parameter { epoch, step, block };
    }
    let size = |name: &str| {
        network.block(name).unwrap_or(&[]).iter().fold(0.0, |most: f64, value| most.max(value.to_f64().abs()))
    };
    let sizes = network.blocks().iter().map(|block| (size(&block.name), &block.name));
    let largest = sizes.max_by(|(one, _), (other, _)| one.total_cmp(other));
    let block = largest.map(|(_, name)| name.clone()).unwrap_or_default();
    TrainError::Loss { epoch, step: step + 1, block }
}

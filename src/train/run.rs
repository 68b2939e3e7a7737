//! The loop over epochs and batches.

use core::ops::ControlFlow;

use super::evaluate::{Batch, check};
use super::order::{disturbance, epoch_order};
use super::{History, Record, Regularisation, TrainError, evaluate};
use crate::data::Dataset;
use crate::nn::{Network, Optimizer, cross_entropy};
use crate::{Error, Real};

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
    },
    /// An epoch is done, or was stopped, and the network has been evaluated.
    Epoch {
        /// The epoch's figures.
        record: &'a Record,
        /// The network.
        network: &'a Network<T>,
    },
}

/// Trains `network` on `data` with the cross-entropy of the softmax of its outputs, and evaluates it after
/// every epoch.
///
/// The order of the samples in an epoch, and what is left out of them, follow from the seed and the epoch alone. `observer` is called
/// after every step and every epoch; when it breaks, training stops there, and an epoch that was begun is
/// evaluated like a whole one. A step allocates nothing.
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

    let outputs = network.outputs();
    let mut batch = Batch::new(network);
    let mut gradient = vec![T::zero(); batch_size * outputs];
    let mut order = vec![0; data.train.len()];
    let steps = order.len().div_ceil(batch_size);
    let mut history = History::default();
    for epoch in 1..=epochs {
        epoch_order(seed, epoch, &mut order);
        let mut random = disturbance(seed, epoch);
        let mut stop = ControlFlow::Continue(());
        let (mut loss_sum, mut seen, mut step) = (0.0, 0, 0);
        for indices in order.chunks(batch_size) {
            step += 1;
            let (x, labels) = batch.load(&data.train, indices)?;
            regularisation.drop_inputs(x, &mut random);
            let (gradient, _) = gradient.split_at_mut(indices.len() * outputs);
            let loss = cross_entropy(network.forward(x)?, outputs, labels, Some(gradient))?;
            if !loss.is_finite() {
                return Err(TrainError::Loss { epoch, step });
            }
            regularisation.smooth(outputs, labels, gradient);
            network.learn(x, gradient, optimizer)?;
            loss_sum += loss.to_f64() * indices.len() as f64;
            seen += indices.len();
            let loss = loss_sum / seen as f64;
            stop = observer(Event::Step { epoch, step, steps, samples: indices.len(), loss });
            if stop.is_break() {
                break;
            }
        }
        check_parameters(network, epoch)?;
        history.evaluation = evaluate(network, &data.test)?;
        let test_error = history.evaluation.total().error();
        let record = Record { epoch, steps: step, train_loss: loss_sum / seen as f64, test_error };
        history.records.push(record);
        let stop_after = observer(Event::Epoch { record: &record, network });
        if stop.is_break() || stop_after.is_break() {
            history.interrupted = step < steps || epoch < epochs;
            break;
        }
    }
    Ok(history)
}

/// Refuses to go on with a parameter that is not finite.
fn check_parameters<T: Real>(network: &Network<T>, epoch: usize) -> Result<(), TrainError> {
    for block in network.blocks() {
        let parameters = network.block(&block.name).unwrap_or(&[]);
        if !parameters.iter().all(|parameter| parameter.is_finite()) {
            return Err(TrainError::Parameter { epoch, block: block.name.clone() });
        }
    }
    Ok(())
}

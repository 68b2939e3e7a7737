//! `gmlayer train`.

use core::ops::ControlFlow;
use std::sync::atomic::Ordering;

use gmlayer::Threads;
use gmlayer::train::{Event, Position, Regularisation, Settings, State, generator, resume};

use crate::arguments::{Model, TrainArguments};
use crate::checkpoints::Checkpoints;
use crate::data;
use crate::failure::Failure;
use crate::model::Choices;
use crate::opening::opening;
use crate::output::{is_terminal, tell};
use crate::progress::Progress;
use crate::report::{self, TrainReport};
use crate::resume::Resumed;
use crate::signal::stop_on_signal;

/// Trains, reports and saves.
pub(crate) fn run(arguments: TrainArguments, given: &[String]) -> Result<(), Failure> {
    let (arguments, resumed) = match &arguments.resume {
        Some(path) => {
            let (arguments, resumed) = Resumed::open(path, &arguments, given)?;
            (arguments, Some(resumed))
        }
        None => (arguments, None),
    };
    let arguments = &arguments;
    let choices = Choices::of(arguments)?;
    if is_terminal(arguments.json) {
        tell(arguments.json, data::loading(&arguments.data))?;
    }
    let (data, source) = data::load(&arguments.data, arguments.train_images)?;
    if let Some(resumed) = &resumed {
        resumed.compare(&data, &source)?;
    }
    let batch_size = arguments.batch_size.min(data.train.len());
    let threads = match arguments.threads.unwrap_or(1) {
        1 => None,
        count => Some(Threads::new(count).map_err(Failure::other)?),
    };
    let mut network = choices.network(arguments, data.inputs, data.classes, batch_size, threads.as_ref())?;
    let training = resumed.as_ref().map(|resumed| &resumed.training);
    let mut checkpoints = Checkpoints::new(arguments, &source, training)?;
    let steps = arguments.epochs as u64 * data.train.len().div_ceil(batch_size) as u64;
    let mut optimizer = choices.optimizer(arguments, &network, steps, threads.as_ref())?;
    let mark = data.mark();
    let mut position = match resumed {
        Some(resumed) => {
            resumed.restore(&mut network, &mut *optimizer)?;
            resumed.training.position
        }
        None => {
            network.initialise(&mut generator(arguments.seed, 0)).map_err(Failure::other)?;
            Position::default()
        }
    };
    let epochs = arguments.epochs.max(position.records.len());
    let finished = position.records.len() == epochs;

    let signals = stop_on_signal()?;
    let samples = [data.train.len(), data.test.len()];
    tell(arguments.json, opening(arguments, &choices, &data.name, samples, &network))?;
    let images = data.train.len();
    let done = position.records.len() * images + (position.step * batch_size).min(images);
    let mut progress = Progress::new(epochs, images, done as u64, arguments.json);
    let regularisation =
        Regularisation { input_dropout: arguments.input_dropout, label_smoothing: arguments.label_smoothing };
    let settings = Settings { epochs, batch_size, seed: arguments.seed, regularisation };
    let mut run = || {
        resume(&mut network, &mut *optimizer, &data, &settings, &mut position, |event| {
            let read = progress.update(&event);
            let saved = match &event {
                Event::Step { steps, state, .. } => checkpoints.step(*steps, state),
                _ => true,
            };
            if signals.stop.load(Ordering::Relaxed) || !saved { ControlFlow::Break(()) } else { read }
        })
    };
    let history = match &threads {
        Some(threads) => threads.run(run),
        None => run(),
    };
    progress.finish();
    let history = match history {
        Ok(history) => history,
        Err(error) => return checkpoints.ended(Some(error)),
    };
    checkpoints.ended(None)?;
    let (settings, position) = (&settings, &position);
    if !finished || arguments.save != arguments.resume {
        checkpoints.save(&State {
            network: &network,
            optimizer: &*optimizer,
            data: mark,
            settings,
            position,
        })?;
    }

    let (diagonal, joint) = (arguments.model == Model::Diagonal, arguments.model == Model::Joint);
    let last = history.records.last();
    let report = TrainReport {
        dataset: &data.name,
        model: arguments.model,
        components: (diagonal || joint).then_some(choices.components),
        rank: joint.then_some(choices.rank),
        tied: joint.then_some(choices.tied),
        hidden: &choices.hidden,
        parameters: network.parameters().len(),
        train_images: data.train.len(),
        test_images: data.test.len(),
        gamma: (diagonal || joint).then_some(choices.gamma),
        output_gamma: joint.then_some(choices.output_gamma),
        coordinates: diagonal.then_some(choices.coordinates),
        scale: (diagonal || joint).then_some(choices.scale),
        optimizer: arguments.optimizer,
        schedule: arguments.schedule,
        learning_rate: choices.learning_rate,
        sigma_learning_rate: diagonal.then_some(choices.sigma_learning_rate),
        batch_size,
        input_dropout: arguments.input_dropout,
        label_smoothing: arguments.label_smoothing,
        frozen: &arguments.freeze,
        epochs: history.records.len(),
        interrupted: history.interrupted,
        train_loss: last.map_or(f64::NAN, |record| record.train_loss),
        test_error: last.map_or(f64::NAN, |record| record.test_error),
        best_test_error: history.best_test_error().unwrap_or(f64::NAN),
        last5_test_error: history.last_test_errors(5).unwrap_or(f64::NAN),
        errors_per_class: report::errors_per_class(&history.evaluation),
        unclassified: history.evaluation.unclassified,
        seconds_per_epoch: progress.seconds_per_epoch(),
        seed: arguments.seed,
    };
    if finished {
        let (done, asked) = (epochs, arguments.epochs);
        let line = format!("nothing is left to do: {done} epochs are done, and {asked} were asked for");
        tell(arguments.json, line)?;
    }
    let seconds = report.seconds_per_epoch;
    let json = arguments.json.then_some(&report);
    let printed = report::print(report.dataset, report.parameters, &history.evaluation, seconds, json);
    match (signals.first().filter(|_| history.interrupted), last) {
        (Some(number), Some(last)) => {
            let place = format!(" in epoch {}, after {} steps; ", last.epoch, last.steps);
            Err(Failure::Interrupted(number, place + &checkpoints.way_on()))
        }
        _ => printed,
    }
}

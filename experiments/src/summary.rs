//! Trials of one run put together.

use crate::catalogue::Entry;
use crate::run::Run;
use crate::trial::Trial;

/// A mean and a standard deviation over trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) mean: f64,
    pub(crate) deviation: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of some numbers; NaN where there is none. One alone has no deviation.
    pub(crate) fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        Self {
            mean,
            deviation: if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 },
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            most: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// A run and all its trials.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    pub(crate) label: &'a str,
    pub(crate) run: &'a Run,
    pub(crate) trials: Vec<&'a Trial>,
    pub(crate) parameters: usize,
    /// Operations of a training step for one image.
    pub(crate) operations: usize,
}

impl<'a> Summary<'a> {
    pub(crate) fn of(entry: &'a Entry, trials: &'a [Trial], inputs: usize) -> Self {
        let Entry { label, run } = entry;
        Self {
            label,
            run,
            trials: trials.iter().filter(|trial| trial.task.run.name == run.name).collect(),
            parameters: run.parameters(inputs),
            operations: run.operations(inputs),
        }
    }

    /// The final test error of the trials, in percent.
    pub(crate) fn final_error(&self) -> Spread {
        let errors: Vec<f64> = self.trials.iter().map(|trial| 100.0 * trial.final_error()).collect();
        Spread::of(&errors)
    }

    /// The test error in percent after each of the first epochs: (epoch, over trials).
    pub(crate) fn errors(&self, epochs: usize) -> Vec<(usize, Spread)> {
        let spread = |epoch: usize| {
            let errors: Vec<f64> = self
                .trials
                .iter()
                .filter_map(|trial| trial.epochs.iter().find(|record| record.epoch == epoch))
                .map(|record| 100.0 * record.test_error)
                .collect();
            (!errors.is_empty()).then(|| (epoch, Spread::of(&errors)))
        };
        (1..=epochs).filter_map(spread).collect()
    }

    /// Operations of the whole training, in units of 10⁹.
    pub(crate) fn giga_operations(&self) -> f64 {
        let images = self.trials.first().map_or(0, |trial| trial.task.data.train_images);
        self.operations as f64 * images as f64 * self.run.epochs as f64 / 1e9
    }
}

//! One trial of a run: trained once, kept as a file.

use core::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gmlayer::data::Dataset;
use gmlayer::train::{Event, Settings, train};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::output;

use super::follow::{Follower, Frame};
use super::run::Run;

/// What a trial was asked to do: a file that answers another question is not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) run: Run,
    pub(super) dataset: String,
    pub(super) train_images: usize,
    pub(super) test_images: usize,
    pub(super) seed: u64,
}

/// One epoch. Errors are fractions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Epoch {
    pub(super) epoch: usize,
    pub(super) train_loss: f64,
    pub(super) test_error: f64,
}

/// A finished trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    pub(super) task: Task,
    pub(super) epochs: Vec<Epoch>,
    /// The first layer on its way, where the run asks for it.
    pub(super) frames: Vec<Frame>,
}

impl Task {
    /// The place of the trial's file.
    pub(super) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}-{}.json", self.run.name, self.seed))
    }

    /// The trial, where its file is there and answers this very task.
    pub(super) fn load(&self, folder: &Path) -> Option<Trial> {
        let text = std::fs::read(self.path(folder)).ok()?;
        let trial: Trial = serde_json::from_slice(&text).ok()?;
        (trial.task == *self).then_some(trial)
    }

    /// Trains; `None` where `observer` has stopped it. `observer` is called with the number of images of each step.
    pub(super) fn train(
        &self,
        data: &Dataset,
        mut observer: impl FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Option<Trial>, Failure> {
        let Self { run, seed, .. } = self;
        let failed = |error: &dyn core::fmt::Display| {
            Failure::other(format!("{}, trial {}: {error}", run.name, seed + 1))
        };
        let batch_size = run.batch.min(data.train.len());
        let mut network = run.network(data.inputs, *seed).map_err(|error| failed(&error))?;
        let steps = run.epochs * data.train.len().div_ceil(batch_size);
        let mut optimizer = run.optimizer(&network, steps as u64);
        // Only the first trial is drawn.
        let mut follower = (run.followed && *seed == 0).then(|| Follower::new(run, &network));
        let regularisation = run.regularisation();
        let settings = Settings { epochs: run.epochs, batch_size, seed: *seed, regularisation };
        let history = train(&mut network, &mut *optimizer, data, &settings, |event| match event {
            Event::Step { samples, .. } => observer(samples),
            Event::Epoch { state, .. } => {
                if let Some(follower) = &mut follower {
                    follower.follow(state.network);
                }
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        });
        let history = history.map_err(|error| failed(&error))?;
        if history.interrupted {
            return Ok(None);
        }
        let epochs = history.records.iter().map(|record| Epoch {
            epoch: record.epoch,
            train_loss: record.train_loss,
            test_error: record.test_error,
        });
        let frames = follower.map(|follower| follower.frames()).unwrap_or_default();
        Ok(Some(Trial { task: self.clone(), epochs: epochs.collect(), frames }))
    }
}

impl Trial {
    /// Writes the trial's file.
    pub(super) fn save(&self, folder: &Path) -> Result<(), Failure> {
        let text = serde_json::to_vec(self).map_err(Failure::other)?;
        output::replace(&self.task.path(folder), &text)
    }

    /// The mean test error of the epochs that count.
    pub(super) fn final_error(&self) -> f64 {
        let last = self.epochs.iter().rev().take(self.task.run.last_epochs());
        let (sum, count) = last.fold((0.0, 0), |(sum, count), epoch| (sum + epoch.test_error, count + 1));
        sum / f64::from(count.max(1))
    }
}

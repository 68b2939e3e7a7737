//! One trial of a run: trained once, kept as a file.

use core::ops::ControlFlow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use gmlayer::data::Dataset;
use gmlayer::train::{Event, Settings, train};
use gmlayer_cli::internal::{Failure, replace};
use serde::{Deserialize, Serialize};

use crate::follow::{Follower, Frame};
use crate::run::Run;

/// Raised whenever the same task gives other results than before, so that no older trial is used.
const RESULTS: u32 = 1;

/// The largest number of a frame: beyond any that a picture can show.
const MOST: f64 = 1e30;

/// What a trial was asked to do: a file that answers another question is not used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) run: Run,
    pub(crate) data: Data,
    pub(crate) seed: u64,
    /// [`RESULTS`].
    results: u32,
}

/// What tells a data set from others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Data {
    pub(crate) name: String,
    pub(crate) train_images: usize,
    pub(crate) test_images: usize,
    train_checksum: u32,
    test_checksum: u32,
}

impl Data {
    pub(crate) fn of(data: &Dataset) -> Self {
        let (train, test) = (data.train.mark(), data.test.mark());
        Self {
            name: data.name.clone(),
            train_images: train.samples,
            test_images: test.samples,
            train_checksum: train.checksum,
            test_checksum: test.checksum,
        }
    }
}

/// One epoch. Errors are fractions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Epoch {
    pub(crate) epoch: usize,
    pub(crate) train_loss: f64,
    pub(crate) test_error: f64,
}

/// A finished trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trial {
    pub(crate) task: Task,
    pub(crate) epochs: Vec<Epoch>,
    /// The first layer on its way, where the run asks for it.
    pub(crate) frames: Vec<Frame>,
}

impl Task {
    pub(crate) fn new(run: &Run, data: &Data, seed: u64) -> Self {
        Self { run: run.clone(), data: data.clone(), seed, results: RESULTS }
    }

    /// The place of the trial's file.
    pub(crate) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}-{}.json", self.run.name, self.seed))
    }

    /// The trial, where its file is there and answers this very task.
    pub(crate) fn load(&self, folder: &Path) -> Option<Trial> {
        let path = self.path(folder);
        // Before it is opened: opening a pipe waits for whoever writes to it.
        let length = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?.len();
        if length > self.most_bytes() {
            return None;
        }
        let mut text = Vec::new();
        File::open(path).ok()?.take(length).read_to_end(&mut text).ok()?;
        let trial: Trial = serde_json::from_slice(&text).ok()?;
        (trial.task == *self && trial.is_sound()).then_some(trial)
    }

    /// The bytes of a file at most: far above those of any trial.
    fn most_bytes(&self) -> u64 {
        (self.run.epochs as u64 + 16) << 16
    }

    /// Whether the first layer is followed: of the first trial alone, which is drawn.
    fn is_followed(&self) -> bool {
        self.run.followed && self.seed == 0
    }

    /// Trains; `None` where `observer` has stopped it. `observer` is called with the number of images of each step.
    pub(crate) fn train(
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
        let mut follower = self.is_followed().then(|| Follower::new(run, &network));
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
    /// Whether a file holds all epochs, and no number that cannot be or be drawn.
    fn is_sound(&self) -> bool {
        let Self { task, epochs, frames } = self;
        let epoch = |(place, epoch): (usize, &Epoch)| {
            epoch.epoch == place + 1
                && epoch.train_loss.is_finite()
                && (0.0..=1.0).contains(&epoch.test_error)
        };
        let frame = |(place, frame): (usize, &Frame)| {
            let numbers = frame.marks.iter().flat_map(|mark| mark.mean.iter().chain(&mark.covariance));
            frame.epoch == place && numbers.copied().all(|number| number.abs() <= MOST)
        };
        let moments = if task.is_followed() { epochs.len() + 1 } else { 0 };
        epochs.len() == task.run.epochs
            && epochs.iter().enumerate().all(epoch)
            && frames.len() == moments
            && frames.iter().enumerate().all(frame)
    }

    /// Writes the trial's file.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), Failure> {
        let text = serde_json::to_vec(self).map_err(Failure::other)?;
        replace(&self.task.path(folder), &text)
    }

    /// The mean test error of the epochs that count.
    pub(crate) fn final_error(&self) -> f64 {
        let last = self.epochs.iter().rev().take(self.task.run.last_epochs());
        let (sum, count) = last.fold((0.0, 0), |(sum, count), epoch| (sum + epoch.test_error, count + 1));
        sum / f64::from(count.max(1))
    }
}

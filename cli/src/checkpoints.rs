//! Saving training as it goes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gmlayer::train::checkpoint::{self, CheckpointProblem, Training};
use gmlayer::train::{Position, State, TrainError};

use crate::arguments::TrainArguments;
use crate::failure::Failure;
use crate::resume;
use crate::source::Source;

/// Where training is saved, and when.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    path: Option<PathBuf>,
    every: Option<usize>,
    notes: BTreeMap<String, String>,
    /// Epoch and step of what the file holds.
    saved: Option<(usize, usize)>,
    failure: Option<Failure>,
}

impl Checkpoints {
    /// Checks that the file can be written.
    pub(crate) fn new(
        arguments: &TrainArguments,
        source: &Source,
        from: Option<&Training>,
    ) -> Result<Self, Failure> {
        if arguments.checkpoint_every.is_some() && arguments.save.is_none() {
            return Err(Failure::usage("--checkpoint-every needs --save"));
        }
        if let Some(path) = &arguments.save {
            checkpoint::check_target(path).map_err(Failure::other)?;
        }
        let same_file = arguments.resume.is_some() && arguments.resume == arguments.save;
        let stands = |training: &Training| (training.position.epoch(), training.position.step);
        Ok(Self {
            path: arguments.save.clone(),
            every: arguments.checkpoint_every,
            notes: resume::notes(arguments, source)?,
            saved: from.filter(|_| same_file).map(stands),
            failure: None,
        })
    }

    /// Saves where it is time to; false where that fails.
    pub(crate) fn step(&mut self, steps: usize, state: &State<'_, f32>) -> bool {
        let done = state.position.records.len() * steps + state.position.step;
        if self.every.is_none_or(|every| !done.is_multiple_of(every)) {
            return true;
        }
        match self.save(state) {
            Ok(()) => true,
            Err(failure) => {
                self.failure = Some(failure);
                false
            }
        }
    }

    /// Saves training as it stands, where a file is wanted.
    pub(crate) fn save(&mut self, state: &State<'_, f32>) -> Result<(), Failure> {
        let Some(path) = &self.path else { return Ok(()) };
        let Position { step, .. } = *state.position;
        let epoch = state.position.epoch();
        match checkpoint::save_training(state, &self.notes, path) {
            Ok(()) => {
                self.saved = Some((epoch, step));
                Ok(())
            }
            Err(error) => Err(match error.problem {
                CheckpointProblem::NotFinite { tensor: block, .. } => {
                    self.diverged(TrainError::Parameter { epoch, step, block })
                }
                _ => Failure::other(error),
            }),
        }
    }

    /// Why training ended early: what it says itself, or a failure to save.
    pub(crate) fn ended(&mut self, error: Option<TrainError>) -> Result<(), Failure> {
        match (self.failure.take(), error) {
            (Some(failure), _) => Err(failure),
            (None, Some(error)) => Err(self.diverged(error)),
            (None, None) => Ok(()),
        }
    }

    /// The error, and where the last good state is.
    fn diverged(&self, error: TrainError) -> Failure {
        match (&self.path, self.saved) {
            (Some(path), Some((epoch, step))) => {
                let path = path.display();
                Failure::other(format!("{error}; {path} holds the training up to epoch {epoch}, step {step}"))
            }
            _ => Failure::other(error),
        }
    }
}

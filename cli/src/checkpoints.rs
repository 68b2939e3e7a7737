//! Saving training as it goes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use gmlayer::train::checkpoint::{self, CheckpointError, CheckpointProblem, Training};
use gmlayer::train::{State, TrainError};

use crate::arguments::TrainArguments;
use crate::failure::{Failure, warn};
use crate::output;
use crate::resume;
use crate::signal::uninterrupted;
use crate::source::Source;

/// Where training is saved, and when.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    path: Option<PathBuf>,
    every: Option<usize>,
    notes: BTreeMap<String, String>,
    /// Epoch and step of what the file holds.
    saved: Option<(usize, usize)>,
    /// Whether the last checkpoint has failed.
    failing: bool,
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
            let data = output::data_files(&arguments.data);
            output::check(path, data.iter().map(PathBuf::as_path))?;
        }
        let same_file = arguments.resume.is_some() && arguments.resume == arguments.save;
        let stands = |training: &Training| (training.position.epoch(), training.position.step);
        Ok(Self {
            path: arguments.save.clone(),
            every: arguments.checkpoint_every,
            notes: resume::notes(arguments, source)?,
            saved: from.filter(|_| same_file).map(stands),
            failing: false,
            failure: None,
        })
    }

    /// Saves where it is time to. A failure is told on stderr, once in a row, and the next checkpoint tries again; only
    /// what no later one can mend ends the training: this is false then.
    pub(crate) fn step(&mut self, steps: usize, state: &State<'_, f32>) -> bool {
        let done = state.position.records.len() * steps + state.position.step;
        let Some(path) = self.path.clone() else { return true };
        if self.every.is_none_or(|every| !done.is_multiple_of(every)) {
            return true;
        }
        match self.write(state, &path) {
            Ok(()) => self.failing = false,
            Err(CheckpointError { problem: CheckpointProblem::Write(error), .. })
                if error.kind() != io::ErrorKind::FileTooLarge =>
            {
                if !self.failing {
                    let path = path.display();
                    warn(format_args!("cannot write {path}: {error}; training goes on"));
                }
                self.failing = true;
            }
            Err(error) => self.failure = Some(self.failure(error, state)),
        }
        self.failure.is_none()
    }

    /// Saves training as it stands, where a file is wanted; elsewhere, where that fails.
    pub(crate) fn save(&mut self, state: &State<'_, f32>) -> Result<(), Failure> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        match self.write(state, &path) {
            Ok(()) => Ok(()),
            Err(error @ CheckpointError { problem: CheckpointProblem::Write(_), .. }) => {
                Err(match self.save_elsewhere(state) {
                    Some(place) => {
                        let command = resuming(&place);
                        let place = place.display();
                        Failure::other(format!("{error}; saved to {place}; go on with: {command}"))
                    }
                    None => Failure::other(error),
                })
            }
            Err(error) => Err(self.failure(error, state)),
        }
    }

    fn write(&mut self, state: &State<'_, f32>, path: &Path) -> Result<(), CheckpointError> {
        uninterrupted(|| checkpoint::save_training(state, &self.notes, path))?;
        self.saved = Some((state.position.epoch(), state.position.step));
        Ok(())
    }

    /// Saves to a new file of this folder, or of that for temporary files, and says to which.
    fn save_elsewhere(&self, state: &State<'_, f32>) -> Option<PathBuf> {
        [std::env::current_dir().ok(), Some(std::env::temp_dir())].into_iter().flatten().find_map(|folder| {
            uninterrupted(|| {
                let new =
                    tempfile::Builder::new().prefix("gmlayer-").suffix(".safetensors").tempfile_in(folder);
                let place = new.ok()?.into_temp_path();
                checkpoint::save_training(state, &self.notes, &place).ok()?;
                place.keep().ok()
            })
        })
    }

    /// What has become of a training that was interrupted: where it is, and how to go on with it.
    pub(crate) fn way_on(&self) -> String {
        match &self.path {
            Some(path) => format!("saved to {}; go on with: {}", path.display(), resuming(path)),
            None => "nothing is saved without --save".to_owned(),
        }
    }

    fn failure(&self, error: CheckpointError, state: &State<'_, f32>) -> Failure {
        let (epoch, step) = (state.position.epoch(), state.position.step);
        match error.problem {
            CheckpointProblem::NotFinite { tensor: block, .. } => {
                self.diverged(TrainError::Parameter { epoch, step, block })
            }
            _ => Failure::other(error),
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

/// The command that goes on with the training of a file, as a shell takes it.
fn resuming(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:@%,".contains(c);
    match path.chars().all(is_plain) && !path.starts_with('-') {
        true => format!("gmlayer train --resume {path}"),
        false => format!("gmlayer train --resume='{}'", path.replace('\'', r"'\''")),
    }
}

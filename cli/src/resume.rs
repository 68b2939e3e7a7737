//! Going on with a training that a file holds. What the file says is compared with its tensors, and with the bounds of the
//! command line, before anything is made of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gmlayer::data::Dataset;
use gmlayer::nn::{Network, Optimizer};
use gmlayer::train::checkpoint::Training;

use crate::arguments::{ScheduleName, TrainArguments};
use crate::failure::Failure;
use crate::model::Choices;
use crate::saved::Saved;
use crate::source::Source;

/// The note that holds the arguments.
const ARGUMENTS: &str = "arguments";

/// The bytes of that note at most.
const LONGEST: usize = 1 << 16;

/// The options that may come with `--resume`.
const WITH_RESUME: [&str; 7] = ["resume", "data", "epochs", "save", "checkpoint_every", "threads", "json"];

/// The notes of a checkpoint: the arguments and the data set.
pub(crate) fn notes(
    arguments: &TrainArguments,
    source: &Source,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut kept = arguments.clone();
    // Absolute, so that it is found from anywhere; one that is not UTF-8 has to be given again.
    let absolute = |path: &PathBuf| std::path::absolute(path).ok().filter(|path| path.to_str().is_some());
    kept.data.data = kept.data.data.as_ref().and_then(absolute);
    let arguments = (ARGUMENTS.to_owned(), serde_json::to_string(&kept).map_err(Failure::other)?);
    Ok([arguments, source.note().map_err(Failure::other)?].into())
}

/// The training of a file.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) path: PathBuf,
    network: Network<f32>,
    pub(crate) training: Training,
    source: Option<Source>,
}

impl Resumed {
    /// Reads a file: its own arguments with those that were given now, where that is allowed, and the training.
    pub(crate) fn open(
        path: &Path,
        now: &TrainArguments,
        given: &[String],
    ) -> Result<(TrainArguments, Self), Failure> {
        if let Some(option) = given.iter().find(|option| !WITH_RESUME.contains(&option.as_str())) {
            let option = option.replace('_', "-");
            return Err(Failure::usage(format!("--{option} has no meaning with --resume: the file says it")));
        }
        Self::of(Saved::open(path)?, path, now, given)
    }

    /// The same of what has been read.
    pub(crate) fn of(
        saved: Saved,
        path: &Path,
        now: &TrainArguments,
        given: &[String],
    ) -> Result<(TrainArguments, Self), Failure> {
        let (source, named) = (saved.source(), path.display());
        let Some(training) = saved.training else {
            return Err(Failure::other(format!("{named} holds a network, but no training to go on with")));
        };
        let foreign =
            || Failure::other(format!("{named} holds a training that `gmlayer train` did not save"));
        let text = training.notes.get(ARGUMENTS).filter(|text| text.len() <= LONGEST).ok_or_else(foreign)?;
        let kept: TrainArguments = serde_json::from_str(text).map_err(|_| foreign())?;
        let is_given = |option: &str| given.iter().any(|given| given == option);
        let epochs = if is_given("epochs") { now.epochs } else { training.settings.epochs };
        if kept.schedule == ScheduleName::Cosine && epochs != training.settings.epochs {
            return Err(Failure::usage("--epochs cannot change what --schedule cosine has begun"));
        }
        let mut arguments = TrainArguments {
            epochs,
            batch_size: training.settings.batch_size,
            seed: training.settings.seed,
            input_dropout: training.settings.regularisation.input_dropout,
            label_smoothing: training.settings.regularisation.label_smoothing,
            save: Some(now.save.clone().unwrap_or_else(|| path.to_owned())),
            resume: Some(path.to_owned()),
            checkpoint_every: now.checkpoint_every.or(kept.checkpoint_every),
            threads: now.threads,
            json: now.json,
            ..kept
        };
        if now.data.data.is_some() {
            arguments.data.data.clone_from(&now.data.data);
        }
        let resumed = Self { path: path.to_owned(), network: saved.network, training, source };
        resumed.check(&arguments)?;
        Ok((arguments, resumed))
    }

    /// Refuses numbers that the command line does not take, and another network than the arguments make.
    fn check(&self, arguments: &TrainArguments) -> Result<(), Failure> {
        let (path, training) = (self.path.display(), &self.training);
        let refused =
            |what: String| Failure::other(format!("{path} holds a training that cannot be: {what}"));
        arguments.check().map_err(refused)?;
        let other = || Failure::other(format!("{path} holds another network than its arguments make"));
        if !Choices::of(arguments)?.make(arguments.model, &self.network)
            || arguments.freeze.len() > self.network.blocks().len()
        {
            return Err(other());
        }
        let steps = training.data.samples.div_ceil(training.settings.batch_size.max(1));
        let done = (training.position.records.len() * steps + training.position.step) as u64;
        match training.optimizer.counts.iter().find(|&&(_, count)| count != done) {
            Some((name, count)) => {
                Err(refused(format!("its optimiser has counted {count} for `{name}` in {done} steps")))
            }
            None => Ok(()),
        }
    }

    /// Refuses other data than those of the training.
    pub(crate) fn compare(&self, data: &Dataset, source: &Source) -> Result<(), Failure> {
        let part = if data.mark() != self.training.data {
            "train"
        } else if self.source.as_ref().is_some_and(|trained| !trained.tests_as(source)) {
            "test"
        } else {
            return Ok(());
        };
        let path = self.path.display();
        Err(Failure::other(format!(
            "the images to {part} on are not those of {path}; --data says where those are"
        )))
    }

    /// Puts a network and an optimiser, made by the arguments, where the file's stood.
    pub(crate) fn restore(
        &self,
        network: &mut Network<f32>,
        optimizer: &mut dyn Optimizer<f32>,
    ) -> Result<(), Failure> {
        let path = self.path.display();
        if network.blocks() != self.network.blocks() {
            return Err(Failure::other(format!(
                "{path} holds another network than its arguments and data make"
            )));
        }
        network.parameters_mut().copy_from_slice(self.network.parameters());
        let restored = self.training.optimizer.restore(optimizer);
        restored.map_err(|problem| Failure::other(format!("{path} cannot be gone on with: {problem}")))
    }
}

//! Where training stands, as JSON and as it is used.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::CheckpointProblem;
use crate::data::DataMark;
use crate::nn::{Network, Optimizer, OptimizerState};
use crate::train::{Position, Record, Regularisation, Settings, State};

/// Where training stands, besides the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Training {
    /// How long and in which order to train.
    pub settings: Settings,
    /// How far training has come.
    pub position: Position,
    /// What tells the data from others.
    pub data: DataMark,
    /// The optimiser.
    pub optimizer: SavedOptimizer,
    /// The caller's own.
    pub notes: BTreeMap<String, String>,
}

/// An optimiser as it stood.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedOptimizer {
    /// Its name.
    pub name: String,
    /// Numbers that do not change, by name.
    pub settings: Vec<(String, f64)>,
    /// The learning rates, one a block.
    pub rates: Vec<f64>,
    /// What it counts, by name.
    pub counts: Vec<(String, u64)>,
    /// What it remembers of every parameter, by name.
    pub memory: Vec<(String, Vec<f32>)>,
}

impl SavedOptimizer {
    /// Puts an optimiser of the same kind and settings where this one stood.
    ///
    /// # Errors
    ///
    /// [`CheckpointProblem::Optimizer`] when it is of another kind or has other settings.
    pub fn restore(&self, optimizer: &mut dyn Optimizer<f32>) -> Result<(), CheckpointProblem> {
        let other = |what: &str, saved: String, got: String| {
            Err(CheckpointProblem::Optimizer { what: what.to_owned(), saved, got })
        };
        {
            let state = optimizer.state();
            if self.name != state.name {
                return other("name", self.name.clone(), state.name.to_owned());
            }
            let settings: Vec<(String, f64)> =
                state.settings.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
            if self.settings != settings {
                return other("settings", format!("{:?}", self.settings), format!("{settings:?}"));
            }
            let rates: Vec<f64> = state.rates.iter().copied().map(f64::from).collect();
            if self.rates != rates {
                return other("learning rates", format!("{:?}", self.rates), format!("{rates:?}"));
            }
            let names = |state: &OptimizerState<'_, f32>| {
                let counts = state.counts.iter().map(|(name, _)| (*name).to_owned());
                counts.chain(state.memory.iter().map(|(name, _)| (*name).to_owned())).collect::<Vec<_>>()
            };
            let counts = self.counts.iter().map(|(name, _)| name.clone());
            let own: Vec<String> = counts.chain(self.memory.iter().map(|(name, _)| name.clone())).collect();
            if own != names(&state) {
                return other("memory", format!("{own:?}"), format!("{:?}", names(&state)));
            }
        }
        let counts: Vec<u64> = self.counts.iter().map(|&(_, count)| count).collect();
        let memory: Vec<&[f32]> = self.memory.iter().map(|(_, values)| values.as_slice()).collect();
        optimizer.restore(&counts, &memory).map_err(|error| CheckpointProblem::Network(error.into()))
    }
}

/// [`Training`] as JSON; what an optimiser remembers is in tensors.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrainingEntry {
    epochs: usize,
    batch_size: usize,
    seed: u64,
    input_dropout: f64,
    label_smoothing: f64,
    epoch: usize,
    step: usize,
    loss_sum: f64,
    records: Vec<RecordEntry>,
    optimizer: OptimizerEntry,
    frozen: Vec<String>,
    data: DataEntry,
    notes: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordEntry {
    steps: usize,
    train_loss: f64,
    test_error: f64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OptimizerEntry {
    name: String,
    settings: Vec<(String, f64)>,
    rates: Vec<f64>,
    counts: Vec<(String, u64)>,
    memory: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DataEntry {
    samples: usize,
    inputs: usize,
    checksum: u32,
}

impl TrainingEntry {
    pub(super) fn of(
        state: &State<'_, f32>,
        optimizer: &OptimizerState<'_, f32>,
        notes: &BTreeMap<String, String>,
    ) -> Result<Self, CheckpointProblem> {
        let &Settings { epochs, batch_size, seed, regularisation } = state.settings;
        let Regularisation { input_dropout, label_smoothing } = regularisation;
        let Position { records, step, loss_sum } = state.position;
        let rates: Vec<f64> = optimizer.rates.iter().copied().map(f64::from).collect();
        // JSON has no word for other numbers.
        let named = optimizer.settings.iter().copied();
        let numbers = named.chain(rates.iter().map(|&rate| ("learning rate", rate)));
        if let Some((name, _)) = numbers.chain([("loss", *loss_sum)]).find(|(_, value)| !value.is_finite()) {
            return Err(CheckpointProblem::Setting(name.to_owned()));
        }
        let record = |&Record { steps, train_loss, test_error, .. }: &Record| RecordEntry {
            steps,
            train_loss,
            test_error,
        };
        let frozen = state.network.blocks().iter().filter(|block| block.frozen);
        Ok(Self {
            epochs,
            batch_size,
            seed,
            input_dropout,
            label_smoothing,
            epoch: state.position.epoch(),
            step: *step,
            loss_sum: *loss_sum,
            records: records.iter().map(record).collect(),
            optimizer: OptimizerEntry {
                name: optimizer.name.to_owned(),
                settings: optimizer.settings.iter().map(|&(name, value)| (name.to_owned(), value)).collect(),
                rates,
                counts: optimizer.counts.iter().map(|&(name, count)| (name.to_owned(), count)).collect(),
                memory: optimizer.memory.iter().map(|(name, _)| (*name).to_owned()).collect(),
            },
            frozen: frozen.map(|block| block.name.clone()).collect(),
            data: DataEntry {
                samples: state.data.samples,
                inputs: state.data.inputs,
                checksum: state.data.checksum,
            },
            notes: notes.clone(),
        })
    }

    /// The names of what the optimiser remembers, each there once.
    pub(super) fn memories(&self) -> Result<&[String], CheckpointProblem> {
        let names = &self.optimizer.memory;
        let mut seen = HashSet::new();
        match names.iter().find(|name| !seen.insert(name.as_str())) {
            Some(name) => {
                Err(CheckpointProblem::Position(format!("the optimiser's `{name}` is there twice")))
            }
            None => Ok(names),
        }
    }

    /// Training with the optimiser's memory, whose names [`memories`](Self::memories) gives; freezes the blocks of the
    /// network that were frozen.
    pub(super) fn into_training(
        self,
        network: &mut Network<f32>,
        memory: Vec<Vec<f32>>,
    ) -> Result<Training, CheckpointProblem> {
        let wrong = |what: &str| Err(CheckpointProblem::Position(what.to_owned()));
        if self.epochs == 0 || self.batch_size == 0 {
            return wrong("there are no epochs or no samples of a step");
        }
        let shares = [self.input_dropout, self.label_smoothing];
        if !shares.iter().all(|share| (0.0..1.0).contains(share)) {
            return wrong("input dropout or label smoothing is not a share");
        }
        if self.epoch != self.records.len() + 1 {
            return wrong("the epoch is not the one after the records");
        }
        let steps = self.data.samples.div_ceil(self.batch_size);
        if steps == 0 || self.data.inputs != network.inputs() {
            return wrong("its data have no samples, or not as many pixels as the network has inputs");
        }
        if self.step > steps {
            return wrong("there are more steps than an epoch has");
        }
        if self.records.iter().any(|record| record.steps != steps) {
            return wrong("an epoch that is done has not the steps of an epoch");
        }
        if !self.records.iter().all(|record| (0.0..=1.0).contains(&record.test_error)) {
            return wrong("a test error is not from 0 to 1");
        }
        if self.optimizer.rates.len() != network.blocks().len() {
            return wrong("there is not one learning rate a block");
        }
        if self.frozen.len() > network.blocks().len() {
            return wrong("there are more frozen blocks than blocks");
        }
        for name in &self.frozen {
            network.freeze(name)?;
        }
        let records = self.records.iter().enumerate().map(|(index, record)| Record {
            epoch: index + 1,
            steps: record.steps,
            train_loss: record.train_loss,
            test_error: record.test_error,
        });
        let OptimizerEntry { name, settings, rates, counts, memory: names } = self.optimizer;
        Ok(Training {
            settings: Settings {
                epochs: self.epochs,
                batch_size: self.batch_size,
                seed: self.seed,
                regularisation: Regularisation {
                    input_dropout: self.input_dropout,
                    label_smoothing: self.label_smoothing,
                },
            },
            position: Position { records: records.collect(), step: self.step, loss_sum: self.loss_sum },
            data: DataMark {
                samples: self.data.samples,
                inputs: self.data.inputs,
                checksum: self.data.checksum,
            },
            optimizer: SavedOptimizer {
                name,
                settings,
                rates,
                counts,
                memory: names.into_iter().zip(memory).collect(),
            },
            notes: self.notes,
        })
    }
}

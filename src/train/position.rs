//! Where training stands.

use super::{Record, Settings};
use crate::data::DataMark;
use crate::nn::{Network, Optimizer};

/// How far training has come: with the parameters, the optimiser and the [`Settings`], all that the rest of it
/// depends on.
///
/// The random generator needs no state of its own: the order of an epoch is drawn at its start from the seed and
/// the number of the epoch ([`generator`](super::generator)).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Position {
    /// The epochs that are done, one after the other from 1.
    pub records: Vec<Record>,
    /// The number of steps that are done of the epoch after them.
    pub step: usize,
    /// The sum of the losses of the samples of these steps, each at the parameters of its step.
    pub loss_sum: f64,
}

impl Position {
    /// The number of the epoch that is going on, from 1.
    #[must_use]
    pub fn epoch(&self) -> usize {
        self.records.len() + 1
    }
}

/// Training between two steps: what a checkpoint holds.
#[derive(Debug)]
pub struct State<'a, T> {
    /// The network.
    pub network: &'a Network<T>,
    /// The optimiser.
    pub optimizer: &'a dyn Optimizer<T>,
    /// What tells the data from others.
    pub data: DataMark,
    /// How long and in which order to train.
    pub settings: &'a Settings,
    /// How far training has come.
    pub position: &'a Position,
}

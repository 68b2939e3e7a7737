//! What training did, epoch by epoch.

use super::Evaluation;

/// One epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The number of steps; fewer than in other epochs when training was stopped in this one.
    pub steps: usize,
    /// The mean of the loss over the samples of the epoch, each at the parameters of its step.
    pub train_loss: f64,
    /// The share of the test samples that the network gets wrong after the epoch.
    pub test_error: f64,
}

/// All epochs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// One record an epoch; an epoch that was stopped after its first step or later is among them.
    pub records: Vec<Record>,
    /// The last evaluation on the test samples, class by class.
    pub evaluation: Evaluation,
    /// Whether the observer stopped the training.
    pub interrupted: bool,
}

impl History {
    /// The smallest test error; `None` before the first epoch.
    #[must_use]
    pub fn best_test_error(&self) -> Option<f64> {
        self.records.iter().map(|record| record.test_error).reduce(f64::min)
    }

    /// The mean test error of the last `count` epochs, or of all when there are fewer; `None` before the
    /// first epoch.
    #[must_use]
    pub fn last_test_errors(&self, count: usize) -> Option<f64> {
        let first = self.records.len().saturating_sub(count);
        let last = self.records.get(first..).filter(|last| !last.is_empty())?;
        Some(last.iter().map(|record| record.test_error).sum::<f64>() / last.len() as f64)
    }
}

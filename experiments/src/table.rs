//! Every trial and every epoch as CSV.

use gmlayer_cli::internal::Failure;

use crate::summary::Summary;

/// A line for each epoch of each trial of each run. Errors are fractions.
pub(crate) fn csv(summaries: &[Summary<'_>]) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header =
        ["run", "label", "parameters", "operations_per_image", "seed", "epoch", "train_loss", "test_error"];
    writer.write_record(header).map_err(Failure::other)?;
    for summary in summaries {
        for trial in &summary.trials {
            for epoch in &trial.epochs {
                let line = [
                    summary.run.name.clone(),
                    summary.label.to_owned(),
                    summary.parameters.to_string(),
                    summary.operations.to_string(),
                    trial.task.seed.to_string(),
                    epoch.epoch.to_string(),
                    epoch.train_loss.to_string(),
                    epoch.test_error.to_string(),
                ];
                writer.write_record(line).map_err(Failure::other)?;
            }
        }
    }
    writer.into_inner().map_err(Failure::other)
}

//! The results: a short table for people, one JSON object for programs.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use gmlayer::train::Evaluation;
use serde::Serialize;

use crate::arguments::{CoordinatesName, Model, OptimizerName, ScaleName, ScheduleName};
use crate::failure::Failure;
use crate::shown::{shown, shown_json};

/// What `train --json` prints. Errors are fractions.
#[derive(Debug, Serialize)]
pub(crate) struct TrainReport<'a> {
    pub(crate) dataset: &'a str,
    pub(crate) model: Model,
    pub(crate) components: Option<usize>,
    pub(crate) rank: Option<usize>,
    pub(crate) tied: Option<bool>,
    pub(crate) hidden: &'a [usize],
    pub(crate) parameters: usize,
    pub(crate) train_images: usize,
    pub(crate) test_images: usize,
    pub(crate) gamma: Option<f32>,
    pub(crate) output_gamma: Option<f32>,
    pub(crate) coordinates: Option<CoordinatesName>,
    pub(crate) scale: Option<ScaleName>,
    pub(crate) optimizer: OptimizerName,
    pub(crate) schedule: ScheduleName,
    pub(crate) learning_rate: f32,
    pub(crate) sigma_learning_rate: Option<f32>,
    pub(crate) batch_size: usize,
    pub(crate) input_dropout: f64,
    pub(crate) label_smoothing: f64,
    pub(crate) frozen: &'a [String],
    pub(crate) epochs: usize,
    pub(crate) interrupted: bool,
    pub(crate) train_loss: f64,
    pub(crate) test_error: f64,
    pub(crate) best_test_error: f64,
    pub(crate) last5_test_error: f64,
    pub(crate) errors_per_class: Vec<Option<f64>>,
    pub(crate) unclassified: usize,
    /// None where no epoch was trained.
    pub(crate) seconds_per_epoch: Option<f64>,
    pub(crate) seed: u64,
}

/// What `eval --json` prints. Errors are fractions.
#[derive(Debug, Serialize)]
pub(crate) struct EvalReport<'a> {
    pub(crate) dataset: &'a str,
    pub(crate) layers: Vec<&'static str>,
    pub(crate) parameters: usize,
    pub(crate) test_images: usize,
    pub(crate) test_error: f64,
    pub(crate) errors_per_class: Vec<Option<f64>>,
    pub(crate) unclassified: usize,
}

/// The share of errors of each class; none where the class has no image.
pub(crate) fn errors_per_class(evaluation: &Evaluation) -> Vec<Option<f64>> {
    evaluation.classes.iter().map(|class| class.error()).collect()
}

/// Prints the table, or in its place `report` where there is one.
pub(crate) fn print(
    dataset: &str,
    parameters: usize,
    evaluation: &Evaluation,
    seconds_per_epoch: Option<f64>,
    report: Option<&impl Serialize>,
) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match report {
        Some(report) => writeln!(out, "{}", json(report)?)?,
        None => writeln!(out, "{}", table(dataset, parameters, evaluation, seconds_per_epoch))?,
    }
    Ok(out.flush()?)
}

/// A report in one line for programs.
pub(crate) fn json(report: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(report).map(|text| shown_json(&text)).map_err(Failure::other)
}

fn table(dataset: &str, parameters: usize, evaluation: &Evaluation, seconds_per_epoch: Option<f64>) -> Table {
    let percent =
        |error: Option<f64>| error.map_or("-".to_owned(), |error| format!("{:.2} %", 100.0 * error));
    let mut table = Table::new();
    table.load_style(presets::ASCII_BORDERS_ONLY_CONDENSED);
    table.add_row(["data", &shown(dataset).to_string(), ""]);
    table.add_row(["parameters", &parameters.to_string(), ""]);
    if let Some(seconds) = seconds_per_epoch {
        table.add_row(["time an epoch", &format!("{seconds:.2} s"), ""]);
    }
    let counts = |count: gmlayer::train::ClassCount| format!("{} of {}", count.errors, count.samples);
    let total = evaluation.total();
    table.add_row(["test error", &percent(total.error()), &counts(total)]);
    for (class, &count) in evaluation.classes.iter().enumerate() {
        table.add_row([&format!("  class {class}"), &percent(count.error()), &counts(count)]);
    }
    if evaluation.unclassified > 0 {
        let count = format!("{} of {}", evaluation.unclassified, total.samples);
        table.add_row(["  no class: outputs infinite or NaN", "", &count]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use gmlayer::train::{ClassCount, Evaluation};

    use super::{errors_per_class, table};

    #[test]
    fn a_class_without_images_has_a_dash_and_no_class_has_a_line() {
        let classes = vec![ClassCount { samples: 4, errors: 1 }, ClassCount::default()];
        let evaluation = Evaluation { classes: classes.clone(), unclassified: 0 };
        assert_eq!(errors_per_class(&evaluation), [Some(0.25), None]);
        let text = table("digits", 5, &evaluation, None).to_string();
        let line = |start: &str| text.lines().find(|line| line.contains(start)).map(str::to_owned);
        assert!(line("class 1").is_some_and(|line| line.contains(" - ") && !line.contains('%')), "{text}");
        assert!(
            line("no class").is_none() && line("test error").is_some_and(|line| line.contains("25.00 %"))
        );
        let evaluation = Evaluation { classes, unclassified: 1 };
        assert!(table("digits", 5, &evaluation, None).to_string().contains("1 of 4"));
    }
}

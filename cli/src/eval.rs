//! `gmlayer eval`.

use gmlayer::train::{checkpoint, evaluate};

use crate::arguments::EvalArguments;
use crate::data;
use crate::failure::Failure;
use crate::report::{self, EvalReport};

/// Rows that are evaluated together.
const BATCH: usize = 64;

/// Loads a model and reports its errors.
pub(crate) fn run(arguments: &EvalArguments) -> Result<(), Failure> {
    let mut network = checkpoint::load(&arguments.model, BATCH).map_err(Failure::other)?;
    let (dataset, test) = data::load_test(&arguments.data)?;
    let evaluation = evaluate(&mut network, &test).map_err(Failure::other)?;
    let report = EvalReport {
        dataset: &dataset,
        layers: network.layers().map(|layer| layer.kind().name()).collect(),
        parameters: network.parameters().len(),
        test_images: test.len(),
        test_error: evaluation.total().error().unwrap_or(f64::NAN),
        errors_per_class: report::errors_per_class(&evaluation),
    };
    let json = arguments.json.then_some(&report);
    Ok(report::print(report.parameters, &evaluation, None, json)?)
}

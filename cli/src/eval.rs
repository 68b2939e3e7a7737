//! `gmlayer eval`.

use gmlayer::train::evaluate;

use crate::arguments::EvalArguments;
use crate::data;
use crate::failure::Failure;
use crate::report::{self, EvalReport};
use crate::saved::Saved;

/// Loads a model and reports its errors.
pub(crate) fn run(arguments: &EvalArguments) -> Result<(), Failure> {
    let saved = Saved::open(&arguments.model)?;
    let (test, source) = data::load_test(&arguments.data)?;
    let trained = saved.source();
    let mut network = saved.into_network()?;
    let evaluation = evaluate(&mut network, &test).map_err(Failure::other)?;
    source.compare(trained.as_ref());
    let report = EvalReport {
        dataset: &source.name,
        layers: network.layers().map(|layer| layer.kind().name()).collect(),
        parameters: network.parameters().len(),
        test_images: test.len(),
        test_error: evaluation.total().error().unwrap_or(f64::NAN),
        errors_per_class: report::errors_per_class(&evaluation),
        unclassified: evaluation.unclassified,
    };
    let json = arguments.json.then_some(&report);
    report::print(report.dataset, report.parameters, &evaluation, None, json)
}

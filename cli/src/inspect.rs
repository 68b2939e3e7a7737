//! `gmlayer inspect`.

use std::io::{self, Write};

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::arguments::InspectArguments;
use crate::failure::Failure;
use crate::layers::LayerReport;
use crate::report;
use crate::saved::Saved;
use crate::shown::shown;

/// What `inspect --json` prints.
#[derive(Debug, Serialize)]
struct InspectReport {
    layers: Vec<LayerReport>,
    parameters: usize,
    tensors: Vec<Tensor>,
    training: Option<Standing>,
}

#[derive(Debug, Serialize)]
struct Tensor {
    name: String,
    shape: Vec<usize>,
    frozen: bool,
    least: f32,
    largest: f32,
}

/// Where training stands.
#[derive(Debug, Serialize)]
struct Standing {
    epoch: usize,
    epochs: usize,
    step: usize,
    steps: usize,
    batch_size: usize,
    seed: u64,
    dataset: Option<String>,
    optimizer: String,
    /// One a tensor.
    learning_rates: Vec<f32>,
    train_images: usize,
    train_loss: Option<f64>,
    test_error: Option<f64>,
}

/// Prints what a file holds, all of which has been checked.
pub(crate) fn run(arguments: &InspectArguments) -> Result<(), Failure> {
    let saved = Saved::open(&arguments.model)?;
    let (network, source) = (&saved.network, saved.source());
    let tensors = network.blocks().iter().map(|block| {
        let values = network.block(&block.name).unwrap_or(&[]);
        Tensor {
            name: block.name.clone(),
            shape: block.dimensions.clone(),
            frozen: block.frozen,
            least: values.iter().copied().fold(f32::INFINITY, f32::min),
            largest: values.iter().copied().fold(f32::NEG_INFINITY, f32::max),
        }
    });
    let training = saved.training.map(|training| Standing {
        epoch: training.position.epoch(),
        epochs: training.settings.epochs,
        step: training.position.step,
        steps: training.data.samples.div_ceil(training.settings.batch_size.max(1)),
        batch_size: training.settings.batch_size,
        seed: training.settings.seed,
        dataset: source.map(|source| source.name),
        optimizer: training.optimizer.name,
        // As they were given: those of the program are numbers of 32 bits.
        learning_rates: training.optimizer.rates.iter().map(|&rate| rate as f32).collect(),
        train_images: training.data.samples,
        train_loss: training.position.records.last().map(|record| record.train_loss),
        test_error: training.position.records.last().map(|record| record.test_error),
    });
    let report = InspectReport {
        layers: network.layers().map(LayerReport::of).collect(),
        parameters: network.parameters().len(),
        tensors: tensors.collect(),
        training,
    };
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", report::json(&report)?)?;
    } else {
        writeln!(out, "{}", table(&report))?;
    }
    Ok(out.flush()?)
}

fn table(report: &InspectReport) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_BORDERS_ONLY_CONDENSED);
    for (index, layer) in report.layers.iter().enumerate() {
        table.add_row([&format!("layer {index}"), &layer.to_string(), &layer.choices()]);
    }
    table.add_row(["parameters", &report.parameters.to_string(), ""]);
    for Tensor { name, shape, frozen, least, largest } in &report.tensors {
        let frozen = if *frozen { ", frozen" } else { "" };
        table.add_row([
            &format!("  {name}"),
            &format!("{shape:?}"),
            &format!("{least} to {largest}{frozen}"),
        ]);
    }
    let Some(training) = &report.training else {
        table.add_row(["training", "none", ""]);
        return table;
    };
    let Standing { epoch, epochs, step, steps, batch_size, seed, optimizer, train_images, .. } = training;
    let done = format!("{} of {} epochs", epoch - 1, epochs.max(&(epoch - 1)));
    table.add_row(["training", &done, &format!("{step} of {steps} steps of the next")]);
    let optimizer = shown(optimizer).to_string();
    let rates: Vec<String> = training.learning_rates.iter().map(f32::to_string).collect();
    table.add_row(["  optimizer", &optimizer, &format!("rates {}", rates.join(", "))]);
    if let Some(name) = &training.dataset {
        table.add_row(["  data", &shown(name).to_string(), ""]);
    }
    table.add_row(["  images", &train_images.to_string(), &format!("{batch_size} a step, seed {seed}")]);
    if let (Some(loss), Some(error)) = (training.train_loss, training.test_error) {
        table.add_row([
            "  last epoch",
            &format!("loss {loss:.4}"),
            &format!("test error {:.2} %", 100.0 * error),
        ]);
    }
    table
}

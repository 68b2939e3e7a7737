//! `gmlayer export`: a trained layer as source text or bytes, for a device without an allocator, and any network as an
//! ONNX graph.

mod blob;
mod block;
mod joint;
mod measure;
mod onnx;
mod source;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use gmlayer::data::Samples;
use gmlayer::diagonal::{Form, Scale};
use gmlayer::joint::JointShape;
use gmlayer::nn::{LayerKind, Network};
use gmlayer::train::evaluate;
use gmlayer::{Shape, compact};
use serde::Serialize;

use crate::arguments::{ExportArguments, Format, Precision};
use crate::data;
use crate::failure::Failure;
use crate::output;
use crate::report;
use crate::saved::{self, Saved, is_standard};
use crate::shown::shown;
use crate::signal::end_on_signal;
use block::{Block, Values};

/// The layer that is exported.
#[derive(Debug, Clone, Copy)]
enum Exported {
    Diagonal(Shape, Form),
    Joint(JointShape, Scale),
}

impl Exported {
    /// Inputs, outputs, components.
    fn dimensions(&self) -> [usize; 3] {
        match self {
            Self::Diagonal(shape, _) => [shape.inputs(), shape.outputs(), shape.components()],
            Self::Joint(shape, _) => [shape.inputs(), shape.outputs(), shape.components()],
        }
    }

    /// Its sizes by name, in the order of its shape.
    fn sizes(&self) -> Vec<(&'static str, usize)> {
        let [inputs, outputs, components] = self.dimensions();
        let mut sizes = vec![("inputs", inputs), ("outputs", outputs), ("components", components)];
        if let Self::Joint(shape, _) = self {
            sizes.push(("rank", shape.rank()));
        }
        sizes
    }

    /// Whether its components share their factors of β.
    fn is_tied(&self) -> bool {
        matches!(self, Self::Joint(shape, _) if shape.is_tied())
    }
}

/// What `export --json` prints. Errors are fractions.
#[derive(Debug, Serialize)]
struct ExportReport<'a> {
    dataset: &'a str,
    precision: Precision,
    inputs: usize,
    outputs: usize,
    components: usize,
    bytes: usize,
    /// Constants that are not 0 in the model and 0 in `f16`.
    flushed: usize,
    test_images: usize,
    test_error: f64,
    test_error_before: f64,
}

/// Converts a model, writes it and says what it costs in memory and errors.
pub(crate) fn run(arguments: &ExportArguments) -> Result<(), Failure> {
    if arguments.name.is_some() && arguments.format != Format::C {
        return Err(Failure::usage(
            "--name is for --format c: a Rust module and bytes have no names to tell apart",
        ));
    }
    if arguments.parameters && (arguments.format == Format::Bin || arguments.precision != Precision::F32) {
        return Err(Failure::usage("--parameters are written as source text in f32: --format rust or c"));
    }
    if arguments.format == Format::Onnx {
        refuse_for_onnx(arguments)?;
    }
    end_on_signal()?;
    let output = target(arguments)?;
    let to_standard = is_standard(&output);
    if !to_standard {
        let data = output::data_files(&arguments.data);
        let model = saved::file(&arguments.model);
        output::check(&output, data.iter().map(PathBuf::as_path).chain([model]))?;
    }
    let saved = Saved::open(&arguments.model)?;
    if arguments.format == Format::Onnx {
        let (bytes, report) = onnx::write(&saved.network)?;
        deliver(&output, &bytes)?;
        return say(&output, |out| onnx::print(out, &output, &report, arguments.json));
    }
    let exported = only_layer(&saved.network)?;
    let (test, source) = data::load_test(&arguments.data)?;
    let trained = saved.source();
    let mut network = saved.into_network()?;
    let before = evaluate(&mut network, &test).map_err(Failure::other)?.total().error().unwrap_or(f64::NAN);

    let mut after = before;
    let (blocks, values) = match exported {
        Exported::Joint(shape, scale) => {
            let source = arguments.format != Format::Bin && arguments.precision == Precision::F32;
            if !source || arguments.parameters {
                return Err(Failure::usage(
                    "a joint layer is exported for inference in f32: --format rust or c, --precision f32",
                ));
            }
            joint::constants((shape, scale), &network, &test)?
        }
        Exported::Diagonal(shape, form) if arguments.parameters => {
            (vec![Block::parameters(shape, form, network.parameters().to_vec())], Vec::new())
        }
        Exported::Diagonal(shape, form) => {
            let blocks = block::constants(shape, form, &network, arguments.precision)?;
            let mut values = first_image(&test)?;
            let bytes =
                blob::write(shape, arguments.precision, &blocks, &values, &vec![0.0; shape.outputs()]);
            let model = compact::Blob::new(&bytes).map_err(Failure::other)?.model;
            values.extend(measure::forward(&model, &values)?);
            after = measure::test_error(&model, &test)?;
            (blocks, values)
        }
    };
    let test_vector = values.split_at_checked(test.inputs());

    let name = arguments.name.clone().unwrap_or_else(|| name(&output));
    let bytes = match (arguments.format, exported, test_vector) {
        (Format::Bin, Exported::Diagonal(shape, _), Some((x, y))) => {
            blob::write(shape, arguments.precision, &blocks, x, y)
        }
        (Format::C, ..) => source::c(&name, &exported, &blocks, test_vector).into_bytes(),
        _ => source::rust(&exported, arguments.precision, &blocks, test_vector).into_bytes(),
    };
    deliver(&output, &bytes)?;

    let [inputs, outputs, components] = exported.dimensions();
    let report = ExportReport {
        dataset: &source.name,
        precision: arguments.precision,
        inputs,
        outputs,
        components,
        bytes: blocks.iter().map(|block| block.values.bytes()).sum(),
        flushed: blocks.iter().map(|block| block.flushed).sum(),
        test_images: test.len(),
        test_error: after,
        test_error_before: before,
    };
    source.compare(trained.as_ref());
    say(&output, |out| print(out, &output, &report, arguments.json))
}

/// Refuses what is for devices: the graph takes the whole network as it is, and is not run here.
fn refuse_for_onnx(arguments: &ExportArguments) -> Result<(), Failure> {
    let given = [
        ("--precision", arguments.precision != Precision::F32),
        ("--parameters", arguments.parameters),
        ("--data", arguments.data.data.is_some()),
        ("--test-images", arguments.data.test_images.is_some()),
        ("--side", arguments.data.side.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::usage(format!(
            "{option} has no meaning with --format onnx, which takes the whole network in f32 and no data"
        ))),
        None => Ok(()),
    }
}

/// Writes the file, or to standard output.
fn deliver(output: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if is_standard(output) {
        let mut out = std::io::stdout().lock();
        return Ok(out.write_all(bytes).and_then(|()| out.flush())?);
    }
    output::replace(output, bytes)
}

/// Prints the results: standard output holds the model, and nothing else, where that was asked for.
fn say(output: &Path, print: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> Result<(), Failure> {
    match is_standard(output) {
        true => print(&mut std::io::stderr().lock()),
        false => print(&mut std::io::stdout().lock()),
    }
}

fn print(out: &mut dyn Write, output: &Path, report: &ExportReport<'_>, json: bool) -> Result<(), Failure> {
    if json {
        return Ok(writeln!(out, "{}", report::json(report)?)?);
    }
    writeln!(out, "{}", output.display())?;
    writeln!(out, "data                {}", shown(report.dataset))?;
    writeln!(out, "bytes of the model  {}", report.bytes)?;
    if report.flushed > 0 {
        writeln!(out, "too small for f16   {} constants, which are 0 now", report.flushed)?;
    }
    let (after, before) = (100.0 * report.test_error, 100.0 * report.test_error_before);
    writeln!(out, "test error          {after:.2} % ({before:.2} % before), {} images", report.test_images)?;
    Ok(())
}

/// A network's only layer.
fn only_layer(network: &Network<f32>) -> Result<Exported, Failure> {
    match network.layers().map(|layer| layer.kind()).collect::<Vec<_>>()[..] {
        [LayerKind::Diagonal { shape, form, .. }] => Ok(Exported::Diagonal(shape, form)),
        [LayerKind::Joint { shape, scale, .. }] => Ok(Exported::Joint(shape, scale)),
        _ => Err(Failure::other(
            "only a model of one diagonal or joint layer can be exported, but for --format onnx",
        )),
    }
}

fn first_image(samples: &Samples) -> Result<Vec<f32>, Failure> {
    let mut image = vec![0.0; samples.inputs()];
    samples.batch(&[0], &mut image).map_err(Failure::other)?;
    Ok(image)
}

/// The file to write. Without `--output` that is none that anything but an export has made.
fn target(arguments: &ExportArguments) -> Result<PathBuf, Failure> {
    if let Some(output) = &arguments.output {
        return Ok(output.clone());
    }
    let (ending, start) = match arguments.format {
        Format::Rust => ("rs", source::RUST_START.as_bytes()),
        Format::C => ("h", source::C_START.as_bytes()),
        Format::Bin => ("bin", &compact::MAGIC[..]),
        Format::Onnx => ("onnx", onnx::START),
    };
    if is_standard(&arguments.model) {
        return Ok(arguments.model.clone());
    }
    let mut name = arguments.model.file_stem().unwrap_or_default().to_owned();
    name.push(if arguments.parameters { "_parameters." } else { "." });
    name.push(ending);
    let output = arguments.model.with_file_name(name);
    // Whether something other than a file is there is asked later.
    if output.is_file() && !begins_with(&output, start) {
        let output = output.display();
        return Err(Failure::usage(format!("{output} is no export; name the file to write with --output")));
    }
    Ok(output)
}

fn begins_with(path: &Path, start: &[u8]) -> bool {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(start.len() as u64).read_to_end(&mut bytes));
    read.is_ok() && bytes == start
}

/// The file's name as an identifier.
fn name(path: &Path) -> String {
    if is_standard(path) {
        return "model".to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("model_{name}") }
}

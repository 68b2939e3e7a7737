//! `gmlayer export`: a trained layer as source text or bytes, for a device without an allocator.

mod blob;
mod block;
mod joint;
mod measure;
mod source;

use std::io::Write;
use std::path::{Path, PathBuf};

use gmlayer::data::Samples;
use gmlayer::diagonal::{Form, Scale};
use gmlayer::joint::JointShape;
use gmlayer::nn::{LayerKind, Network};
use gmlayer::train::{checkpoint, evaluate};
use gmlayer::{Shape, compact};
use serde::Serialize;

use crate::arguments::{ExportArguments, Format, Precision};
use crate::data;
use crate::failure::Failure;
use crate::report;
use crate::saved::{Saved, is_standard};
use crate::shown::shown;
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
    test_images: usize,
    test_error: f64,
    test_error_before: f64,
}

/// Converts a model, writes it and says what it costs in memory and errors.
pub(crate) fn run(arguments: &ExportArguments) -> Result<(), Failure> {
    if arguments.parameters && (arguments.format == Format::Bin || arguments.precision != Precision::F32) {
        return Err(Failure::usage("--parameters are written as source text in f32: --format rust or c"));
    }
    let output = target(arguments);
    let to_standard = is_standard(&output);
    if !to_standard {
        checkpoint::check_target(&output).map_err(Failure::other)?;
    }
    let saved = Saved::open(&arguments.model)?;
    let exported = only_layer(&saved.network)?;
    let (test, source) = data::load_test(&arguments.data)?;
    let trained = saved.source();
    let mut network = saved.into_network()?;
    let before = evaluate(&mut network, &test).map_err(Failure::other)?.total().error();

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

    let name = name(&output);
    let bytes = match (arguments.format, exported, test_vector) {
        (Format::Bin, Exported::Diagonal(shape, _), Some((x, y))) => {
            blob::write(shape, arguments.precision, &blocks, x, y)
        }
        (Format::C, ..) => source::c(&name, &exported, &blocks, test_vector).into_bytes(),
        _ => source::rust(&exported, arguments.precision, &blocks, test_vector).into_bytes(),
    };
    if to_standard {
        let mut out = std::io::stdout().lock();
        out.write_all(&bytes).and_then(|()| out.flush())?;
    } else {
        write(&output, &bytes)
            .map_err(|error| Failure::other(format!("cannot write {}: {error}", output.display())))?;
    }

    let [inputs, outputs, components] = exported.dimensions();
    let report = ExportReport {
        dataset: &source.name,
        precision: arguments.precision,
        inputs,
        outputs,
        components,
        bytes: blocks.iter().map(|block| block.values.bytes()).sum(),
        test_images: test.len(),
        test_error: after,
        test_error_before: before,
    };
    source.compare(trained.as_ref());
    // Standard output holds the model, and nothing else, where that was asked for.
    match to_standard {
        true => print(std::io::stderr().lock(), &output, &report, arguments.json),
        false => print(std::io::stdout().lock(), &output, &report, arguments.json),
    }
}

fn print(mut out: impl Write, output: &Path, report: &ExportReport<'_>, json: bool) -> Result<(), Failure> {
    writeln!(out, "{}", output.display())?;
    writeln!(out, "data                {}", shown(report.dataset))?;
    writeln!(out, "bytes of the model  {}", report.bytes)?;
    let (after, before) = (100.0 * report.test_error, 100.0 * report.test_error_before);
    writeln!(out, "test error          {after:.2} % ({before:.2} % before), {} images", report.test_images)?;
    if json {
        writeln!(out, "{}", report::json(report)?)?;
    }
    Ok(())
}

/// A network's only layer.
fn only_layer(network: &Network<f32>) -> Result<Exported, Failure> {
    match network.layers().map(|layer| layer.kind()).collect::<Vec<_>>()[..] {
        [LayerKind::Diagonal { shape, form, .. }] => Ok(Exported::Diagonal(shape, form)),
        [LayerKind::Joint { shape, scale, .. }] => Ok(Exported::Joint(shape, scale)),
        _ => Err(Failure::other("only a model of one diagonal or joint layer can be exported")),
    }
}

fn first_image(samples: &Samples) -> Result<Vec<f32>, Failure> {
    let mut image = vec![0.0; samples.inputs()];
    samples.batch(&[0], &mut image).map_err(Failure::other)?;
    Ok(image)
}

/// The file to write.
fn target(arguments: &ExportArguments) -> PathBuf {
    let ending = match arguments.format {
        Format::Rust => "rs",
        Format::C => "h",
        Format::Bin => "bin",
    };
    let beside = || match is_standard(&arguments.model) {
        true => arguments.model.clone(),
        false => arguments.model.with_extension(ending),
    };
    arguments.output.clone().unwrap_or_else(beside)
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

/// Writes a file whole, or leaves what was there.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)] // as for any new file, not for the owner's eyes alone
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".gmlayer-").tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

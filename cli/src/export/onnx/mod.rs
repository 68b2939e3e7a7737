//! A network as an ONNX graph: `x [N, inputs]` → `y [N, outputs]` in `f32`, standard operators alone.
//!
//! The operators are those of opset 13 (2020): every runtime in use reads it, and axes of sums are inputs there as in
//! all later ones. Logits agree with the network's to about 10⁻⁶ of the largest of their row, as long as the squares
//! of a layer's deviations s, for inputs of size 1, are normal numbers: s above 10⁻¹⁹.

mod graph;
mod layers;
mod message;
mod rectified;

use std::io::Write;
use std::path::Path;

use gmlayer::nn::{LayerKind, Network};
use serde::Serialize;

use crate::failure::Failure;
use crate::layers::LayerReport;
use crate::report;
use graph::Graph;
use message::Message;

/// What the files of [`write`] begin with: the version of the format and the producer's name.
pub(super) const START: &[u8] = b"\x08\x07\x12\x07gmlayer";

/// The version of the format that came with [`OPSET`].
const IR_VERSION: u64 = 7;
const OPSET: u64 = 13;

/// The largest message that readers of protocol buffers take.
const MOST_BYTES: usize = i32::MAX as usize;

/// What `export --format onnx --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct OnnxReport {
    format: &'static str,
    opset: u64,
    layers: Vec<String>,
    inputs: usize,
    outputs: usize,
    nodes: usize,
    /// Of the file.
    bytes: usize,
}

/// The bytes of the file, and what to say of them.
pub(super) fn write(network: &Network<f32>) -> Result<(Vec<u8>, OnnxReport), Failure> {
    let mut graph = Graph::default();
    let mut layers = Vec::new();
    let mut x = "x".to_owned();
    for (index, layer) in network.layers().enumerate() {
        graph.begin(index);
        let kind = layer.kind();
        layers.push(LayerReport::of(layer).to_string());
        let blocks = |name: &str| {
            let name = format!("{index}.{name}");
            network.block(&name).ok_or_else(|| Failure::other(format!("the network has no block `{name}`")))
        };
        x = match kind {
            LayerKind::Diagonal { shape, form, .. } => {
                layers::diagonal(&mut graph, shape, form, &blocks, &x)?
            }
            LayerKind::Joint { shape, scale, .. } => layers::joint(&mut graph, shape, scale, &blocks, &x)?,
            LayerKind::Dense { inputs, outputs, bias } => {
                layers::dense(&mut graph, (inputs, outputs, bias), &blocks, &x)?
            }
            LayerKind::Relu { .. } => graph.apply("Relu", &[&x]),
            other => {
                return Err(Failure::other(format!(
                    "a layer of the kind `{}` has no ONNX form",
                    other.name()
                )));
            }
        };
    }
    graph.output("y", &x);
    let (inputs, outputs, nodes) = (network.inputs(), network.outputs(), graph.nodes());
    let about =
        format!("{}. x: rows of inputs as in training; y: scores, before a softmax.", layers.join(", "));
    let bytes = Message::default()
        .int(1, IR_VERSION)
        .text(2, "gmlayer")
        .text(3, env!("CARGO_PKG_VERSION"))
        .text(6, &about)
        .message(7, &graph.into_message(("x", inputs), ("y", outputs)))
        .message(8, &Message::default().text(1, "").int(2, OPSET))
        .into_bytes();
    if bytes.len() > MOST_BYTES {
        return Err(Failure::other("the network is too large: an ONNX file holds at most 2 GiB"));
    }
    let report =
        OnnxReport { format: "onnx", opset: OPSET, layers, inputs, outputs, nodes, bytes: bytes.len() };
    Ok((bytes, report))
}

/// Prints what was written.
pub(super) fn print(
    out: &mut dyn Write,
    output: &Path,
    report: &OnnxReport,
    json: bool,
) -> Result<(), Failure> {
    if json {
        return Ok(writeln!(out, "{}", report::json(report)?)?);
    }
    writeln!(out, "{}", output.display())?;
    writeln!(out, "network             {}", report.layers.join(", "))?;
    writeln!(
        out,
        "graph               {} nodes of opset {}, {} bytes",
        report.nodes, report.opset, report.bytes
    )?;
    Ok(())
}

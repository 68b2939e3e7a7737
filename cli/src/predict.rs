//! `gmlayer predict`.

use std::io::{self, BufWriter, Write};

use flate2::Crc;
use gmlayer::data::Images;
use gmlayer::train::{TrainError, classify};
use serde::Serialize;

use crate::arguments::PredictArguments;
use crate::failure::Failure;
use crate::memory;
use crate::saved::{Saved, is_standard};

/// One image, with `--json`.
#[derive(Debug, Serialize)]
struct Prediction<'a> {
    /// None where an output is infinite or NaN.
    class: Option<usize>,
    /// The outputs of the network.
    scores: &'a [f32],
    /// Their softmax.
    probabilities: &'a [f64],
}

/// Prints a line for each image.
pub(crate) fn run(arguments: &PredictArguments) -> Result<(), Failure> {
    let of_standard = is_standard(&arguments.images);
    if of_standard && is_standard(&arguments.model) {
        return Err(Failure::usage("only one of <MODEL> and --images can be read from standard input"));
    }
    let saved = Saved::open(&arguments.model)?;
    let source = saved.source();
    let images = match of_standard {
        true => Images::from_reader("standard input", io::stdin()),
        false => Images::open(&arguments.images),
    };
    let (mut images, mut network) = (images.map_err(Failure::other)?, saved.into_network()?);
    if images.inputs() != network.inputs() {
        let (network, data) = (network.inputs(), images.inputs());
        return Err(Failure::other(TrainError::Inputs { network, data }));
    }
    let (inputs, outputs) = (network.inputs(), network.outputs());
    let len = network.batch().saturating_mul(inputs);
    let (mut pixels, mut x) = (memory::zeros::<u8>(len)?, memory::zeros(len)?);
    let mut probabilities = memory::zeros(outputs)?;
    let mut checksum = Crc::new();
    let mut out = BufWriter::new(io::stdout().lock());
    while let count @ 1.. = images.read(&mut pixels).map_err(Failure::other)? {
        for (x, &pixel) in x.iter_mut().zip(&pixels) {
            *x = f32::from(pixel) / 255.0;
        }
        let (x, _) = x.split_at(count * inputs);
        checksum.update(pixels.split_at(count * inputs).0);
        for y in network.forward(x).map_err(Failure::other)?.chunks(outputs) {
            let class = classify(y);
            if arguments.json {
                softmax(y, &mut probabilities);
                let line =
                    serde_json::to_string(&Prediction { class, scores: y, probabilities: &probabilities })
                        .map_err(Failure::other)?;
                writeln!(out, "{line}")?;
            } else {
                writeln!(out, "{}", class.map_or("none".to_owned(), |class| class.to_string()))?;
            }
        }
    }
    out.flush()?;
    if let Some(source) = source {
        source.compare_images(checksum.sum());
    }
    Ok(())
}

/// eʸ / Σ eʸ.
fn softmax(y: &[f32], probabilities: &mut Vec<f64>) {
    let most = y.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    probabilities.clear();
    probabilities.extend(y.iter().map(|&y| f64::from(y - most).exp()));
    let sum: f64 = probabilities.iter().sum();
    for probability in probabilities {
        *probability /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::softmax;

    #[test]
    fn probabilities_of_large_outputs() {
        let mut probabilities = Vec::new();
        softmax(&[1e30, 1e30, -1e30], &mut probabilities);
        assert_eq!(probabilities, [0.5, 0.5, 0.0]);
    }
}

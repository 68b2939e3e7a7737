//! `gmlayer predict`.

use std::io::{self, BufWriter, Write};

use gmlayer::data::Images;
use gmlayer::train::{TrainError, checkpoint, classify};
use serde::Serialize;

use crate::arguments::PredictArguments;
use crate::failure::Failure;

/// Images that are in memory at a time.
const BATCH: usize = 64;

/// One image, with `--json`.
#[derive(Debug, Serialize)]
struct Prediction<'a> {
    /// None where an output is infinite or NaN.
    class: Option<usize>,
    probabilities: &'a [f64],
}

/// Prints a line for each image.
pub(crate) fn run(arguments: &PredictArguments) -> Result<(), Failure> {
    let mut network = checkpoint::load(&arguments.model, BATCH).map_err(Failure::other)?;
    let mut images = Images::open(&arguments.images).map_err(Failure::other)?;
    if images.inputs() != network.inputs() {
        let (network, data) = (network.inputs(), images.inputs());
        return Err(Failure::other(TrainError::Inputs { network, data }));
    }
    let (inputs, outputs) = (network.inputs(), network.outputs());
    let mut pixels = vec![0; BATCH * inputs];
    let mut x = vec![0.0; BATCH * inputs];
    let mut probabilities = Vec::with_capacity(outputs);
    let mut out = BufWriter::new(io::stdout().lock());
    while let count @ 1.. = images.read(&mut pixels).map_err(Failure::other)? {
        for (x, &pixel) in x.iter_mut().zip(&pixels) {
            *x = f32::from(pixel) / 255.0;
        }
        let (x, _) = x.split_at(count * inputs);
        for y in network.forward(x).map_err(Failure::other)?.chunks(outputs) {
            let class = classify(y);
            if arguments.json {
                softmax(y, &mut probabilities);
                let line = serde_json::to_string(&Prediction { class, probabilities: &probabilities })
                    .map_err(Failure::other)?;
                writeln!(out, "{line}")?;
            } else {
                writeln!(out, "{}", class.map_or("none".to_owned(), |class| class.to_string()))?;
            }
        }
    }
    Ok(out.flush()?)
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

//! The host's side of the images: the samples that they read, and what they have to compute, to the bit.
//!
//! `cargo run -p host` compares both with the files in `images/data`, `cargo run -p host -- write` writes them. The
//! models there are written by the program `gmlayer`, as `run.sh` says.

mod model;
#[path = "../../images/src/recipe.rs"]
mod recipe;
mod results;
#[path = "../../images/src/sample.rs"]
mod sample;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use gmlayer::data::{Samples, digits};

/// The seed of the built-in digits.
const SEED: u64 = 0;
/// Digits to classify.
const STORED: usize = 300;
/// Digits to train on: those after the first 2,000, which the starting parameters have seen.
const SEEN: usize = 2000;
const SAMPLES: usize = 200;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let data = digits(SEED, SEEN + SAMPLES, STORED)?.shrunk(8)?;
    let (stored, samples) = (records(&data.test, 0), records(&data.train, SEEN));
    let files = [
        ("expected.rs", expected(&stored, &samples)?.into_bytes()),
        ("stored.bin", stored),
        ("samples.bin", samples),
    ];

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../images/data");
    let write = std::env::args().nth(1).as_deref() == Some("write");
    let mut same = true;
    for (name, bytes) in files {
        let path = folder.join(name);
        if write {
            std::fs::write(path, bytes)?;
        } else if std::fs::read(&path)? != bytes {
            eprintln!("{} is not what this host computes", path.display());
            same = false;
        }
    }
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A label and the pixels of each sample from `first` on.
fn records(samples: &Samples, first: usize) -> Vec<u8> {
    let images = samples.images().chunks_exact(samples.inputs());
    let records = samples.labels().iter().zip(images).skip(first);
    records.flat_map(|(&label, image)| [&[label], image].concat()).collect()
}

/// The text of `expected.rs`.
fn expected(stored: &[u8], samples: &[u8]) -> Result<String, gmlayer::Error> {
    let mut text = String::new();
    let scores =
        [("F32", results::f32(stored)?), ("F16", results::f16(stored)?), ("I8", results::i8(stored)?)];
    for (name, (errors, checksum)) in scores {
        text += &format!(
            "pub const {name}: Scores = Scores {{ errors: {errors}, checksum: {checksum:#010x} }};\n"
        );
    }
    let (parameters, losses) = results::training(samples)?;
    let means = losses.map(f32::from_bits);
    text += &format!(
        "// Mean losses: {means:?}.\npub const TRAINING: Training =\n    \
         Training {{ parameters: {parameters:#010x}, losses: {losses:#010x?} }};\n"
    );
    Ok(text)
}

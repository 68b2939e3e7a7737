//! The host's side of the images: the samples that they read, and what they have to compute, to the bit.
//!
//! `cargo run -p host` compares both with the files in `images/data`, `cargo run -p host -- write` writes them. The
//! models there are written by the program `gmlayer`, as `run.sh` says.

mod model;
#[path = "../../images/src/recipe.rs"]
mod recipe;
#[path = "../../images/src/sample.rs"]
mod sample;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use gmlayer::compact::Checksum;
use gmlayer::data::{Samples, digits};
use gmlayer::diagonal::Online;
use gmlayer::loss::cross_entropy;
use sample::{INPUTS, OUTPUTS, SAMPLE_LEN, largest, pixels};

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
    let mut work = [0.0; 3 * INPUTS];
    text += &scores("F32", (&model::f32::INPUT, &model::f32::OUTPUT), stored, |x, y| {
        model::f32::MODEL.forward(x, y, &mut work)
    })?;
    text += &scores("F16", (&model::f16::INPUT, &model::f16::OUTPUT), stored, |x, y| {
        model::f16::MODEL.forward(x, y, &mut work)
    })?;
    let mut work = [0; 2 * INPUTS];
    text += &scores("I8", (&model::i8::INPUT, &model::i8::OUTPUT), stored, |x, y| {
        model::i8::MODEL.forward(x, y, &mut work)
    })?;
    text += &training(samples)?;
    Ok(text)
}

fn scores(
    name: &str,
    (input, output): (&[f32; INPUTS], &[f32; OUTPUTS]),
    stored: &[u8],
    mut forward: impl FnMut(&[f32], &mut [f32]) -> Result<(), gmlayer::Error>,
) -> Result<String, gmlayer::Error> {
    let (mut x, mut y) = ([0.0; INPUTS], [0.0; OUTPUTS]);
    forward(input, &mut y)?;
    assert_eq!(&y, output, "the test vector of the model in {name}");
    let (mut errors, mut checksum) = (0, Checksum::new());
    for sample in stored.as_chunks::<SAMPLE_LEN>().0 {
        let label = pixels(sample, &mut x);
        forward(&x, &mut y)?;
        errors += u32::from(largest(&y) != label);
        for score in y {
            checksum = checksum.with(&score.to_le_bytes());
        }
    }
    let checksum = checksum.value();
    Ok(format!("pub const {name}: Scores = Scores {{ errors: {errors}, checksum: {checksum:#010x} }};\n"))
}

fn training(samples: &[u8]) -> Result<String, gmlayer::Error> {
    let mut parameters = model::start::PARAMETERS;
    let shape = model::start::SHAPE;
    let mut layer = Online::new(shape, &mut parameters)?;
    let mut work = vec![0.0; Online::<f32>::workspace_len(shape)];
    let (mut x, mut y, mut g) = ([0.0; INPUTS], [0.0; OUTPUTS], [0.0; OUTPUTS]);
    let mut losses = [0; recipe::EPOCHS];
    for loss in &mut losses {
        let (mut sum, mut count) = (0.0_f32, 0.0);
        for sample in samples.as_chunks::<SAMPLE_LEN>().0 {
            let label = pixels(sample, &mut x);
            layer.forward(&x, &mut y, &mut work)?;
            sum += cross_entropy(&y, OUTPUTS, &[label], Some(&mut g))?;
            layer.step(&x, &g, &recipe::RATES, &mut work)?;
            count += 1.0;
        }
        *loss = (sum / count).to_bits();
    }
    let checksum =
        layer.parameters().iter().fold(Checksum::new(), |sum, value| sum.with(&value.to_le_bytes())).value();
    let means = losses.map(f32::from_bits);
    Ok(format!(
        "// Mean losses: {means:?}.\npub const TRAINING: Training =\n    \
         Training {{ parameters: {checksum:#010x}, losses: {losses:#010x?} }};\n"
    ))
}

//! What the images have to compute, from the stored samples; shared with the WebAssembly module.

use gmlayer::Error;
use gmlayer::compact::Checksum;
use gmlayer::diagonal::Online;
use gmlayer::loss::cross_entropy;

use crate::model::{self, start};
use crate::recipe::{EPOCHS, RATES};
use crate::sample::{INPUTS, OUTPUTS, SAMPLE_LEN, largest, pixels};

/// The classification of the stored digits: errors, and the checksum of the bits of all scores.
pub(crate) type Scores = (u32, u32);

/// By the model in `f32`.
pub(crate) fn f32(stored: &[u8]) -> Result<Scores, Error> {
    let mut scratch = [0.0; model::f32::MODEL.scratch_len()];
    let test = (&model::f32::INPUT, &model::f32::OUTPUT);
    scores(stored, test, |x, y| model::f32::MODEL.forward(x, y, &mut scratch))
}

/// By the model in `f16`.
pub(crate) fn f16(stored: &[u8]) -> Result<Scores, Error> {
    let mut scratch = [0.0; model::f16::MODEL.scratch_len()];
    let test = (&model::f16::INPUT, &model::f16::OUTPUT);
    scores(stored, test, |x, y| model::f16::MODEL.forward(x, y, &mut scratch))
}

/// By the model in `i8`.
pub(crate) fn i8(stored: &[u8]) -> Result<Scores, Error> {
    let mut scratch = [0; model::i8::MODEL.scratch_len()];
    let test = (&model::i8::INPUT, &model::i8::OUTPUT);
    scores(stored, test, |x, y| model::i8::MODEL.forward(x, y, &mut scratch))
}

/// A model that does not give its own test vector has the checksum 0.
fn scores(
    stored: &[u8],
    (input, output): (&[f32; INPUTS], &[f32; OUTPUTS]),
    mut forward: impl FnMut(&[f32], &mut [f32]) -> Result<(), Error>,
) -> Result<Scores, Error> {
    let (mut x, mut y) = ([0.0; INPUTS], [0.0; OUTPUTS]);
    forward(input, &mut y)?;
    let tested = y.map(f32::to_bits) == output.map(f32::to_bits);
    let (mut errors, mut checksum) = (0, Checksum::new());
    for sample in stored.as_chunks::<SAMPLE_LEN>().0 {
        let label = pixels(sample, &mut x);
        forward(&x, &mut y)?;
        errors += u32::from(largest(&y) != label);
        for score in y {
            checksum = checksum.with(&score.to_le_bytes());
        }
    }
    Ok((errors, if tested { checksum.value() } else { 0 }))
}

/// Training: the checksum of the bits of all parameters, and the bits of the mean loss of each pass.
pub(crate) fn training(samples: &[u8]) -> Result<(u32, [u32; EPOCHS]), Error> {
    let mut parameters = start::PARAMETERS;
    let mut scratch = [0.0; Online::<f32>::scratch_len(start::SHAPE)];
    let mut layer = Online::new(start::SHAPE, &mut parameters)?;
    let (mut x, mut y, mut g) = ([0.0; INPUTS], [0.0; OUTPUTS], [0.0; OUTPUTS]);
    let mut losses = [0; EPOCHS];
    for mean in &mut losses {
        let (mut sum, mut count) = (0.0_f32, 0.0);
        for sample in samples.as_chunks::<SAMPLE_LEN>().0 {
            let label = pixels(sample, &mut x);
            layer.forward(&x, &mut y, &mut scratch)?;
            sum += cross_entropy(&y, OUTPUTS, &[label], Some(&mut g))?;
            layer.step(&x, &g, &RATES, &mut scratch)?;
            count += 1.0;
        }
        *mean = (sum / count).to_bits();
    }
    let checksum =
        layer.parameters().iter().fold(Checksum::new(), |sum, value| sum.with(&value.to_le_bytes()));
    Ok((checksum.value(), losses))
}

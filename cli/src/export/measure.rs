//! What an exported model gives.

use gmlayer::compact::Model;
use gmlayer::data::Samples;
use gmlayer::train::classify;

use crate::failure::Failure;

/// The outputs for one input.
pub(super) fn forward(model: &Model<'_>, x: &[f32]) -> Result<Vec<f32>, Failure> {
    let mut y = vec![0.0; model.shape().outputs()];
    match model {
        Model::F32(model) => model.forward(x, &mut y, &mut vec![0.0; model.scratch_len()]),
        Model::F16(model) => model.forward(x, &mut y, &mut vec![0.0; model.scratch_len()]),
        Model::I8(model) => model.forward(x, &mut y, &mut vec![0; model.scratch_len()]),
    }
    .map_err(Failure::other)?;
    Ok(y)
}

/// The share of samples whose class is not their label; one with an output that is infinite or NaN has no class.
pub(super) fn test_error(model: &Model<'_>, samples: &Samples) -> Result<f64, Failure> {
    let mut x = vec![0.0; samples.inputs()];
    let mut errors = 0;
    for (index, &label) in samples.labels().iter().enumerate() {
        samples.batch(&[index], &mut x).map_err(Failure::other)?;
        let y = forward(model, &x)?;
        errors += usize::from(classify(&y) != Some(usize::from(label)));
    }
    Ok(errors as f64 / samples.len() as f64)
}

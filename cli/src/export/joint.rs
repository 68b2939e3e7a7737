//! The numbers of a joint layer, for inference.

use gmlayer::data::Samples;
use gmlayer::joint::{Constants, Joint, JointShape, Parameters, Scale};
use gmlayer::nn::Network;

use super::block::plain;
use super::{Block, first_image};
use crate::arguments::Precision;
use crate::failure::Failure;

/// The constants of the prepared layer, and its first test image with what it gives for it.
pub(super) fn constants(
    (shape, scale): (JointShape, Scale),
    network: &Network<f32>,
    test: &Samples,
) -> Result<(Vec<Block>, Vec<f32>), Failure> {
    let parameters = Parameters::from_flat(shape, network.parameters()).map_err(Failure::other)?;
    let layer = Joint::new(shape, parameters).map_err(Failure::other)?.with_scale(scale);
    let prepared = layer.prepare();
    let mut values = first_image(test)?;
    let mut y = vec![0.0; shape.outputs()];
    let mut scratch = vec![0.0; prepared.scratch_len(1).map_err(Failure::other)?];
    prepared.forward(&values, &mut y, &mut scratch).map_err(Failure::other)?;
    values.extend(y);

    let Constants { mu_w, c_w, mu_b, c_b } = prepared.constants();
    let (k, l, d, r) = (shape.components(), shape.outputs(), shape.inputs(), shape.rank());
    let factors = if shape.is_tied() { format!("{r} × {d}") } else { format!("{k} × {r} × {d}") };
    let blocks = [
        ("mu_w", format!("Means of the outputs [{k} × {l}]"), mu_w),
        ("c_w", format!("Factors of the outputs [{k} × {r} × {l}]"), c_w),
        ("mu_b", format!("Means of the weights [{k} × {d}]"), mu_b),
        ("c_b", format!("Factors of the weights [{factors}]"), c_b),
    ];
    let blocks: Result<_, _> = blocks.into_iter().map(|numbers| plain(numbers, Precision::F32)).collect();
    Ok((blocks?, values))
}

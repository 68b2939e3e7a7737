//! Exported models as bytes: the counterpart of `gmlayer::compact::Blob`.

use gmlayer::Shape;
use gmlayer::compact::{Checksum, MAGIC, VERSION};

use super::block::Block;
use crate::arguments::Precision;

/// The bytes of a model, with an input and what the model gives for it.
pub(super) fn write(shape: Shape, precision: Precision, blocks: &[Block], x: &[f32], y: &[f32]) -> Vec<u8> {
    let bits = match precision {
        Precision::F32 => 32,
        Precision::F16 => 16,
        Precision::I8 => 8,
    };
    let mut head = MAGIC.to_vec();
    // Sizes beyond 32 bits would be models beyond 4 GiB, which no checkpoint holds.
    let sizes = [shape.inputs(), shape.outputs(), shape.components()].map(|size| size as u32);
    for word in [VERSION, bits].into_iter().chain(sizes) {
        head.extend(word.to_le_bytes());
    }
    let mut body: Vec<u8> = x.iter().chain(y).flat_map(|value| value.to_le_bytes()).collect();
    for block in blocks {
        body.extend(block.values.to_le_bytes());
    }
    let checksum = Checksum::new().with(&head).with(&body).value();
    [head, checksum.to_le_bytes().to_vec(), body].concat()
}

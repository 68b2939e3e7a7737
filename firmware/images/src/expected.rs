//! What the host computed from the same numbers. Written by `cargo run -p host -- write`.

use crate::recipe::EPOCHS;

/// The classification of the stored digits.
pub struct Scores {
    /// The digits whose largest score is not their label's.
    pub errors: u32,
    /// The checksum of the bits of all scores.
    pub checksum: u32,
}

/// What training ends with.
pub struct Training {
    /// The checksum of the bits of all parameters.
    pub parameters: u32,
    /// The bits of the mean loss of each pass.
    pub losses: [u32; EPOCHS],
}

include!("../data/expected.rs");

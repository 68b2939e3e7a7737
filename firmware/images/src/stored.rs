//! Digits that no model was trained on, 8 × 8 pixels, in flash.

use crate::SAMPLE_LEN;

/// The number of digits.
pub const COUNT: usize = 300;

/// A label and 64 pixels each.
pub static SAMPLES: [u8; COUNT * SAMPLE_LEN] = *include_bytes!("../data/stored.bin");

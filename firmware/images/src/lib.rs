//! What the images have in common: the stored digits, and what the host computed from the same numbers.

#![no_std]

pub mod expected;
mod infer;
pub mod recipe;
mod sample;
pub mod stored;

pub use infer::{Test, infer};
pub use sample::{INPUTS, OUTPUTS, SAMPLE_LEN, largest, pixels};

/// The exit status of an image whose results are those of the host.
pub const PASSED: u32 = 0;

/// The exit status of an image whose results differ from those of the host.
pub const DIFFERENT: u32 = 1;

/// The exit status of an image that was refused by the library, or had no file to read.
pub const REFUSED: u32 = 2;

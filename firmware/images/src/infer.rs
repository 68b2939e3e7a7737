//! Inference: the test vector of the model, and the stored digits.

use board::{buffer, instructions, print_number, stack_used};
use gmlayer::Error;
use gmlayer::compact::Checksum;

use crate::expected::Scores;
use crate::{DIFFERENT, INPUTS, OUTPUTS, PASSED, REFUSED, SAMPLE_LEN, largest, pixels, stored};

/// An input and what the model gives for it.
pub struct Test {
    pub input: &'static [f32],
    pub output: &'static [f32],
}

/// Classifies the stored digits by `forward` and prints what came out and what it cost; returns the exit status.
pub fn infer(
    test: &Test,
    expected: &Scores,
    mut forward: impl FnMut(&[f32], &mut [f32]) -> Result<(), Error>,
) -> u32 {
    let x = buffer!([f32; INPUTS], [0.0; INPUTS]);
    let y = buffer!([f32; OUTPUTS], [0.0; OUTPUTS]);

    let mut refused = forward(test.input, y).is_err();
    let same = y.iter().zip(test.output).all(|(y, output)| y.to_bits() == output.to_bits());
    let (mut errors, mut checksum) = (0, Checksum::new());
    for sample in stored::SAMPLES.as_chunks::<SAMPLE_LEN>().0 {
        let label = pixels(sample, x);
        refused |= forward(x, y).is_err();
        errors += u32::from(largest(y) != label);
        for score in &*y {
            checksum = checksum.with(&score.to_le_bytes());
        }
    }
    let scores = checksum.value();
    let count = instructions(|| refused |= forward(x, y).is_err());

    print_number(b"errors", errors);
    print_number(b"scores", scores);
    print_number(b"instructions", count);
    print_number(b"stack", stack_used());
    match (refused, same && errors == expected.errors && scores == expected.checksum) {
        (true, _) => REFUSED,
        (false, false) => DIFFERENT,
        (false, true) => PASSED,
    }
}

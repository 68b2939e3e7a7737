//! Stored samples: a label and the pixels of an image.

/// The pixels of an image, 8 × 8.
pub const INPUTS: usize = 64;

/// The classes.
pub const OUTPUTS: usize = 10;

/// The bytes of a sample: its label, then its pixels.
pub const SAMPLE_LEN: usize = 1 + INPUTS;

/// Writes the pixels of a sample as numbers from 0 to 1, and returns its label.
pub fn pixels(sample: &[u8; SAMPLE_LEN], x: &mut [f32; INPUTS]) -> usize {
    let [label, pixels @ ..] = sample;
    for (x, &pixel) in x.iter_mut().zip(pixels) {
        *x = f32::from(pixel) / 255.0;
    }
    usize::from(*label)
}

/// The index of the largest score, the first of several.
pub fn largest(scores: &[f32]) -> usize {
    let (mut best, mut score) = (0, f32::NEG_INFINITY);
    for (index, &candidate) in scores.iter().enumerate() {
        if candidate > score {
            (best, score) = (index, candidate);
        }
    }
    best
}

//! Digits drawn by program: a data set that needs no file.
//!
//! Each image is a digit in one of several ways of writing it, warped, slanted, turned, scaled and
//! shifted at random, drawn with a pen of random width and ink, sometimes with a stray mark, on grainy
//! paper. Only sums, products, divisions and square roots enter, so that the bits are the same on every
//! platform.

mod canvas;
mod glyph;
mod hand;

use rand_pcg::Pcg64;

use self::canvas::Canvas;
use self::hand::Hand;
use super::{Dataset, Samples};
use crate::Error;

/// The height and width of an image in pixels.
pub const DIGITS_SIDE: usize = 28;

/// The number of samples to train on that the program takes by default.
pub const DIGITS_TRAIN: usize = 20_000;

/// The number of samples to test on that the program takes by default.
pub const DIGITS_TEST: usize = 4_000;

/// Grey-level digits of 28 × 28 pixels in 10 classes, drawn from a seed.
///
/// Shapes: 784 inputs; sample i shows the digit i mod 10, white on black. The same seed gives the same
/// bits on every platform. The two parts are drawn independently, and fewer samples are a prefix of more.
///
/// # Errors
/// [`Error::Zero`] where `train` or `test` is 0, [`Error::Overflow`] where the pixels cannot be addressed.
pub fn digits(seed: u64, train: usize, test: usize) -> Result<Dataset, Error> {
    Dataset::new("digits", draw(seed, 0, "train", train)?, draw(seed, 1, "test", test)?)
}

/// The samples of one part, from a random stream of its own.
fn draw(seed: u64, stream: u128, argument: &'static str, count: usize) -> Result<Samples, Error> {
    if count == 0 {
        return Err(Error::Zero { argument });
    }
    let inputs = DIGITS_SIDE * DIGITS_SIDE;
    let pixels = count.checked_mul(inputs).filter(|&pixels| isize::try_from(pixels).is_ok());
    let mut images = Vec::with_capacity(pixels.ok_or(Error::Overflow { argument })?);
    let mut hand = Hand::new(Pcg64::new(u128::from(seed), stream));
    let labels: Vec<u8> = (0..10).cycle().take(count).collect();
    for &label in &labels {
        let mut canvas = Canvas::new();
        hand.draw(label, &mut canvas);
        images.extend(canvas.pixels());
    }
    Samples::new(images, labels, inputs)
}

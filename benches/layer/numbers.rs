//! Numbers to work on: the same at every run.

use gmlayer::{Aligned, Error, random};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

/// Normal numbers with a standard deviation.
pub(crate) fn normals(len: usize, deviation: f32) -> Result<Aligned<f32>, Error> {
    let (mut generator, mut normal) = (Pcg64::seed_from_u64(1), random::StandardNormal::new());
    let mut numbers = Aligned::zeros(len)?;
    for number in numbers.iter_mut() {
        *number = deviation * normal.sample(&mut generator) as f32;
    }
    Ok(numbers)
}

/// Pixels of images: four of five are 0.
pub(crate) fn images(len: usize) -> Result<Aligned<f32>, Error> {
    let mut generator = Pcg64::seed_from_u64(2);
    let mut pixels = Aligned::zeros(len)?;
    for pixel in pixels.iter_mut() {
        if random::uniform(&mut generator) >= 0.81 {
            *pixel = random::uniform(&mut generator) as f32;
        }
    }
    Ok(pixels)
}

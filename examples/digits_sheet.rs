//! A sheet of built-in digits as a picture: `cargo run --example digits_sheet -- [SEED] > sheet.pgm`.

use std::error::Error;
use std::io::{Write, stdout};

use gmlayer::data::{DIGITS_SIDE, digits};

/// The digits in a row and in a column of the sheet.
const DIGITS: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(0), |seed| seed.parse())?;
    let samples = digits(seed, DIGITS * DIGITS, 1)?.train;
    let mut out = stdout().lock();
    let side = DIGITS * DIGITS_SIDE;
    writeln!(out, "P5 {side} {side} 255")?;
    for row_of_digits in samples.images().chunks(DIGITS * samples.inputs()) {
        for row in 0..DIGITS_SIDE {
            for digit in row_of_digits.chunks(samples.inputs()) {
                out.write_all(&digit[row * DIGITS_SIDE..][..DIGITS_SIDE])?;
            }
        }
    }
    Ok(())
}

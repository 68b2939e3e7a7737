//! Inference with a model in `i8`.

#![no_std]
#![no_main]

#[rustfmt::skip]
#[path = "../../data/model_i8.rs"]
mod model;

use board::buffer;
use images::{Test, expected, infer};

#[unsafe(no_mangle)]
fn image() -> u32 {
    const SCRATCH: usize = model::MODEL.scratch_len();
    let scratch = buffer!([i16; SCRATCH], [0; SCRATCH]);
    let test = Test { input: &model::INPUT, output: &model::OUTPUT };
    infer(&test, &expected::I8, |x, y| model::MODEL.forward(x, y, scratch))
}

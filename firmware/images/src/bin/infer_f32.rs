//! Inference with a model in `f32`.

#![no_std]
#![no_main]

#[rustfmt::skip]
#[path = "../../data/model_f32.rs"]
mod model;

use board::buffer;
use images::{Test, expected, infer};

#[unsafe(no_mangle)]
fn image() -> u32 {
    const WORK: usize = model::MODEL.workspace_len();
    let work = buffer!([f32; WORK], [0.0; WORK]);
    let test = Test { input: &model::INPUT, output: &model::OUTPUT };
    infer(&test, &expected::F32, |x, y| model::MODEL.forward(x, y, work))
}

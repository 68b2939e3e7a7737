//! The core as a WebAssembly module: whether it computes the bits of the host.

#![no_std]

#[path = "../../images/src/expected.rs"]
mod expected;
#[path = "../../host/src/model.rs"]
mod model;
#[path = "../../images/src/recipe.rs"]
mod recipe;
#[path = "../../host/src/results.rs"]
mod results;
#[path = "../../images/src/sample.rs"]
mod sample;

use core::panic::PanicInfo;

static STORED: &[u8] = include_bytes!("../../images/data/stored.bin");
static SAMPLES: &[u8] = include_bytes!("../../images/data/samples.bin");

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Whether all scores of the model in `f32` have the bits of the host.
#[unsafe(no_mangle)]
extern "C" fn same_f32() -> bool {
    results::f32(STORED) == Ok((expected::F32.errors, expected::F32.checksum))
}

/// Whether all scores of the model in `f16` have the bits of the host.
#[unsafe(no_mangle)]
extern "C" fn same_f16() -> bool {
    results::f16(STORED) == Ok((expected::F16.errors, expected::F16.checksum))
}

/// Whether all scores of the model in `i8` have the bits of the host.
#[unsafe(no_mangle)]
extern "C" fn same_i8() -> bool {
    results::i8(STORED) == Ok((expected::I8.errors, expected::I8.checksum))
}

/// Whether training ends with the losses and parameters of the host, to the bit.
#[unsafe(no_mangle)]
extern "C" fn same_training() -> bool {
    results::training(SAMPLES) == Ok((expected::TRAINING.parameters, expected::TRAINING.losses))
}

//! The core as a WebAssembly module: whether it computes the bits of the host.

#![no_std]

#[path = "../../images/src/expected.rs"]
mod expected;
mod model;
#[path = "../../images/src/recipe.rs"]
mod recipe;
#[path = "../../images/src/sample.rs"]
mod sample;

use core::panic::PanicInfo;

use expected::Scores;
use gmlayer::Error;
use gmlayer::compact::Checksum;
use gmlayer::diagonal::Online;
use gmlayer::loss::cross_entropy;
use sample::{INPUTS, OUTPUTS, SAMPLE_LEN, largest, pixels};

static STORED: &[u8] = include_bytes!("../../images/data/stored.bin");
static SAMPLES: &[u8] = include_bytes!("../../images/data/samples.bin");

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Whether all scores of the model in `f32` have the bits of the host.
#[unsafe(no_mangle)]
extern "C" fn same_f32() -> bool {
    let mut work = [0.0; 2 * INPUTS];
    same(&expected::F32, (&model::f32::INPUT, &model::f32::OUTPUT), |x, y| {
        model::f32::MODEL.forward(x, y, &mut work)
    })
}

/// Whether all scores of the model in `f16` have the bits of the host.
#[unsafe(no_mangle)]
extern "C" fn same_f16() -> bool {
    let mut work = [0.0; 3 * INPUTS];
    same(&expected::F16, (&model::f16::INPUT, &model::f16::OUTPUT), |x, y| {
        model::f16::MODEL.forward(x, y, &mut work)
    })
}

/// Whether all scores of the model in `i8` have the bits of the host.
#[unsafe(no_mangle)]
extern "C" fn same_i8() -> bool {
    let mut work = [0; 2 * INPUTS];
    same(&expected::I8, (&model::i8::INPUT, &model::i8::OUTPUT), |x, y| {
        model::i8::MODEL.forward(x, y, &mut work)
    })
}

/// Whether training ends with the losses and parameters of the host, to the bit.
#[unsafe(no_mangle)]
extern "C" fn same_training() -> bool {
    train().is_ok_and(|same| same)
}

fn same(
    expected: &Scores,
    (input, output): (&[f32], &[f32]),
    mut forward: impl FnMut(&[f32], &mut [f32]) -> Result<(), Error>,
) -> bool {
    let (mut x, mut y) = ([0.0; INPUTS], [0.0; OUTPUTS]);
    let mut same = forward(input, &mut y).is_ok() && y == *output;
    let (mut errors, mut checksum) = (0, Checksum::new());
    for sample in STORED.as_chunks::<SAMPLE_LEN>().0 {
        let label = pixels(sample, &mut x);
        same &= forward(&x, &mut y).is_ok();
        errors += u32::from(largest(&y) != label);
        for score in y {
            checksum = checksum.with(&score.to_le_bytes());
        }
    }
    same && errors == expected.errors && checksum.value() == expected.checksum
}

fn train() -> Result<bool, Error> {
    let mut parameters = model::start::PARAMETERS;
    let mut work = [0.0; Online::<f32>::workspace_len(model::start::SHAPE)];
    let mut layer = Online::new(model::start::SHAPE, &mut parameters)?;
    let (mut x, mut y, mut g) = ([0.0; INPUTS], [0.0; OUTPUTS], [0.0; OUTPUTS]);
    let mut losses = [0; recipe::EPOCHS];
    for mean in &mut losses {
        let (mut sum, mut count) = (0.0_f32, 0.0);
        for sample in SAMPLES.as_chunks::<SAMPLE_LEN>().0 {
            let label = pixels(sample, &mut x);
            layer.forward(&x, &mut y, &mut work)?;
            sum += cross_entropy(&y, OUTPUTS, &[label], Some(&mut g))?;
            layer.step(&x, &g, &recipe::RATES, &mut work)?;
            count += 1.0;
        }
        *mean = (sum / count).to_bits();
    }
    let checksum =
        layer.parameters().iter().fold(Checksum::new(), |sum, value| sum.with(&value.to_le_bytes()));
    Ok(checksum.value() == expected::TRAINING.parameters && losses == expected::TRAINING.losses)
}

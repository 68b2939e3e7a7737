//! Training on the device: goes on from parameters in flash, with samples that it reads from a file.

#![no_std]
#![no_main]

#[rustfmt::skip]
#[path = "../../data/start.rs"]
mod model;

use board::{File, buffer, instructions, print_number, stack_used};
use gmlayer::Error;
use gmlayer::compact::Checksum;
use gmlayer::diagonal::Online;
use gmlayer::loss::cross_entropy;
use images::{DIFFERENT, INPUTS, OUTPUTS, PASSED, REFUSED, SAMPLE_LEN, expected, pixels, recipe};
use model::SHAPE;

/// The file, in the folder that the host was started in.
const SAMPLES: &[u8] = b"samples.bin\0";

#[unsafe(no_mangle)]
fn image() -> u32 {
    train().unwrap_or(REFUSED)
}

fn train() -> Result<u32, Error> {
    const SCRATCH: usize = Online::<f32>::scratch_len(SHAPE);
    const PARAMETERS: usize = SHAPE.parameter_count();
    let scratch = buffer!([f32; SCRATCH], [0.0; SCRATCH]);
    let parameters = buffer!([f32; PARAMETERS], [0.0; PARAMETERS]);
    for (parameter, &start) in parameters.iter_mut().zip(&model::PARAMETERS) {
        *parameter = start;
    }
    let mut layer = Online::new(SHAPE, parameters)?;
    let buffers = buffer!(Buffers, Buffers::new());
    let (mut losses, mut cost) = ([0.0; recipe::EPOCHS], 0);
    for loss in &mut losses {
        *loss = epoch(&mut layer, buffers, scratch, &mut cost)?;
    }

    let checksum =
        layer.parameters().iter().fold(Checksum::new(), |sum, value| sum.with(&value.to_le_bytes()));
    print_number(b"parameters", checksum.value());
    for loss in losses {
        print_number(b"loss, in millionths", (loss * 1e6) as u32);
    }
    print_number(b"instructions", cost);
    print_number(b"stack", stack_used());
    let same = checksum.value() == expected::TRAINING.parameters
        && losses.map(f32::to_bits) == expected::TRAINING.losses;
    let falling = losses.is_sorted_by(|before, after| after < before);
    Ok(if same && falling { PASSED } else { DIFFERENT })
}

/// A sample and what the layer makes of it.
struct Buffers {
    sample: [u8; SAMPLE_LEN],
    x: [f32; INPUTS],
    y: [f32; OUTPUTS],
    g: [f32; OUTPUTS],
}

impl Buffers {
    const fn new() -> Self {
        Self { sample: [0; SAMPLE_LEN], x: [0.0; INPUTS], y: [0.0; OUTPUTS], g: [0.0; OUTPUTS] }
    }
}

/// One pass over the samples: the mean loss, and the instructions of the last step.
fn epoch(
    layer: &mut Online<'_, f32>,
    buffers: &mut Buffers,
    scratch: &mut [f32],
    cost: &mut u32,
) -> Result<f32, Error> {
    let Some(mut file) = File::open(SAMPLES) else { return Err(Error::Zero { argument: "samples" }) };
    let Buffers { sample, x, y, g } = buffers;
    let (mut sum, mut count) = (0.0, 0.0);
    while file.read(sample) {
        let label = pixels(sample, x);
        let mut step = || {
            layer.forward(x, y, scratch)?;
            let loss = cross_entropy(y, OUTPUTS, &[label], Some(&mut *g))?;
            layer.step(x, g, &recipe::RATES, scratch)?;
            Ok(loss)
        };
        let mut result = Ok(0.0);
        *cost = instructions(|| result = step());
        sum += result?;
        count += 1.0;
    }
    Ok(sum / count)
}

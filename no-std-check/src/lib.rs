//! The core of gmlayer in a static library for a microcontroller: no std, no allocator.
//!
//! That it builds is the check. It is outside the workspace, so that no other crate can switch features on.

#![no_std]

use core::panic::PanicInfo;

use gmlayer::diagonal::{Diagonal, Gradients, Parameters, workspace_len};
use gmlayer::gradcheck::{Block, Check};
use gmlayer::{Error, Real, Shape, normal};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

const SHAPE: Shape = match Shape::new(16, 4, 5) {
    Ok(shape) => shape,
    Err(_) => panic!(),
};
const WORK: usize = match workspace_len(SHAPE, 1) {
    Ok(len) => len,
    Err(_) => panic!(),
};
const CHECK: Check<1> = match Check::new([Block::new("x", 16)], 4) {
    Ok(check) => check,
    Err(_) => panic!(),
};

/// One step of training and one prediction, with every buffer an array.
fn step<T: Real>(parameters: &mut [T], x: &[T; 16], rate: T) -> Result<T, Error> {
    let (mut y, mut work) = ([T::zero(); 4], [T::zero(); WORK]);
    let mut gradient = [T::zero(); SHAPE.parameter_count()];
    let layer = Diagonal::new(SHAPE, Parameters::from_flat(SHAPE, parameters)?)?;
    layer.forward(x, &mut y, &mut work)?;
    layer.backward(x, &y, Gradients::from_flat(SHAPE, &mut gradient)?, None, &mut work)?;

    let mut storage = [T::zero(); SHAPE.v_len() + SHAPE.u_len() + SHAPE.sigma_len()];
    let prepared = layer.prepare(&mut storage)?;
    prepared.forward(x, &mut y, &mut work)?;

    let mut scratch = [T::zero(); CHECK.workspace_len()];
    let report = CHECK.run(
        |x, y| {
            let _ = layer.forward(x, y, &mut [T::zero(); WORK]);
        },
        |x, g, dx| {
            let mut row = [T::zero(); 16];
            let _ = layer.backward(x, g, Gradients::none(), Some(&mut row), &mut [T::zero(); WORK]);
            for (dx, row) in dx.iter_mut().zip(row) {
                *dx += row;
            }
        },
        x,
        &mut scratch,
    )?;
    if report.into_result().is_err() {
        return Ok(T::zero());
    }
    for (parameter, gradient) in parameters.iter_mut().zip(gradient) {
        *parameter -= rate * gradient;
    }
    Ok(normal::cumulative(y[0]) + normal::density(y[1]) + normal::ramp(y[2]) + normal::density_moment(y[3]))
}

macro_rules! export {
    ($name:ident, $float:ident) => {
        /// The step in one precision, for the linker to see.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(
            parameters: &mut [$float; SHAPE.parameter_count()],
            x: &[$float; 16],
            rate: $float,
        ) -> $float {
            step(parameters, x, rate).unwrap_or(-1.0)
        }
    };
}

export!(gmlayer_step_f32, f32);
export!(gmlayer_step_f64, f64);

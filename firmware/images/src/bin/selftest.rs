//! The gradient check of the crate on the device, for the layer in `f32` and `f64`.

#![no_std]
#![no_main]

use board::{buffer, print_number, stack_used};
use gmlayer::diagonal::{Diagonal, Gradients, Parameters, scratch_len};
use gmlayer::gradcheck::{self, Block, Check};
use gmlayer::{Error, Real, Shape};
use images::{DIFFERENT, PASSED, REFUSED};

const SHAPE: Shape = match Shape::new(5, 3, 2) {
    Ok(shape) => shape,
    Err(_) => panic!("the sizes are wrong"),
};
const SCRATCH: usize = match scratch_len(SHAPE, 1) {
    Ok(len) => len,
    Err(_) => panic!("the sizes are wrong"),
};
const PARAMETERS: usize = SHAPE.parameter_count();
const INPUTS: usize = SHAPE.inputs();
/// The parameters and one input.
const THETA: usize = PARAMETERS + INPUTS;
const BLOCKS: [Block; 5] = [
    Block::new("mu", SHAPE.mu_len()),
    Block::new("sigma", SHAPE.sigma_len()),
    Block::new("u", SHAPE.u_len()),
    Block::new("v", SHAPE.v_len()),
    Block::new("x", INPUTS),
];
const CHECK_SCRATCH: usize = match gradcheck::scratch_len(THETA, SHAPE.outputs()) {
    Ok(len) => len,
    Err(_) => panic!("the sizes are wrong"),
};

#[unsafe(no_mangle)]
fn image() -> u32 {
    let narrow = buffer!([f32; CHECK_SCRATCH], [0.0; CHECK_SCRATCH]);
    let wide = buffer!([f64; CHECK_SCRATCH], [0.0; CHECK_SCRATCH]);
    let mut outcomes = [Ok(false); 4];
    let [right, wrong, right_wide, wrong_wide] = &mut outcomes;
    *right = passes::<f32>(1.0, narrow);
    *wrong = passes::<f32>(1.05, narrow);
    *right_wide = passes::<f64>(1.0, wide);
    *wrong_wide = passes::<f64>(1.0001, wide);
    print_number(b"stack", stack_used());
    match outcomes {
        [Ok(true), Ok(false), Ok(true), Ok(false)] => PASSED,
        [Ok(_), Ok(_), Ok(_), Ok(_)] => DIFFERENT,
        _ => REFUSED,
    }
}

/// Whether the check accepts the backward pass, its gradients of σ multiplied by `factor`.
fn passes<T: Real>(factor: f64, scratch: &mut [T]) -> Result<bool, Error> {
    // Numbers without a pattern, from −1 to 1.
    let mut theta = [T::zero(); THETA];
    for (index, theta) in theta.iter_mut().enumerate() {
        *theta = T::from_f64((index * 37 % 41) as f64 / 20.0 - 1.0);
    }
    let (mut refused, mut refused_backward) = (None, None);
    let report = Check::new(BLOCKS, SHAPE.outputs())?.run(
        |theta, y| refused = forward(theta, y).err().or(refused),
        |theta, g, d| {
            refused_backward = backward(theta, g, d, T::from_f64(factor)).err().or(refused_backward)
        },
        &theta,
        scratch,
    )?;
    refused.or(refused_backward).map_or(Ok(report.into_result().is_ok()), Err)
}

fn forward<T: Real>(theta: &[T], y: &mut [T]) -> Result<(), Error> {
    let (parameters, x) = split(theta)?;
    let layer = Diagonal::new(SHAPE, Parameters::from_flat(SHAPE, parameters)?)?;
    layer.forward(x, y, &mut [], &mut [T::zero(); SCRATCH]) // one row saves nothing
}

fn backward<T: Real>(theta: &[T], g: &[T], d: &mut [T], factor: T) -> Result<(), Error> {
    let (parameters, x) = split(theta)?;
    let layer = Diagonal::new(SHAPE, Parameters::from_flat(SHAPE, parameters)?)?;
    let (mut gradient, mut dx) = ([T::zero(); PARAMETERS], [T::zero(); INPUTS]);
    let gradients = Gradients::from_flat(SHAPE, &mut gradient)?;
    layer.backward(x, g, &[], gradients, Some(&mut dx), &mut [T::zero(); SCRATCH])?;
    for d_sigma in gradient.iter_mut().skip(SHAPE.mu_len()).take(SHAPE.sigma_len()) {
        *d_sigma *= factor;
    }
    for (d, &gradient) in d.iter_mut().zip(gradient.iter().chain(&dx)) {
        *d += gradient;
    }
    Ok(())
}

/// The parameters and the input.
fn split<T>(theta: &[T]) -> Result<(&[T], &[T]), Error> {
    let got = theta.len();
    theta.split_at_checked(PARAMETERS).ok_or(Error::Length { argument: "theta", expected: THETA, got })
}

//! The diagonal layer: training one sample at a time.

use gmlayer::diagonal::{self, Online};

use crate::memory::{read, write};
use crate::model::Sizes;
use crate::status::{Status, status};

/// A diagonal layer that learns: its sizes, and its parameters μ, σ, U, v one after the other.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Diagonal {
    /// The sizes.
    pub sizes: Sizes,
    /// As many numbers as `gmlayer_diagonal_parameters` says.
    pub parameters: *mut f32,
}

/// The learning rate of each block of parameters of a diagonal layer.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct DiagonalRates {
    /// Of the means.
    pub mu: f32,
    /// Of the standard deviations.
    pub sigma: f32,
    /// Of the output slopes.
    pub u: f32,
    /// Of the output offsets.
    pub v: f32,
}

/// The number of parameters of a diagonal layer; 0 for sizes that cannot be.
#[unsafe(no_mangle)]
pub extern "C" fn gmlayer_diagonal_parameters(sizes: Sizes) -> usize {
    sizes.shape().map_or(0, |shape| shape.parameter_count())
}

/// The number of floats of scratch that a diagonal layer needs; 0 for sizes that cannot be.
#[unsafe(no_mangle)]
pub extern "C" fn gmlayer_diagonal_scratch_floats(sizes: Sizes) -> usize {
    sizes.shape().map_or(0, Online::<f32>::scratch_len)
}

/// The layer and its scratch in the types of Rust.
///
/// # Safety
///
/// `layer`, unless it is null or misaligned, may be read; its parameters and `scratch` have their lengths and do not
/// overlap.
unsafe fn open<'a>(
    layer: *const Diagonal,
    scratch: *mut f32,
    scratch_floats: usize,
) -> Result<(Online<'a, f32>, &'a mut [f32]), Status> {
    // SAFETY: the caller's.
    unsafe {
        let [layer] = read(layer, 1)? else { return Err(Status::Pointer) };
        let shape = layer.sizes.shape()?;
        let parameters = write(layer.parameters, shape.parameter_count())?;
        Ok((Online::new(shape, parameters)?, write(scratch, scratch_floats)?))
    }
}

/// Overwrites `y` with what the layer gives for `x`.
///
/// `x` has as many numbers as the layer has inputs, `y` as it has outputs, `scratch` has `scratch_floats` floats.
///
/// # Safety
///
/// The arrays have those lengths and do not overlap, nor does the array of parameters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gmlayer_diagonal_forward(
    layer: *const Diagonal,
    x: *const f32,
    y: *mut f32,
    scratch: *mut f32,
    scratch_floats: usize,
) -> Status {
    // SAFETY: the caller's.
    status(unsafe {
        open(layer, scratch, scratch_floats).and_then(|(layer, scratch)| {
            let shape = layer.shape();
            Ok(layer.forward(read(x, shape.inputs())?, write(y, shape.outputs())?, scratch)?)
        })
    })
}

/// The backward pass and one step of gradient descent: `g` is the loss's derivative by the outputs at `x`.
///
/// `x` has as many numbers as the layer has inputs, `g` as it has outputs, `scratch` has `scratch_floats` floats.
///
/// # Safety
///
/// The arrays have those lengths and do not overlap, nor does the array of parameters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gmlayer_diagonal_step(
    layer: *const Diagonal,
    x: *const f32,
    g: *const f32,
    rates: DiagonalRates,
    scratch: *mut f32,
    scratch_floats: usize,
) -> Status {
    let DiagonalRates { mu, sigma, u, v } = rates;
    // SAFETY: the caller's.
    status(unsafe {
        open(layer, scratch, scratch_floats).and_then(|(mut layer, scratch)| {
            let shape = layer.shape();
            let rates = diagonal::Rates { mu: Some(mu), sigma: Some(sigma), u: Some(u), v: Some(v) };
            Ok(layer.step(read(x, shape.inputs())?, read(g, shape.outputs())?, &rates, scratch)?)
        })
    })
}

//! Inference from exported models.

use core::mem::MaybeUninit;

use gmlayer::Shape;
use gmlayer::compact::{self, Blob, Floating, Quantised, QuantisedConstants};
use gmlayer::diagonal::Constants;

use crate::memory::{read, write};
use crate::status::{Status, status};

/// A model: made by one of the functions `gmlayer_model_init...`, to be read by the others, which refuse one of zeros.
/// It refers to the bytes or arrays that it was made of, which must stay where they are.
#[repr(C)]
#[derive(Debug)]
pub struct Model {
    words: [MaybeUninit<usize>; 21],
}

/// What lies in a [`Model`]: a word that tells it from one that was never made, and the model.
#[repr(C)]
struct Made {
    mark: usize,
    model: compact::Model<'static>,
}

/// The mark of a model that was made.
const MARK: usize = 0x676d_6c61;

const _: () = assert!(size_of::<Made>() <= size_of::<Model>());
const _: () = assert!(align_of::<Made>() <= align_of::<Model>());

/// The scratch of a model in `i8` are integers: so many lie where a float does.
const INTEGERS_IN_A_FLOAT: usize = size_of::<f32>() / size_of::<i16>();

/// The sizes of a layer.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Numbers of an input.
    pub inputs: usize,
    /// Numbers of an output.
    pub outputs: usize,
    /// Gaussian components.
    pub components: usize,
}

impl Sizes {
    pub(crate) fn shape(self) -> Result<Shape, Status> {
        Ok(Shape::new(self.inputs, self.outputs, self.components)?)
    }
}

/// Puts a model where the caller wants it.
///
/// # Safety
///
/// Unless it is null or misaligned, `place` may be written.
unsafe fn put(place: *mut Model, model: Result<compact::Model<'static>, Status>) -> Result<(), Status> {
    let model = model?;
    if place.is_null() || !place.is_aligned() {
        return Err(Status::Pointer);
    }
    // SAFETY: the place is large and aligned enough, and the caller's.
    unsafe { place.cast::<Made>().write(Made { mark: MARK, model }) };
    Ok(())
}

/// The model at this place.
///
/// # Safety
///
/// Unless it is null or misaligned, `place` was filled by [`put`] or begins with a word that is not [`MARK`].
unsafe fn get<'a>(place: *const Model) -> Result<&'a compact::Model<'static>, Status> {
    if place.is_null() || !place.is_aligned() {
        return Err(Status::Pointer);
    }
    // SAFETY: the caller's; behind another mark nothing is read.
    unsafe {
        match place.cast::<usize>().read() {
            MARK => Ok(&(*place.cast::<Made>()).model),
            _ => Err(Status::NoModel),
        }
    }
}

/// Reads the bytes that `gmlayer export --format bin` wrote, at any alignment, and checks them.
///
/// # Safety
///
/// `model` may be written; `bytes` has `len` bytes, which stay as they are as long as the model is used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gmlayer_model_init(model: *mut Model, bytes: *const u8, len: usize) -> Status {
    // SAFETY: the caller's.
    status(unsafe { put(model, read(bytes, len).and_then(|bytes| Ok(Blob::new(bytes)?.model))) })
}

/// Takes the arrays that `gmlayer export --format c --precision f32` wrote of a diagonal layer.
///
/// # Safety
///
/// `model` may be written; the arrays have the lengths that follow from the sizes and stay as they are as long as the
/// model is used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gmlayer_model_init_diagonal_f32(
    model: *mut Model,
    sizes: Sizes,
    a: *const f32,
    mu: *const f32,
    variance: *const f32,
    w: *const f32,
) -> Status {
    // SAFETY: the caller's; numbers are bytes.
    let made = sizes.shape().and_then(|shape| unsafe {
        let constants = Constants {
            a: read(a.cast::<[u8; 4]>(), shape.v_len())?,
            w: read(w.cast::<[u8; 4]>(), shape.u_len())?,
            mu: read(mu.cast::<[u8; 4]>(), shape.mu_len())?,
            variance: read(variance.cast::<[u8; 4]>(), shape.sigma_len())?,
        };
        Ok(compact::Model::F32(Floating::new(shape, constants)?))
    });
    // SAFETY: the caller's.
    status(unsafe { put(model, made) })
}

/// Takes the arrays that `gmlayer export --format c --precision f16` wrote of a diagonal layer.
///
/// # Safety
///
/// As for `gmlayer_model_init_diagonal_f32`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gmlayer_model_init_diagonal_f16(
    model: *mut Model,
    sizes: Sizes,
    a: *const u16,
    mu: *const u16,
    variance: *const u16,
    w: *const u16,
) -> Status {
    // SAFETY: the caller's; numbers are bytes.
    let made = sizes.shape().and_then(|shape| unsafe {
        let constants = Constants {
            a: read(a.cast::<[u8; 2]>(), shape.v_len())?,
            w: read(w.cast::<[u8; 2]>(), shape.u_len())?,
            mu: read(mu.cast::<[u8; 2]>(), shape.mu_len())?,
            variance: read(variance.cast::<[u8; 2]>(), shape.sigma_len())?,
        };
        Ok(compact::Model::F16(Floating::new(shape, constants)?))
    });
    // SAFETY: the caller's.
    status(unsafe { put(model, made) })
}

/// Takes the arrays that `gmlayer export --format c --precision i8` wrote of a diagonal layer.
///
/// # Safety
///
/// As for `gmlayer_model_init_diagonal_f32`.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)] // as many arrays as there are
pub unsafe extern "C" fn gmlayer_model_init_diagonal_i8(
    model: *mut Model,
    sizes: Sizes,
    a: *const f32,
    w_scales: *const f32,
    mu_scales: *const f32,
    variance_scales: *const f32,
    mu: *const i8,
    variance: *const i8,
    w: *const i8,
) -> Status {
    // SAFETY: the caller's; numbers are bytes.
    let made = sizes.shape().and_then(|shape| unsafe {
        let constants = QuantisedConstants {
            a: read(a.cast(), shape.v_len())?,
            w_scales: read(w_scales.cast(), shape.v_len())?,
            w: read(w.cast(), shape.u_len())?,
            mu_scales: read(mu_scales.cast(), shape.components())?,
            mu: read(mu.cast(), shape.mu_len())?,
            variance_scales: read(variance_scales.cast(), shape.components())?,
            variance: read(variance.cast(), shape.sigma_len())?,
        };
        Ok(compact::Model::I8(Quantised::new(shape, constants)?))
    });
    // SAFETY: the caller's.
    status(unsafe { put(model, made) })
}

/// The sizes of a model; all 0 for a null pointer and for a model of zeros.
///
/// # Safety
///
/// `model` was made by one of the functions `gmlayer_model_init...`, or is all zeros.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gmlayer_model_sizes(model: *const Model) -> Sizes {
    // SAFETY: the caller's.
    match unsafe { get(model) } {
        Ok(model) => {
            let shape = model.shape();
            Sizes { inputs: shape.inputs(), outputs: shape.outputs(), components: shape.components() }
        }
        Err(_) => Sizes { inputs: 0, outputs: 0, components: 0 },
    }
}

/// The number of floats of scratch that `gmlayer_model_forward` needs; 0 for a null pointer and
/// for a model of zeros.
///
/// # Safety
///
/// `model` was made by one of the functions `gmlayer_model_init...`, or is all zeros.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gmlayer_model_scratch_floats(model: *const Model) -> usize {
    // SAFETY: the caller's.
    match unsafe { get(model) } {
        Ok(compact::Model::F32(model)) => model.scratch_len(),
        Ok(compact::Model::F16(model)) => model.scratch_len(),
        Ok(compact::Model::I8(model)) => model.scratch_len().div_ceil(INTEGERS_IN_A_FLOAT),
        Err(_) => 0,
    }
}

/// Overwrites `y` with what the model gives for `x`.
///
/// `x` has as many numbers as the model has inputs, `y` as it has outputs; `scratch` has `scratch_floats` floats, whose
/// contents do not matter.
///
/// # Safety
///
/// `model` was made by one of the functions `gmlayer_model_init...`, or is all zeros; the arrays have those lengths and
/// do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gmlayer_model_forward(
    model: *const Model,
    x: *const f32,
    y: *mut f32,
    scratch: *mut f32,
    scratch_floats: usize,
) -> Status {
    // SAFETY: the caller's; a float's place holds two integers.
    status(unsafe {
        get(model).and_then(|model| {
            let shape = model.shape();
            let (x, y) = (read(x, shape.inputs())?, write(y, shape.outputs())?);
            match model {
                compact::Model::F32(model) => model.forward(x, y, write(scratch, scratch_floats)?)?,
                compact::Model::F16(model) => model.forward(x, y, write(scratch, scratch_floats)?)?,
                compact::Model::I8(model) => {
                    let len = scratch_floats.saturating_mul(INTEGERS_IN_A_FLOAT);
                    model.forward(x, y, write(scratch.cast(), len)?)?;
                }
            }
            Ok(())
        })
    })
}

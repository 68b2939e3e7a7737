//! The core of gmlayer in an image without std, without an allocator and without a panic.
//!
//! That it links is the check: the panic handler calls a function that does not exist, so that a panic which the
//! program can reach is an undefined symbol, `a_panic_is_reachable`. An allocation finds no allocator, and std in any
//! crate brings a second panic handler. It is outside the workspace, so that no other crate can switch features on.

#![no_std]
#![no_main]

#[cfg(feature = "inject-alloc")]
extern crate alloc;

mod entries;
mod joint;
mod start;

use core::hint::black_box;
use core::panic::PanicInfo;

use gmlayer::joint::JointShape;
use gmlayer::{Dual, Real, Shape};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panic_is_reachable() -> !;
    }
    // SAFETY: the function does not exist, so a program that calls it is never linked.
    unsafe { a_panic_is_reachable() }
}

/// Calls everything with buffers of any length and sizes that are known at run time alone.
fn run<T: Real>() -> Option<T> {
    let [inputs, outputs, components, rank] = black_box([2, 1, 1, 1]);
    let shape = Shape::new(inputs, outputs, components).ok()?;
    let joint = JointShape::new(inputs, outputs, components, rank).ok()?;
    let (mut parameters, mut gradients, mut prepared) = ([T::one(); 7], [T::one(); 7], [T::one(); 5]);
    let (mut columns, mut x, mut dx) = ([T::one(); 64], [T::one(); 16], [T::one(); 16]);
    let (mut y, mut saved, mut scratch) = ([T::one(); 8], [T::one(); 512], [T::one(); 512]);
    let mut dual = [Dual::constant(T::one()); 16];
    let mut buffers = entries::Buffers {
        parameters: black_box(&mut parameters[..]),
        gradients: black_box(&mut gradients[..]),
        prepared: black_box(&mut prepared[..]),
        columns: black_box(&mut columns[..]),
        dx: black_box(&mut dx[..]),
        x: black_box(&mut x[..]),
        y: black_box(&mut y[..]),
        saved: black_box(&mut saved[..]),
        scratch: black_box(&mut scratch[..]),
        dual: black_box(&mut dual[..]),
    };
    let sum = joint::joint(joint, buffers.reborrow()).ok()?;
    Some(sum + entries::generic(shape, buffers).ok()?)
}

/// Every entry point in both precisions; whatever comes out is looked at by nobody.
pub(crate) fn main() {
    black_box(run::<f32>());
    black_box(run::<f64>());
    let (mut bytes, mut x, mut y, mut scratch) = ([0_u8; 64], [1.0; 4], [0.0; 4], [0.0; 64]);
    if let Ok(shape) = Shape::new(black_box(2), black_box(1), black_box(1)) {
        let (bytes, x) = (black_box(&mut bytes[..]), black_box(&mut x[..]));
        black_box(entries::compact(shape, bytes, x, black_box(&mut y[..]), black_box(&mut scratch[..])));
    }
    #[cfg(feature = "inject-panic")]
    black_box(black_box([1_u8; 4])[black_box(4_usize)]);
    #[cfg(feature = "inject-atomic")]
    black_box(core::sync::atomic::AtomicU64::new(black_box(1)));
    #[cfg(feature = "inject-alloc")]
    black_box(alloc::vec![1_u8; black_box(4)]);
}

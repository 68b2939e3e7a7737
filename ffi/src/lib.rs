//! The diagonal Gaussian mixture layer for C: inference from exported models, and training one sample at a time.
//!
//! There is no global state, no allocation and no panic. Every function that can fail returns a status; the memory that
//! it works in is the caller's. The header is `include/gmlayer.h`.

#![no_std]

#[cfg(not(target_endian = "little"))]
compile_error!("exported numbers are stored with the least significant byte first");

mod diagonal;
mod loss;
mod memory;
mod model;
mod status;

use core::panic::PanicInfo;

/// Never called: no panic can be reached.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

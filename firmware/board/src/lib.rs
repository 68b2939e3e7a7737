//! What the images need of a board under QEMU: start-up, semihosting, counters of instructions and stack.
//!
//! | target | machine | counter of instructions |
//! |---|---|---|
//! | `thumbv7em-none-eabihf` | `mps2-an386`, a Cortex-M4F at 25 MHz | SysTick, at 64 ns an instruction |
//! | `thumbv6m-none-eabi` | `microbit`, a Cortex-M0 at 16 MHz | SysTick, at 64 ns an instruction |
//! | `riscv32imac-unknown-none-elf` | `virt` | `minstret` |
//!
//! The 64 ns are those of `-icount shift=6`: with it, virtual time is a count of instructions.

#![no_std]

mod counter;
mod semihosting;
mod stack;
#[cfg_attr(target_arch = "arm", path = "start/arm.rs")]
#[cfg_attr(target_arch = "riscv32", path = "start/riscv.rs")]
mod start;

use core::panic::PanicInfo;

pub use counter::instructions;
pub use semihosting::{File, exit, print, print_number};
pub use stack::stack_used;

/// A buffer in static memory: `buffer!([f32; 64], [0.0; 64])` is a `&'static mut [f32; 64]`.
///
/// Each place that it stands in may be passed once.
#[macro_export]
macro_rules! buffer {
    ($type:ty, $start:expr) => {{
        static mut BUFFER: $type = $start;
        // SAFETY: the place is passed once, so that this is the only reference.
        unsafe { &mut *&raw mut BUFFER }
    }};
}

/// A panic that can be reached is a symbol that does not exist, so that no image with one is ever linked.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panic_is_reachable() -> !;
    }
    // SAFETY: the function does not exist, so a program that calls it is never linked.
    unsafe { a_panic_is_reachable() }
}

unsafe extern "Rust" {
    /// The image: returns its exit status.
    safe fn image() -> u32;
}

/// Where the start-up code arrives.
extern "C" fn run() -> ! {
    counter::start();
    exit(image())
}

//! Counts instructions.

use core::hint::black_box;

/// The instructions that `work` takes, at most ten million.
pub fn instructions(work: impl FnOnce()) -> u32 {
    let nothing = count(|| {
        black_box(());
    });
    count(work) - nothing
}

#[inline(never)]
fn count(work: impl FnOnce()) -> u32 {
    let before = imp::now();
    work();
    imp::between(before, imp::now())
}

pub(crate) use imp::start;

/// SysTick counts down, 24 bits wide, at the clock of the processor.
#[cfg(target_arch = "arm")]
mod imp {
    const CONTROL: *mut u32 = 0xe000_e010 as *mut u32;
    const RELOAD: *mut u32 = 0xe000_e014 as *mut u32;
    const CURRENT: *mut u32 = 0xe000_e018 as *mut u32;
    const MASK: u32 = 0x00ff_ffff;

    pub(crate) fn start() {
        // SAFETY: the registers of SysTick, which nothing else uses. It has begun when it is not 0.
        unsafe {
            RELOAD.write_volatile(MASK);
            CURRENT.write_volatile(0);
            CONTROL.write_volatile(0b101);
            while CURRENT.read_volatile() == 0 {}
        }
    }

    pub(super) fn now() -> u32 {
        // SAFETY: as above.
        unsafe { CURRENT.read_volatile() }
    }

    /// At 64 ns an instruction, an instruction is 1.6 ticks of 25 MHz, or 1.024 of 16 MHz.
    pub(super) fn between(before: u32, after: u32) -> u32 {
        let ticks = before.wrapping_sub(after) & MASK;
        if cfg!(target_abi = "eabihf") { (ticks * 5 + 4) / 8 } else { (ticks * 125 + 64) / 128 }
    }
}

/// The processor's own counter.
#[cfg(target_arch = "riscv32")]
mod imp {
    pub(crate) fn start() {}

    pub(super) fn now() -> u32 {
        let count;
        // SAFETY: reads a counter.
        unsafe { core::arch::asm!("csrr {0}, minstret", out(reg) count, options(nomem, nostack)) };
        count
    }

    pub(super) fn between(before: u32, after: u32) -> u32 {
        after.wrapping_sub(before)
    }
}

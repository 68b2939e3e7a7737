//! Where the image begins, and the few functions that the compiler expects of a C library.

/// The image runs to its end on Linux, and says so by this exit status.
#[cfg(target_os = "linux")]
const RAN: i32 = 42;

#[cfg(target_os = "linux")]
core::arch::global_asm!(".globl _start", "_start:", "xor ebp, ebp", "and rsp, -16", "call start", "ud2");

#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
extern "C" fn start() -> ! {
    crate::main();
    // SAFETY: exit_group ends the process.
    unsafe { core::arch::asm!("syscall", in("rax") 231, in("rdi") RAN, options(noreturn)) }
}

/// The precompiled core library unwinds, and its tables name this.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[cfg(target_os = "linux")]
mod memory {
    use core::arch::asm;

    /// # Safety
    ///
    /// That of C's function.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe {
            asm!("rep movsb", inout("rcx") len => _, inout("rdi") to => _, inout("rsi") from => _, options(nostack));
        }
        to
    }

    /// # Safety
    ///
    /// That of C's function.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
        // SAFETY: the caller's.
        unsafe {
            asm!("rep stosb", inout("rcx") len => _, inout("rdi") to => _, in("al") byte as u8, options(nostack));
        }
        to
    }

    /// # Safety
    ///
    /// That of C's function.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
        if to.cast_const() <= from {
            // SAFETY: the caller's; upwards, no byte is overwritten before it is read.
            return unsafe { memcpy(to, from, len) };
        }
        // SAFETY: the caller's; downwards, no byte is overwritten before it is read.
        unsafe {
            asm!(
                "std", "rep movsb", "cld",
                inout("rcx") len => _,
                inout("rdi") to.wrapping_add(len).wrapping_sub(1) => _,
                inout("rsi") from.wrapping_add(len).wrapping_sub(1) => _,
                options(nostack),
            );
        }
        to
    }

    /// # Safety
    ///
    /// That of C's function.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
        for at in 0..len {
            // SAFETY: the caller's.
            let (a, b) = unsafe { (a.wrapping_add(at).read(), b.wrapping_add(at).read()) };
            if a != b {
                return i32::from(a) - i32::from(b);
            }
        }
        0
    }
}

#[cfg(not(target_os = "linux"))]
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    crate::main();
    loop {}
}

//! Semihosting: the host prints, opens files and takes the exit status.

/// The exit status after a fault of the processor.
pub(crate) const FAULT: u32 = 102;

const OPEN: usize = 0x01;
const WRITE: usize = 0x05;
const READ: usize = 0x06;
const EXIT_EXTENDED: usize = 0x20;

/// One operation of the host, with its block of arguments.
fn call(operation: usize, arguments: &[usize]) -> usize {
    let result;
    // SAFETY: the host reads the arguments, which name buffers that live until it has answered. Memory that the host
    // writes is borrowed mutably by the callers, and the compiler knows that assembly may write memory.
    unsafe {
        #[cfg(target_arch = "arm")]
        core::arch::asm!(
            "bkpt #0xab",
            inlateout("r0") operation => result, in("r1") arguments.as_ptr(), options(nostack),
        );
        // Three instructions of full length in one page are the signal.
        #[cfg(target_arch = "riscv32")]
        core::arch::asm!(
            ".balign 16", ".option push", ".option norvc",
            "slli x0, x0, 0x1f", "ebreak", "srai x0, x0, 7",
            ".option pop",
            inlateout("a0") operation => result, in("a1") arguments.as_ptr(), options(nostack),
        );
    }
    result
}

/// Ends the program with this status.
pub extern "C" fn exit(status: u32) -> ! {
    const STOPPED: usize = 0x20026;
    loop {
        call(EXIT_EXTENDED, &[STOPPED, status as usize]);
    }
}

/// A file of the host.
#[derive(Debug)]
pub struct File {
    handle: usize,
}

impl File {
    /// Opens a file to be read; `name` ends with a 0. Nothing where there is none.
    pub fn open(name: &[u8]) -> Option<Self> {
        const READ_BINARY: usize = 1;
        Self::with_mode(name, READ_BINARY)
    }

    fn with_mode(name: &[u8], mode: usize) -> Option<Self> {
        let handle = call(OPEN, &[name.as_ptr() as usize, mode, name.len().saturating_sub(1)]);
        (handle != usize::MAX).then_some(Self { handle })
    }

    /// Fills the buffer; false at the end of the file.
    pub fn read(&mut self, buffer: &mut [u8]) -> bool {
        call(READ, &[self.handle, buffer.as_mut_ptr() as usize, buffer.len()]) == 0
    }
}

/// Prints a text.
pub fn print(text: &[u8]) {
    const WRITE_TEXT: usize = 4;
    if let Some(terminal) = File::with_mode(b":tt\0", WRITE_TEXT) {
        call(WRITE, &[terminal.handle, text.as_ptr() as usize, text.len()]);
    }
}

/// Prints a name and a number, and ends the line.
pub fn print_number(name: &[u8], number: u32) {
    let (mut digits, mut rest) = (*b" 0000000000\n", number);
    for digit in digits.iter_mut().skip(1).take(10).rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    print(name);
    print(&digits);
}

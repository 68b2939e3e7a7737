//! How much of the stack was used: it is painted at reset, and what has lost the paint was used.

/// The paint.
pub(crate) const PAINT: u32 = 0xcccc_cccc;

unsafe extern "C" {
    static _stack_limit: u32;
    static _stack_top: u32;
}

/// The bytes of stack that have been used since reset.
pub fn stack_used() -> u32 {
    let (mut at, top) = (&raw const _stack_limit, &raw const _stack_top);
    // SAFETY: the words between the two symbols are the stack.
    while at < top && unsafe { at.read_volatile() } == PAINT {
        at = at.wrapping_add(1);
    }
    (top as usize - at as usize) as u32
}

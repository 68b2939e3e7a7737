//! Slices from pointers.

use crate::status::Status;

/// Refuses a null or misaligned pointer, and more elements than an object can have.
fn check<T>(pointer: *const T, len: usize) -> Result<(), Status> {
    let most = isize::MAX as usize / size_of::<T>().max(1);
    if pointer.is_null() || !pointer.is_aligned() || len > most { Err(Status::Pointer) } else { Ok(()) }
}

/// `len` elements that are read.
///
/// # Safety
///
/// Unless it is null or misaligned, the pointer is to that many elements, which nothing changes during `'a`.
pub(crate) unsafe fn read<'a, T>(pointer: *const T, len: usize) -> Result<&'a [T], Status> {
    check(pointer, len)?;
    // SAFETY: checked, and the caller's.
    Ok(unsafe { core::slice::from_raw_parts(pointer, len) })
}

/// `len` elements that are written.
///
/// # Safety
///
/// Unless it is null or misaligned, the pointer is to that many elements, which nothing else reads or changes during
/// `'a`.
pub(crate) unsafe fn write<'a, T>(pointer: *mut T, len: usize) -> Result<&'a mut [T], Status> {
    check(pointer, len)?;
    // SAFETY: checked, and the caller's.
    Ok(unsafe { core::slice::from_raw_parts_mut(pointer, len) })
}

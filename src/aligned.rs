//! Buffers that begin on a cache line (feature `alloc`).

use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

use crate::{Error, Real};

/// The length of a cache line in bytes.
const LINE: usize = 64;

/// A buffer that begins on a cache line of 64 bytes, so that each vector of its elements lies within one line.
///
/// Use it for parameters, gradients, `saved` and `scratch`. Any other slice gives the same results, more slowly where
/// vectors straddle two lines.
///
/// # Example
///
/// ```
/// let buffer = gmlayer::Aligned::<f32>::zeros(100)?;
/// assert_eq!((buffer.len(), buffer.as_ptr() as usize % 64), (100, 0));
/// # Ok::<(), gmlayer::Error>(())
/// ```
#[derive(Debug)]
pub struct Aligned<T> {
    buffer: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Real> Aligned<T> {
    /// A buffer of zeros.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when there is no memory for it.
    pub fn zeros(len: usize) -> Result<Self, Error> {
        let overflow = Error::Overflow { argument: "buffer" };
        let spare = LINE / size_of::<T>().clamp(1, LINE);
        let whole = len.checked_add(spare).ok_or(overflow)?;
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(whole).map_err(|_| overflow)?;
        buffer.resize(whole, T::zero());
        let start = buffer.as_ptr().align_offset(LINE).min(spare);
        Ok(Self { buffer, start, len })
    }

    /// A copy of a slice.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when there is no memory for it.
    pub fn copy_of(slice: &[T]) -> Result<Self, Error> {
        let mut copy = Self::zeros(slice.len())?;
        copy.copy_from_slice(slice);
        Ok(copy)
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.buffer.get(self.start..self.start + self.len).unwrap_or_default()
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.buffer.get_mut(self.start..self.start + self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Aligned;
    use crate::{Dual, Error};

    #[test]
    fn every_buffer_begins_a_line() {
        for len in 0..40 {
            let (single, double) = (Aligned::<f32>::zeros(len).unwrap(), Aligned::<f64>::zeros(len).unwrap());
            assert_eq!((single.as_ptr() as usize % 64, single.len()), (0, len));
            assert_eq!((double.as_ptr() as usize % 64, double.len()), (0, len));
            assert_eq!(Aligned::<Dual<f64>>::zeros(len).unwrap().as_ptr() as usize % 16, 0);
        }
        assert_eq!(*Aligned::copy_of(&[1.0, 2.0]).unwrap(), [1.0, 2.0]);
    }

    #[test]
    fn no_memory_is_an_error() {
        for len in [usize::MAX, usize::MAX / 2, usize::MAX / 16] {
            assert_eq!(Aligned::<f64>::zeros(len).err(), Some(Error::Overflow { argument: "buffer" }));
        }
    }
}

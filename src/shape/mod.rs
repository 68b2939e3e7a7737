//! The sizes of layers, and the lengths of all blocks and buffers that follow from them.

mod diagonal;
mod joint;

use core::num::NonZeroUsize;

pub use diagonal::Shape;
pub use joint::JointShape;

use crate::Error;

/// A size that is not 0.
const fn size(argument: &'static str, size: usize) -> Result<NonZeroUsize, Error> {
    match NonZeroUsize::new(size) {
        Some(size) => Ok(size),
        None => Err(Error::Zero { argument }),
    }
}

/// The value, or the error of the function that this is written in; `?` is not `const`.
macro_rules! checked {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Err(error),
        }
    };
}
use checked;

/// The number of rows in a flat slice of `row` elements each.
pub(crate) const fn rows(argument: &'static str, len: usize, row: usize) -> Result<usize, Error> {
    if len == 0 {
        return Err(Error::Zero { argument });
    }
    if !len.is_multiple_of(row) {
        return Err(Error::Rows { argument, row, got: len });
    }
    Ok(len / row)
}

/// Refuses a slice of the wrong length.
pub(crate) const fn exact(argument: &'static str, got: usize, expected: usize) -> Result<(), Error> {
    if got == expected { Ok(()) } else { Err(Error::Length { argument, expected, got }) }
}

/// The part of a buffer that is used, or the error that says how much is needed.
pub(crate) fn buffer<'a, T>(
    argument: &'static str,
    buffer: &'a mut [T],
    expected: usize,
) -> Result<&'a mut [T], Error> {
    let got = buffer.len();
    buffer.get_mut(..expected).ok_or(Error::Buffer { argument, expected, got })
}

/// The same of a buffer that is only read.
pub(crate) fn buffer_ref<'a, T>(
    argument: &'static str,
    buffer: &'a [T],
    expected: usize,
) -> Result<&'a [T], Error> {
    let got = buffer.len();
    buffer.get(..expected).ok_or(Error::Buffer { argument, expected, got })
}

/// `a·b`, or the error that names what was being sized.
pub(crate) const fn product(argument: &'static str, a: usize, b: usize) -> Result<usize, Error> {
    match a.checked_mul(b) {
        Some(product) if product <= isize::MAX as usize / 8 => Ok(product),
        _ => Err(Error::Overflow { argument }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, product};

    #[test]
    fn products_that_cannot_be_addressed_are_refused() {
        assert_eq!(product("a", isize::MAX as usize / 8, 1), Ok(isize::MAX as usize / 8));
        for (a, b) in [(isize::MAX as usize / 8 + 1, 1), (usize::MAX, 2), (1 << 33, 1 << 33)] {
            assert_eq!(product("a", a, b), Err(Error::Overflow { argument: "a" }));
        }
    }
}

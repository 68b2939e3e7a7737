//! The error of the numerical core.

use core::fmt;

/// A size or setting that is wrong: names the argument, the expected value and the given one.
///
/// An error is small, `Copy` and holds no formatted text, so that it costs little on a microcontroller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A slice has the wrong length.
    Length {
        /// The argument's name.
        argument: &'static str,
        /// The number of elements that it must have.
        expected: usize,
        /// The number of elements that it has.
        got: usize,
    },
    /// A slice does not hold a whole number of rows.
    Rows {
        /// The argument's name.
        argument: &'static str,
        /// The number of elements of one row.
        row: usize,
        /// The number of elements that came.
        got: usize,
    },
    /// A buffer (`saved`, `scratch` or storage) is too short.
    Buffer {
        /// The argument's name.
        argument: &'static str,
        /// The least number of elements.
        expected: usize,
        /// The number of elements that came.
        got: usize,
    },
    /// A size that must be at least one is zero.
    Zero {
        /// The argument's name.
        argument: &'static str,
    },
    /// A size exceeds what the machine can address, or has memory for.
    Overflow {
        /// What was being sized.
        argument: &'static str,
    },
    /// A setting makes no sense, in the precision in which it is used.
    Setting {
        /// The setting's name.
        argument: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// An index or a setting lies outside its range.
    Range {
        /// The argument's name.
        argument: &'static str,
        /// The largest value that is allowed.
        largest: usize,
        /// The value that came.
        got: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length { argument, expected, got } => {
                write!(f, "`{argument}` must have {expected} elements, but has {got}")
            }
            Self::Rows { argument, row, got } => {
                write!(f, "`{argument}` must hold whole rows of {row} elements, but has {got} elements")
            }
            Self::Buffer { argument, expected, got } => {
                write!(f, "`{argument}` must have at least {expected} elements, but has {got}")
            }
            Self::Zero { argument } => write!(f, "`{argument}` must be at least 1, but is 0"),
            Self::Overflow { argument } => {
                write!(f, "the size of `{argument}` exceeds what this machine can hold")
            }
            Self::Setting { argument, expected } => write!(f, "`{argument}` must be {expected}"),
            Self::Range { argument, largest, got } => {
                write!(f, "`{argument}` must be at most {largest}, but is {got}")
            }
        }
    }
}

impl core::error::Error for Error {}

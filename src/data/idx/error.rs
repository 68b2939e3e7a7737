//! What can be wrong with an IDX file.

use core::fmt;
use std::io;

use super::ElementType;

/// An IDX file that could not be read or written: which file, where, and what was wrong.
#[derive(Debug)]
#[non_exhaustive]
pub struct IdxError {
    /// The file's name as the caller gave it.
    pub file: String,
    /// The position of the first byte that is wrong or missing. In a gzip file it counts unpacked bytes.
    pub offset: u64,
    /// Whether the file is a gzip file.
    pub gzip: bool,
    /// What was expected there and what came.
    pub kind: IdxErrorKind,
}

/// What was wrong, without the file and the position.
#[derive(Debug)]
#[non_exhaustive]
pub enum IdxErrorKind {
    /// The file cannot be opened.
    Open(io::Error),
    /// A folder is there in the place of the file.
    Folder,
    /// The operating system failed.
    Io(io::Error),
    /// The gzip container is cut short or damaged, or bytes other than gzip follow its end.
    Gzip(io::Error),
    /// The file does not begin with two zero bytes.
    Magic {
        /// The first two bytes.
        got: [u8; 2],
    },
    /// The code of the element type is none of the format's.
    ElementType {
        /// The code.
        got: u8,
    },
    /// The number of dimensions is not 1 to 255, or a size does not fit 32 bits.
    Dimensions {
        /// The number of dimensions.
        got: usize,
        /// The largest size.
        largest: usize,
    },
    /// The number of elements is not the product of the dimensions.
    Elements {
        /// The product; none where it exceeds 64 bits.
        expected: Option<u64>,
        /// The number of elements.
        got: usize,
    },
    /// The elements that the header promises exceed the limit.
    Limit {
        /// The type of the elements.
        element_type: ElementType,
        /// The bytes that the header promises; none where the number exceeds 64 bits.
        bytes: Option<u64>,
        /// The bytes that are allowed.
        limit: u64,
    },
    /// The memory for the elements could not be had.
    Memory {
        /// The bytes that the elements need.
        bytes: u64,
    },
    /// The data end too early.
    Missing {
        /// The bytes that the whole array has, as far as the header could be read.
        expected: u64,
    },
    /// The data go on after the last element.
    Trailing,
}

impl fmt::Display for IdxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self.kind, IdxErrorKind::Open(_) | IdxErrorKind::Folder) {
            return write!(f, "{}: {}", self.file, self.kind);
        }
        let unpacked = if self.gzip { " of the unpacked data" } else { "" };
        write!(f, "{}: at byte {}{unpacked}: {}", self.file, self.offset, self.kind)
    }
}

impl fmt::Display for IdxErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(source) => write!(f, "cannot open it: {source}"),
            Self::Folder => write!(f, "expected a file, but this is a folder"),
            Self::Io(source) => write!(f, "{source}"),
            Self::Gzip(source) => write!(f, "expected sound gzip data, but: {source}"),
            Self::Magic { got: [first, second] } => {
                write!(
                    f,
                    "expected the bytes 00 00 that begin an IDX file, but got {first:02X} {second:02X}"
                )?;
                match [first, second] {
                    [0x1F, 0x8B] => write!(f, ", as in a file that was packed twice"),
                    [b'<', _] => write!(f, ", as in a web page"),
                    _ => Ok(()),
                }
            }
            Self::ElementType { got } => {
                write!(f, "expected an element type (08, 09, 0B, 0C, 0D or 0E), but got {got:02X}")
            }
            Self::Dimensions { got, largest } => {
                write!(f, "expected 1 to 255 dimensions below 2^32, but got {got}, the largest {largest}")
            }
            Self::Elements { expected: Some(expected), got } => {
                write!(f, "expected {expected} elements, the product of the dimensions, but got {got}")
            }
            Self::Elements { expected: None, got } => {
                write!(f, "expected more than 2^64 elements, the product of the dimensions, but got {got}")
            }
            Self::Limit { element_type, bytes: Some(bytes), limit } => {
                let end = "of elements, but the header promises";
                write!(f, "expected at most {limit} bytes {end} {bytes} ({element_type})")
            }
            Self::Limit { element_type, bytes: None, limit } => {
                let end = "of elements, but the header promises more than 2^64";
                write!(f, "expected at most {limit} bytes {end} ({element_type})")
            }
            Self::Memory { bytes } => write!(f, "there is not enough memory for {bytes} bytes of elements"),
            Self::Missing { expected } => {
                write!(f, "expected {expected} bytes in all, but the data end here")
            }
            Self::Trailing => write!(f, "expected the end of the data, but more bytes follow"),
        }
    }
}

impl core::error::Error for IdxError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.kind {
            IdxErrorKind::Open(source) | IdxErrorKind::Io(source) | IdxErrorKind::Gzip(source) => {
                Some(source)
            }
            _ => None,
        }
    }
}

impl core::error::Error for IdxErrorKind {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Open(source) | Self::Io(source) | Self::Gzip(source) => Some(source),
            _ => None,
        }
    }
}

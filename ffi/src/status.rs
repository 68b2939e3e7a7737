//! What functions return.

use gmlayer::Error;
use gmlayer::compact::BlobError;

/// What came of a call; everything but `OK` means that nothing was written.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// All is well.
    Ok = 0,
    /// A pointer is null or not aligned.
    Pointer = 1,
    /// The bytes are not those of an exported model.
    NoModel = 2,
    /// The model has another version of the format.
    Version = 3,
    /// The bytes of the model are damaged.
    Damaged = 4,
    /// A size is zero or too large, or a length does not fit the sizes.
    Size = 5,
    /// The scratch is too small.
    Scratch = 6,
    /// An index or setting lies outside its range.
    Range = 7,
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Buffer { .. } => Self::Scratch,
            Error::Range { .. } => Self::Range,
            _ => Self::Size,
        }
    }
}

impl From<BlobError> for Status {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NoModel => Self::NoModel,
            BlobError::Version { .. } => Self::Version,
            BlobError::Size(error) => error.into(),
            _ => Self::Damaged,
        }
    }
}

/// The status of a result.
pub(crate) fn status(result: Result<(), Status>) -> Status {
    result.err().unwrap_or(Status::Ok)
}

//! What functions return.

use core::ffi::{CStr, c_char};

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
    /// There is no model: the bytes are not those of an exported one, or the struct was never made one.
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

/// What a status says, as a sentence in English; every number has one.
#[unsafe(no_mangle)]
pub extern "C" fn gmlayer_status_text(status: i32) -> *const c_char {
    const KNOWN: [(Status, &CStr); 8] = [
        (Status::Ok, c"all is well"),
        (Status::Pointer, c"a pointer is null or not aligned"),
        (
            Status::NoModel,
            c"there is no model: the bytes are not those of an exported one, or it was never made",
        ),
        (Status::Version, c"the model has another version of the format"),
        (Status::Damaged, c"the bytes of the model are damaged"),
        (Status::Size, c"a size is zero or too large, or a length does not fit the sizes"),
        (Status::Scratch, c"the scratch is too small"),
        (Status::Range, c"an index or setting lies outside its range"),
    ];
    let known = KNOWN.iter().find(|(known, _)| *known as i32 == status);
    known.map_or(c"there is no such status", |(_, text)| text).as_ptr()
}

/// The version of the library, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn gmlayer_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
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

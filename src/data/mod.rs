//! Data sets (feature `std`): the IDX file format, labelled images in memory, and digits drawn by
//! program.
//!
//! ```
//! use gmlayer::data::digits;
//!
//! let data = digits(0, 100, 20)?;
//! assert_eq!((data.inputs, data.classes), (784, 10));
//! let mut batch = [0.0_f32; 2 * 784];
//! data.train.batch(&[3, 99], &mut batch)?;
//! # Ok::<(), gmlayer::Error>(())
//! ```

mod dataset;
mod digits;
mod folder;
mod idx;
mod mark;
mod samples;
mod shrink;

pub use dataset::Dataset;
pub use digits::{DIGITS_SIDE, DIGITS_TEST, DIGITS_TRAIN, digits};
pub use folder::DataError;
pub use idx::{ElementType, Elements, Idx, IdxError, IdxErrorKind, Images};
pub use mark::DataMark;
pub use samples::Samples;

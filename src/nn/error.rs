//! Why a network cannot be.

use alloc::string::String;
use core::fmt;

use crate::Error;

/// Why a network could not be built or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetworkError {
    /// There is no layer.
    Empty,
    /// A layer does not take what the one before it gives.
    Mismatch {
        /// The layer's place, from 0.
        layer: usize,
        /// The number of inputs that it takes.
        inputs: usize,
        /// The number of outputs of the layer before it.
        previous_outputs: usize,
    },
    /// No layer has a block of this name.
    UnknownBlock {
        /// The name that came.
        name: String,
        /// The names that there are, separated by commas.
        known: String,
    },
    /// A size is zero or too large.
    Size(Error),
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "a network must have at least one layer"),
            Self::Mismatch { layer, inputs, previous_outputs } => write!(
                f,
                "layer {layer} takes {inputs} inputs, but the layer before it gives {previous_outputs}"
            ),
            Self::UnknownBlock { name, known } => {
                write!(f, "there is no parameter block `{name}`; the blocks are {known}")
            }
            Self::Size(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for NetworkError {}

impl From<Error> for NetworkError {
    fn from(error: Error) -> Self {
        Self::Size(error)
    }
}

//! Why training or evaluation could not go on.

use core::fmt;

use crate::Error;

/// Why training or evaluation could not start or go on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TrainError {
    /// The network takes another number of inputs than the images have pixels.
    Inputs {
        /// The network's inputs.
        network: usize,
        /// The pixels of an image.
        data: usize,
    },
    /// The data have more classes than the network has outputs.
    Classes {
        /// The network's outputs.
        network: usize,
        /// The number of classes of the data.
        data: usize,
    },
    /// The loss of a batch became infinite or NaN; the parameters are those before the step.
    Loss {
        /// The epoch, from 1.
        epoch: usize,
        /// The step in the epoch, from 1.
        step: usize,
        /// The name of the block with the largest parameter.
        block: String,
    },
    /// A parameter became infinite or NaN.
    Parameter {
        /// The epoch, from 1.
        epoch: usize,
        /// The step in the epoch, from 1, after which it was found.
        step: usize,
        /// The name of the block that it is in.
        block: String,
    },
    /// A setting is not a share, which is at least 0 and below 1.
    Share {
        /// The setting's name.
        setting: &'static str,
        /// The number that came.
        got: f64,
    },
    /// A size or a setting does not fit.
    Size(Error),
}

impl fmt::Display for TrainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inputs { network, data } => {
                write!(f, "the network takes {network} inputs, but an image of the data has {data} pixels")
            }
            Self::Classes { network, data } => {
                write!(f, "the network has {network} outputs, but the data have {data} classes")
            }
            Self::Loss { epoch, step, block } => write!(
                f,
                "training diverged: the loss is not finite in epoch {epoch}, step {step}, where `{block}` has the \
                 largest parameter; a smaller learning rate may help"
            ),
            Self::Parameter { epoch, step, block } => write!(
                f,
                "training diverged: `{block}` holds a value that is not finite after epoch {epoch}, step {step}; \
                 a smaller learning rate may help"
            ),
            Self::Share { setting, got } => {
                write!(f, "`{setting}` must be at least 0 and below 1, but is {got}")
            }
            Self::Size(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for TrainError {}

impl From<Error> for TrainError {
    fn from(error: Error) -> Self {
        Self::Size(error)
    }
}

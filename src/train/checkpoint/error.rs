//! What can be wrong with a checkpoint.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::SafeTensorError;

use crate::nn::NetworkError;

/// A file that could not be written or read as a checkpoint.
#[derive(Debug)]
pub struct CheckpointError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: CheckpointProblem,
}

impl CheckpointError {
    pub(super) fn new(path: &Path, problem: CheckpointProblem) -> Self {
        Self { path: path.to_owned(), problem }
    }
}

/// What is wrong with a checkpoint.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckpointProblem {
    /// The file cannot be written.
    Write(io::Error),
    /// The file cannot be read.
    Read(io::Error),
    /// The file is not a safetensors file, or a damaged one.
    Format(SafeTensorError),
    /// The header of the file is damaged, or has a name twice.
    Header(serde_json::Error),
    /// The file is longer than what is read at most.
    TooLarge {
        /// The bytes that are read at most.
        limit: u64,
        /// The bytes that it has.
        got: u64,
    },
    /// The checksum is that of other contents: something in the file has changed.
    Checksum {
        /// The checksum that the file states.
        stated: String,
        /// The checksum of its contents.
        got: String,
    },
    /// Where training stands makes no sense.
    Position(String),
    /// A setting of training is infinite or NaN.
    Setting(String),
    /// An optimiser is not the one that the file tells of.
    Optimizer {
        /// What differs.
        what: String,
        /// What the file has.
        saved: String,
        /// What the optimiser has.
        got: String,
    },
    /// The file has no description of a network: it is not a model of this crate.
    NoDescription,
    /// The description of the network cannot be read.
    Description(serde_json::Error),
    /// The file has another version.
    Version {
        /// The version that this code reads.
        expected: u64,
        /// The version of the file.
        got: u64,
    },
    /// A layer of this name cannot be saved.
    Layer(&'static str),
    /// The first layer has no parameters.
    NoParameters,
    /// There are more layers than a file may have.
    Layers {
        /// The most layers of a file.
        limit: usize,
        /// The number of layers.
        got: usize,
    },
    /// A rectifier follows a rectifier.
    Rectifiers {
        /// The place of the second one, from 0.
        layer: usize,
    },
    /// There is no memory for what the file holds.
    Memory,
    /// The layers do not make a network.
    Network(NetworkError),
    /// A tensor is missing.
    Missing(String),
    /// A tensor belongs to no layer.
    Unknown(String),
    /// A tensor is not of type `F32`.
    Type {
        /// The tensor.
        tensor: String,
        /// Its type.
        got: String,
    },
    /// A tensor has another shape than its layer.
    Dimensions {
        /// The tensor.
        tensor: String,
        /// The shape that its layer has.
        expected: Vec<usize>,
        /// The shape that it has.
        got: Vec<usize>,
    },
    /// A tensor holds an infinity or NaN.
    NotFinite {
        /// The tensor.
        tensor: String,
        /// The place of the first such value.
        index: usize,
    },
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            CheckpointProblem::Write(error) => write!(f, "cannot write {path}: {error}"),
            CheckpointProblem::Read(error) => write!(f, "cannot read {path}: {error}"),
            problem @ (CheckpointProblem::NotFinite { .. }
            | CheckpointProblem::Layer(_)
            | CheckpointProblem::Memory
            | CheckpointProblem::Setting(_)) => write!(f, "{path}: {problem}"),
            problem => write!(f, "{path} is not a usable model: {problem}"),
        }
    }
}

impl fmt::Display for CheckpointProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(&mut Sentence { formatter: f, left: LONGEST })
    }
}

impl CheckpointProblem {
    /// Writes what is wrong, with names and texts as the file has them.
    fn write(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::Write(error) | Self::Read(error) => write!(f, "{error}"),
            Self::Format(error) => write!(f, "it is damaged or no safetensors file ({error})"),
            Self::Header(error) => write!(f, "it is damaged or no safetensors file ({error})"),
            Self::TooLarge { limit, got } => {
                write!(f, "it has {got} bytes, but at most {limit} are read")
            }
            Self::Checksum { stated, got } => {
                write!(
                    f,
                    "its checksum is {got}, but it states {stated}: it is damaged, or another program has changed it \
                     and should have left the checksum out"
                )
            }
            Self::Position(what) => write!(f, "what it says of training is damaged: {what}"),
            Self::Setting(name) => write!(f, "the setting `{name}` is infinite or NaN"),
            Self::Optimizer { what, saved, got } => {
                write!(f, "the {what} of its optimiser: it has {saved}, but training has {got}")
            }
            Self::NoDescription => write!(f, "its metadata do not have the entry `gmlayer`"),
            Self::Description(error) => write!(f, "the description in its metadata is damaged ({error})"),
            Self::Version { expected, got } => {
                write!(f, "it has version {got} of the format, but only version {expected} can be read")
            }
            Self::Layer(name) => write!(f, "a layer `{name}` cannot be saved"),
            Self::NoParameters => write!(f, "its first layer has no parameters"),
            Self::Layers { limit, got } => write!(f, "it has {got} layers, but at most {limit} are possible"),
            Self::Rectifiers { layer } => write!(f, "layer {layer} is a rectifier that follows a rectifier"),
            Self::Memory => write!(f, "there is not enough memory for what it holds"),
            Self::Network(error) => write!(f, "{error}"),
            Self::Missing(tensor) => write!(f, "the tensor `{tensor}` is missing"),
            Self::Unknown(tensor) => write!(f, "no layer has the tensor `{tensor}`"),
            Self::Type { tensor, got } => {
                write!(f, "the tensor `{tensor}` must have type F32, but has {got}")
            }
            Self::Dimensions { tensor, expected, got } => {
                write!(f, "the tensor `{tensor}` must have shape {expected:?}, but has {got:?}")
            }
            Self::NotFinite { tensor, index } => {
                write!(f, "the tensor `{tensor}` holds an infinity or NaN at index {index}")
            }
        }
    }
}

/// The characters of a message at most.
const LONGEST: usize = 400;

/// One line of bounded length, whatever a file has for names: control characters are escaped, the rest is cut.
struct Sentence<'a, 'b> {
    formatter: &'a mut fmt::Formatter<'b>,
    left: usize,
}

impl fmt::Write for Sentence<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match self.left {
                0 => return Ok(()),
                1 => self.formatter.write_str("…")?,
                _ if character.is_control() => write!(self.formatter, "{}", character.escape_default())?,
                _ => write!(self.formatter, "{character}")?,
            }
            self.left -= 1;
        }
        Ok(())
    }
}

impl core::error::Error for CheckpointError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.problem {
            CheckpointProblem::Write(error) | CheckpointProblem::Read(error) => Some(error),
            CheckpointProblem::Format(error) => Some(error),
            CheckpointProblem::Description(error) | CheckpointProblem::Header(error) => Some(error),
            CheckpointProblem::Network(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SafeTensorError> for CheckpointProblem {
    fn from(error: SafeTensorError) -> Self {
        Self::Format(error)
    }
}

impl From<NetworkError> for CheckpointProblem {
    fn from(error: NetworkError) -> Self {
        Self::Network(error)
    }
}

//! What options choose among.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What the network is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Model {
    /// Gaussian mixture layers with a diagonal covariance
    Diagonal,
    /// Gaussian mixture layers with a joint covariance of a given rank
    Joint,
    /// Dense layers with rectifiers between, no biases
    Dense,
}

impl Model {
    /// The name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Diagonal => "diagonal",
            Self::Joint => "joint",
            Self::Dense => "dense",
        }
    }
}

/// How gradients change parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OptimizerName {
    /// Stochastic gradient descent
    Sgd,
    /// Adam
    Adam,
}

/// What U acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CoordinatesName {
    /// E[ω|β] = Uβ + v
    Paper,
    /// E[ω|β] = U(β − μ) + v
    Centred,
}

/// How components are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScaleName {
    /// Their mean
    Mean,
    /// Their sum
    Sum,
}

/// How the learning rates change while training goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScheduleName {
    /// They stay as they are
    Constant,
    /// They fall to 0 as half a cosine
    Cosine,
}

/// What an exported model is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A Rust module with static arrays, for the crate gmlayer
    Rust,
    /// A C header with static arrays
    C,
    /// Bytes with a checked header
    Bin,
    /// An ONNX graph of any network, for onnxruntime and others
    Onnx,
}

/// How the numbers of an exported model are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Precision {
    /// 32 bits
    F32,
    /// 16 bits
    F16,
    /// 8-bit integers with a scale a row
    I8,
}

//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

/// Trains and evaluates Gaussian mixture layers.
#[derive(Debug, Parser)]
#[command(name = "gmlayer", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network on the built-in digits or on a folder of MNIST files
    Train(TrainArguments),
    /// Print a saved model's error on test images
    Eval(EvalArguments),
    /// Repeat experiments of the paper, and go beyond them: CSV, figures and a page
    Experiment(ExperimentArguments),
}

/// What the network is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Model {
    /// Gaussian mixture layers
    Gm,
    /// Gaussian mixture layers with a joint covariance of a given rank
    Joint,
    /// Dense layers with rectifiers between, no biases
    Dense,
}

impl Model {
    /// The name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gm => "gm",
            Self::Joint => "joint",
            Self::Dense => "dense",
        }
    }
}

/// How gradients change parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OptimizerName {
    /// Stochastic gradient descent
    Sgd,
    /// Adam
    Adam,
}

/// What U acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CoordinatesName {
    /// E[ω|β] = Uβ + v
    Paper,
    /// E[ω|β] = U(β − μ) + v
    Centred,
}

/// How components are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScaleName {
    /// Their mean
    Mean,
    /// Their sum
    Sum,
}

/// How the learning rates change while training goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScheduleName {
    /// They stay as they are
    Constant,
    /// They fall to 0 as half a cosine
    Cosine,
}

/// Which images to use.
#[derive(Debug, Args)]
pub(crate) struct DataArguments {
    /// Folder with the four MNIST files, gzipped or not [default: built-in drawn digits]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Use only the first N test images
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) test_images: Option<usize>,
}

#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)] // so that each option says itself what it takes
pub(crate) struct TrainArguments {
    #[command(flatten)]
    pub(crate) data: DataArguments,

    /// Use only the first N training images
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) train_images: Option<usize>,

    /// What the network is made of
    #[arg(long, value_enum, default_value_t = Model::Gm)]
    pub(crate) model: Model,

    /// Components of each Gaussian mixture layer [default: 20]
    #[arg(long, value_name = "K", value_parser = count)]
    pub(crate) components: Option<usize>,

    /// Rank of the covariance of the joint model [default: 4]
    #[arg(long, value_name = "R", value_parser = count)]
    pub(crate) rank: Option<usize>,

    /// Add a hidden layer of N outputs before the last one; may be repeated
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) hidden: Vec<usize>,

    /// Hidden width of the dense model [default: 1000]
    #[arg(long, value_name = "N", value_parser = count, conflicts_with = "hidden")]
    pub(crate) width: Option<usize>,

    /// Scale of the starting values of Gaussian mixture layers [default: 0.5; joint: 0.03]
    #[arg(long, value_name = "X", value_parser = positive)]
    pub(crate) gamma: Option<f32>,

    /// Scale of the starting values of the outputs of the joint model [default: 0.1]
    #[arg(long, value_name = "X", value_parser = positive)]
    pub(crate) output_gamma: Option<f32>,

    /// Coordinates of Gaussian mixture layers [default: paper]
    #[arg(long, value_enum)]
    pub(crate) coordinates: Option<CoordinatesName>,

    /// Mean or sum over the components of Gaussian mixture layers [default: mean]
    #[arg(long, value_enum)]
    pub(crate) scale: Option<ScaleName>,

    /// Passes over the training images
    #[arg(long, value_name = "N", value_parser = count, default_value = "8")]
    pub(crate) epochs: usize,

    /// Images of a step
    #[arg(long, value_name = "N", value_parser = count, default_value = "64")]
    pub(crate) batch_size: usize,

    /// How gradients change parameters
    #[arg(long, value_enum, default_value_t = OptimizerName::Sgd)]
    pub(crate) optimizer: OptimizerName,

    /// Learning rate [default: 0.1; with adam 0.003]
    #[arg(long, value_name = "X", value_parser = positive)]
    pub(crate) learning_rate: Option<f32>,

    /// Learning rate of the standard deviations [default: 1; with adam that of the rest]
    #[arg(long, value_name = "X", value_parser = positive)]
    pub(crate) sigma_learning_rate: Option<f32>,

    /// How the learning rates change while training goes on
    #[arg(long, value_enum, default_value_t = ScheduleName::Constant)]
    pub(crate) schedule: ScheduleName,

    /// Share of the inputs that a training step leaves out
    #[arg(long, value_name = "P", value_parser = share, default_value = "0")]
    pub(crate) input_dropout: f64,

    /// Share of the target that training gives to all classes alike
    #[arg(long, value_name = "P", value_parser = share, default_value = "0")]
    pub(crate) label_smoothing: f64,

    /// Parameter blocks to leave as they start, such as mu,sigma
    #[arg(long, value_name = "BLOCKS", value_delimiter = ',')]
    pub(crate) freeze: Vec<String>,

    /// Seed of the starting values and of the order of the images
    #[arg(long, value_name = "N", value_parser = seed, default_value = "0")]
    pub(crate) seed: u64,

    /// Threads that share the work of Gaussian mixture layers; the results are the same [default: 1]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,

    /// Save the trained network as a safetensors file
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,

    /// Print the results as one JSON object on the last line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct EvalArguments {
    /// The saved model
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    #[command(flatten)]
    pub(crate) data: DataArguments,

    /// Print the results as one JSON object on the last line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which experiment to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExperimentName {
    /// Test error with K = 5, 10 and 20 components
    Components,
    /// Against dense networks of width 1000
    Dense,
    /// How components and neurons move
    Evolution,
    /// With and without updates of μ and σ
    Lazy,
    /// One and two layers
    Stacked,
    /// Covariances, coordinates and optimisers beyond the paper
    Covariance,
    /// Everything, on one page
    All,
}

#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct ExperimentArguments {
    /// Which experiment to run
    #[arg(value_enum, value_name = "NAME")]
    pub(crate) name: ExperimentName,

    /// Folder with the four MNIST files, gzipped or not
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// Folder for the results; finished trials in it are not run again
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Trials of each run, with the seeds 0, 1, ... [default: 5; with --quick 1]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) trials: Option<usize>,

    /// Passes over the training images; costly runs take a half or a third of them [default: 30; with --quick 3]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) epochs: Option<usize>,

    /// Trials that run at a time; the results are the same [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,

    /// Try everything in short, on the first 10000 images
    #[arg(long)]
    pub(crate) quick: bool,
}

/// The largest size that the command line takes: far above any use, far below any overflow.
const LARGEST: usize = 1_000_000;

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=LARGEST).contains(&count) => Ok(count),
        _ => Err(format!("it must be a whole number from 1 to {LARGEST}")),
    }
}

/// The largest number of threads that the command line takes.
const MOST_THREADS: usize = 256;

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MOST_THREADS).contains(&count) => Ok(count),
        _ => Err(format!("it must be a whole number from 1 to {MOST_THREADS}")),
    }
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("it must be a whole number from 0 to {}", u64::MAX))
}

fn positive(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && f32::is_finite(value) => Ok(value),
        _ => Err("it must be a positive number".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(value),
        _ => Err("it must be a number from 0 to below 1".to_owned()),
    }
}

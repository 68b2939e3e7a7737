//! The command line.

mod names;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use serde::{Deserialize, Serialize};

use crate::bounds::{self, COUNTS, RATES, SEEDS, SHARES, THREADS};
use crate::saved::is_standard;
pub(crate) use names::{CoordinatesName, Format, Model, OptimizerName, Precision, ScaleName, ScheduleName};

/// Trains, evaluates and exports Gaussian mixture layers.
#[derive(Debug, Parser)]
#[command(name = "gmlayer", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a network on the built-in digits or on a folder of MNIST files
    Train(Box<TrainArguments>),
    /// Print a saved model's error on test images
    Eval(EvalArguments),
    /// Print the class that a saved model gives each image of a file
    Predict(PredictArguments),
    /// Print what a saved model is made of and how far its training has come
    Inspect(InspectArguments),
    /// Write a saved model for a microcontroller (one diagonal or joint layer) or as ONNX (any network)
    Export(ExportArguments),
}

impl Arguments {
    /// Reads a command line: the arguments, and the names of those options that were given.
    pub fn read(
        line: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<(Self, Vec<String>), clap::Error> {
        let command = Self::command().long_version(long_version());
        let matches = command.clone().try_get_matches_from(line)?;
        let given = matches
            .subcommand()
            .and_then(|(name, matches)| Some(given(command.find_subcommand(name)?, matches)))
            .unwrap_or_default();
        Ok((Self::from_arg_matches(&matches)?, given))
    }
}

/// The version, and the instructions that products and loops in vectors use.
fn long_version() -> String {
    let instructions =
        gmlayer::Instructions::in_use().map_or("unknown".to_owned(), |found| found.to_string());
    format!("{}\ninstructions: {instructions}", env!("CARGO_PKG_VERSION"))
}

/// The names of the options that were given and not filled in.
fn given(command: &clap::Command, matches: &ArgMatches) -> Vec<String> {
    let names = command.get_arguments().map(|argument| argument.get_id().as_str());
    let given = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
    names.filter(|name| matches.try_contains_id(name).is_ok()).filter(given).map(str::to_owned).collect()
}

/// Which images to use.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub(crate) struct DataArguments {
    /// Folder with the four MNIST files, gzipped or not [default: built-in drawn digits]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Use only the first N test images
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) test_images: Option<usize>,

    /// Shrink the images to N × N pixels, by the mean of each area
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) side: Option<usize>,
}

#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[command(allow_negative_numbers = true)] // so that each option says itself what it takes
pub(crate) struct TrainArguments {
    #[command(flatten)]
    #[serde(flatten)]
    pub(crate) data: DataArguments,

    /// Use only the first N training images
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) train_images: Option<usize>,

    /// What the network is made of
    #[arg(long, value_enum, default_value_t = Model::Diagonal)]
    pub(crate) model: Model,

    /// Components of each diagonal or joint layer [default: 20]
    #[arg(long, value_name = "K", value_parser = count)]
    pub(crate) components: Option<usize>,

    /// Rank of the covariance of each joint layer [default: 4]
    #[arg(long, value_name = "R", value_parser = count)]
    pub(crate) rank: Option<usize>,

    /// One covariance of the weights for all components of a joint layer
    #[arg(long)]
    #[serde(default)]
    pub(crate) tied: bool,

    /// Add a hidden layer of N outputs before the last one; may be repeated
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) hidden: Vec<usize>,

    /// Hidden width of the dense model [default: 1000]
    #[arg(long, value_name = "N", value_parser = count, conflicts_with = "hidden")]
    pub(crate) width: Option<usize>,

    /// Scale of the starting values of diagonal and joint layers [default: 0.5; with joint 0.03]
    #[arg(long, value_name = "X", value_parser = positive)]
    pub(crate) gamma: Option<f32>,

    /// Scale of the starting values of the outputs of joint layers [default: 0.1]
    #[arg(long, value_name = "X", value_parser = positive)]
    pub(crate) output_gamma: Option<f32>,

    /// Coordinates of diagonal layers [default: paper]
    #[arg(long, value_enum)]
    pub(crate) coordinates: Option<CoordinatesName>,

    /// Mean or sum over the components of diagonal and joint layers [default: mean]
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

    /// Learning rate of the standard deviations of diagonal layers [default: 1; with adam that of the rest]
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

    /// Threads that share the work of diagonal and joint layers and of the optimiser; the results are the same [default: 1]
    #[arg(long, value_name = "N", value_parser = threads)]
    #[serde(skip)]
    pub(crate) threads: Option<usize>,

    /// Save the network and where its training stands as a safetensors file
    #[arg(long, value_name = "FILE", value_parser = file())]
    #[serde(skip)]
    pub(crate) save: Option<PathBuf>,

    /// Save after every N steps too, and not only at the end
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) checkpoint_every: Option<usize>,

    /// Go on with the training that a file holds, and save there; of the other options only --data, --epochs,
    /// --save, --checkpoint-every, --threads and --json may come with it
    #[arg(long, value_name = "FILE", value_parser = file())]
    #[serde(skip)]
    pub(crate) resume: Option<PathBuf>,

    /// Print the results as one JSON object, and nothing else on standard output
    #[arg(long)]
    #[serde(skip)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArguments {
    /// The saved model; - reads standard input
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// IDX file of images, gzipped or not, or - for standard input; it is read a few images at a time
    #[arg(long, value_name = "FILE")]
    pub(crate) images: PathBuf,

    /// Print a JSON object for each image, with the scores and probabilities of all classes
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The saved model; - reads standard input
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct EvalArguments {
    /// The saved model; - reads standard input
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    #[command(flatten)]
    pub(crate) data: DataArguments,

    /// Print the results as one JSON object, and nothing else on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub(crate) struct ExportArguments {
    /// The saved model; - reads standard input
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    /// What to write
    #[arg(long, value_enum)]
    pub(crate) format: Format,

    /// How numbers are stored
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    pub(crate) precision: Precision,

    /// Write the parameters μ, σ, U, v instead, for training on the device
    #[arg(long)]
    pub(crate) parameters: bool,

    /// Where to write; - is standard output, and the results go to standard error [default: MODEL with the
    /// ending .rs, .h, .bin or .onnx, before it _parameters with --parameters; - where MODEL is -]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// What every name in C begins with; two models of one program need two [default: the name of the output file]
    #[arg(long, value_name = "NAME", value_parser = identifier)]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) data: DataArguments,

    /// Print the results as one JSON object, and nothing else on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

impl TrainArguments {
    /// Refuses numbers that a command line does not take: arguments may also come from a file.
    pub(crate) fn check(&self) -> Result<(), String> {
        bounds::HIDDEN.check("the number of --hidden", [self.hidden.len()])?;
        let counts = [
            ("--test-images", self.data.test_images),
            ("--side", self.data.side),
            ("--train-images", self.train_images),
            ("--components", self.components),
            ("--rank", self.rank),
            ("--width", self.width),
            ("--checkpoint-every", self.checkpoint_every),
            ("--epochs", Some(self.epochs)),
            ("--batch-size", Some(self.batch_size)),
        ];
        let hidden = self.hidden.iter().map(|&outputs| ("--hidden", Some(outputs)));
        counts.into_iter().chain(hidden).try_for_each(|(option, count)| COUNTS.check(option, count))?;
        let rates = [
            ("--gamma", self.gamma),
            ("--output-gamma", self.output_gamma),
            ("--learning-rate", self.learning_rate),
            ("--sigma-learning-rate", self.sigma_learning_rate),
        ];
        rates.into_iter().try_for_each(|(option, rate)| RATES.check(option, rate))?;
        let shares = [("--input-dropout", self.input_dropout), ("--label-smoothing", self.label_smoothing)];
        shares.into_iter().try_for_each(|(option, share)| SHARES.check(option, [share]))
    }
}

/// A path that stands for a file, in whose place a new one can be put.
fn file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match is_standard(&path) {
        true => Err("it must be a file, which is replaced as a whole: ./- for one of that name"),
        false => Ok(path),
    })
}

fn count(text: &str) -> Result<usize, String> {
    COUNTS.parse(text)
}

fn threads(text: &str) -> Result<usize, String> {
    THREADS.parse(text)
}

fn identifier(text: &str) -> Result<String, String> {
    let right = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match right {
        true => Ok(text.to_owned()),
        false => Err("it must be a letter, then letters, digits and underscores".to_owned()),
    }
}

fn seed(text: &str) -> Result<u64, String> {
    SEEDS.parse(text)
}

fn positive(text: &str) -> Result<f32, String> {
    RATES.parse(text)
}

fn share(text: &str) -> Result<f64, String> {
    SHARES.parse(text)
}

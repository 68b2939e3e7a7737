//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use gmlayer_cli::internal::{COUNTS, THREADS};

/// Repeats experiments of the paper on Gaussian mixture layers, and goes beyond them: CSV, figures and a page.
#[derive(Debug, Parser)]
#[command(name = "gmlayer-experiments", version)]
#[command(allow_negative_numbers = true)] // so that each option says itself what it takes
pub(crate) struct Arguments {
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

fn count(text: &str) -> Result<usize, String> {
    COUNTS.parse(text)
}

fn threads(text: &str) -> Result<usize, String> {
    THREADS.parse(text)
}

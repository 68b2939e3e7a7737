//! The `gmlayer-experiments` program: repeats the experiments of the paper, and goes beyond them.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod arguments;
mod catalogue;
mod experiment;
mod figure;
mod follow;
mod page;
mod pool;
mod progress;
mod run;
mod summary;
mod table;
mod trial;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;
use gmlayer_cli::internal::ended;

fn main() -> ExitCode {
    ended(|| experiment::run(&Arguments::try_parse()?))
}

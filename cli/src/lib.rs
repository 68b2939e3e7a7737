//! What the `gmlayer` program does: trains, evaluates and exports Gaussian mixture layers.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod arguments;
mod bounds;
mod checkpoints;
mod data;
mod eval;
mod export;
mod failure;
mod inspect;
mod layers;
mod memory;
mod model;
mod opening;
mod output;
mod predict;
mod progress;
mod report;
mod resume;
mod saved;
mod shown;
mod signal;
mod source;
mod train;

use std::ffi::OsString;
use std::process::ExitCode;

pub use arguments::Arguments;
use arguments::Command;
use failure::{Failure, ended};

/// What `train --resume` makes of the bytes of a file before it looks for data: nothing, or one sentence.
///
/// # Errors
///
/// The sentence that the program would print.
pub fn resumable(bytes: &[u8]) -> Result<(), String> {
    let (arguments, _) = Arguments::read(["gmlayer", "train"]).map_err(|error| error.to_string())?;
    let Command::Train(now) = arguments.command else { return Ok(()) };
    let saved = saved::Saved::of_bytes(bytes).map_err(|problem| problem.to_string())?;
    match resume::Resumed::of(saved, std::path::Path::new("file"), &now, &[]) {
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.to_string().trim_end().to_owned()),
    }
}

/// What another program of this repository shares with this one, `gmlayer-experiments`: how a program fails, what numbers
/// it takes, how it writes and heeds signals. Not an interface for anybody else.
#[doc(hidden)]
pub mod internal {
    pub use crate::bounds::{COUNTS, Numbers, THREADS};
    pub use crate::failure::{Failure, caught, ended};
    pub use crate::output::{check as check_output, is_terminal, replace};
    pub use crate::signal::{Signals, stop_on_signal};
}

fn obey(line: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let (Arguments { command }, given) = Arguments::read(line)?;
    match command {
        Command::Train(arguments) => train::run(*arguments, &given),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
    }
}

/// Runs a command line, the program's name first, and says how it went.
pub fn run(line: impl IntoIterator<Item = OsString>) -> ExitCode {
    ended(|| obey(line))
}

//! What the `gmlayer` program does: trains, evaluates and exports Gaussian mixture layers, and repeats the
//! experiments of the paper.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod arguments;
mod bounds;
mod checkpoints;
mod data;
mod eval;
mod experiment;
mod export;
mod failure;
mod inspect;
mod memory;
mod model;
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
use std::io::Write;
use std::process::ExitCode;

pub use arguments::Arguments;
use arguments::Command;
use failure::{Failure, caught, quiet_panics};

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

fn obey(line: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    gmlayer::Instructions::in_use().map_err(Failure::usage)?;
    let (Arguments { command }, given) = Arguments::read(line)?;
    match command {
        Command::Train(arguments) => train::run(*arguments, &given),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Experiment(arguments) => experiment::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
    }
}

/// Runs a command line, the program's name first, and says how it went.
pub fn run(line: impl IntoIterator<Item = OsString>) -> ExitCode {
    quiet_panics();
    signal::fail_at_size_limit();
    match caught(|| obey(line)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // There is nobody left to tell when this fails too.
            let _ = write!(std::io::stderr(), "{failure}");
            failure.exit_code()
        }
    }
}

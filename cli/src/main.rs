//! The `gmlayer` program: trains, evaluates and exports Gaussian mixture layers.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod arguments;
mod data;
mod eval;
mod export;
mod failure;
mod model;
mod progress;
mod report;
mod train;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    let result = match Arguments::try_parse() {
        Ok(Arguments { command: Command::Train(arguments) }) => train::run(&arguments),
        Ok(Arguments { command: Command::Eval(arguments) }) => eval::run(&arguments),
        Ok(Arguments { command: Command::Export(arguments) }) => export::run(&arguments),
        Err(error) => Err(Failure::from(error)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // There is nobody left to tell when this fails too.
            let _ = write!(std::io::stderr(), "{failure}");
            failure.exit_code()
        }
    }
}

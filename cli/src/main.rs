//! The `gmlayer` program: trains, evaluates and exports Gaussian mixture layers, and repeats the experiments
//! of the paper.

use std::process::ExitCode;

fn main() -> ExitCode {
    gmlayer_cli::run(std::env::args_os())
}

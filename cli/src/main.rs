//! The `gmlayer` program: trains, evaluates and exports Gaussian mixture layers.

use std::process::ExitCode;

fn main() -> ExitCode {
    gmlayer_cli::run(std::env::args_os())
}

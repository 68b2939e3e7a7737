//! The `gmlayer` program: trains and evaluates Gaussian mixture layers.

use std::process::ExitCode;

fn main() -> ExitCode {
    gmlayer_cli::run(std::env::args_os())
}

//! Running the program as a user does.
#![allow(dead_code, unused_imports)] // each test uses its own part

mod shared;

use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

pub(crate) use shared::{assert_fails, idx, stderr, stdout, write_data};

/// The program with these arguments, its output caught.
pub(crate) fn gmlayer<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gmlayer")).args(arguments).output().unwrap()
}

/// The arguments of a run that takes a moment: few small batches of the built-in digits.
pub(crate) const QUICK: [&str; 9] =
    ["train", "--train-images", "150", "--test-images", "50", "--components", "2", "--epochs", "2"];

/// [`QUICK`] with more arguments.
pub(crate) fn quick(more: &[&str]) -> Output {
    gmlayer(&[&QUICK[..], more].concat())
}

/// The JSON object that is all of the standard output of a run that went well.
#[track_caller]
pub(crate) fn json(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", stderr(output));
    let text = stdout(output);
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The program, heeding SIGINT even where whoever runs the tests ignores it.
#[cfg(unix)]
pub(crate) fn heeding() -> Command {
    if !cfg!(target_os = "linux") {
        return Command::new(env!("CARGO_BIN_EXE_gmlayer"));
    }
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_gmlayer")]);
    command
}

/// Reads the output of a training until an epoch has ended.
pub(crate) fn await_epoch(output: &mut impl std::io::Read) {
    let mut text = Vec::new();
    while !(text.ends_with(b"\n") && String::from_utf8_lossy(&text).contains("epoch 1/")) {
        let mut byte = [0];
        output.read_exact(&mut byte).unwrap();
        text.extend(byte);
    }
}

/// Sends a signal; a process that has ended meanwhile gets none.
#[cfg(unix)]
pub(crate) fn kill(signal: &str, process: u32) {
    let process = process.to_string();
    let _ = Command::new("kill").args([&format!("-{signal}"), &process]).stderr(Stdio::null()).status();
}

/// What a program without input gives; one that has not ended by then is killed, and the test fails.
#[cfg(unix)]
#[track_caller]
pub(crate) fn within_time(limit: Duration, command: &mut Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (ended, end) = channel::<()>();
    let process = child.id();
    let watch = std::thread::spawn(move || {
        let late = end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        if late {
            kill("KILL", process);
        }
        late
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    assert!(!watch.join().unwrap(), "killed after {limit:?}: {command:?}");
    output
}

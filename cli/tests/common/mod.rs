//! Running the program as a user does.
#![allow(dead_code)] // each test uses its own part

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

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

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The JSON object on the last line of a run that went well.
#[track_caller]
pub(crate) fn json(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_str(stdout(output).lines().last().unwrap()).unwrap()
}

/// Checks that a run failed with this exit code and one sentence that contains `message`.
#[track_caller]
pub(crate) fn assert_fails(output: &Output, code: i32, message: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.starts_with("error: ") && text.contains(message), "{text}\nlacks: {message}");
    assert_eq!(text.trim_end().lines().count(), 1, "one sentence: {text}");
    assert!(!text.contains("panicked"), "{text}");
    assert_eq!(stdout(output), "", "nothing on stdout");
}

/// An IDX file of unsigned bytes.
pub(crate) fn idx(dimensions: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dimensions.len() as u8];
    file.extend(dimensions.iter().flat_map(|size| size.to_be_bytes()));
    file.extend(bytes);
    file
}

/// A folder in the layout of MNIST: 40 and 20 images of 6 × 6 pixels in 2 classes, the same four pixels again and again.
pub(crate) fn write_data(folder: &Path) {
    for (part, count) in [("train", 40_u32), ("t10k", 20)] {
        let labels: Vec<u8> = (0..count).map(|image| (image % 2) as u8).collect();
        let four = |label: &u8| [255 * label, 255 - 255 * label, 9, 0];
        let images: Vec<u8> = labels.iter().flat_map(|label| four(label).repeat(9)).collect();
        std::fs::write(folder.join(format!("{part}-images-idx3-ubyte")), idx(&[count, 6, 6], &images))
            .unwrap();
        std::fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), idx(&[count], &labels)).unwrap();
    }
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

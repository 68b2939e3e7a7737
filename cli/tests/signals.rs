//! Signals to a training that runs.
#![cfg(unix)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{await_epoch, gmlayer, heeding, kill, stderr};

/// A training without an end, once it has begun: the program is started by `command`.
fn training(mut command: Command, more: &[&str]) -> Child {
    let endless =
        ["--components", "2", "--train-images", "150", "--test-images", "50", "--epochs", "1000000"];
    command.arg("train").args(endless).args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    match more.contains(&"--json") {
        true => await_epoch(child.stderr.as_mut().unwrap()),
        false => await_epoch(child.stdout.as_mut().unwrap()),
    }
    child
}

fn is_whole(path: &Path) {
    assert!(gmlayer(&["inspect".as_ref(), path.as_os_str()]).status.success());
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn every_signal_saves_once_and_says_how_to_go_on() {
    for (signal, number) in [("TERM", 15), ("HUP", 1), ("INT", 2)] {
        for times in [1, 3] {
            if signal == "INT" && times > 1 {
                continue; // the second one ends at once
            }
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("it's");
            let child = training(heeding(), &["--save", path.to_str().unwrap(), "--json"]);
            for _ in 0..times {
                kill(signal, child.id());
            }
            let output = child.wait_with_output().unwrap();
            let text = stderr(&output);
            assert_eq!(output.status.code(), Some(128 + number), "{text}");
            let report: serde_json::Value = serde_json::from_str(&common::stdout(&output)).unwrap();
            assert_eq!(report["interrupted"], true);
            let (start, saved) =
                (format!("interrupted by SIG{signal} in epoch "), format!("; saved to {}; ", path.display()));
            let (epochs, last) = text.trim_end().rsplit_once('\n').unwrap_or(("", &text));
            assert!(last.starts_with(&start) && last.contains(&saved), "{text}");
            assert!(epochs.lines().all(|line| line.starts_with("epoch ")), "{text}");
            is_whole(&path);
            // The shell takes the command as it stands, here with the options that end it.
            let (_, command) = text.trim_end().split_once("go on with: gmlayer ").unwrap();
            let line = format!("\"$0\" {command} --epochs 1 --save /dev/null");
            let again =
                Command::new("sh").args(["-c", &line, env!("CARGO_BIN_EXE_gmlayer")]).output().unwrap();
            assert!(stderr(&again).contains("cannot write /dev/null"), "{}", stderr(&again));
        }
    }
}

#[test]
fn without_a_file_the_last_line_says_so() {
    let child = training(heeding(), &[]);
    kill("TERM", child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert!(stderr(&output).ends_with("nothing is saved without --save\n"), "{}", stderr(&output));
}

/// A file is being written nearly all the time, and is whole all the same.
#[test]
fn a_second_interrupt_ends_at_once_and_leaves_a_whole_file() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let save = ["--checkpoint-every", "1", "--save", path.to_str().unwrap()];
        let mut child = training(heeding(), &save);
        // Until it has ended: two that come together are one.
        while child.try_wait().unwrap().is_none() {
            kill("INT", child.id());
        }
        assert_eq!(child.wait().unwrap().code(), Some(130));
        is_whole(&path);
    }
}

/// As `nohup` and the background jobs of `sh` do; SIGTERM, which is not ignored, ends it.
#[test]
#[cfg(target_os = "linux")]
fn what_the_parent_ignores_stays_ignored() {
    for (ignored, number) in [("HUP", 1), ("INT", 2)] {
        let mut command = Command::new("sh");
        let line = format!("trap '' {ignored}; exec \"$0\" \"$@\"");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_gmlayer")]);
        let mut child = training(command, &[]);
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
        assert_ne!(u64::from_str_radix(mask, 16).unwrap() & (1 << (number - 1)), 0, "{ignored}");
        kill(ignored, child.id());
        kill(ignored, child.id());
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        for _ in 0..20 {
            assert_ne!(reader.read_line(&mut String::new()).unwrap(), 0, "it goes on");
        }
        kill("TERM", child.id());
        reader.read_to_end(&mut Vec::new()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(143), "{ignored}: {}", stderr(&output));
    }
}

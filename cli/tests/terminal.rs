//! The program on a terminal, which `script` of util-linux stands in for.
#![cfg(target_os = "linux")]

mod common;

use std::process::{Command, Stdio};

/// What a terminal of 80 columns gets of a small training with these arguments, or nothing where the machine has no
/// `script`. Variables of the environment come first, as a shell takes them.
fn on_a_terminal(variables: &str, more: &str) -> Option<String> {
    if Command::new("script").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("SKIPPED: the machine has no `script`");
        return None;
    }
    let program = env!("CARGO_BIN_EXE_gmlayer");
    let line = format!("stty rows 24 cols 80; {variables} '{program}' {} {more}", common::QUICK.join(" "));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).stdin(Stdio::null());
    let output = script.env("SHELL", "/bin/sh").output().unwrap();
    let text = common::stdout(&output);
    assert!(output.status.success(), "{text}");
    Some(text)
}

/// What bars are made of.
const BAR: [char; 9] = ['█', '▉', '▊', '▋', '▌', '▍', '▎', '▏', '░'];

fn is_bar(line: &str) -> bool {
    line.contains(BAR)
}

#[test]
fn epochs_stay_above_a_bar_of_constant_width() {
    let Some(text) = on_a_terminal("TERM=xterm", "") else { return };
    let lines: Vec<&str> = text.split(['\n', '\r']).collect();
    let place = |part: &str| lines.iter().position(|line| line.contains(part));
    let parts = [
        "drawing the built-in digits",
        "diagonal 784 → 10, K = 2 (",
        "epoch 1/2, ",
        "epoch 2/2, ",
        "| test error",
    ];
    let places: Vec<_> =
        parts.iter().map(|part| place(part).unwrap_or_else(|| panic!("{part}: {text}"))).collect();
    assert!(places.is_sorted(), "{places:?}: {text}");
    for epoch in ["epoch 1/2, loss ", "epoch 2/2, loss "] {
        let is_line = |line: &&&str| line.contains(epoch) && line.contains("test error") && !is_bar(line);
        assert_eq!(lines.iter().filter(is_line).count(), 1, "{text}");
    }
    // Before a bar, the cursor is moved and the line above is emptied; after it, the cursor is moved back.
    let bars = lines.iter().filter_map(|line| line.split('\u{1b}').find(|part| is_bar(part)));
    let bars: Vec<&str> = bars.filter_map(|part| part.get(part.find(BAR)?..)).map(str::trim_end).collect();
    assert!(!bars.is_empty(), "{text}");
    for bar in bars {
        assert_eq!(bar.chars().filter(|c| BAR.contains(c)).count(), 20, "{bar}");
        assert!(bar.chars().count() < 80, "{bar}");
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_has_no_bar() {
    for variables in ["TERM=dumb", "TERM=dumb NO_COLOR=1"] {
        let Some(text) = on_a_terminal(variables, "") else { return };
        assert!(!is_bar(&text) && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("epoch 1/2, loss ") && text.contains("| test error"), "{text}");
    }
}

#[test]
fn no_colours_where_they_are_unwanted() {
    for arguments in ["--help", ""] {
        let Some(text) = on_a_terminal("TERM=xterm NO_COLOR=1", arguments) else { return };
        let colours = text.split("\u{1b}[").skip(1).filter(|rest| {
            rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
        });
        assert_eq!(colours.count(), 0, "{text}");
    }
    let Some(text) = on_a_terminal("TERM=xterm", "--help") else { return };
    assert!(text.contains("\u{1b}[1m"), "otherwise help has bold headings: {text}");
}

/// The bar is on standard error, and standard output holds the object alone.
#[test]
fn json_beside_a_bar() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.json");
    let Some(text) = on_a_terminal("TERM=xterm", &format!("--json > '{}'", path.display())) else { return };
    assert!(is_bar(&text) && text.contains("epoch 2/2, loss ") && !text.contains('{'), "{text}");
    let report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(report["epochs"], 2);
}

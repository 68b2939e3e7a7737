//! `gmlayer-experiments` as a user meets it.

#[path = "../../cli/tests/common/shared.rs"]
mod shared;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::SystemTime;

use shared::{assert_fails, idx, stderr, stdout, write_data};

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gmlayer-experiments")).args(arguments).output().unwrap()
}

/// A run in a moment, on small images of two classes.
fn experiment(name: &str, data: &Path, out: &Path, more: &[&str]) -> Output {
    let folders = ["--data", data.to_str().unwrap(), "--out", out.to_str().unwrap()];
    program(&[&[name], &folders[..], &["--trials", "2", "--epochs", "3"], more].concat())
}

/// All files of a folder by name, but for those of trials.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect()
}

fn modified(path: &Path) -> SystemTime {
    std::fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn it_writes_a_table_figures_and_a_page_and_does_nothing_twice() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_data(data.path());
    let output = experiment("components", data.path(), out.path(), &["--threads", "1"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stdout(&output).contains("6 of 6 trials"), "{}", stdout(&output));
    let first = files(out.path());
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(names, ["components-error.svg", "components.csv", "components.html"]);
    let csv = String::from_utf8(first["components.csv"].clone()).unwrap();
    assert_eq!(csv.lines().count(), 1 + 3 * 2 * 3, "runs, trials and epochs:\n{csv}");
    let page = String::from_utf8(first["components.html"].clone()).unwrap();
    for part in ["<svg", "</svg>", "seeds 0 to 1", "K = 20", "SGD, rate 0.1, 1 for σ", "</html>"] {
        assert!(page.contains(part), "{part}");
    }
    for foreign in ["<script", "<link", "src=", "@import"] {
        assert!(!page.contains(foreign), "the page needs nothing else: {foreign}");
    }

    // A trial that is gone is run again, on two threads, and nothing else; everything comes out the same.
    let (lost, kept) =
        (out.path().join("trials/diagonal-5-1.json"), out.path().join("trials/diagonal-10-1.json"));
    std::fs::remove_file(&lost).unwrap();
    let before = modified(&kept);
    let output = experiment("components", data.path(), out.path(), &["--threads", "2"]);
    assert_eq!(stdout(&output).lines().count(), 2, "one trial and the page: {}", stdout(&output));
    assert!(lost.exists() && modified(&kept) == before);
    assert!(files(out.path()) == first);

    // A file that answers another question, or is damaged, is not used.
    std::fs::write(&lost, "{\"task\":").unwrap();
    let output = experiment("components", data.path(), out.path(), &[]);
    assert!(
        output.status.success() && stdout(&output).contains("diagonal-5, trial 2"),
        "{}",
        stdout(&output)
    );
    assert!(files(out.path()) == first);
}

#[test]
fn threads_change_no_bit() {
    let data = tempfile::tempdir().unwrap();
    write_data(data.path());
    let run = |threads: &str| {
        let out = tempfile::tempdir().unwrap();
        let output = experiment("all", data.path(), out.path(), &["--threads", threads, "--quick"]);
        assert!(output.status.success(), "{}", stderr(&output));
        files(out.path())
    };
    let alone = run("1");
    assert!(alone.contains_key("index.html") && alone.contains_key("evolution-paths.svg"));
    assert!(alone.values().all(|text| !text.is_empty()));
    assert!(run("3") == alone);
}

#[test]
fn wrong_arguments_are_named() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert_fails(&program(&["nothing"]), 2, "nothing");
    assert_fails(&program(&["lazy"]), 2, "--data");
    assert_fails(&experiment("lazy", &data.path().join("nowhere"), out.path(), &[]), 1, "nowhere");
    write_data(data.path());
    let file = out.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert_fails(&experiment("lazy", data.path(), &file, &[]), 1, "cannot make the folder");
}

/// A system that refuses threads: stacks of a petabyte.
#[test]
fn refused_threads_are_one_sentence() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_data(data.path());
    let (from, to) = (data.path().to_str().unwrap(), out.path().to_str().unwrap());
    let mut program = Command::new(env!("CARGO_BIN_EXE_gmlayer-experiments"));
    program.args(["components", "--data", from, "--out", to, "--threads", "4"]);
    assert_fails(&program.env("RUST_MIN_STACK", "1000000000000000").output().unwrap(), 1, "cannot ");
}

/// A pipe in the place of a file is not waited for.
#[cfg(unix)]
#[test]
fn a_folder_of_pipes_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let labels = folder.path().join("t10k-labels-idx1-ubyte");
    std::fs::remove_file(&labels).unwrap();
    assert!(Command::new("mkfifo").arg(&labels).status().unwrap().success());
    let output = experiment("lazy", folder.path(), folder.path(), &[]);
    assert_fails(&output, 1, "expected an ordinary file, but this is none");
}

/// Trials of other data, of other results, without epochs, or with numbers that cannot be: none is used.
#[test]
fn other_trials_are_not_reused() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [one, other] = ["a", "b"].map(|name| folder.path().join(name).join("digits"));
    for data in [&one, &other] {
        std::fs::create_dir_all(data).unwrap();
        write_data(data);
    }
    let run = |data: &Path| {
        let folders = ["--data", data.to_str().unwrap(), "--out", out.path().to_str().unwrap()];
        let quick = ["--trials", "1", "--epochs", "2"];
        let output = program(&[&["evolution"], &folders[..], &quick].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        (stdout(&output).lines().count() - 1, files(out.path()))
    };
    let (trained, want) = run(&one);
    assert_eq!((trained, run(&other).0), (4, 0), "the same files elsewhere");
    let labels: Vec<u8> = (0..20).map(|image| (image / 2 % 2) as u8).collect();
    std::fs::write(other.join("t10k-labels-idx1-ubyte"), idx(&[20], &labels)).unwrap();
    assert_eq!(run(&other).0, 4, "other labels to test on");
    assert_eq!(run(&one), (4, want.clone()));

    let path = out.path().join("trials/diagonal-5-0.json");
    let good: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for (place, value) in [
        ("/epochs", serde_json::json!([])),
        ("/epochs/1/test_error", serde_json::json!(1e308)),
        ("/epochs/1/test_error", serde_json::json!(-1)),
        ("/epochs/0/epoch", serde_json::json!(u64::MAX)),
        ("/frames", serde_json::json!([])),
        ("/frames/1/marks/0/mean/0", serde_json::json!(1e308)),
        ("/frames/2/marks/0/covariance/1", serde_json::json!(-1e308)),
        ("/task/results", serde_json::json!(0)),
        ("/task/data/train_checksum", serde_json::json!(0)),
    ] {
        let mut trial = good.clone();
        *trial.pointer_mut(place).unwrap() = value;
        std::fs::write(&path, trial.to_string()).unwrap();
        assert_eq!(run(&one), (1, want.clone()), "{place}");
    }
}

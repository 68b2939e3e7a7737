//! Training that is stopped, in whatever way, and gone on with.

#![cfg(unix)] // signals

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{QUICK, assert_fails, gmlayer, json, stderr, stdout};

/// Ten steps an epoch, three epochs, with what remembers where it stands: the optimiser, the random numbers of an epoch.
const STEPS: [&str; 12] = [
    "--batch-size",
    "15",
    "--epochs",
    "3",
    "--optimizer",
    "adam",
    "--hidden",
    "4",
    "--input-dropout",
    "0.2",
    "--label-smoothing",
    "0.1",
];

/// [`QUICK`] without its epochs, with [`STEPS`], saving to `path`.
fn arguments(path: &Path) -> Vec<String> {
    let first = QUICK[..7].iter().chain(&STEPS).map(|&argument| argument.to_owned());
    first.chain(["--save".to_owned(), path.to_str().unwrap().to_owned()]).collect()
}

fn resume(path: &Path, more: &[&str]) -> std::process::Output {
    gmlayer(&[&["train", "--resume", path.to_str().unwrap()], more].concat())
}

/// Everything that a file holds but the note of how it was made.
fn contents(path: &Path) -> (Vec<u8>, serde_json::Value) {
    let bytes = fs::read(path).unwrap();
    let header_len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header_len]).unwrap();
    let text = header["__metadata__"]["gmlayer"].as_str().unwrap();
    let mut description: serde_json::Value = serde_json::from_str(text).unwrap();
    description["training"].as_object_mut().unwrap().remove("notes");
    description.as_object_mut().unwrap().remove("checksum"); // it is of the note too
    (bytes[8 + header_len..].to_vec(), description)
}

/// Numbers that say when to kill: a linear congruential generator with the factor of MMIX.
struct Moments(u64);

impl Moments {
    /// The next one below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Waits until the file at `path` has been replaced some times, and a moment more, or the process has ended.
fn wait_for_saves(path: &Path, moments: &mut Moments, child: &mut std::process::Child) {
    let times = moments.below(8);
    let identity = || fs::metadata(path).map(|metadata| metadata.ino()).ok();
    let (mut seen, mut last) = (0, identity());
    while seen < times && child.try_wait().unwrap().is_none() {
        let now = identity();
        seen += u64::from(now != last);
        last = now;
    }
    std::thread::sleep(Duration::from_micros(moments.below(if times == 0 { 30_000 } else { 3000 })));
}

/// Kills the program at a random moment, goes on from what it left, kills it again and so on until it ends, and
/// compares the parameters, the optimiser and the figures of all epochs with those of a run without a stop.
#[test]
fn fifty_kills_and_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let falling = |path: &Path| [arguments(path), vec!["--schedule".into(), "cosine".into()]].concat();
    assert!(gmlayer(&falling(&whole)).status.success());
    let want = contents(&whole);

    let mut moments = Moments(7);
    let (mut kills, mut resumed, mut runs) = (0, 0, 0);
    while kills < 50 {
        let path = folder.path().join(format!("killed{runs}"));
        loop {
            let mut command = Command::new(env!("CARGO_BIN_EXE_gmlayer"));
            let exists = path.exists();
            if exists {
                command.args(["train", "--resume"]).arg(&path);
            } else {
                command.args(falling(&path)).args(["--checkpoint-every", "1"]);
            }
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            wait_for_saves(&path, &mut moments, &mut child);
            let running = child.try_wait().unwrap().is_none();
            common::kill(["KILL", "TERM", "HUP"][moments.below(3) as usize], child.id());
            let output = child.wait_with_output().unwrap();
            resumed += i32::from(exists);
            if output.status.success() {
                break;
            }
            assert!(running, "{}", stderr(&output));
            kills += 1;
            if path.exists() {
                assert!(gmlayer(&["inspect".as_ref(), path.as_os_str()]).status.success(), "a whole file");
            }
        }
        assert!(contents(&path) == want, "after {kills} kills");
        runs += 1;
    }
    println!("{kills} kills, {resumed} resumptions, {runs} runs to the end, all with the same bits");
    assert!(resumed > 20, "{resumed} of {kills} kills left something to resume");
    // What the killed processes left beside the files is gone.
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_str().unwrap().starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Ctrl-C saves in the middle of an epoch.
#[test]
fn an_interrupted_epoch_is_gone_on_with() {
    use std::io::{BufRead, BufReader, Read};

    let folder = tempfile::tempdir().unwrap();
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    let many = |path: &Path| {
        let mut arguments = arguments(path);
        let epochs = arguments.iter().position(|argument| argument == "--epochs").unwrap();
        arguments[epochs + 1] = "60".to_owned();
        arguments
    };
    assert!(gmlayer(&many(&whole)).status.success());
    let mut child = common::heeding().args(many(&stopped)).stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    reader.read_line(&mut text).unwrap();
    common::kill("INT", child.id());
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(resume(&stopped, &[]).status.success());
    assert!(contents(&stopped) == contents(&whole));
}

#[test]
fn more_epochs_continue_a_training_that_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (short, long) = (folder.path().join("short"), folder.path().join("long"));
    assert!(gmlayer(&arguments(&short)).status.success());
    let before = fs::read(&short).unwrap();
    let report = json(&resume(&short, &["--epochs", "5", "--save", long.to_str().unwrap(), "--json"]));
    assert_eq!((&report["epochs"], &report["interrupted"]), (&5.into(), &false.into()));
    assert_eq!(fs::read(&short).unwrap(), before, "another file was asked for");
    let whole = folder.path().join("whole");
    let mut all = arguments(&whole);
    all[10] = "5".to_owned();
    assert_eq!(all[9], "--epochs");
    let want = json(&gmlayer(&[all, vec!["--json".to_owned()]].concat()));
    assert!(contents(&long) == contents(&whole));
    for key in
        ["train_loss", "best_test_error", "last5_test_error", "errors_per_class", "hidden", "optimizer"]
    {
        assert_eq!(report[key], want[key], "{key}");
    }
    // Nothing is left to do, and the figures are the same.
    let again = json(&resume(&long, &["--json"]));
    assert_eq!(again["errors_per_class"], want["errors_per_class"]);
    assert_eq!(again["seconds_per_epoch"], serde_json::Value::Null);
    let before = fs::read(&long).unwrap();
    for (more, asked) in [(&[][..], 5), (&["--epochs", "2"], 2)] {
        let text = stdout(&resume(&long, more));
        let line = format!("nothing is left to do: 5 epochs are done, and {asked} were asked for");
        assert!(text.contains(&line) && !text.contains("time an epoch"), "{text}");
        assert_eq!(fs::read(&long).unwrap(), before, "the file stays as it is");
    }
}

#[test]
fn what_cannot_be_resumed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    assert_fails(&resume(&path, &[]), 1, "cannot read");
    assert!(gmlayer(&arguments(&path)).status.success());
    for (more, message) in [
        (&["--gamma", "1"][..], "--gamma has no meaning with --resume"),
        (&["--train-images", "3"], "--train-images has no meaning with --resume"),
        (&["--hidden", "3"], "--hidden has no meaning with --resume"),
        (&["--seed", "0"], "--seed has no meaning with --resume"),
    ] {
        assert_fails(&resume(&path, more), 2, message);
    }
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    common::write_data(&data);
    let output = resume(&path, &["--data", data.to_str().unwrap()]);
    assert_fails(&output, 2, "--train-images is 150, but there are 40 images");

    let own = folder.path().join("own");
    let train = ["train", "--data", data.to_str().unwrap(), "--epochs", "1", "--save", own.to_str().unwrap()];
    assert!(gmlayer(&train).status.success());
    fs::write(data.join("train-labels-idx1-ubyte"), common::idx(&[40], &[1; 40])).unwrap();
    assert_fails(&resume(&own, &["--epochs", "2"]), 1, "the images to train on are not those of");
    fs::remove_dir_all(&data).unwrap();
    assert_fails(&resume(&own, &["--epochs", "2"]), 1, "expected a folder");
    assert_fails(&gmlayer(&["train", "--checkpoint-every", "3"]), 2, "--checkpoint-every needs --save");
}

/// The file keeps the last state whose parameters are finite, and the message says which.
#[test]
fn divergence_keeps_the_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let start =
        ["train", "--train-images", "150", "--test-images", "50", "--components", "2", "--batch-size", "5"];
    let more = ["--learning-rate", "1e3", "--sigma-learning-rate", "1e30", "--epochs", "9"];
    let save = ["--checkpoint-every", "1", "--save", path.to_str().unwrap()];
    let output = gmlayer(&[&start[..], &more, &save].concat());
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("error: training diverged: ") && text.contains("epoch 1, step "), "{text}");
    assert!(text.contains("`0.") && text.contains("model holds the training up to epoch 1, step "), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let inspected = json(&gmlayer(&["inspect".as_ref(), path.as_os_str(), "--json".as_ref()]));
    let step = inspected["training"]["step"].as_u64().unwrap();
    assert!(text.contains(&format!("up to epoch 1, step {step}\n")), "{text}");
    // Going on from there diverges in the same place.
    let again = stderr(&resume(&path, &[]));
    assert!(again.contains("diverged") && again.contains("holds the training up to"), "{again}");
}

#[test]
fn inspection_says_what_is_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    assert!(
        gmlayer(&[arguments(&path), vec!["--freeze".into(), "0.sigma".into()]].concat()).status.success()
    );
    let report = json(&gmlayer(&["inspect".as_ref(), path.as_os_str(), "--json".as_ref()]));
    let layer = |inputs, outputs| {
        let sizes = serde_json::json!({ "inputs": inputs, "outputs": outputs, "components": 2 });
        let mut layer = serde_json::json!({ "kind": "diagonal", "coordinates": "paper", "scale": "mean" });
        layer.as_object_mut().unwrap().extend(sizes.as_object().unwrap().clone());
        layer
    };
    assert_eq!(report["layers"], serde_json::json!([layer(784, 4), layer(4, 10)]));
    assert_eq!(report["tensors"][1]["name"], "0.sigma");
    assert_eq!(report["tensors"][1]["shape"], serde_json::json!([2, 784]));
    assert_eq!(report["tensors"][1]["frozen"], true);
    assert_eq!(report["training"]["epoch"], 4);
    assert_eq!(report["training"]["optimizer"], "adam");
    assert_eq!(
        report["training"]["learning_rates"].to_string(),
        "[0.003,0.003,0.003,0.003,0.003,0.003,0.003,0.003]"
    );
    let text = stdout(&gmlayer(&["inspect".as_ref(), path.as_os_str()]));
    for part in [
        "diagonal 784 → 4, K = 2",
        "diagonal 4 → 10, K = 2",
        "paper coordinates, mean over components",
        "0.sigma",
        "frozen",
        "3 of 3 epochs",
        "0 of 10 steps",
        "adam",
        "rates 0.003, ",
        "digits",
        "seed 0",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
}

//! `gmlayer train` as a user meets it.

mod common;

use common::{assert_fails, gmlayer, json, quick, stderr, stdout, write_data};

#[test]
fn standard_output_is_one_json_object_and_standard_error_has_the_lines() {
    let output = quick(&["--json", "--seed", "3"]);
    let lines = stderr(&output);
    let starts: Vec<&str> = lines.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(starts, ["diagonal", "epoch", "epoch"], "{lines}");
    let report = json(&output);
    for (key, value) in [
        ("dataset", "digits".into()),
        ("model", "diagonal".into()),
        ("components", 2.into()),
        ("parameters", (2 * (784 * 12 + 10)).into()),
        ("epochs", 2.into()),
        ("seed", 3.into()),
        ("train_images", 150.into()),
        ("test_images", 50.into()),
        ("interrupted", false.into()),
        ("batch_size", 64.into()),
        ("learning_rate", serde_json::json!(0.1)),
        ("sigma_learning_rate", serde_json::json!(1.0)),
        ("gamma", serde_json::json!(0.5)),
    ] {
        assert_eq!(report[key], value, "{key}");
    }
    for key in ["test_error", "best_test_error", "last5_test_error"] {
        let error = report[key].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&error) && error > 0.0, "{key}: {error}");
    }
    assert!(report["train_loss"].as_f64().unwrap() > 0.0);
    assert!(report["seconds_per_epoch"].as_f64().unwrap() > 0.0);
    assert_eq!(report["errors_per_class"].as_array().unwrap().len(), 10);
}

#[test]
fn a_pipe_gets_a_line_an_epoch_and_a_table() {
    let output = quick(&[]);
    assert!(output.status.success());
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    let network = format!("diagonal 784 → 10, K = 2 ({} parameters)", 2 * (784 * 12 + 10));
    let data = "digits (150 samples, 50 to test)";
    let opening = format!("{network} on {data}, sgd, rate 0.1 (sigma 1), constant, seed 0");
    assert_eq!(lines[0], opening);
    assert!(lines[1].starts_with("epoch 1/2, loss "), "{text}");
    assert!(lines[2].starts_with("epoch 2/2, loss ") && lines[2].contains("images/s"), "{text}");
    for row in ["parameters", "time an epoch", "test error", "class 0", "class 9"] {
        assert!(text.contains(row), "{row} is missing:\n{text}");
    }
    assert!(!text.contains('{') && !text.contains('\u{1b}'), "no JSON, no colours:\n{text}");
    assert_eq!(stderr(&output), "");
}

#[test]
fn the_same_seed_gives_the_same_json_but_for_the_time() {
    let run = |seed| {
        let mut report = json(&quick(&["--json", "--seed", seed, "--hidden", "5"]));
        assert!(report.as_object_mut().unwrap().remove("seconds_per_epoch").is_some());
        report
    };
    assert_eq!(run("1"), run("1"));
    assert_ne!(run("1")["train_loss"], run("2")["train_loss"]);
}

/// Sixteen components are enough work for two threads, and for Adam's too.
#[test]
fn threads_change_nothing_but_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let run = |threads: &str, optimizer: &str| {
        let path = folder.path().join(threads);
        let more = ["--components", "16", "--optimizer", optimizer, "--threads", threads];
        let more = [&more[..], &["--save", path.to_str().unwrap()]].concat();
        let sizes: Vec<&str> = [&common::QUICK[..5], &common::QUICK[7..]].concat();
        assert!(gmlayer(&[&sizes[..], &more].concat()).status.success());
        std::fs::read(path).unwrap()
    };
    for optimizer in ["sgd", "adam"] {
        let alone = run("1", optimizer);
        assert!(run("2", optimizer) == alone, "{optimizer}");
        assert!(run("3", optimizer) == alone, "{optimizer}");
    }
}

#[test]
fn every_option_counts() {
    let plain = json(&quick(&["--json"]))["train_loss"].clone();
    for more in [
        &["--learning-rate", "0.05"][..],
        &["--sigma-learning-rate", "0.5"],
        &["--gamma", "0.4"],
        &["--coordinates", "centred"],
        &["--scale", "sum"],
        &["--schedule", "cosine"],
        &["--optimizer", "adam"],
        &["--input-dropout", "0.2"],
        &["--label-smoothing", "0.2"],
        &["--freeze", "mu,sigma"],
        &["--batch-size", "32"],
        &["--hidden", "6"],
        &["--hidden", "6", "--hidden", "4"],
        &["--model", "dense", "--width", "7"],
        &["--model", "dense", "--hidden", "7"],
        &["--model", "joint"],
        &["--model", "joint", "--rank", "2"],
        &["--model", "joint", "--tied"],
        &["--model", "joint", "--output-gamma", "0.2"],
        &["--model", "joint", "--gamma", "0.2"],
        &["--model", "joint", "--scale", "sum"],
    ] {
        // Dense models have no components.
        let quick: Vec<&str> = match more.contains(&"dense") {
            true => [&common::QUICK[..5], &common::QUICK[7..]].concat(),
            false => common::QUICK.to_vec(),
        };
        let report = json(&gmlayer(&[&quick[..], more, &["--json"]].concat()));
        assert_ne!(report["train_loss"], plain, "{more:?}");
    }
}

#[test]
fn sizes_of_networks() {
    let parameters = |more: &[&str]| {
        let images = ["train", "--train-images", "20", "--test-images", "20", "--epochs", "1", "--json"];
        json(&gmlayer(&[&images[..], more].concat()))["parameters"].as_u64().unwrap()
    };
    let diagonal =
        |inputs: u64, outputs: u64, components: u64| components * (2 * inputs + outputs * inputs + outputs);
    assert_eq!(parameters(&[]), diagonal(784, 10, 20));
    assert_eq!(parameters(&["--components", "3", "--hidden", "8"]), diagonal(784, 8, 3) + diagonal(8, 10, 3));
    assert_eq!(parameters(&["--model", "joint"]), 20 * 794 * 5);
    assert_eq!(parameters(&["--model", "joint", "--rank", "2", "--components", "34"]), 34 * 794 * 3);
    assert_eq!(parameters(&["--model", "joint", "--tied"]), 20 * 794 + 20 * 4 * 10 + 4 * 784);
    assert_eq!(parameters(&["--model", "dense"]), 794_000);
    assert_eq!(parameters(&["--model", "dense", "--width", "100"]), 79_400);
    assert_eq!(parameters(&["--model", "dense", "--hidden", "8", "--hidden", "5"]), 784 * 8 + 8 * 5 + 50);
}

#[test]
fn training_on_a_folder_learns() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let path = folder.path().to_str().unwrap();
    let report = json(&gmlayer(&["train", "--data", path, "--epochs", "40", "--batch-size", "8", "--json"]));
    assert_eq!(report["dataset"], folder.path().file_name().unwrap().to_str().unwrap());
    assert_eq!(report["test_error"], 0.0);
    assert_eq!((&report["train_images"], &report["test_images"]), (&40.into(), &20.into()));
    let few = ["train", "--data", path, "--epochs", "1", "--train-images", "10", "--test-images", "5"];
    let report = json(&gmlayer(&[&few[..], &["--json"]].concat()));
    assert_eq!((&report["train_images"], &report["test_images"]), (&10.into(), &5.into()));
    let output = gmlayer(&["train", "--data", path, "--train-images", "41"]);
    assert_fails(&output, 2, "--train-images is 41, but there are 40 images");
}

#[test]
fn wrong_arguments_are_named() {
    let too_large = "4294967296"; // as text: the values are far above any allowed size
    for (arguments, message) in [
        (&["--components", "0"][..], "'--components <K>'"),
        (&["--components", "-3"], "'-3' for '--components <K>': it must be a whole number"),
        (&["--components", "2.5"], "'2.5' for '--components <K>': it must be a whole number"),
        (&["--components", too_large], "from 1 to 1000000"),
        (&["--epochs", "0"], "'--epochs <N>'"),
        (&["--epochs", ""], "'--epochs <N>'"),
        (&["--batch-size", "0"], "'--batch-size <N>'"),
        (&["--hidden", "0"], "'--hidden <N>'"),
        (&["--learning-rate", "0"], "'--learning-rate <X>': it must be a number from 1.2e-38 to 3.4e38"),
        (&["--learning-rate", "NaN"], "'--learning-rate <X>'"),
        (
            &["--learning-rate", "-0.1"],
            "'-0.1' for '--learning-rate <X>': it must be a number from 1.2e-38 to 3.4e38",
        ),
        (&["--learning-rate", "1e99"], "'--learning-rate <X>'"),
        (&["--sigma-learning-rate", "inf"], "'--sigma-learning-rate <X>'"),
        (&["--gamma", "0"], "'--gamma <X>'"),
        (&["--seed", "-1"], "'-1' for '--seed <N>': it must be a whole number"),
        (&["--seed", "x"], "'--seed <N>'"),
        (&["--optimizer", "lion"], "'lion' for '--optimizer <OPTIMIZER>' [possible values: sgd, adam]\n"),
        (&["--optimizer", "adan"], "[possible values: sgd, adam]; did you mean 'adam'?\n"),
        (
            &["--learing-rate", "1"],
            "unexpected argument '--learing-rate' found; did you mean '--learning-rate'?\n",
        ),
        (&["--model", "conv"], "possible values: diagonal, joint, dense"),
        (&["--threads", "0"], "'0' for '--threads <N>': it must be a whole number from 1 to 256"),
        (&["--threads", "257"], "'257' for '--threads <N>'"),
        (&["--model", "dense", "--threads", "2"], "--threads has no meaning with --model dense"),
        (&["--freeze", "mu,nu"], "--freeze has `nu`, but the blocks are mu, sigma, u, v"),
        (&["--freeze", "mu,sigma,u,v"], "nothing to train"),
        (&["--width", "5"], "--width has no meaning with --model diagonal"),
        (&["--model", "dense", "--components", "5"], "--components has no meaning with --model dense"),
        (&["--model", "dense", "--gamma", "1"], "--gamma has no meaning"),
        (&["--model", "dense", "--sigma-learning-rate", "1"], "--sigma-learning-rate has no meaning"),
        (&["--model", "dense", "--width", "5", "--hidden", "5"], "cannot be used with"),
        (&["--model", "dense", "--width", "1000000", "--hidden", "1000000"], "cannot be used with"),
        (&["--model", "dense", "--hidden", "1000000", "--hidden", "1000000"], "parameters, but at most"),
        (&["--rank", "3"], "--rank has no meaning with --model diagonal"),
        (&["--tied"], "--tied has no meaning with --model diagonal"),
        (&["--model", "dense", "--tied"], "--tied has no meaning with --model dense"),
        (&["--output-gamma", "1"], "--output-gamma has no meaning with --model diagonal"),
        (&["--model", "dense", "--rank", "3"], "--rank has no meaning with --model dense"),
        (&["--model", "joint", "--width", "3"], "--width has no meaning with --model joint"),
        (&["--model", "joint", "--coordinates", "paper"], "--coordinates has no meaning with --model joint"),
        (&["--model", "joint", "--rank", "0"], "'--rank <R>': it must be a whole number"),
        (&["--model", "joint", "--rank", "795"], "`rank` must be at most 794, but is 795"),
        (&["--model", "joint", "--freeze", "mu"], "the blocks are mu_w, c_w, mu_b, c_b"),
        (&["--input-dropout", "1"], "it must be a number from 0 to below 1"),
        (&["--label-smoothing", "-0.1"], "it must be a number from 0 to below 1"),
        (&["--save", "-"], "'-' for '--save <FILE>': it must be a file"),
        (&["--resume", "-"], "'-' for '--resume <FILE>': it must be a file"),
        (&["--unknown"], "'--unknown'"),
        (&["--data"], "'--data <DIR>'"),
        (&["extra"], "'extra'"),
    ] {
        let images = ["train", "--train-images", "10", "--test-images", "10"];
        assert_fails(&gmlayer(&[&images[..], arguments].concat()), 2, message);
    }
    assert_fails(&gmlayer(&["trian"]), 2, "unrecognized subcommand 'trian'; did you mean 'train'?\n");
}

#[test]
fn help_and_version_go_to_stdout() {
    for arguments in [&["--help"][..], &["train", "--help"], &["eval", "--help"], &["--version"]] {
        let output = gmlayer(arguments);
        assert!(output.status.success() && stderr(&output).is_empty());
        assert!(stdout(&output).contains("gmlayer"));
    }
    let help = stdout(&gmlayer(&["train", "--help"]));
    for option in ["--components", "--sigma-learning-rate", "--freeze", "--save", "[default: 20]"] {
        assert!(help.contains(option), "{option}");
    }
    let output = gmlayer::<&str>(&[]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
    assert!(stderr(&output).contains("Usage"));
}

#[test]
fn missing_and_damaged_data_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let train = |path: &std::path::Path| gmlayer(&["train".as_ref(), "--data".as_ref(), path.as_os_str()]);
    assert_fails(&train(&folder.path().join("none")), 1, "none");
    assert_fails(&train(folder.path()), 1, "train-images-idx3-ubyte");
    write_data(folder.path());
    let labels = folder.path().join("t10k-labels-idx1-ubyte");
    std::fs::write(&labels, common::idx(&[20], &[0; 19])).unwrap();
    assert_fails(&train(folder.path()), 1, "t10k-labels-idx1-ubyte");
    std::fs::remove_file(&labels).unwrap();
    std::fs::create_dir(&labels).unwrap();
    assert_fails(&train(folder.path()), 1, "t10k-labels-idx1-ubyte");
}

#[test]
fn divergence_is_said_in_a_sentence() {
    let output = quick(&["--learning-rate", "1e3", "--sigma-learning-rate", "1e30"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.starts_with("error: training diverged") && text.lines().count() == 1, "{text}");
}

/// A place that cannot be written to is found out before training.
#[test]
fn saving_where_nothing_can_be_written_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none").join("model");
    assert_fails(&quick(&["--save", path.to_str().unwrap()]), 1, "cannot write");
    assert_fails(&quick(&["--save", folder.path().to_str().unwrap()]), 1, "cannot write");
    // A path with something at it that is no file; such a thing must never be replaced.
    #[cfg(unix)]
    {
        let path = folder.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_fails(&quick(&["--save", path.to_str().unwrap()]), 1, "it is not an ordinary file");
    }
}

/// Ctrl-C ends the run after the step; it reports and saves.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_cleanly() {
    use std::process::Stdio;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let mut child = common::heeding()
        .args(["train", "--train-images", "150", "--test-images", "50", "--components", "2"])
        .args(["--epochs", "3000", "--json", "--save", path.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    common::await_epoch(child.stderr.as_mut().unwrap());
    common::kill("INT", child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["interrupted"], true);
    assert!(report["epochs"].as_u64().unwrap() >= 1);
    assert!(path.exists(), "the model is saved");
}

/// Whoever reads the output may go away, as `head` does.
#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_crash() {
    use std::process::{Command, Stdio};

    let mut child = Command::new(env!("CARGO_BIN_EXE_gmlayer"))
        .args(common::QUICK)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(stderr(&output), "");
}

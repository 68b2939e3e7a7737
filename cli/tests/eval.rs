//! `gmlayer eval` as a user meets it.

mod common;

use common::{assert_fails, gmlayer, json, quick, stderr, stdout, write_data};

#[test]
fn a_saved_model_has_the_error_that_training_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let path = path.to_str().unwrap();
    let trained = json(&quick(&["--json", "--save", path]));
    let evaluated = json(&gmlayer(&["eval", path, "--test-images", "50", "--json"]));
    for key in ["dataset", "parameters", "test_images", "test_error", "errors_per_class"] {
        assert_eq!(evaluated[key], trained[key], "{key}");
    }
    assert_eq!(evaluated["layers"], serde_json::json!(["diagonal"]));

    let text = stdout(&gmlayer(&["eval", path, "--test-images", "50"]));
    assert!(text.contains("test error") && text.contains("class 9"), "{text}");
    assert!(!text.contains("time an epoch"), "{text}");
}

#[test]
fn models_of_a_folder_are_evaluated_there() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let data = folder.path().to_str().unwrap();
    let model = folder.path().join("model");
    let model = model.to_str().unwrap();
    let dense = ["--model", "dense", "--width", "5", "--epochs", "2"];
    let trained =
        json(&gmlayer(&[&["train", "--data", data, "--save", model, "--json"], &dense[..]].concat()));
    // The images to train on are not read.
    std::fs::remove_file(folder.path().join("train-images-idx3-ubyte")).unwrap();
    std::fs::remove_file(folder.path().join("train-labels-idx1-ubyte")).unwrap();
    let evaluated = json(&gmlayer(&["eval", model, "--data", data, "--json"]));
    assert_eq!(evaluated["dataset"], trained["dataset"]);
    assert_eq!(evaluated["test_error"], trained["test_error"]);
    assert_eq!(evaluated["layers"], serde_json::json!(["dense", "relu", "dense"]));

    let few = json(&gmlayer(&["eval", model, "--data", data, "--test-images", "7", "--json"]));
    assert_eq!(few["test_images"], 7);
    let output = gmlayer(&["eval", model, "--data", data, "--test-images", "21"]);
    assert_fails(&output, 2, "--test-images is 21, but there are 20 images");
    let output = gmlayer(&["eval", model, "--test-images", "10"]);
    assert_fails(&output, 1, "the network takes 36 inputs, but an image of the data has 784 pixels");
}

#[test]
fn models_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let text = path.to_str().unwrap();
    assert_fails(&gmlayer(&["eval", text]), 1, "cannot read");
    assert_fails(&gmlayer(&["eval", folder.path().to_str().unwrap()]), 1, "cannot read");
    std::fs::write(&path, "no model").unwrap();
    assert_fails(&gmlayer(&["eval", text]), 1, "is not a usable model");
    quick(&["--save", text]);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert_fails(&gmlayer(&["eval", text]), 1, "is not a usable model");
}

#[test]
fn wrong_arguments_are_named() {
    assert_fails(&gmlayer(&["eval"]), 2, "<MODEL>");
    assert_fails(&gmlayer(&["eval", "model", "--epochs", "3"]), 2, "'--epochs'");
    assert_fails(&gmlayer(&["eval", "model", "--test-images", "0"]), 2, "'--test-images <N>'");
}

#[test]
fn other_data_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("da\nta");
    std::fs::create_dir(&data).unwrap();
    write_data(&data);
    let model = folder.path().join("model");
    let (data_text, model) = (data.to_str().unwrap(), model.to_str().unwrap());
    assert!(gmlayer(&["train", "--data", data_text, "--epochs", "1", "--save", model]).status.success());
    let eval = |more: &[&str]| gmlayer(&[&["eval", model, "--data", data_text], more].concat());
    let own = eval(&["--test-images", "7"]);
    assert_eq!(stderr(&own), "", "a part of the same images");
    assert!(stdout(&own).contains("da\\nta"), "{}", stdout(&own));
    let images = data.join("t10k-images-idx3-ubyte");
    let predict = || gmlayer(&["predict".as_ref(), model.as_ref(), "--images".as_ref(), images.as_os_str()]);
    assert_eq!(stderr(&predict()), "");

    std::fs::write(&images, common::idx(&[20, 6, 6], &[3; 20 * 36])).unwrap();
    let output = eval(&[]);
    assert!(output.status.success());
    assert_eq!(stderr(&output), "warning: the model was trained on another data set of the name `da\\nta`\n");
    let text = stderr(&predict());
    assert_eq!(text, "warning: the model was trained on `da\\nta`, which these images are not of\n");
    let output = gmlayer(&["export", model, "--format", "c", "--data", data_text]);
    assert!(stderr(&output).starts_with("warning: the model was trained on"), "{}", stderr(&output));
    assert!(stdout(&output).contains("data  "), "{}", stdout(&output));
    let output = gmlayer(&["train", "--resume", model, "--epochs", "2"]);
    assert_fails(&output, 1, "the images to test on are not those of");
}

#[test]
fn standard_input_and_output_serve_as_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    quick(&["--save", path.to_str().unwrap()]);
    let bytes = std::fs::read(&path).unwrap();
    let with = |input: &[u8], arguments: &[&str]| {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_gmlayer"))
            .args(arguments)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A program that refuses its input does not read it.
        let writer = std::thread::spawn(move || drop(std::io::Write::write_all(&mut stdin, &input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    };
    let file = path.to_str().unwrap();
    assert_eq!(stdout(&with(&bytes, &["inspect", "-"])), stdout(&gmlayer(&["inspect", file])));
    let test = ["--test-images", "20"];
    let evaluated = with(&bytes, &[&["eval", "-"], &test[..]].concat());
    assert_eq!(stdout(&evaluated), stdout(&gmlayer(&[&["eval", file], &test[..]].concat())));
    let images = common::idx(&[3, 28, 28], &[9; 3 * 784]);
    assert_eq!(stdout(&with(&images, &["predict", file, "--images", "-"])).lines().count(), 3);
    let export = ["--format", "c", "--test-images", "20"];
    let output = with(&bytes, &[&["export", "-"], &export[..]].concat());
    assert!(output.status.success() && stderr(&output).contains("test error"), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.starts_with("/* Written by") && text.trim_end().ends_with("#endif"),
        "nothing but the model"
    );
    let beside = gmlayer(&[&["export", file, "--output", "-"], &export[..]].concat());
    assert_eq!(stdout(&beside), text);
    assert_fails(&with(b"no model", &["eval", "-"]), 1, "standard input is not a usable model");
    assert_fails(&gmlayer(&["predict", "-", "--images", "-"]), 2, "only one of <MODEL> and --images");
}

#[test]
fn instructions_are_told_and_unknown_ones_refused() {
    let with = |value: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gmlayer"));
        command.args(arguments).env("GMLAYER_INSTRUCTIONS", value).output().unwrap()
    };
    assert!(stdout(&with("portable", &["--version"])).ends_with("instructions: portable\n"));
    assert!(stdout(&with("", &["--version"])).contains("instructions: "));
    assert_eq!(stdout(&with("", &["-V"])).lines().count(), 1);
    for arguments in [&["--version"][..], &["eval", "nothing"]] {
        assert_fails(&with("s\nse", arguments), 2, "must be `portable`, `avx2` or `avx512`, but is `s\\nse`");
    }
}

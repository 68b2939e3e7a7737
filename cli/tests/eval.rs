//! `gmlayer eval` as a user meets it.

mod common;

use common::{assert_fails, gmlayer, json, quick, stdout, write_data};

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

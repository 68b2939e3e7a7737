//! `gmlayer predict` as a user meets it.

mod common;

use std::fs;

use common::{assert_fails, gmlayer, idx, stderr, stdout, write_data};

#[test]
fn every_image_gets_a_line() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let (data, model) = (folder.path().to_str().unwrap(), folder.path().join("model"));
    let model = model.to_str().unwrap();
    let train = ["train", "--data", data, "--epochs", "40", "--batch-size", "8", "--save", model];
    assert!(gmlayer(&train).status.success());

    let images = folder.path().join("t10k-images-idx3-ubyte");
    let predict =
        |more: &[&str]| gmlayer(&[&["predict", model, "--images", images.to_str().unwrap()], more].concat());
    let text = stdout(&predict(&[]));
    let want: String = (0..20).map(|image| format!("{}\n", image % 2)).collect();
    assert_eq!(text, want);
    let text = stdout(&predict(&["--json"]));
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 20);
    for (image, line) in lines.iter().enumerate() {
        assert_eq!(line["class"], image % 2);
        let probabilities = line["probabilities"].as_array().unwrap();
        assert!((probabilities.iter().map(|p| p.as_f64().unwrap()).sum::<f64>() - 1.0).abs() < 1e-12);
    }

    // More images than are in memory at a time.
    let pixels: Vec<u8> = (0..150_u32)
        .flat_map(|image| [(255 * (image % 2)) as u8, (255 - 255 * (image % 2)) as u8, 9, 0].repeat(9))
        .collect();
    fs::write(&images, idx(&[150, 6, 6], &pixels)).unwrap();
    let want: String = (0..150).map(|image| format!("{}\n", image % 2)).collect();
    assert_eq!(stdout(&predict(&[])), want);
}

#[test]
fn what_cannot_be_predicted_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let model = folder.path().join("model");
    let model = model.to_str().unwrap();
    let data = folder.path().to_str().unwrap();
    assert!(gmlayer(&["train", "--data", data, "--epochs", "1", "--save", model]).status.success());
    let file = folder.path().join("images");
    let path = file.to_str().unwrap();
    assert_fails(&gmlayer(&["predict", model]), 2, "--images <FILE>");
    assert_fails(&gmlayer(&["predict", model, "--images", path]), 1, "images: cannot open it: No such file");
    for (bytes, message) in [
        (idx(&[3, 2, 2], &[1; 11]), "expected 28 bytes in all"),
        (idx(&[3, 2, 2], &[1; 13]), "expected the end of the data"),
        (idx(&[3, 4], &[1; 12]), "expected 3 as the number of dimensions, but got 2"),
        (idx(&[0, 2, 2], &[]), "expected at least one pixel"),
        (idx(&[1, 3, 2], &[1; 6]), "the network takes 36 inputs, but an image of the data has 6 pixels"),
        (idx(&[u32::MAX; 3], &[1; 6]), "header promises more than 2^64"),
    ] {
        fs::write(&file, bytes).unwrap();
        assert_fails(&gmlayer(&["predict", model, "--images", path]), 1, message);
    }
    let mut floats = idx(&[1, 2, 2], &[0; 16]);
    floats[2] = 0x0D;
    fs::write(&file, floats).unwrap();
    assert_fails(
        &gmlayer(&["predict", model, "--images", path]),
        1,
        "expected elements of type u8, but got f32",
    );
    let output = gmlayer(&["predict", path, "--images", path]);
    assert!(stderr(&output).contains("is not a usable model"));
}

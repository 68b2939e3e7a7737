//! Checkpoints whose description was changed: every value of it in turn, to every limit.
#![cfg(unix)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use common::{gmlayer, stderr, within_time, write_data};
use serde_json::{Value, json};

/// The place of a value: keys and indices from the description on. A text that is JSON itself is gone into.
type Place = Vec<String>;

/// Header and data of a file.
fn parts(bytes: &[u8]) -> (Value, Vec<u8>) {
    let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + len]).unwrap(), bytes[8 + len..].to_vec())
}

/// Walks a value and notes the place of everything in it.
fn walk(value: &Value, place: &Place, places: &mut Vec<Place>) {
    let mut inside = |key: String, value: &Value| {
        let place = [place.clone(), vec![key]].concat();
        places.push(place.clone());
        walk(value, &place, places);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| inside(key.clone(), value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| inside(index.to_string(), value))
        }
        Value::String(text) if text.starts_with('{') => {
            walk(&serde_json::from_str(text).unwrap(), place, places)
        }
        _ => {}
    }
}

/// The same value with another one at a place.
fn changed(value: &Value, place: &[String], new: &dyn Fn(&Value) -> Value) -> Value {
    let Some((key, rest)) = place.split_first() else { return new(value) };
    match value {
        Value::Object(fields) => {
            let mut fields = fields.clone();
            fields[key] = changed(&fields[key], rest, new);
            Value::Object(fields)
        }
        Value::Array(items) => {
            let (mut items, index) = (items.clone(), key.parse::<usize>().unwrap());
            items[index] = changed(&items[index], rest, new);
            Value::Array(items)
        }
        Value::String(text) => changed(&serde_json::from_str(text).unwrap(), place, new).to_string().into(),
        _ => unreachable!(),
    }
}

/// What takes the place of each value: limits, other kinds, and the value many times over.
fn replacements() -> Vec<(String, Box<dyn Fn(&Value) -> Value>)> {
    let text = "\u{1b}[31m\nerror: all is well\u{9b}2J";
    let fixed = [
        json!(0),
        json!(1),
        json!(-1),
        json!(1_000_000),
        json!(1_000_001),
        json!(1_u64 << 63),
        json!(u64::MAX),
        json!(1e308),
        json!(1e-50),
        json!(text),
        json!("x".repeat(100_000)),
        json!(null),
        json!(true),
        json!({}),
        json!([]),
    ];
    let mut all: Vec<(String, Box<dyn Fn(&Value) -> Value>)> = Vec::new();
    for value in fixed {
        let name: String = value.to_string().chars().take(40).collect();
        all.push((name, Box::new(move |_| value.clone())));
    }
    all.push(("many of it".to_owned(), Box::new(|value| json!(vec![value.clone(); 1000]))));
    let many = |value: &Value| match value {
        Value::Array(items) => Value::Array(items.iter().cycle().take(100_000).cloned().collect()),
        value => value.clone(),
    };
    all.push(("many items".to_owned(), Box::new(many)));
    all
}

/// Far more than any run of these tests takes.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs the program with at most this much memory, in KiB, for at most [`LIMIT`].
fn within_memory(kibibytes: usize, arguments: &[&str]) -> Output {
    let limited = format!("ulimit -v {kibibytes}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(limited).arg(env!("CARGO_BIN_EXE_gmlayer")).args(arguments);
    within_time(LIMIT, command.env("RUST_BACKTRACE", "0"))
}

/// One sentence or none, nothing that steers a terminal, no panic and no lack of memory.
#[track_caller]
fn assert_tame(output: &Output, what: &str) {
    let text = stderr(output);
    assert!(matches!(output.status.code(), Some(0..=2)), "{what}: {:?} {text}", output.status);
    let shown =
        [text.trim_end_matches('\n'), &String::from_utf8_lossy(&output.stdout).replace('\n', "")].concat();
    assert!(!shown.contains(char::is_control), "{what}: {shown:?}");
    assert!(!text.contains("not enough memory"), "{what}: {text}");
    assert_eq!(output.status.success(), text.is_empty(), "{what}: {text}");
}

/// A small training with everything that a description may hold; its header, and its tensors.
fn training(folder: &Path) -> (Value, Vec<u8>) {
    let (data, path) = (folder.join("data"), folder.join("model"));
    fs::create_dir(&data).unwrap();
    write_data(&data);
    let start = ["train", "--data", data.to_str().unwrap(), "--save", path.to_str().unwrap()];
    let more =
        ["--components", "2", "--hidden", "3", "--optimizer", "adam", "--epochs", "2", "--gamma", "0.5"];
    let rest =
        ["--freeze", "0.mu", "--learning-rate", "0.01", "--test-images", "10", "--input-dropout", "0.1"];
    assert!(gmlayer(&[&start[..], &more, &rest].concat()).status.success());
    parts(&fs::read(path).unwrap())
}

/// Writes a file with another description, whose checksum is left out.
fn write(path: &Path, header: &Value, description: &Value, data: &[u8]) -> usize {
    let mut header = header.clone();
    header["__metadata__"]["gmlayer"] = description.to_string().into();
    let header = header.to_string();
    let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat();
    fs::write(path, &bytes).unwrap();
    bytes.len()
}

#[test]
#[should_panic(expected = "killed after 10ms")]
fn a_program_that_hangs_is_killed() {
    within_time(Duration::from_millis(10), Command::new("sleep").arg("600"));
}

#[test]
fn every_value_at_its_limits() {
    let folder = tempfile::tempdir().unwrap();
    let (header, data) = training(folder.path());
    let mut description: Value =
        serde_json::from_str(header["__metadata__"]["gmlayer"].as_str().unwrap()).unwrap();
    description.as_object_mut().unwrap().remove("checksum");
    let mut places = Vec::new();
    walk(&description, &Vec::new(), &mut places);
    let named = |name: &str| places.iter().any(|place| place.last().is_some_and(|last| last == name));
    for name in ["components", "epochs", "batch_size", "hidden", "checksum", "counts", "images", "freeze"] {
        assert!(named(name), "{name} is not in the description");
    }
    let (path, to) = (folder.path().join("crafted"), folder.path().join("to"));
    let (path_text, to) = (path.to_str().unwrap(), to.to_str().unwrap());
    let base = 40 << 10; // the program itself, with its libraries
    for place in &places {
        let is_epochs = place.last().is_some_and(|last| last == "epochs");
        for (name, new) in replacements() {
            let what = format!("{} = {name}", place.join("/"));
            let bytes = write(&path, &header, &changed(&description, place, &new), &data);
            let most = base + (50 << 10) + 20 * bytes / 1024;
            assert_tame(&within_memory(most, &["inspect", path_text]), &what);
            // What may be asked for may take its time: one epoch is enough.
            let more: &[&str] = if is_epochs && name != "1000000" { &[] } else { &["--epochs", "3"] };
            let resume = [&["train", "--resume", path_text, "--save", to][..], more].concat();
            assert_tame(&within_memory(most, &resume), &what);
        }
    }
    println!("{} places", places.len());
}

/// Layers that a small file only speaks of.
#[test]
fn layers_without_tensors_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let mut layers = vec![json!({ "kind": "dense", "inputs": 1, "outputs": 2000, "bias": false })];
    layers.extend(vec![json!({ "kind": "relu", "width": 2000 }); 2000]);
    let header = json!({
        "__metadata__": {}, "0.weight": { "dtype": "F32", "shape": [2000, 1], "data_offsets": [0, 8000] }
    });
    write(&path, &header, &json!({ "version": 2, "layers": layers }), &[0; 8000]);
    let images = folder.path().join("images");
    fs::write(&images, common::idx(&[2, 1, 1], &[1, 2])).unwrap();
    let predict = ["predict", path.to_str().unwrap(), "--images", images.to_str().unwrap()];
    let output = within_memory(100_000, &predict);
    common::assert_fails(&output, 1, "layer 2 is a rectifier that follows a rectifier");
}

/// Narrow and wide layers in turn: few rows are evaluated at a time.
#[test]
fn wide_layers_take_memory_in_proportion() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let (mut header, mut layers) = (json!({ "__metadata__": {} }), Vec::new());
    for place in 0..400_usize {
        let (inputs, outputs) = if place % 2 == 0 { (1, 2000) } else { (2000, 1) };
        let offsets = [8000 * place, 8000 * (place + 1)];
        header[format!("{}.weight", 2 * place)] =
            json!({ "dtype": "F32", "shape": [outputs, inputs], "data_offsets": offsets });
        layers.push(json!({ "kind": "dense", "inputs": inputs, "outputs": outputs, "bias": false }));
        layers.push(json!({ "kind": "relu", "width": outputs }));
    }
    let data = vec![0; 8000 * 400];
    let bytes = write(&path, &header, &json!({ "version": 2, "layers": layers }), &data);
    let images = folder.path().join("images");
    fs::write(&images, common::idx(&[70, 1, 1], &[7; 70])).unwrap();
    let (path, images) = (path.to_str().unwrap(), images.to_str().unwrap());
    let most = (90 << 10) + 20 * bytes / 1024;
    for arguments in [&["predict", path, "--images", images][..], &["inspect", path]] {
        let output = within_memory(most, arguments);
        assert!(output.status.success(), "{}", stderr(&output));
    }
}

/// As little memory as it takes to start, and ever more: a sentence, or the result.
#[test]
fn little_memory_is_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let save =
        ["--components", "200", "--optimizer", "adam", "--epochs", "1", "--save", path.to_str().unwrap()];
    let start = ["train", "--train-images", "20", "--test-images", "20"];
    assert!(gmlayer(&[&start[..], &save].concat()).status.success());
    let (mut refused, mut done) = (0, 0);
    for mebibytes in (40..340).step_by(20) {
        for arguments in
            [&["inspect"][..], &["eval", "--test-images", "20"], &["train", "--epochs", "2", "--resume"]]
        {
            let output = within_memory(mebibytes << 10, &[arguments, &[path.to_str().unwrap()]].concat());
            match output.status.code() {
                Some(0) => done += 1,
                Some(1) => {
                    refused += 1;
                    let text = stderr(&output);
                    assert!(text.starts_with("error: ") && text.lines().count() == 1, "{mebibytes}: {text}");
                }
                _ => panic!("{mebibytes} {arguments:?}: {:?} {}", output.status, stderr(&output)),
            }
        }
    }
    assert!(refused > 0 && done > 0, "{refused} {done}");
}

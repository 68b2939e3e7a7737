//! Checkpoints that are damaged or made to do harm: each gives one clear error, or the right values.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gmlayer::Shape;
use gmlayer::data::DataMark;
use gmlayer::nn::{Adam, AdamSettings, Dense, Diagonal, Layer, Network, Optimizer, Relu};
use gmlayer::train::checkpoint::{self, Checkpoint, CheckpointProblem};
use gmlayer::train::{Position, Record, Regularisation, Settings, State, generator};
use serde_json::{Value, json};

/// The file of a small network in the middle of its training.
fn file() -> Vec<u8> {
    let layer = Diagonal::new(Shape::new(2, 2, 1).unwrap(), 0.5);
    let mut network =
        Network::new(vec![Box::new(layer), Box::new(Dense::new(2, 1, true).unwrap())], 4).unwrap();
    network.initialise(&mut generator(1, 0)).unwrap();
    let mut optimizer = Adam::new(network.blocks(), |_| 0.01, AdamSettings::default());
    let mut gradients: Vec<f32> = (0..network.parameters().len()).map(|i| i as f32 - 4.0).collect();
    let blocks = network.blocks().to_vec();
    optimizer.step(&blocks, network.parameters_mut(), &mut gradients).unwrap();
    let record = Record { epoch: 1, steps: 3, train_loss: 0.7, test_error: 0.25 };
    let state = State {
        network: &network,
        optimizer: &optimizer,
        data: DataMark { samples: 10, inputs: 2, checksum: 77 },
        settings: &Settings { epochs: 4, batch_size: 4, seed: 9, regularisation: Regularisation::NONE },
        position: &Position { records: vec![record], step: 2, loss_sum: 1.5 },
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    checkpoint::save_training(&state, &BTreeMap::from([("who".into(), "me".into())]), &path).unwrap();
    fs::read(path).unwrap()
}

/// Header and data.
fn parts(bytes: &[u8]) -> (Value, Vec<u8>) {
    let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + len]).unwrap(), bytes[8 + len..].to_vec())
}

/// A file of a header, as text, and data.
fn assemble(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

fn open(bytes: &[u8]) -> Result<Checkpoint, CheckpointProblem> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    fs::write(&path, bytes).unwrap();
    let from_file = checkpoint::open(&path, 4);
    let from_memory = checkpoint::from_bytes(bytes, 4);
    let text = |problem: &CheckpointProblem| problem.to_string();
    assert_eq!(from_file.as_ref().err().map(|e| text(&e.problem)), from_memory.as_ref().err().map(text));
    from_memory
}

#[track_caller]
fn refused(bytes: &[u8], message: &str) {
    let error = open(bytes).map(drop).unwrap_err().to_string();
    assert!(error.contains(message), "{error}\nlacks: {message}");
    assert!(!error.contains('\n'), "one sentence: {error}");
}

/// The same file with another description, whose checksum is left out as other programs may do.
fn described(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (mut header, data) = parts(&file());
    let metadata = &mut header["__metadata__"];
    let mut description: Value = serde_json::from_str(metadata["gmlayer"].as_str().unwrap()).unwrap();
    description.as_object_mut().unwrap().remove("checksum");
    change(&mut description);
    *metadata = json!({ "gmlayer": description.to_string() });
    assemble(&header.to_string(), &data)
}

fn everything(checkpoint: &Checkpoint) -> (Vec<u32>, String) {
    let bits = checkpoint.network.parameters().iter().map(|value| value.to_bits()).collect();
    let kinds: Vec<_> = checkpoint.network.layers().map(|layer| layer.kind()).collect();
    (bits, format!("{kinds:?} {:?}", checkpoint.training))
}

#[test]
fn the_file_is_sound_as_it_is() {
    let checkpoint = open(&file()).unwrap();
    let training = checkpoint.training.unwrap();
    assert_eq!((training.position.epoch(), training.position.step), (2, 2));
    assert_eq!(training.optimizer.counts, [("steps".to_owned(), 1)]);
    assert_eq!(training.notes["who"], "me");
    assert!(open(&described(|_| ())).unwrap().training.is_some(), "without a checksum");
}

/// Every bit in turn: an error, or exactly what the file held.
#[test]
fn a_flipped_bit_is_found() {
    let bytes = file();
    let want = everything(&open(&bytes).unwrap());
    let mut harmless = 0;
    for bit in 0..8 * bytes.len() {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        match checkpoint::from_bytes(&damaged, 4) {
            Ok(checkpoint) => {
                harmless += 1;
                assert!(everything(&checkpoint) == want, "bit {bit}");
            }
            Err(error) => assert!(!error.to_string().contains('\n'), "bit {bit}: {error}"),
        }
    }
    assert_eq!(harmless, 0, "no bit is without a meaning");
}

#[test]
fn a_byte_turned_round_is_found() {
    let bytes = file();
    let want = everything(&open(&bytes).unwrap());
    for place in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0xFF;
        if let Ok(checkpoint) = checkpoint::from_bytes(&damaged, 4) {
            assert!(everything(&checkpoint) == want, "byte {place}");
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_is_refused() {
    let bytes = file();
    for len in 0..bytes.len() {
        assert!(checkpoint::from_bytes(&bytes[..len], 4).is_err(), "{len}");
    }
    refused(&[&bytes[..], &[0]].concat(), "damaged");
}

#[test]
fn headers_that_promise_terabytes_take_no_memory() {
    refused(&[&u64::MAX.to_le_bytes()[..], b"{}"].concat(), "damaged");
    refused(&[&(1_u64 << 40).to_le_bytes()[..], b"{}"].concat(), "damaged");
    refused(&[&90_000_000_u64.to_le_bytes()[..], b"{}"].concat(), "damaged");
    let (header, data) = parts(&file());
    for (shape, end) in [(json!([1_u64 << 40]), 1_u64 << 42), (json!([u32::MAX, u32::MAX]), u64::MAX)] {
        let mut header = header.clone();
        header["0.mu"] = json!({ "dtype": "F32", "shape": shape, "data_offsets": [0, end] });
        refused(&assemble(&header.to_string(), &data), "damaged");
    }
    refused(&described(|it| it["layers"][0]["components"] = (1_u64 << 40).into()), "must have shape");
    refused(
        &described(|it| it["layers"][0]["inputs"] = (1_u64 << 62).into()),
        "exceeds what this machine can hold",
    );
    refused(&described(|it| it["layers"][1]["outputs"] = (1_u64 << 40).into()), "must have shape");
}

/// 32 GiB of holes take no room on the disk and none in memory.
#[test]
fn a_file_of_holes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    fs::File::create(&path).unwrap().set_len(1 << 35).unwrap();
    let error = checkpoint::open(&path, 4).unwrap_err().to_string();
    assert!(error.contains("has 34359738368 bytes, but at most 17179869184 are read"), "{error}");
    fs::write(&path, file()).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 33).unwrap();
    let error = checkpoint::open(&path, 4).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
}

#[test]
fn weights_that_are_not_finite_are_named_and_denormals_are_kept() {
    let (header, data) = parts(&file());
    let start = header["0.u"]["data_offsets"][0].as_u64().unwrap() as usize + 4;
    let with = |value: f32, header: &Value| {
        let mut data = data.clone();
        data[start..start + 4].copy_from_slice(&value.to_le_bytes());
        assemble(&header.to_string(), &data)
    };
    for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(0x7F80_0001)] {
        refused(&with(value, &header), "`0.u` holds an infinity or NaN at index 1");
    }
    let (unchecked, _) = parts(&described(|_| ()));
    for value in [f32::from_bits(1), -f32::from_bits(1), f32::MIN_POSITIVE / 2.0, -0.0, f32::MAX] {
        let loaded = open(&with(value, &unchecked)).unwrap().network;
        assert_eq!(loaded.block("0.u").unwrap()[1].to_bits(), value.to_bits());
        refused(
            &with(value, &header),
            "or another program has changed it and should have left the checksum out",
        );
    }
    let moment = header["optimizer.mean.0.v"]["data_offsets"][0].as_u64().unwrap() as usize;
    let mut spoiled = data.clone();
    spoiled[moment..moment + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    refused(
        &assemble(&header.to_string(), &spoiled),
        "`optimizer.mean.0.v` holds an infinity or NaN at index 0",
    );
}

#[test]
fn the_other_byte_order_is_found() {
    let bytes = file();
    let (header, mut data) = parts(&bytes);
    data.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    let error = open(&assemble(&header.to_string(), &data)).map(drop).unwrap_err();
    assert!(
        matches!(error, CheckpointProblem::Checksum { .. } | CheckpointProblem::NotFinite { .. }),
        "{error}"
    );
    let mut turned = bytes;
    turned[..8].reverse();
    refused(&turned, "damaged");
}

#[test]
fn other_types_are_named() {
    let (header, data) = parts(&file());
    for dtype in ["I32", "U32"] {
        let mut header = header.clone();
        header["0.mu"]["dtype"] = dtype.into();
        refused(&assemble(&header.to_string(), &data), "`0.mu` must have type F32, but has");
    }
    for dtype in ["F64", "F16", "BF16", "bool", "Q4"] {
        let mut header = header.clone();
        header["0.mu"]["dtype"] = dtype.into();
        refused(&assemble(&header.to_string(), &data), "damaged");
    }
}

#[test]
fn names_that_are_there_twice_are_named() {
    let (header, data) = parts(&file());
    let entry = format!("\"0.mu\":{}", header["0.mu"]);
    let text = header.to_string();
    let twice = text.replacen(&entry, &format!("{entry},{entry}"), 1);
    assert_ne!(twice, text);
    refused(&assemble(&twice, &data), "the name `0.mu` is there twice");
    let twice = text.replacen("\"gmlayer\"", "\"gmlayer\":\"\",\"gmlayer\"", 1);
    assert_ne!(twice, text);
    refused(&assemble(&twice, &data), "the name `gmlayer` is there twice");
    let metadata = format!("\"__metadata__\":{}", header["__metadata__"]);
    let twice = text.replacen(&metadata, &format!("{metadata},{metadata}"), 1);
    refused(&assemble(&twice, &data), "the name `__metadata__` is there twice");
}

/// Names that would break the line, steer the terminal or fill the screen.
#[test]
fn names_stay_within_one_short_sentence() {
    let (header, data) = parts(&file());
    for (name, shown) in [
        ("a\nb", "`a\\nb`"),
        ("\u{1b}[2J", "`\\u{1b}[2J`"),
        ("\r\u{7f}\u{85}", "`\\r\\u{7f}\\u{85}`"),
        (&"long".repeat(100_000), "longl…"),
    ] {
        let mut header = header.clone();
        header[name] = json!({ "dtype": "F32" });
        let bytes = assemble(&header.to_string(), &data);
        refused(&bytes, shown);
        let message = open(&bytes).map(drop).unwrap_err().to_string();
        assert!(!message.contains(char::is_control) && message.chars().count() <= 420, "{message}");
    }
}

#[test]
fn training_that_makes_no_sense_is_named() {
    for (change, message) in [
        (
            &(|it: &mut Value| it["training"]["epoch"] = 7.into()) as &dyn Fn(&mut Value),
            "the epoch is not the one after",
        ),
        (&|it| it["training"]["step"] = 4.into(), "more steps than an epoch has"),
        (&|it| it["training"]["batch_size"] = 0.into(), "no epochs or no samples of a step"),
        (&|it| it["training"]["epochs"] = 0.into(), "no epochs or no samples of a step"),
        (&|it| it["training"]["optimizer"]["rates"] = json!([0.5]), "one learning rate a block"),
        (
            &|it| it["training"]["optimizer"]["memory"] = json!(["mean", "cube"]),
            "`optimizer.cube.0.mu` is missing",
        ),
        (
            &|it| it["training"]["optimizer"]["memory"] = json!(["mean"]),
            "no layer has the tensor `optimizer.square",
        ),
        (&|it| it["training"]["frozen"] = json!(["9.mu"]), "there is no parameter block `9.mu`"),
        (&|it| it["training"]["loss_sum"] = json!(null), "invalid type: null"),
        (&|it| it["training"]["loss_sum"] = json!("1"), "invalid type: string"),
        (&|it| it["training"]["seed"] = json!(-1), "invalid value"),
        (&|it| it["training"]["more"] = 1.into(), "unknown field `more`"),
        (&|it| it["version"] = 3.into(), "version 3 of the format, but only version 2"),
    ] {
        refused(&described(change), message);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    refused(&assemble(&deep, &[]), "damaged");
}

/// An optimiser takes up only what it has saved itself.
#[test]
fn other_optimizers_are_named() {
    let checkpoint = open(&file()).unwrap();
    let (network, saved) = (checkpoint.network, checkpoint.training.unwrap().optimizer);
    let mut same = Adam::new(network.blocks(), |_| 0.01, AdamSettings::default());
    saved.restore(&mut same).unwrap();
    assert_eq!(same.state().memory[0].1.len(), network.parameters().len());
    assert_eq!(same.state().counts, [("steps", 1)]);
    let fails = |optimizer: &mut dyn Optimizer<f32>| saved.restore(optimizer).unwrap_err().to_string();
    let other = fails(&mut gmlayer::nn::Sgd::new(network.blocks(), |_| 0.01));
    assert!(other.contains("name of its optimiser: it has adam, but training has sgd"), "{other}");
    let other = fails(&mut Adam::new(network.blocks(), |_| 0.02, AdamSettings::default()));
    assert!(other.contains("learning rates"), "{other}");
    let settings = AdamSettings { epsilon: 1e-7, ..AdamSettings::default() };
    let other = fails(&mut Adam::new(network.blocks(), |_| 0.01, settings));
    assert!(other.contains("settings"), "{other}");
}

/// Devices and pipes are neither waited for nor read without end.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [Path::new("/dev/zero"), &pipe, folder.path()] {
        let error = checkpoint::open(path, 4).unwrap_err().to_string();
        assert!(error.starts_with("cannot read "), "{error}");
    }
}

/// Words that the tensors do not bear out.
#[test]
fn what_would_grow_beyond_the_file_is_refused() {
    refused(
        &described(|it| it["training"]["optimizer"]["memory"] = json!(["mean", "square", "mean"])),
        "the optimiser's `mean` is there twice",
    );
    refused(
        &described(|it| it["training"]["frozen"] = json!(vec!["0.mu"; 7])),
        "there are more frozen blocks than blocks",
    );
    refused(
        &described(|it| it["training"]["records"][0]["steps"] = 4.into()),
        "an epoch that is done has not the steps of an epoch",
    );
    refused(
        &described(|it| it["training"]["records"][0]["test_error"] = json!(1.5)),
        "a test error is not from 0 to 1",
    );
    for (field, value) in [("samples", 0), ("inputs", 3)] {
        refused(
            &described(|it| it["training"]["data"][field] = value.into()),
            "its data have no samples, or not",
        );
    }
    let relu = json!({ "kind": "relu", "width": 2 });
    let with = |place: usize, count: usize| {
        let relu = relu.clone();
        described(move |it| {
            let layers = it["layers"].as_array_mut().unwrap();
            (0..count).for_each(|_| layers.insert(place, relu.clone()));
        })
    };
    refused(&with(0, 1), "its first layer has no parameters");
    refused(&with(1, 2), "layer 2 is a rectifier that follows a rectifier");
    refused(&with(1, 10_000), "it has 10002 layers, but at most 10000 are possible");
}

/// What could not be read is not written either.
#[test]
fn networks_that_cannot_be_read_are_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    let relu = || Box::new(Relu::new(2).unwrap());
    let dense = || Box::new(Dense::new(2, 2, false).unwrap());
    let save = |layers: Vec<Box<dyn Layer<f32>>>| {
        checkpoint::save(&Network::new(layers, 1).unwrap(), folder.path().join("model"))
    };
    let message = |layers| save(layers).unwrap_err().to_string();
    assert!(message(vec![relu(), dense()]).contains("first layer has no parameters"));
    assert!(message(vec![dense(), relu(), relu()]).contains("layer 2 is a rectifier"));
    save(vec![dense(), relu(), dense(), relu()]).unwrap();
}

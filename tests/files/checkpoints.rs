//! Checkpoints: the round trip, and every way in which a file can be wrong.

use std::path::Path;

use gmlayer::joint::JointShape;
use gmlayer::nn::{Block, Dense, Diagonal, Joint, JointStart, Layer, LayerKind, Network, Relu};
use gmlayer::train::{checkpoint, generator};
use gmlayer::{Scale, Shape};

fn network() -> Network<f32> {
    let layers: Vec<Box<dyn Layer<f32>>> = vec![
        Box::new(Diagonal::new(Shape::new(5, 4, 3).unwrap(), 0.1)),
        Box::new(Dense::new(4, 3, true).unwrap()),
        Box::new(Relu::new(3).unwrap()),
        Box::new(Dense::new(3, 2, false).unwrap()),
    ];
    let mut network = Network::new(layers, 4).unwrap();
    network.initialise(&mut generator(1, 0)).unwrap();
    network
}

/// The file of [`network`], its header and its data.
fn parts(folder: &Path) -> (serde_json::Value, Vec<u8>) {
    let path = folder.join("model");
    checkpoint::save(&network(), &path).unwrap();
    let bytes = std::fs::read(path).unwrap();
    let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + len]).unwrap(), bytes[8 + len..].to_vec())
}

/// What loading a file of this header and these data says.
fn loading(folder: &Path, header: &serde_json::Value, data: &[u8]) -> Result<Network<f32>, String> {
    let header = serde_json::to_vec(header).unwrap();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(data);
    let path = folder.join("changed");
    std::fs::write(&path, bytes).unwrap();
    checkpoint::load(path, 4).map_err(|error| error.to_string())
}

#[test]
fn a_network_comes_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let network = network();
    checkpoint::save(&network, &path).unwrap();
    checkpoint::save(&network, &path).unwrap();
    let loaded = checkpoint::load(&path, 7).unwrap();
    assert_eq!(loaded.parameters(), network.parameters());
    assert_eq!(loaded.blocks(), network.blocks());
    assert_eq!(loaded.batch(), 7);
    let kinds = |network: &Network<f32>| network.layers().map(|layer| layer.kind()).collect::<Vec<_>>();
    assert_eq!(kinds(&loaded), kinds(&network));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn a_joint_layer_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    for scale in [Scale::Mean, Scale::Sum] {
        let shape = JointShape::new(5, 4, 3, 2).unwrap();
        let layer = Joint::new(shape, JointStart { gamma: 0.03, output_gamma: 0.1 }).with_scale(scale);
        let mut network = Network::new(vec![Box::new(layer) as Box<dyn Layer<f32>>], 4).unwrap();
        network.initialise(&mut generator(1, 0)).unwrap();
        checkpoint::save(&network, &path).unwrap();
        let loaded = checkpoint::load(&path, 4).unwrap();
        assert_eq!((loaded.parameters(), loaded.blocks()), (network.parameters(), network.blocks()));
        let kind = |network: &Network<f32>| network.layers().next().unwrap().kind();
        assert_eq!(kind(&loaded), kind(&network));
    }
    let header = std::fs::read(&path).unwrap();
    let text = String::from_utf8_lossy(&header);
    for name in ["0.mu_w", "0.c_w", "0.mu_b", "0.c_b"] {
        assert!(text.contains(name), "{name}");
    }
}

/// Other things than files are left as they are, whoever runs this.
#[cfg(unix)]
#[test]
fn only_files_are_replaced() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for path in [&socket, folder.path()] {
        assert!(checkpoint::check_target(path).is_err());
        assert!(checkpoint::save(&network(), path).is_err());
    }
    assert!(std::fs::metadata(&socket).unwrap().file_type().is_socket());

    let (model, plain) = (folder.path().join("model"), folder.path().join("plain"));
    checkpoint::save(&network(), &model).unwrap();
    std::fs::write(&plain, "").unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(model), mode(plain), "readable as any new file is");
}

/// A partial file that nobody has locked was left by a killed process; one that is locked is another's.
#[test]
fn partial_files_belong_to_whoever_locks_them() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let partial = folder.path().join(".gmlayer-d79572d9.partial");
    let other = std::fs::File::create(&partial).unwrap();
    other.lock().unwrap();
    for error in
        [checkpoint::save(&network(), &model).unwrap_err(), checkpoint::check_target(&model).unwrap_err()]
    {
        assert!(error.to_string().ends_with("another process is writing it"), "{error}");
    }
    assert!(partial.exists() && !model.exists());
    drop(other);
    checkpoint::check_target(&model).unwrap();
    assert!(!partial.exists() && !model.exists());
    std::fs::write(&partial, "left").unwrap();
    checkpoint::save(&network(), &model).unwrap();
    assert!(!partial.exists() && checkpoint::load(&model, 1).is_ok());
}

#[test]
fn tensors_have_the_documented_names_and_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let (header, data) = parts(folder.path());
    for (name, shape) in [
        ("0.mu", vec![3, 5]),
        ("0.sigma", vec![3, 5]),
        ("0.u", vec![3, 4, 5]),
        ("0.v", vec![3, 4]),
        ("1.weight", vec![3, 4]),
        ("1.bias", vec![3]),
        ("3.weight", vec![2, 3]),
    ] {
        assert_eq!(header[name]["shape"], serde_json::json!(shape), "{name}");
        assert_eq!(header[name]["dtype"], "F32");
    }
    assert_eq!(header.as_object().unwrap().len(), 8, "seven tensors and the metadata");
    let start = header["0.sigma"]["data_offsets"][0].as_u64().unwrap() as usize;
    assert_eq!(data[start..start + 4], 0.1_f32.to_le_bytes());
}

#[test]
fn the_same_network_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().join("a"), folder.path().join("b")];
    paths.iter().for_each(|path| checkpoint::save(&network(), path).unwrap());
    assert_eq!(std::fs::read(&paths[0]).unwrap(), std::fs::read(&paths[1]).unwrap());
}

#[test]
fn a_changed_header_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (header, data) = parts(folder.path());
    assert!(loading(folder.path(), &header, &data).is_ok());
    let description: serde_json::Value =
        serde_json::from_str(header["__metadata__"]["gmlayer"].as_str().unwrap()).unwrap();
    let described = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut description = description.clone();
        change(&mut description);
        let mut header = header.clone();
        header["__metadata__"]["gmlayer"] = description.to_string().into();
        loading(folder.path(), &header, &data).unwrap_err()
    };
    for (change, message) in [
        (
            &(|it: &mut serde_json::Value| it["version"] = 3.into()) as &dyn Fn(&mut serde_json::Value),
            "version 3 of the format, but only version 2",
        ),
        (&|it| it["layers"][0]["kind"] = "conv".into(), "unknown variant `conv`"),
        (&|it| it["layers"][0]["inputs"] = 0.into(), "`inputs` must be at least 1"),
        (&|it| it["layers"][0]["inputs"] = (-1).into(), "description in its metadata is damaged"),
        (&|it| it["layers"][0]["inputs"] = 6.into(), "`0.mu` must have shape [3, 6], but has [3, 5]"),
        (&|it| it["layers"][0]["components"] = (1_u64 << 60).into(), "exceeds what this machine can hold"),
        (&|it| it["layers"][2]["width"] = (1_u64 << 60).into(), "layer 2 takes"),
        (&|it| it["layers"][1]["bias"] = false.into(), "no layer has the tensor `1.bias`"),
        (
            &|it| it["layers"] = serde_json::json!([{"kind": "relu", "width": 1_u64 << 60}]),
            "its first layer has no parameters",
        ),
        (&|it| it["layers"] = serde_json::json!([]), "no layer has the tensor"),
        (&|it| it["layers"][3]["bias"] = true.into(), "the tensor `3.bias` is missing"),
        (&|it| it["more"] = 1.into(), "unknown field `more`"),
    ] {
        let error = described(change);
        assert!(error.contains(message), "{error}\nlacks: {message}");
        assert!(error.contains("changed"), "the file is named: {error}");
    }

    let mut without = header.clone();
    without.as_object_mut().unwrap().remove("__metadata__");
    let error = loading(folder.path(), &without, &data).unwrap_err();
    assert!(error.contains("entry `gmlayer`"), "{error}");
    let mut typed = header.clone();
    typed["1.bias"]["dtype"] = "I32".into();
    let error = loading(folder.path(), &typed, &data).unwrap_err();
    assert!(error.contains("`1.bias` must have type F32, but has I32"), "{error}");
}

#[test]
fn values_that_are_not_finite_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (header, data) = parts(folder.path());
    let start = header["0.u"]["data_offsets"][0].as_u64().unwrap() as usize + 4 * 7;
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut data = data.clone();
        data[start..start + 4].copy_from_slice(&value.to_le_bytes());
        let error = loading(folder.path(), &header, &data).unwrap_err();
        assert!(error.contains("`0.u` holds an infinity or NaN at index 7"), "{error}");
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    checkpoint::save(&network(), &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for len in 0..bytes.len() {
        std::fs::write(&path, &bytes[..len]).unwrap();
        let error = checkpoint::load(&path, 4).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{len}: {error}");
    }
    std::fs::write(&path, [&bytes[..], &[0]].concat()).unwrap();
    assert!(checkpoint::load(&path, 4).is_err(), "a byte too many");
}

#[test]
fn files_that_cannot_be_reached_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none").join("model");
    for error in [
        checkpoint::load(&missing, 4).unwrap_err(),
        checkpoint::save(&network(), &missing).unwrap_err(),
        checkpoint::check_target(&missing).unwrap_err(),
        checkpoint::check_target(folder.path()).unwrap_err(),
        checkpoint::load(folder.path(), 4).unwrap_err(),
        checkpoint::save(&network(), folder.path()).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.starts_with("cannot "), "{text}");
        assert!(text.contains(folder.path().to_str().unwrap()), "{text}");
    }
    checkpoint::check_target(folder.path().join("model")).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

/// A layer of the user's own has no place in the format.
#[test]
fn foreign_layers_are_refused() {
    #[derive(Debug)]
    struct Mine;
    impl Layer<f32> for Mine {
        fn kind(&self) -> LayerKind {
            LayerKind::Other("mine")
        }
        fn inputs(&self) -> usize {
            1
        }
        fn outputs(&self) -> usize {
            1
        }
        fn blocks(&self) -> Vec<Block> {
            vec![]
        }
        fn scratch_len(&self, _: usize) -> Result<usize, gmlayer::Error> {
            Ok(0)
        }
        fn forward(
            &self,
            _: &[f32],
            x: &[f32],
            y: &mut [f32],
            _: &mut [f32],
            _: &mut [f32],
        ) -> Result<(), gmlayer::Error> {
            y.copy_from_slice(x);
            Ok(())
        }
        fn backward(
            &self,
            _: &[f32],
            _: &[f32],
            _: &[f32],
            _: &[f32],
            _: &[bool],
            _: &mut [f32],
            _: Option<&mut [f32]>,
            _: &mut [f32],
        ) -> Result<(), gmlayer::Error> {
            Ok(())
        }
        fn initialise(&self, _: &mut [f32], _: &mut dyn rand_core::Rng) -> Result<(), gmlayer::Error> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let network = Network::new(vec![Box::new(Mine)], 1).unwrap();
    let error = checkpoint::save(&network, folder.path().join("model")).unwrap_err();
    assert!(error.to_string().contains("a layer `mine` cannot be saved"), "{error}");
}

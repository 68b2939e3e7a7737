//! `gmlayer export` as a user meets it.

mod common;

use std::path::Path;

use common::{assert_fails, gmlayer, json, quick, stdout, write_data};
use gmlayer::compact::{Blob, Model, Number};

/// A quickly trained model, and the folder that it is in.
fn model() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.safetensors").to_str().unwrap().to_owned();
    json(&quick(&["--side", "8", "--json", "--save", &path]));
    (folder, path)
}

/// The arguments of an export, with few test images.
fn export(model: &str, more: &[&str]) -> std::process::Output {
    gmlayer(&[&["export", model, "--side", "8", "--test-images", "50"], more].concat())
}

#[test]
fn every_precision_is_written_as_bytes() {
    let (folder, path) = model();
    let (d, l, k) = (64, 10, 2);
    let (mu, w, a) = (k * d, k * l * d, k * l);
    let sizes = [
        ("f32", 4 * (a + 2 * mu + w)),
        ("f16", 2 * (a + 2 * mu + w)),
        ("i8", 2 * mu + w + 4 * (2 * a + 2 * k)),
    ];
    for (precision, bytes) in sizes {
        let report = json(&export(&path, &["--format", "bin", "--precision", precision, "--json"]));
        assert_eq!(report["bytes"], bytes, "{precision}");
        let numbers = [&report["inputs"], &report["outputs"], &report["components"], &report["test_images"]];
        assert_eq!(numbers, [64, 10, 2, 50]);
        let text = stdout(&export(&path, &["--format", "bin", "--precision", precision]));
        assert!(
            text.contains(&format!("bytes of the model  {bytes}")) && text.contains("test error"),
            "{text}"
        );
        let (after, before) =
            (report["test_error"].as_f64().unwrap(), report["test_error_before"].as_f64().unwrap());
        assert!((after - before).abs() <= 0.02, "{precision}: {after} {before}");

        let file = std::fs::read(folder.path().join("digits.bin")).unwrap();
        assert_eq!(file.len(), 32 + 4 * (d + l) + bytes, "a header, a test vector and the model");
        let blob = Blob::new(&file).unwrap();
        let x: Vec<f32> = blob.input.iter().map(|x| x.value()).collect();
        let mut y = vec![0.0; l];
        match blob.model {
            Model::F32(model) => model.forward(&x, &mut y, &mut vec![0.0; model.scratch_len()]),
            Model::F16(model) => model.forward(&x, &mut y, &mut vec![0.0; model.scratch_len()]),
            Model::I8(model) => model.forward(&x, &mut y, &mut vec![0; model.scratch_len()]),
        }
        .unwrap();
        assert!(blob.output.iter().zip(&y).all(|(want, y)| want.value().to_bits() == y.to_bits()));
    }
    let evaluated = json(&gmlayer(&["eval", &path, "--side", "8", "--test-images", "50", "--json"]));
    let report = json(&export(&path, &["--format", "bin", "--json"]));
    assert_eq!(report["test_error_before"], evaluated["test_error"]);
    assert_eq!(report["test_error"], evaluated["test_error"], "f32 is exact");
}

/// The outputs of the exported model are those of the layer, whatever its coordinates and scale.
#[test]
fn every_form_is_exported() {
    for form in [
        &["--coordinates", "centred"][..],
        &["--scale", "sum"],
        &["--coordinates", "centred", "--scale", "sum"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("digits.safetensors").to_str().unwrap().to_owned();
        json(&quick(&[&["--side", "8", "--json", "--save", &path], form].concat()));
        assert!(export(&path, &["--format", "bin"]).status.success());
        let file = std::fs::read(folder.path().join("digits.bin")).unwrap();
        let blob = Blob::new(&file).unwrap();
        let x: Vec<f32> = blob.input.iter().map(|x| x.value()).collect();
        let mut network = gmlayer::train::checkpoint::load(Path::new(&path), 1).unwrap();
        let want = network.forward(&x).unwrap();
        for (got, want) in blob.output.iter().zip(want) {
            assert!(
                (got.value() - want).abs() <= 1e-5 * want.abs().max(1.0),
                "{form:?}: {} {want}",
                got.value()
            );
        }
    }
}

/// A joint layer as source text: sizes, arrays, and what the layer gives for the first test image.
#[test]
fn joint_layers_are_source_text() {
    joint_source_text(
        &[],
        [
            "/// 64 inputs, 10 outputs, 2 components, rank 3.",
            "Ok(shape) => shape,",
            "pub static C_B: [f32; 384]",
        ],
        &["digits_c_b[384]"],
    );
    joint_source_text(
        &["--tied"],
        ["2 components, rank 3, tied.", "Ok(shape) => shape.tied(),", "pub static C_B: [f32; 192]"],
        &["digits_c_b[192]", "#define DIGITS_TIED 1\n", "[3 × 64]"],
    );
}

fn joint_source_text(more: &[&str], in_rust: [&str; 3], in_c: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.safetensors").to_str().unwrap().to_owned();
    let train = ["--side", "8", "--json", "--save", &path, "--model", "joint", "--rank", "3"];
    json(&quick(&[&train, more].concat()));
    assert!(export(&path, &["--format", "rust"]).status.success());
    let text = std::fs::read_to_string(folder.path().join("digits.rs")).unwrap();
    for part in in_rust.into_iter().chain([
        "JointShape::new(64, 10, 2, 3)",
        "Constants { mu_w: &MU_W, c_w: &C_W, mu_b: &MU_B, c_b: &C_B }",
        "with_scale(Scale::Mean)",
    ]) {
        assert!(text.contains(part), "{part}");
    }
    let array = |name: &str| -> Vec<f32> {
        let start = text.find(&format!("pub static {name}:")).unwrap();
        let (_, rest) = text[start..].split_once("= [").unwrap();
        let (numbers, _) = rest.split_once("];").unwrap();
        numbers.split(',').map(str::trim).filter(|x| !x.is_empty()).map(|x| x.parse().unwrap()).collect()
    };
    let mut network = gmlayer::train::checkpoint::load(Path::new(&path), 1).unwrap();
    let want = network.forward(&array("INPUT")).unwrap();
    for (got, want) in array("OUTPUT").iter().zip(want) {
        assert!((got - want).abs() <= 1e-5 * want.abs().max(1.0), "{got} {want}");
    }
    assert!(export(&path, &["--format", "c"]).status.success());
    let text = std::fs::read_to_string(folder.path().join("digits.h")).unwrap();
    for part in in_c.iter().chain(&["#define DIGITS_RANK 3\n"]) {
        assert!(text.contains(part), "{part}");
    }
    for refused in [
        &["--format", "bin"][..],
        &["--format", "rust", "--precision", "i8"],
        &["--format", "c", "--parameters"],
    ] {
        assert_fails(&export(&path, refused), 2, "a joint layer is exported for inference in f32");
    }
}

#[test]
fn source_text_has_every_array() {
    let (folder, path) = model();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for (precision, kind, c_kind, arrays) in [
        ("f32", "f32", "float", &["A", "MU", "VARIANCE", "W"][..]),
        ("f16", "u16", "uint16_t", &["A", "MU", "VARIANCE", "W"]),
        ("i8", "i8", "int8_t", &["W_SCALES", "MU_SCALES", "VARIANCE_SCALES", "MU", "VARIANCE", "W"]),
    ] {
        assert!(export(&path, &["--format", "rust", "--precision", precision]).status.success());
        assert!(export(&path, &["--format", "c", "--precision", precision]).status.success());
        let (rust, c) = (read("digits.rs"), read("digits.h"));
        for array in arrays {
            assert!(rust.contains(&format!("pub static {array}: [")), "{array}");
            assert!(c.contains(&format!(" digits_{}[", array.to_lowercase())), "{array}");
        }
        assert!(rust.contains(&format!("pub static MU: [{kind}; 128]")), "{precision}");
        assert!(c.contains(&format!("static const {c_kind} digits_mu[128]")), "{precision}");
        assert!(rust.contains("pub const MODEL: ") && rust.contains("pub static INPUT: [f32; 64]"));
        assert!(c.contains("#define DIGITS_INPUTS 64") && c.contains("digits_output[10]"));
        assert!(rust.lines().chain(c.lines()).all(|line| line.len() <= 260));
    }
}

/// Numbers in source text give their bits back.
#[test]
fn parameters_are_written_to_the_bit() {
    let (folder, path) = model();
    let written = folder.path().join("start.rs");
    let output = written.to_str().unwrap();
    let report = json(&export(&path, &["--format", "rust", "--parameters", "--output", output, "--json"]));
    assert_eq!(report["bytes"], 4 * 2 * (2 * 64 + 10 * 64 + 10));
    let text = std::fs::read_to_string(written).unwrap();
    let (_, array) = text.split_once("pub static PARAMETERS: [f32; 1556] = [").unwrap();
    let numbers = array.trim_end().trim_end_matches("];").split(',').filter(|text| !text.trim().is_empty());
    let got: Vec<f32> = numbers.map(|number| number.trim().parse().unwrap()).collect();
    let network = gmlayer::train::checkpoint::load(&path, 1).unwrap();
    assert_eq!(got, network.parameters());
}

#[test]
fn what_cannot_be_exported_is_named() {
    let (folder, path) = model();
    let output = export(&path, &["--format", "bin", "--parameters"]);
    assert_fails(&output, 2, "--format rust or c");
    let output = export(&path, &["--format", "c", "--parameters", "--precision", "i8"]);
    assert_fails(&output, 2, "in f32");
    assert_fails(&gmlayer(&["export", &path]), 2, "--format");
    assert_fails(&gmlayer(&["export", &path, "--format", "elf"]), 2, "'elf'");
    assert_fails(&gmlayer(&["export", &path, "--format", "c", "--precision", "f64"]), 2, "'f64'");
    assert_fails(&gmlayer(&["export", "nowhere", "--format", "c"]), 1, "cannot read");
    assert_fails(&export(&path, &["--format", "c", "--output", "/nowhere/model.h"]), 1, "cannot write");
    let output = gmlayer(&["export", &path, "--format", "bin", "--test-images", "50"]);
    assert_fails(&output, 1, "the network takes 64 inputs, but an image of the data has 784 pixels");
    let output = gmlayer(&["export", &path, "--format", "bin", "--side", "40", "--test-images", "50"]);
    assert_fails(&output, 2, "`side` must be at most 28, but is 40");

    let deep = folder.path().join("deep").to_str().unwrap().to_owned();
    json(&quick(&["--side", "8", "--hidden", "4", "--json", "--save", &deep]));
    assert_fails(&export(&deep, &["--format", "bin"]), 1, "only a model of one diagonal or joint layer");
}

/// A network of any layers as an ONNX graph: where it is written, what is said of it, what is refused. What the graph
/// gives is compared in `interop/onnx_check.py`.
#[test]
fn onnx_takes_any_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let cases = [
        (&["--hidden", "4"][..], "diagonal 64 → 4, K = 2", 2),
        (&["--model", "joint", "--tied", "--rank", "3"], "tied joint 64 → 10, K = 2, R = 3", 1),
        (&["--model", "dense", "--width", "8"], "dense 64 → 8", 3),
    ];
    for (options, first, layers) in cases {
        let model = path("digits.safetensors");
        let common: &[&str] = &["train", "--epochs", "1", "--train-images", "200", "--test-images", "50"];
        let components: &[&str] = if options.contains(&"dense") { &[] } else { &["--components", "2"] };
        let train = [common, components, &["--side", "8", "--json", "--save", &model], options].concat();
        json(&gmlayer(&train));
        let report = json(&gmlayer(&["export", &model, "--format", "onnx", "--json"]));
        let file = std::fs::read(path("digits.onnx")).unwrap();
        assert!(file.starts_with(b"\x08\x07\x12\x07gmlayer"), "a second export replaces it");
        assert_eq!(report["bytes"], file.len());
        assert_eq!((report["inputs"].as_u64(), report["outputs"].as_u64()), (Some(64), Some(10)));
        assert_eq!(report["layers"][0], first);
        assert_eq!(report["layers"].as_array().unwrap().len(), layers);

        let output = gmlayer(&["export", &model, "--format", "onnx", "--output", "-"]);
        assert_eq!(output.stdout, file);
        assert!(String::from_utf8_lossy(&output.stderr).contains("opset 13"));
    }
    let model = path("digits.safetensors");
    for (refused, value) in [
        ("--precision", "f16"),
        ("--side", "8"),
        ("--data", "nowhere"),
        ("--test-images", "5"),
        ("--parameters", ""),
    ] {
        let arguments: Vec<&str> = ["export", &model, "--format", "onnx", refused, value]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        assert_fails(&gmlayer(&arguments), 2, &format!("{refused} has no meaning with --format onnx"));
    }
    assert_fails(
        &gmlayer(&["export", &model, "--format", "onnx", "--name", "a"]),
        2,
        "--name is for --format c",
    );
    std::fs::write(path("digits.onnx"), "my own").unwrap();
    assert_fails(&gmlayer(&["export", &model, "--format", "onnx"]), 2, "is no export");
}

#[test]
fn a_folder_of_images_is_shrunk_too() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let (data, model) = (folder.path().to_str().unwrap(), folder.path().join("model"));
    let model = model.to_str().unwrap();
    let common = ["--data", data, "--side", "1"];
    json(&gmlayer(
        &[&["train", "--epochs", "1", "--components", "1", "--save", model, "--json"], &common[..]].concat(),
    ));
    let report = json(&gmlayer(&[&["export", model, "--format", "bin", "--json"], &common[..]].concat()));
    assert_eq!((report["inputs"].as_u64(), report["test_images"].as_u64()), (Some(1), Some(20)));
}

/// On real digits, K = 20 and 25 epochs: `i8` costs at most 0.3 percentage points, `f16` at most 0.05.
#[test]
#[ignore = "slow without optimisation: run with --release, as .ci/run does"]
fn small_precisions_keep_the_error_on_mnist() {
    let Some(folder) = std::env::var_os("GMLAYER_DATA") else {
        eprintln!("SKIPPED: set GMLAYER_DATA to the folder with mnist/ to export a model of real digits");
        return;
    };
    let data = Path::new(&folder).join("mnist").to_str().unwrap().to_owned();
    let target = tempfile::tempdir().unwrap();
    let model = target.path().join("mnist").to_str().unwrap().to_owned();
    let train =
        ["train", "--components", "20", "--epochs", "25", "--save", &model, "--json", "--data", &data];
    json(&gmlayer(&train));
    for (precision, allowed) in [("f32", 0.0), ("f16", 0.0005), ("i8", 0.003)] {
        let arguments =
            ["export", &model, "--format", "bin", "--precision", precision, "--json", "--data", &data];
        let report = json(&gmlayer(&arguments));
        let (after, before) =
            (report["test_error"].as_f64().unwrap(), report["test_error_before"].as_f64().unwrap());
        eprintln!("{precision}: {before} became {after}, {} bytes", report["bytes"]);
        assert_eq!(report["test_images"], 10_000);
        assert!(after - before <= allowed + 1e-12, "{precision}: {before} became {after}");
    }
}

/// Compiles a C program, if this machine has a compiler; says whether that went well.
fn compiles(folder: &Path, language: &str, program: &str) -> Option<bool> {
    std::fs::write(folder.join("program.c"), program).unwrap();
    let arguments =
        ["-x", language, "-Wall", "-Wextra", "-Werror", "-Wno-unused", "-fsyntax-only", "program.c"];
    let output = std::process::Command::new("gcc").args(arguments).current_dir(folder).output();
    let output = output.ok()?;
    print!("{}", String::from_utf8_lossy(&output.stderr));
    Some(output.status.success())
}

/// Headers of two models in one program, of equal names, of names that differ in their case or signs alone, and of the
/// library's own name.
#[test]
fn headers_of_two_models_go_into_one_program() {
    let (folder, path) = model();
    let (other_folder, other) = model();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let write = |model: &str, name: &str, more: &[&str]| {
        let output = export(model, &[&["--format", "c", "--output", &at(name)], more].concat());
        assert!(output.status.success());
        std::fs::read_to_string(at(name)).unwrap()
    };
    let text = write(&path, "gmlayer.h", &[]);
    assert!(!text.contains("GMLAYER_H\n"), "the guard of the library's own header");
    write(&path, "one.h", &[]);
    write(&path, "two.h", &[]);
    write(&path, "named.h", &["--name", "net_2"]);
    write(&other, "f16.h", &["--precision", "f16"]);
    write(&path, "start.h", &["--parameters"]);
    std::fs::create_dir(at("sub")).unwrap();
    write(&path, "sub/one.h", &["--name", "other_one"]);
    write(&path, "1-a b.h", &[]);
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ffi/include/gmlayer.h");
    if Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml.orig").exists() {
        eprintln!("SKIPPED: the library's own header is in the repository, not in the package");
        std::fs::write(at("library.h"), "").unwrap();
    } else {
        std::fs::copy(library, at("library.h")).unwrap();
    }
    let names = [
        "library.h",
        "gmlayer.h",
        "one.h",
        "two.h",
        "named.h",
        "f16.h",
        "start.h",
        "sub/one.h",
        "1-a b.h",
        "one.h",
    ];
    let includes: String = names.iter().map(|name| format!("#include \"{name}\"\n")).collect();
    let main = "int main(void) { return gmlayer_mu[0] == one_mu[0] && two_mu[0] == net_2_mu[0]; }\n";
    for language in ["c", "c++"] {
        match compiles(folder.path(), language, &format!("{includes}{main}")) {
            None => eprintln!("SKIPPED: there is no gcc"),
            Some(right) => assert!(right, "{language}"),
        }
    }

    // Another model of the same name is told, not left out.
    let same = other_folder.path().join("one.h").to_str().unwrap().to_owned();
    assert!(export(&other, &["--format", "c", "--precision", "f16", "--output", &same]).status.success());
    let both = format!("#include \"one.h\"\n#include \"{same}\"\nint main(void) {{ return 0; }}\n");
    assert!(compiles(folder.path(), "c", &both).is_none_or(|right| !right));

    for name in ["", "2x", "a-b", "a b", "_a", "a;"] {
        assert_fails(&export(&path, &["--format", "c", "--name", name]), 2, "it must be a letter");
    }
    assert_fails(&export(&path, &["--format", "rust", "--name", "a"]), 2, "--name is for --format c");
}

/// Constants that f16 cannot tell from 0 are counted.
#[test]
fn constants_too_small_for_f16_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.safetensors").to_str().unwrap().to_owned();
    // σ of about 10⁻⁵, whose squares are far below the least number of f16, 6 · 10⁻⁸.
    let rates = ["--gamma", "1e-5", "--learning-rate", "1e-9", "--sigma-learning-rate", "1e-9"];
    json(&quick(&[&["--side", "8", "--json", "--save", &path], &rates[..]].concat()));
    let exported = |precision: &str| export(&path, &["--format", "c", "--precision", precision]);
    let counted = |precision: &str| {
        let report = json(&export(&path, &["--format", "c", "--precision", precision, "--json"]));
        report["flushed"].as_u64().unwrap()
    };
    let flushed = counted("f16");
    assert!(flushed >= 2 * 64, "all variances: {flushed}");
    assert!(stdout(&exported("f16")).contains(&format!("too small for f16   {flushed} constants")));
    assert_eq!(counted("f32"), 0);
    assert!(!stdout(&exported("f32")).contains("too small"));
}

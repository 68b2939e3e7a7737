//! What a command writes, and what it must not.
#![cfg(unix)]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{QUICK, assert_fails, gmlayer, stderr, write_data};

fn save(path: &Path) -> Output {
    gmlayer(&[&QUICK[..], &["--save", path.to_str().unwrap()]].concat())
}

fn is_model(path: &Path) -> bool {
    gmlayer(&["inspect".as_ref(), path.as_os_str()]).status.success()
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Before training: nothing comes on stdout.
#[test]
fn what_cannot_be_replaced_is_refused_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    fs::write(at("fixed"), "old").unwrap();
    fs::set_permissions(at("fixed"), fs::Permissions::from_mode(0o444)).unwrap();
    symlink("fixed", at("to_fixed")).unwrap();
    symlink("folder", at("to_folder")).unwrap();
    symlink("none/model", at("to_nowhere")).unwrap();
    symlink("loop", at("loop")).unwrap();
    let before = names(folder.path());
    for (name, message) in [
        ("x/", "it is the name of a folder"),
        ("x/.", "it is the name of a folder"),
        ("folder/..", "it is the name of a folder"),
        ("folder", "directory"),
        ("to_folder", "directory"),
        ("pipe", "it is not an ordinary file"),
        ("fixed", "it is read-only"),
        ("to_fixed", "it is read-only"),
        ("to_nowhere", "No such file"),
        ("loop", "it is a loop of symbolic links"),
        ("none/model", "No such file"),
        (&"x".repeat(256), "too long"),
    ] {
        let output = save(&at(name));
        assert_fails(&output, 1, "cannot write");
        assert!(stderr(&output).contains(message), "{name}: {}", stderr(&output));
    }
    assert_eq!(names(folder.path()), before);
    assert_eq!(fs::read(at("fixed")).unwrap(), b"old");
}

/// Only root may mount, and not everywhere.
#[test]
fn a_mount_point_is_refused_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    fs::write(&source, "old").unwrap();
    fs::write(&target, "").unwrap();
    let mount = Command::new("mount").arg("--bind").args([&source, &target]).stderr(Stdio::null()).status();
    if !mount.is_ok_and(|status| status.success()) {
        println!("SKIPPED: this test may not mount");
        return;
    }
    let output = save(&target);
    assert!(Command::new("umount").arg(&target).status().unwrap().success());
    assert_fails(&output, 1, "it is a mount point");
    assert_eq!(fs::read(&source).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["source", "target"]);
}

#[test]
fn modes_and_symbolic_links_stay() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("folder/model"), "old").unwrap();
    fs::set_permissions(at("folder/model"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::hard_link(at("folder/model"), at("other")).unwrap();
    symlink("folder/model", at("first")).unwrap();
    symlink("first", at("second")).unwrap();
    symlink("folder/new", at("dangling")).unwrap();
    assert!(save(&at("second")).status.success());
    assert!(fs::symlink_metadata(at("second")).unwrap().is_symlink());
    assert!(fs::symlink_metadata(at("first")).unwrap().is_symlink());
    assert!(is_model(&at("folder/model")));
    assert_eq!(fs::metadata(at("folder/model")).unwrap().mode() & 0o7777, 0o640);
    assert_eq!(fs::read(at("other")).unwrap(), b"old", "another hard link keeps the old contents");
    assert!(save(&at("dangling")).status.success());
    assert!(fs::symlink_metadata(at("dangling")).unwrap().is_symlink() && is_model(&at("folder/new")));
    assert_eq!(names(&at("folder")), ["model", "new"]);
}

#[test]
fn names_of_255_bytes_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x".repeat(255));
    assert!(save(&path).status.success());
    assert!(is_model(&path));
}

/// Names like those of partial files, and that of another program's lock.
#[test]
fn files_of_the_user_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let own =
        [".model.notes.partial", ".model.partial", ".gmlayer-0.partial", ".gmlayer-notes", "model.partial"];
    for name in own {
        fs::write(folder.path().join(name), name).unwrap();
    }
    assert!(save(&folder.path().join("model")).status.success());
    for name in own {
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), name);
    }
    assert_eq!(names(folder.path()).len(), own.len() + 1);
}

#[test]
fn two_runs_in_one_folder_do_not_disturb_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let start = |name: &str| {
        let path = folder.path().join(name);
        let save = ["--checkpoint-every", "1", "--epochs", "40", "--save", path.to_str().unwrap()];
        let mut command = Command::new(env!("CARGO_BIN_EXE_gmlayer"));
        command.args(&QUICK[..7]).args(save).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let long = start("model.other");
    for _ in 0..5 {
        let output = start("model").wait_with_output().unwrap();
        assert!(output.status.success() && stderr(&output).is_empty(), "{}", stderr(&output));
    }
    let output = long.wait_with_output().unwrap();
    assert!(output.status.success() && stderr(&output).is_empty(), "{}", stderr(&output));
    assert_eq!(names(folder.path()), ["model", "model.other"]);
}

#[test]
fn no_output_is_an_input() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("data")).unwrap();
    write_data(&at("data"));
    let train = |target: &Path| {
        gmlayer(&[
            "train".as_ref(),
            "--epochs".as_ref(),
            "1".as_ref(),
            "--data".as_ref(),
            at("data").as_os_str(),
            "--save".as_ref(),
            target.as_os_str(),
        ])
    };
    let labels = at("data/train-labels-idx1-ubyte");
    symlink(&labels, at("link")).unwrap();
    fs::hard_link(&labels, at("hard")).unwrap();
    let before = fs::read(&labels).unwrap();
    for target in [&labels, &at("data/../data/train-labels-idx1-ubyte"), &at("link"), &at("hard")] {
        assert_fails(&train(target), 2, "the command reads it");
    }
    assert_eq!(fs::read(&labels).unwrap(), before);
    assert!(train(&at("data/idx model")).status.success(), "another file of that folder is no input");
    // By every name that it is read by: packed, with a dot, in a folder of its name.
    let inside = at("data/t10k-images.idx3-ubyte");
    fs::create_dir(&inside).unwrap();
    for name in ["t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte.gz"] {
        fs::rename(at("data/t10k-images-idx3-ubyte"), inside.join(name)).unwrap();
        assert_fails(&train(&inside.join(name)), 2, "the command reads it");
        fs::rename(inside.join(name), at("data/t10k-images-idx3-ubyte")).unwrap();
    }
    fs::remove_dir(&inside).unwrap();
    let dotted = at("data/train-labels.idx1-ubyte");
    fs::rename(&labels, &dotted).unwrap();
    assert_fails(&train(&dotted), 2, "the command reads it");
    fs::rename(&dotted, &labels).unwrap();

    let log = fs::File::create(at("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gmlayer"));
    let output = command.args(QUICK).arg("--save").arg(at("log")).stdout(log).output().unwrap();
    assert_fails(&output, 2, "the command's own output goes there");

    for name in ["model.bin", "model.rs", "model.h"] {
        let (model, format) = (at(name), name.replace("model.", "").replace("rs", "rust").replace('h', "c"));
        assert!(train(&model).status.success());
        let (before, link) = (fs::read(&model).unwrap(), at(&format!("link.{name}")));
        fs::hard_link(&model, &link).unwrap();
        let export = |output: Option<&Path>| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_gmlayer"));
            command.arg("export").arg(&model).args(["--format", &format, "--data"]).arg(at("data"));
            if let Some(output) = output {
                command.arg("--output").arg(output);
            }
            command.output().unwrap()
        };
        assert_fails(&export(None), 2, "is no export");
        assert_fails(&export(Some(&link)), 2, "the command reads it");
        assert_fails(&export(Some(&labels)), 2, "the command reads it");
        let mut command = Command::new(env!("CARGO_BIN_EXE_gmlayer"));
        command.args(["export", "-", "--format", &format, "--output"]).arg(&link);
        let output = command.stdin(fs::File::open(&model).unwrap()).output().unwrap();
        assert_fails(&output, 2, "the command reads it");
        assert_eq!(fs::read(&model).unwrap(), before);
    }
}

/// By default an export replaces exports of its own kind alone.
#[test]
fn exports_replace_exports() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(save(&at("main")).status.success());
    let export = |format: &str, more: &[&str]| {
        let model = at("main");
        gmlayer(
            &[&["export", model.to_str().unwrap(), "--format", format, "--test-images", "5"], more].concat(),
        )
    };
    for (format, ending) in [("rust", "rs"), ("c", "h"), ("bin", "bin")] {
        let path = at(&format!("main.{ending}"));
        fs::write(&path, "fn main() {}").unwrap();
        assert_fails(&export(format, &[]), 2, "is no export");
        assert_eq!(fs::read(&path).unwrap(), b"fn main() {}");
        fs::remove_file(&path).unwrap();
        assert!(export(format, &[]).status.success() && export(format, &[]).status.success());
        if format != "bin" {
            let before = fs::read(&path).unwrap();
            assert!(export(format, &["--parameters"]).status.success());
            assert_eq!(fs::read(&path).unwrap(), before);
            assert!(at(&format!("main_parameters.{ending}")).exists());
        }
    }
}

/// The folder goes away while training runs; later checkpoints are tried, and the last state is kept elsewhere.
#[test]
fn a_folder_that_vanishes_loses_no_training() {
    let folder = tempfile::tempdir().unwrap();
    let (gone, here) = (folder.path().join("gone"), folder.path().join("here"));
    fs::create_dir(&gone).unwrap();
    fs::create_dir(&here).unwrap();
    let path = gone.join("model");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gmlayer"));
    command.args(&QUICK[..7]).args(["--epochs", "300", "--checkpoint-every", "1", "--save"]).arg(&path);
    let child = command.current_dir(&here).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !path.exists() {}
    // The program may make a file in it meanwhile.
    while fs::remove_dir_all(&gone).is_err() {}
    let output = child.wait_with_output().unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("warning: cannot write ") && lines[0].ends_with("; training goes on"),
        "{text}"
    );
    let (_, place) = lines[1].split_once("; saved to ").unwrap();
    let (place, _) = place.split_once("; go on with: gmlayer train --resume ").unwrap();
    assert!(is_model(Path::new(place)) && names(&here).len() == 1, "{text}");
}

//! The program among full disks, closed folders, strange names and bombs.
#![cfg(unix)]

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use common::{QUICK, assert_fails, gmlayer, idx, stderr, write_data};

/// Runs the program with files of at most `blocks` times 512 bytes.
fn on_a_small_disk(blocks: u32, arguments: &[&str]) -> Output {
    let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    Command::new("sh")
        .arg("-c")
        .arg(limited)
        .arg(env!("CARGO_BIN_EXE_gmlayer"))
        .args(arguments)
        .output()
        .unwrap()
}

/// Writing ends as on a full disk: with an error, after a part of the file.
#[test]
fn a_full_disk_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let save = ["--save", path.to_str().unwrap()];
    for more in [&[][..], &["--checkpoint-every", "2"]] {
        fs::write(&path, "old").unwrap();
        let output = on_a_small_disk(20, &[&QUICK[..], &save, more].concat());
        assert_eq!(output.status.code(), Some(1));
        let text = stderr(&output);
        assert!(text.starts_with("error: cannot write ") && text.lines().count() == 1, "{text}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
    assert!(on_a_small_disk(2000, &[&QUICK[..], &save].concat()).status.success());
}

/// As root, who may write anywhere, this runs the program as nobody.
#[test]
fn a_folder_without_permission_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "nothing").unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let program = folder.path().join("gmlayer");
    fs::copy(env!("CARGO_BIN_EXE_gmlayer"), &program).unwrap();
    let is_root = fs::write(closed.join("probe"), "").is_ok();
    let as_nobody = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments);
        if is_root {
            command.uid(65_534).gid(65_534);
        }
        command.output().unwrap()
    };
    let target = closed.join("model");
    let output = as_nobody(&[&QUICK[..], &["--save", target.to_str().unwrap()]].concat());
    assert_fails(&output, 1, "cannot write");
    assert!(stderr(&output).contains("ermission denied"), "{}", stderr(&output));
    let output = as_nobody(&["eval", secret.to_str().unwrap()]);
    assert_fails(&output, 1, "cannot read");
    let output = as_nobody(&["inspect", secret.to_str().unwrap()]);
    assert!(stderr(&output).contains("ermission denied"), "{}", stderr(&output));
}

#[test]
fn paths_that_are_not_utf8_serve_like_others() {
    let folder = tempfile::tempdir().unwrap();
    let strange = folder.path().join(std::ffi::OsStr::from_bytes(b"m\xFFdel \xC3"));
    fs::create_dir(&strange).unwrap();
    write_data(&strange);
    let model = strange.join(std::ffi::OsStr::from_bytes(b"\x80"));
    let run = |arguments: &[&dyn AsRef<std::ffi::OsStr>]| {
        let arguments: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_owned()).collect();
        gmlayer(&arguments)
    };
    let (data, save) = (&strange, &model);
    assert!(run(&[&"train", &"--data", data, &"--epochs", &"1", &"--save", save]).status.success());
    assert!(run(&[&"eval", save, &"--data", data]).status.success());
    assert!(run(&[&"inspect", save]).status.success());
    let images = strange.join("t10k-images-idx3-ubyte");
    assert!(run(&[&"predict", save, &"--images", &images]).status.success());
    let output = run(&[&"train", &"--resume", save, &"--data", data, &"--epochs", &"2"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let missing = strange.join("missing");
    let output = run(&[&"eval", &missing]);
    assert_fails(&output, 1, "cannot read");
    assert_fails(&run(&[&"train", &std::ffi::OsStr::from_bytes(b"--\xFF")]), 2, "unexpected argument");
}

/// A gzip file whose few bytes unpack to a header and many megabytes of zeros.
fn bomb(header: &[u8], megabytes: usize) -> Vec<u8> {
    let pack = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    [pack(header), pack(&vec![0; 1 << 20]).repeat(megabytes)].concat()
}

/// The most memory that a run of the program may take, in KiB.
fn within_memory(kibibytes: u32, arguments: &[&Path]) -> Output {
    let limited = format!("ulimit -v {kibibytes}; exec \"$0\" \"$@\"");
    Command::new("sh")
        .arg("-c")
        .arg(limited)
        .arg(env!("CARGO_BIN_EXE_gmlayer"))
        .args(arguments)
        .output()
        .unwrap()
}

/// A pipe in the place of a file is not waited for.
#[test]
fn a_folder_of_pipes_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let labels = folder.path().join("t10k-labels-idx1-ubyte");
    fs::remove_file(&labels).unwrap();
    assert!(Command::new("mkfifo").arg(&labels).status().unwrap().success());
    let output = gmlayer(&["train", "--data", folder.path().to_str().unwrap()]);
    assert_fails(&output, 1, "expected an ordinary file, but this is none");
}

/// A system that refuses threads: stacks of a petabyte.
#[test]
fn refused_threads_are_one_sentence() {
    let train = ["train", "--epochs", "1", "--train-images", "50", "--threads", "4"];
    for (arguments, message) in
        [(&train[..], "cannot start 4 threads: "), (&train[..5], "cannot listen for signals: ")]
    {
        let mut program = Command::new(env!("CARGO_BIN_EXE_gmlayer"));
        program.args(arguments).env("RUST_MIN_STACK", "1000000000000000");
        assert_fails(&program.output().unwrap(), 1, message);
    }
}

#[test]
fn bombs_do_not_go_off() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let images = folder.path().join("train-images-idx3-ubyte");
    fs::remove_file(&images).unwrap();
    let packed = images.with_extension("gz");
    let train = |bytes: &[u8]| {
        fs::write(&packed, bytes).unwrap();
        within_memory(500_000, &["train".as_ref(), "--data".as_ref(), folder.path()])
    };
    // More than the header says; more than is allowed; more than comes; a header without an end.
    assert_fails(&train(&bomb(&idx(&[2, 2, 2], &[]), 600)), 1, "expected the end of the data");
    assert_fails(&train(&bomb(&idx(&[1 << 20, 1 << 10, 8], &[]), 1)), 1, "expected at most 4294967296 bytes");
    assert_fails(&train(&bomb(&idx(&[4000, 1000, 1000], &[]), 1)), 1, "but the data end here");
    assert_fails(&train(&bomb(&[0, 0, 8, 255], 600)), 1, "expected the end of the data");
}

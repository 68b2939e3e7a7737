//! Every seed and every finding through its target, on stable and without a fuzzer.

use std::fs;
use std::path::PathBuf;

/// Runs the files of both folders of a target; there must be seeds.
fn replay(target: &str, run: fn(&[u8])) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for folder in ["seeds", "findings"] {
        let folder = root.join(folder).join(target);
        // Git keeps no empty folder.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            println!("{}", path.display()); // which one it was, where one fails
            run(&fs::read(&path).unwrap());
            count += 1;
        }
    }
    assert!(count > 0, "{target} has no seeds");
}

macro_rules! targets {
    ($($target:ident),* $(,)?) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target), gmlayer_fuzz::$target::run);
        })*
    };
}

targets!(blob, checkpoint, command_line, differential, idx, idx_gzip, layer);

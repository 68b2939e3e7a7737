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

/// The seed that the descriptions of the target `checkpoint` are put into passes all checks, and what its notes say is
/// looked at.
#[test]
fn notes_are_reached() {
    let bytes = include_bytes!("../seeds/checkpoint/trained");
    assert_eq!(gmlayer_cli::resumable(bytes), Ok(()));
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(text.matches("\\\\\\\"components\\\\\\\":1").count(), 1);
    let spoiled: Vec<u8> = bytes.to_vec();
    let place = bytes.windows(17).position(|part| part == b"components\\\\\\\":1,").unwrap() + 15;
    let spoiled = [&spoiled[..place], b"0", &spoiled[place + 1..]].concat();
    let message = gmlayer_cli::resumable(&spoiled).unwrap_err();
    assert!(message.contains("--components: it must be a whole number from 1"), "{message}");
}

//! What programs print and read, for their tests.
#![allow(dead_code)] // each test uses its own part

use std::path::Path;
use std::process::Output;

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Checks that a run failed with this exit code and one sentence that contains `message`.
#[track_caller]
pub(crate) fn assert_fails(output: &Output, code: i32, message: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.starts_with("error: ") && text.contains(message), "{text}\nlacks: {message}");
    assert_eq!(text.trim_end().lines().count(), 1, "one sentence: {text}");
    assert!(!text.contains("panicked"), "{text}");
    assert_eq!(stdout(output), "", "nothing on stdout");
}

/// An IDX file of unsigned bytes.
pub(crate) fn idx(dimensions: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dimensions.len() as u8];
    file.extend(dimensions.iter().flat_map(|size| size.to_be_bytes()));
    file.extend(bytes);
    file
}

/// A folder in the layout of MNIST: 40 and 20 images of 6 × 6 pixels in 2 classes, the same four pixels again and again.
pub(crate) fn write_data(folder: &Path) {
    for (part, count) in [("train", 40_u32), ("t10k", 20)] {
        let labels: Vec<u8> = (0..count).map(|image| (image % 2) as u8).collect();
        let four = |label: &u8| [255 * label, 255 - 255 * label, 9, 0];
        let images: Vec<u8> = labels.iter().flat_map(|label| four(label).repeat(9)).collect();
        std::fs::write(folder.join(format!("{part}-images-idx3-ubyte")), idx(&[count, 6, 6], &images))
            .unwrap();
        std::fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), idx(&[count], &labels)).unwrap();
    }
}

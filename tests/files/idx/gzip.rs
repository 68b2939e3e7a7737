//! Gzip files: recognised, and checked to their last byte.

use std::error::Error as _;
use std::fs;

use gmlayer::data::{Idx, IdxErrorKind};
use tempfile::tempdir;

use super::{gzip, read, read_error, small_files, written};

#[test]
fn gzip_truncated_anywhere() {
    for bytes in small_files() {
        let packed = gzip(&bytes);
        for cut in 2..packed.len() {
            let error = read_error(&packed[..cut]);
            assert!(matches!(error.kind, IdxErrorKind::Gzip(_)), "cut at {cut}: {error}");
            assert!(error.gzip && error.source().is_some());
        }
    }
}

/// A changed bit is found, or lies in a field that says nothing of the content.
#[test]
fn gzip_damaged_anywhere() {
    for bytes in small_files() {
        let packed = gzip(&bytes);
        let mut found = 0;
        for bit in 16..8 * packed.len() {
            let mut damaged = packed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            match read(&damaged) {
                Ok(array) => assert_eq!(written(&array), bytes),
                Err(_) => found += 1,
            }
        }
        // Time, flags of the encoder and operating system are 6 bytes, and the flag of a text file.
        assert!(found >= 8 * packed.len() - 16 - 6 * 8 - 8, "{found}");
    }
}

#[test]
fn gzip_followed_by_something_else() {
    for bytes in small_files() {
        for rest in [&[0][..], &[0x1F], &[0x1F, 0x8B], b"more", &bytes] {
            let error = read_error(&[&gzip(&bytes)[..], rest].concat());
            assert!(matches!(error.kind, IdxErrorKind::Gzip(_)), "{rest:?}: {error}");
        }
        for (rest, message) in
            [(&[0; 512][..], "zeros follow its end"), (b"more", "other bytes follow its end")]
        {
            let error = read_error(&[&gzip(&bytes)[..], rest].concat()).to_string();
            assert!(error.ends_with(message), "{error}");
        }
        let error = read_error(&gzip(&gzip(&bytes))).to_string();
        assert!(error.ends_with("as in a file that was packed twice"), "{error}");
    }
}

#[test]
fn gzip_of_several_members() {
    for bytes in small_files() {
        for cut in 0..=bytes.len() {
            let members = [gzip(&bytes[..cut]), gzip(&bytes[cut..])].concat();
            assert_eq!(written(&read(&members).unwrap()), bytes);
        }
        let error = read_error(&[gzip(&bytes), gzip(&[0])].concat());
        assert!(matches!(error.kind, IdxErrorKind::Trailing), "{error}");
    }
}

#[test]
fn gzip_is_known_by_its_first_bytes_not_by_its_name() {
    let folder = tempdir().unwrap();
    let bytes = small_files().next().unwrap();
    let (plain, packed) = (folder.path().join("plain"), folder.path().join("packed.gz"));
    fs::write(&plain, gzip(&bytes)).unwrap();
    fs::write(&packed, &bytes).unwrap();
    for path in [plain, packed] {
        assert_eq!(written(&Idx::read(path).unwrap()), bytes);
    }
}

//! Arrays built and written.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use gmlayer::data::{Elements, Idx, IdxErrorKind};
use tempfile::tempdir;

use super::{read, small_files};

#[test]
fn arrays_that_cannot_be_built() {
    let elements = || Elements::U8(vec![1, 2, 3]);
    for (dimensions, message) in [
        (vec![], "expected 1 to 255 dimensions below 2^32, but got 0, the largest 0"),
        (vec![1; 256], "expected 1 to 255 dimensions below 2^32, but got 256, the largest 1"),
        (vec![2], "expected 2 elements, the product of the dimensions, but got 3"),
        (vec![0, 3], "expected 0 elements, the product of the dimensions, but got 3"),
        (vec![1 << 31; 3], "expected more than 2^64 elements, the product of the dimensions, but got 3"),
    ] {
        assert_eq!(Idx::new(dimensions, elements()).unwrap_err().to_string(), message);
    }
    #[cfg(target_pointer_width = "64")]
    assert!(matches!(
        Idx::new(vec![1 << 32, 0], Elements::U8(vec![])),
        Err(IdxErrorKind::Dimensions { got: 2, largest: 0x1_0000_0000 })
    ));
    let (dimensions, parts) = Idx::new(vec![1, 3], elements()).unwrap().into_parts();
    assert_eq!((dimensions, parts), (vec![1, 3], elements()));
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn writing_replaces_and_leaves_nothing_behind() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("array");
    // What a crash may have left must not stand in the way.
    fs::write(folder.path().join(".array.0.partial"), b"left").unwrap();
    for bytes in small_files() {
        read(&bytes).unwrap().write(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    assert_eq!(names(folder.path()), [".array.0.partial", "array"]);
    assert_eq!(fs::read(folder.path().join(".array.0.partial")).unwrap(), b"left");
}

#[test]
fn writing_that_fails_leaves_all_as_it_was() {
    let folder = tempdir().unwrap();
    let array = Idx::new(vec![1], Elements::U8(vec![1])).unwrap();
    let taken = folder.path().join("taken");
    fs::create_dir(&taken).unwrap();
    for path in [taken, folder.path().join("absent").join("array"), Path::new("/").to_owned()] {
        let error = array.write(&path).unwrap_err();
        assert!(matches!(error.kind, IdxErrorKind::Io(_)), "{error}");
        assert_eq!(error.file, path.display().to_string());
        assert_eq!(names(folder.path()), ["taken"]);
    }
}

#[test]
fn equal_arrays_give_equal_gzip_files() {
    let folder = tempdir().unwrap();
    let array = read(&small_files().next().unwrap()).unwrap();
    let [first, second] = ["first.gz", "second.gz"].map(|name| {
        let path = folder.path().join(name);
        array.write(&path).unwrap();
        fs::read(path).unwrap()
    });
    assert_eq!(first, second);
    assert_eq!(first[..2], [0x1F, 0x8B]);
}

/// Takes a few bytes and then is full.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let taken = buffer.len().min(self.0);
        self.0 -= taken;
        if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn errors_of_the_writer_come_through() {
    for bytes in small_files() {
        let array = read(&bytes).unwrap();
        for room in 0..bytes.len() {
            assert_eq!(array.to_writer(Full(room)).unwrap_err().kind(), io::ErrorKind::StorageFull);
        }
        assert!(array.to_writer(Full(bytes.len())).is_ok());
    }
}

#[cfg(unix)]
#[test]
fn only_files_are_replaced() {
    use std::os::unix::fs::FileTypeExt;

    let folder = tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let array = read(&small_files().next().unwrap()).unwrap();
    let error = array.write(&socket).unwrap_err();
    assert!(error.to_string().ends_with("it is not an ordinary file"), "{error}");
    assert!(std::fs::metadata(&socket).unwrap().file_type().is_socket());
}

//! The IDX format: exact round trips, and a clear error for every way in which a file can be wrong.

mod gzip;
mod write;

use std::error::Error as _;
use std::fs;
use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use gmlayer::data::{ElementType, Elements, Idx, IdxError, IdxErrorKind};
use proptest::prelude::*;
use tempfile::tempdir;

fn header(element_type: ElementType, sizes: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0, 0, element_type.code(), sizes.len() as u8];
    bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Idx, IdxError> {
    Idx::from_reader("some-file", bytes, u64::MAX)
}

fn read_error(bytes: &[u8]) -> IdxError {
    read(bytes).unwrap_err()
}

fn written(array: &Idx) -> Vec<u8> {
    let mut bytes = Vec::new();
    array.to_writer(&mut bytes).unwrap();
    bytes
}

/// A small file of each element type, with elements of every bit pattern.
fn small_files() -> impl Iterator<Item = Vec<u8>> {
    ElementType::ALL.into_iter().map(|element_type| {
        let mut bytes = header(element_type, &[2, 3]);
        bytes.extend((0..6 * element_type.size()).map(|index| (index * 37 + 0xF1) as u8));
        bytes
    })
}

fn any_file() -> impl Strategy<Value = Vec<u8>> {
    (0..ElementType::ALL.len(), prop::collection::vec(0_u32..6, 1..5)).prop_flat_map(|(index, sizes)| {
        let element_type = ElementType::ALL[index];
        let count = sizes.iter().product::<u32>() as usize;
        prop::collection::vec(any::<u8>(), count * element_type.size()).prop_map(move |elements| {
            let mut bytes = header(element_type, &sizes);
            bytes.extend(elements);
            bytes
        })
    })
}

proptest! {
    /// Reading and writing give back every bit, NaN payloads included, raw, gzipped and by way of files.
    #[test]
    fn round_trip_is_exact(bytes in any_file()) {
        prop_assert_eq!(&written(&read(&bytes).unwrap()), &bytes);
        prop_assert_eq!(&written(&read(&gzip(&bytes)).unwrap()), &bytes);
        let folder = tempdir().unwrap();
        for name in ["array", "array.gz"] {
            let path = folder.path().join(name);
            read(&bytes).unwrap().write(&path).unwrap();
            prop_assert_eq!(&written(&Idx::read(&path).unwrap()), &bytes);
        }
    }

    /// No bytes whatever make the reader panic or hang.
    #[test]
    fn any_bytes_give_an_array_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for start in [&[][..], &[0, 0], &[0, 0, 8, 1], &[0x1F, 0x8B], &[0x1F, 0x8B, 8, 0]] {
            let whole = [start, &bytes].concat();
            if let Ok(array) = read(&whole) {
                prop_assert!(whole[0] == 0x1F || written(&array) == whole);
            }
        }
    }
}

#[test]
fn elements_are_big_endian() {
    let file = |code: u8, element: &[u8]| [&[0, 0, code, 1, 0, 0, 0, 1], element].concat();
    let cases = [
        (file(0x08, &[0xFE]), Elements::U8(vec![254])),
        (file(0x09, &[0xFE]), Elements::I8(vec![-2])),
        (file(0x0B, &[0xFE, 0x01]), Elements::I16(vec![-511])),
        (file(0x0C, &[0x01, 0x02, 0x03, 0x04]), Elements::I32(vec![0x0102_0304])),
        (file(0x0D, &[0x3F, 0xC0, 0, 0]), Elements::F32(vec![1.5])),
        (file(0x0E, &[0xC0, 0x04, 0, 0, 0, 0, 0, 0]), Elements::F64(vec![-2.5])),
    ];
    for (bytes, elements) in cases {
        let array = read(&bytes).unwrap();
        assert_eq!((array.dimensions(), array.elements()), (&[1][..], &elements));
        assert_eq!(written(&array), bytes);
        assert_eq!(elements.element_type().code(), bytes[2]);
    }
}

/// Longer than any buffer on the way, for every size of element.
#[test]
fn long_arrays() {
    for element_type in ElementType::ALL {
        let mut bytes = header(element_type, &[100_003]);
        bytes.extend((0..100_003 * element_type.size()).map(|index| (index * 7 + index / 251) as u8));
        assert_eq!(written(&read(&bytes).unwrap()), bytes);
        assert_eq!(written(&read(&gzip(&bytes)).unwrap()), bytes);
    }
}

#[test]
fn zero_sizes_give_no_elements() {
    let huge = u32::MAX;
    for sizes in [&[0][..], &[3, 0], &[0, 3], &[huge, huge, huge, huge, 0]] {
        let bytes = header(ElementType::F64, sizes);
        let array = read(&bytes).unwrap();
        assert!(array.elements().is_empty());
        assert_eq!(array.dimensions().len(), sizes.len());
        assert_eq!(written(&array), bytes);
        let longer = [&bytes[..], &[0]].concat();
        assert!(matches!(read_error(&longer).kind, IdxErrorKind::Trailing));
    }
}

#[test]
fn as_many_dimensions_as_a_byte_counts() {
    let bytes = [header(ElementType::U8, &[1; 255]), vec![7]].concat();
    let array = read(&bytes).unwrap();
    assert_eq!(array.dimensions(), [1; 255]);
    assert_eq!(written(&array), bytes);
}

#[test]
fn truncated_anywhere() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("cut");
    for bytes in small_files() {
        for cut in 0..bytes.len() {
            let header_so_far = if cut < 4 { 4 } else { 12 };
            let promised = if cut < 12 { header_so_far } else { bytes.len() };
            fs::write(&path, &bytes[..cut]).unwrap();
            for error in [read_error(&bytes[..cut]), Idx::read(&path).unwrap_err()] {
                let IdxErrorKind::Missing { expected } = error.kind else { panic!("{error}") };
                assert_eq!((error.offset, expected), (cut as u64, promised as u64));
            }
            let error = read_error(&gzip(&bytes[..cut]));
            assert!(matches!(error.kind, IdxErrorKind::Missing { .. }), "{error}");
            assert_eq!((error.offset, error.gzip), (cut as u64, true));
        }
    }
}

/// Every bit in turn: an error in one sentence, or exactly the array that the bytes now say; there is no checksum.
#[test]
fn a_flipped_bit_is_found_or_is_another_array() {
    for bytes in small_files() {
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            match read(&changed) {
                Ok(array) => {
                    assert_eq!(written(&array), changed, "bit {bit}");
                    assert!(bit / 8 >= 12 || bytes[2..4] != changed[2..4], "bit {bit} of the sizes");
                }
                Err(error) => assert!(!error.to_string().contains('\n'), "bit {bit}: {error}"),
            }
        }
    }
}

/// Sizes with the least significant byte first are far larger than the file.
#[test]
fn the_other_byte_order_is_found() {
    for mut bytes in small_files() {
        bytes[4..12].as_chunks_mut::<4>().0.iter_mut().for_each(|size| size.reverse());
        let error = read_error(&bytes);
        assert!(matches!(error.kind, IdxErrorKind::Missing { .. }), "{error}");
    }
}

#[test]
fn trailing_bytes() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("long");
    for bytes in small_files() {
        let longer = [&bytes[..], &[0]].concat();
        fs::write(&path, &longer).unwrap();
        for error in [read_error(&longer), Idx::read(&path).unwrap_err(), read_error(&gzip(&longer))] {
            assert!(matches!(error.kind, IdxErrorKind::Trailing), "{error}");
            assert_eq!(error.offset, bytes.len() as u64);
        }
    }
}

#[test]
fn wrong_magic() {
    for start in [[0, 1], [1, 0], *b"P5", [0x8B, 0x1F]] {
        let error = read_error(&[&start[..], &[8, 1, 0, 0, 0, 1, 5]].concat());
        assert!(matches!(error.kind, IdxErrorKind::Magic { got } if got == start), "{error}");
        assert_eq!(error.offset, 0);
    }
}

#[test]
fn unknown_element_type() {
    for code in 0..=255 {
        let known = [0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E].contains(&code);
        assert_eq!(ElementType::from_code(code).is_some(), known);
        if !known {
            let error = read_error(&[0, 0, code, 1, 0, 0, 0, 0]);
            assert!(matches!(error.kind, IdxErrorKind::ElementType { got } if got == code), "{error}");
            assert_eq!(error.offset, 2);
        }
    }
}

#[test]
fn no_dimensions() {
    let error = read_error(&[0, 0, 8, 0]);
    assert!(matches!(error.kind, IdxErrorKind::Dimensions { got: 0, .. }), "{error}");
    assert_eq!(error.offset, 3);
}

/// A header that promises 2⁶² bytes costs no more memory than the data that come: an attempt to reserve
/// them would fail with another error.
#[test]
fn promises_are_not_trusted() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("promise");
    let mut bytes = header(ElementType::U8, &[1 << 31, 1 << 31]);
    bytes.extend([1; 1000]);
    for bytes in [bytes.clone(), gzip(&bytes)] {
        fs::write(&path, &bytes).unwrap();
        for error in [read_error(&bytes), Idx::read_within(&path, u64::MAX).unwrap_err()] {
            let IdxErrorKind::Missing { expected } = error.kind else { panic!("{error}") };
            assert_eq!((error.offset, expected), (1012, (1 << 62) + 12));
        }
        let error = Idx::read(&path).unwrap_err();
        let IdxErrorKind::Limit { bytes, limit, .. } = error.kind else { panic!("{error}") };
        assert_eq!((bytes, limit), (Some(1 << 62), 1 << 32));
    }
}

#[test]
fn sizes_beyond_64_bits() {
    for sizes in [&[u32::MAX; 3][..], &[u32::MAX; 255], &[1 << 31, 1 << 31, 2]] {
        let error = read_error(&header(ElementType::F64, sizes));
        assert!(matches!(error.kind, IdxErrorKind::Limit { bytes: None, .. }), "{error}");
        assert_eq!(error.offset, 4 + 4 * sizes.len() as u64);
    }
}

#[test]
fn the_limit_is_kept() {
    for bytes in small_files() {
        let elements = bytes.len() as u64 - 12;
        assert!(Idx::from_reader("some-file", &bytes[..], elements).is_ok());
        let error = Idx::from_reader("some-file", &bytes[..], elements - 1).unwrap_err();
        let IdxErrorKind::Limit { bytes: Some(promised), limit, .. } = error.kind else { panic!("{error}") };
        assert_eq!((promised, limit), (elements, elements - 1));
    }
}

/// Gives a byte at a time, with interruptions, and at the end an error of its own.
struct Hesitant<'a> {
    bytes: &'a [u8],
    interrupted: bool,
    failure: Option<io::ErrorKind>,
}

impl Read for Hesitant<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        match (self.interrupted, self.bytes.split_first(), self.failure) {
            (true, ..) => Err(io::ErrorKind::Interrupted.into()),
            (_, None, Some(failure)) => Err(failure.into()),
            (_, None, None) => Ok(0),
            (_, Some((&first, rest)), _) => {
                self.bytes = rest;
                buffer[0] = first;
                Ok(1)
            }
        }
    }
}

#[test]
fn readers_may_hesitate() {
    for bytes in small_files() {
        for stream in [bytes.clone(), gzip(&bytes)] {
            let reader = Hesitant { bytes: &stream, interrupted: false, failure: None };
            assert_eq!(written(&Idx::from_reader("slow", reader, 1 << 20).unwrap()), bytes);
        }
    }
}

#[test]
fn errors_of_the_reader_come_through() {
    for bytes in small_files() {
        for cut in 0..bytes.len() {
            let failure = Some(io::ErrorKind::ConnectionReset);
            let reader = Hesitant { bytes: &bytes[..cut], interrupted: false, failure };
            let error = Idx::from_reader("lost", reader, 1 << 20).unwrap_err();
            let IdxErrorKind::Io(source) = &error.kind else { panic!("{error}") };
            assert_eq!(source.kind(), io::ErrorKind::ConnectionReset);
            assert!(error.source().is_some());
        }
    }
}

#[test]
fn no_file_or_a_folder() {
    let folder = tempdir().unwrap();
    let absent = folder.path().join("absent");
    let error = Idx::read(&absent).unwrap_err();
    let IdxErrorKind::Open(source) = &error.kind else { panic!("{error}") };
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().starts_with(&format!("{}: cannot open it: ", absent.display())), "{error}");
    let error = Idx::read(folder.path()).unwrap_err();
    assert!(cfg!(windows) || matches!(error.kind, IdxErrorKind::Folder), "{error}");
    let message = format!("{}: expected a file, but this is a folder", folder.path().display());
    assert!(cfg!(windows) || error.to_string() == message, "{error}");
}

#[test]
fn messages_name_file_offset_and_expectation() {
    let message = |bytes: &[u8]| Idx::from_reader("some-file", bytes, 100).unwrap_err().to_string();
    assert_eq!(
        message(&[9, 1, 8, 1]),
        "some-file: at byte 0: expected the bytes 00 00 that begin an IDX file, but got 09 01"
    );
    assert_eq!(
        message(&[0, 0, 0x0A, 1]),
        "some-file: at byte 2: expected an element type (08, 09, 0B, 0C, 0D or 0E), but got 0A"
    );
    assert_eq!(
        message(&[0, 0, 8, 0]),
        "some-file: at byte 3: expected 1 to 255 dimensions below 2^32, but got 0, the largest 0"
    );
    assert_eq!(
        message(&[0, 0, 8, 1, 0, 0, 0, 101]),
        "some-file: at byte 8: expected at most 100 bytes of elements, but the header promises 101 (u8)"
    );
    assert_eq!(
        message(&header(ElementType::F32, &[u32::MAX; 2])),
        "some-file: at byte 12: expected at most 100 bytes of elements, \
         but the header promises more than 2^64 (f32)"
    );
    assert_eq!(
        message(&gzip(&[0, 0, 8, 1, 0, 0, 0, 2, 5])),
        "some-file: at byte 9 of the unpacked data: expected 10 bytes in all, but the data end here"
    );
    assert_eq!(
        message(&[0, 0, 8, 1, 0, 0, 0, 1, 5, 6]),
        "some-file: at byte 9: expected the end of the data, but more bytes follow"
    );
    let damaged = message(&[0x1F, 0x8B, 0, 0, 0, 0, 0, 0, 0, 0]);
    let start = "some-file: at byte 0 of the unpacked data: expected sound gzip data, but: ";
    assert!(damaged.starts_with(start), "{damaged}");
}

//! The reader of IDX files.

use gmlayer::data::Idx;

/// What a file may unpack to here.
const LIMIT: u64 = 1 << 20;

/// Any bytes are read as an array, which is then written as the same bytes, or refused with a place in the file.
pub fn run(bytes: &[u8]) {
    match Idx::from_reader("file", bytes, LIMIT) {
        Ok(array) => {
            let mut written = Vec::new();
            array.to_writer(&mut written).expect("memory can be written to");
            // A gzip file is another way to say the same.
            if !bytes.starts_with(&[0x1F, 0x8B]) {
                assert_eq!(written, bytes);
            }
            let again = Idx::from_reader("file", &written[..], LIMIT).expect("what was written can be read");
            let mut twice = Vec::new();
            again.to_writer(&mut twice).expect("memory can be written to");
            assert_eq!(twice, written);
        }
        Err(error) => {
            assert!(error.gzip || error.offset <= bytes.len() as u64, "{error}");
            assert!(!error.to_string().contains('\n'));
        }
    }
}

//! Files that are read without trust in their length.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;

use super::{CheckpointProblem, header};

/// The bytes of a file that is read at most: 16 GiB.
const LIMIT: u64 = 1 << 34;

/// The bytes of an ordinary file whose header fits its length.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, CheckpointProblem> {
    // Before it is opened: opening a pipe waits for whoever writes to it.
    let metadata = fs::metadata(path).map_err(CheckpointProblem::Read)?;
    if metadata.is_dir() {
        return Err(CheckpointProblem::Read(io::ErrorKind::IsADirectory.into()));
    }
    if !metadata.is_file() {
        return Err(CheckpointProblem::Read(io::Error::other("it is not an ordinary file")));
    }
    let mut file = File::open(path).map_err(CheckpointProblem::Read)?;
    let length = file.metadata().map_err(CheckpointProblem::Read)?.len();
    if length > LIMIT {
        return Err(CheckpointProblem::TooLarge { limit: LIMIT, got: length });
    }
    header::check(&mut file, length)?;
    file.rewind().and_then(|()| read_whole(file, length)).map_err(CheckpointProblem::Read)
}

/// Exactly `length` bytes.
fn read_whole(reader: impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let capacity = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes.try_reserve_exact(capacity).map_err(|_| io::ErrorKind::OutOfMemory)?;
    reader.take(length).read_to_end(&mut bytes)?;
    if bytes.len() < capacity {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("it became shorter while it was read: {} bytes came of {length}", bytes.len()),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::read_whole;

    #[test]
    fn a_file_that_shrinks_while_it_is_read_is_named() {
        let error = read_whole(&[0; 10][..], 12).unwrap_err();
        assert!(error.to_string().contains("10 bytes came of 12"), "{error}");
        assert_eq!(read_whole(&[1; 14][..], 12).unwrap(), [1; 12], "what grows is cut");
    }
}

//! Files that are replaced as a whole, and read without trust in their length.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use super::{CheckpointProblem, header};

/// The bytes of a file that is read at most: 16 GiB.
const LIMIT: u64 = 1 << 34;

/// The end of the name of a file that is being written.
const PARTIAL: &str = ".partial";

/// Puts `bytes` at `path`, whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = temporary(path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The new name is on the disk only once its folder is; not every system lets a folder be flushed.
    if let Ok(folder) = File::open(folder(path)) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Finds out whether a file can be made beside `path`, and removes those that are left from before.
pub(super) fn check_target(path: &Path) -> io::Result<()> {
    temporary(path)?;
    let start = partial_start(path);
    for entry in fs::read_dir(folder(path))?.flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(start.as_encoded_bytes()) && name.ends_with(PARTIAL.as_bytes()) {
            // Whoever else has removed it has done the same work.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// A file in the folder of `path` that can take its place: of a file, not of a folder or a device.
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if path.exists() && !path.is_file() {
        return Err(io::Error::other("it is not an ordinary file"));
    }
    let mut builder = Builder::new();
    #[cfg(unix)] // as for any new file, not for the owner's eyes alone
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(&partial_start(path)).suffix(PARTIAL).tempfile_in(folder(path))
}

/// How the names of the files begin that are to take the place of `path`.
fn partial_start(path: &Path) -> OsString {
    let mut start = OsString::from(".");
    start.push(path.file_name().unwrap_or(OsStr::new("gmlayer")));
    start.push(".");
    start
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

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

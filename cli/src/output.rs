//! What a command writes: lines for people, and files.

use core::fmt::Display;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use gmlayer::data::Dataset;
use gmlayer::train::checkpoint;

use crate::arguments::DataArguments;
use crate::failure::Failure;
use crate::signal::uninterrupted;

/// The command's own outputs, where they are redirected to a file.
const STREAMS: [&str; 2] = ["/dev/stdout", "/dev/stderr"];

/// Prints a line for people: on standard output, or on standard error where standard output holds JSON alone.
pub(crate) fn tell(json: bool, line: impl Display) -> io::Result<()> {
    if json {
        // There is nobody left to tell when this fails; the work is for standard output.
        let _ = writeln!(io::stderr(), "{line}");
        return Ok(());
    }
    writeln!(io::stdout(), "{line}")
}

/// Whether lines for people go to a terminal that can move its cursor, so that a bar can be drawn below them.
pub fn is_terminal(json: bool) -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
    io::stderr().is_terminal() && (json || io::stdout().is_terminal()) && !is_dumb
}

/// Checks that `path` can be written, and that it is none of the command's inputs, by whatever path.
pub fn check<'a>(path: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<(), Failure> {
    uninterrupted(|| checkpoint::check_target(path)).map_err(Failure::other)?;
    let named = path.display();
    if inputs.into_iter().any(|input| is_same(path, input)) {
        return Err(Failure::usage(format!("cannot write {named}: the command reads it")));
    }
    if STREAMS.iter().any(|stream| is_same(path, Path::new(stream))) {
        return Err(Failure::usage(format!("cannot write {named}: the command's own output goes there")));
    }
    Ok(())
}

/// Puts `bytes` at `path`, whole or not at all.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    uninterrupted(|| checkpoint::replace_file(path, bytes)).map_err(Failure::other)
}

/// The files of a data folder that may be read.
pub(crate) fn data_files(data: &DataArguments) -> Vec<PathBuf> {
    data.data.iter().flat_map(Dataset::folder_files).collect()
}

/// Whether two paths lead to one file.
#[cfg(unix)]
fn is_same(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    matches!((identity(a), identity(b)), (Ok(a), Ok(b)) if a == b)
}

#[cfg(not(unix))]
fn is_same(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

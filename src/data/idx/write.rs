//! Writing, so that a half-written file never takes the place of a good one.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Elements, Idx, IdxError, IdxErrorKind};

impl Idx {
    /// Writes a file, gzipped where the name ends in `.gz`.
    ///
    /// The bytes go to a new file beside it, which takes the name at the very end; until then, and after
    /// an error, an older file of that name is as it was. A device is never replaced. Equal arrays give
    /// equal bytes.
    ///
    /// # Errors
    /// [`IdxErrorKind::Io`] where the operating system fails, or `path` is something other than a file.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), IdxError> {
        let path = path.as_ref();
        self.replace(path).map_err(|error| IdxError {
            file: path.display().to_string(),
            offset: 0,
            gzip: false,
            kind: IdxErrorKind::Io(error),
        })
    }

    /// Writes the raw (not gzipped) format.
    ///
    /// # Errors
    /// Whatever the writer fails with.
    pub fn to_writer(&self, writer: impl Write) -> io::Result<()> {
        let mut writer = BufWriter::new(writer);
        // `Idx::new` and the reader see to it that both fit.
        let too_large = |_| io::Error::from(io::ErrorKind::InvalidInput);
        let dimensions = u8::try_from(self.dimensions.len()).map_err(too_large)?;
        writer.write_all(&[0, 0, self.elements.element_type().code(), dimensions])?;
        for &size in &self.dimensions {
            writer.write_all(&u32::try_from(size).map_err(too_large)?.to_be_bytes())?;
        }
        match &self.elements {
            Elements::U8(values) => writer.write_all(values),
            Elements::I8(values) => write_each(&mut writer, values, i8::to_be_bytes),
            Elements::I16(values) => write_each(&mut writer, values, i16::to_be_bytes),
            Elements::I32(values) => write_each(&mut writer, values, i32::to_be_bytes),
            Elements::F32(values) => write_each(&mut writer, values, f32::to_be_bytes),
            Elements::F64(values) => write_each(&mut writer, values, f64::to_be_bytes),
        }?;
        writer.flush()
    }

    fn replace(&self, path: &Path) -> io::Result<()> {
        if path.exists() && !path.is_file() {
            return Err(io::Error::other("it is not an ordinary file"));
        }
        let (partial, file) = create_beside(path)?;
        let written = self.fill_file(file, path).and_then(|()| fs::rename(&partial, path));
        if written.is_err() {
            // The first error is the one to report; the partial file is harmless if it stays.
            let _ = fs::remove_file(&partial);
        }
        written
    }

    fn fill_file(&self, file: File, path: &Path) -> io::Result<()> {
        if path.extension().is_some_and(|extension| extension == "gz") {
            let mut encoder = GzEncoder::new(&file, Compression::default());
            self.to_writer(&mut encoder)?;
            encoder.finish()?;
        } else {
            self.to_writer(&file)?;
        }
        file.sync_all()
    }
}

fn write_each<T: Copy, const SIZE: usize>(
    writer: &mut impl Write,
    values: &[T],
    encode: fn(T) -> [u8; SIZE],
) -> io::Result<()> {
    values.iter().try_for_each(|&value| writer.write_all(&encode(value)))
}

/// A new, empty file in the same folder.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut taken = io::Error::from(io::ErrorKind::AlreadyExists);
    for number in 0..=u16::MAX {
        let mut partial = OsString::from(".");
        partial.push(name);
        partial.push(format!(".{number}.partial"));
        let partial = path.with_file_name(partial);
        match File::create_new(&partial) {
            Ok(file) => return Ok((partial, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = error,
            Err(error) => return Err(error),
        }
    }
    Err(taken)
}

//! Reading, without trust in the header.
//!
//! Memory grows with the data that have come, never with the data that the header promises.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::gzip::Members;
use super::{ElementType, Elements, Idx, IdxError, IdxErrorKind, element_count};

/// The bytes that are read at a time.
const CHUNK: usize = 1 << 16;

impl Idx {
    /// Reads a file, raw or gzip, with the [default limit](Idx::DEFAULT_LIMIT).
    ///
    /// A gzip file is known by its first two bytes, not by its name. It may have several members.
    ///
    /// # Errors
    /// [`IdxError`] where the file cannot be opened or read, is not an IDX file, has too few or too many
    /// bytes, or holds more than the limit.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, IdxError> {
        Self::read_within(path, Self::DEFAULT_LIMIT)
    }

    /// Reads a file, raw or gzip, with at most `limit` bytes of elements.
    ///
    /// # Errors
    /// As [`Idx::read`].
    pub fn read_within(path: impl AsRef<Path>, limit: u64) -> Result<Self, IdxError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let (file, length) = open(path, &name)?;
        read(&name, file, length, limit)
    }

    /// Reads from any reader to its end, raw or gzip, with at most `limit` bytes of elements.
    ///
    /// `name` stands for the file in error messages.
    ///
    /// # Errors
    /// As [`Idx::read`].
    pub fn from_reader(name: &str, reader: impl Read, limit: u64) -> Result<Self, IdxError> {
        read(name, reader, None, limit)
    }
}

/// Opens a file; its length, where it is an ordinary one.
pub(super) fn open(path: &Path, name: &str) -> Result<(File, Option<u64>), IdxError> {
    let failed = |kind| IdxError { file: name.to_owned(), offset: 0, gzip: false, kind };
    let file = File::open(path).map_err(|error| failed(IdxErrorKind::Open(error)))?;
    let metadata = file.metadata().map_err(|error| failed(IdxErrorKind::Open(error)))?;
    if metadata.is_dir() {
        return Err(failed(IdxErrorKind::Folder));
    }
    Ok((file, metadata.is_file().then_some(metadata.len())))
}

/// Reads the whole array. `length` is the number of bytes of the file, where it is known.
fn read(name: &str, reader: impl Read, length: Option<u64>, limit: u64) -> Result<Idx, IdxError> {
    let mut source = Source::new(name, reader, length)?;
    source.array(limit).map_err(|kind| source.error(name, kind))
}

/// A reader of unpacked bytes that knows how many have come.
pub(super) struct Source<'a> {
    reader: Box<dyn Read + 'a>,
    gzip: bool,
    offset: u64,
    /// The unpacked bytes that there are, where that is known.
    length: Option<u64>,
}

impl<'a> Source<'a> {
    /// Tells raw from gzip.
    pub(super) fn new(name: &str, mut reader: impl Read + 'a, length: Option<u64>) -> Result<Self, IdxError> {
        let mut start = Vec::with_capacity(2);
        if let Err(error) = reader.by_ref().take(2).read_to_end(&mut start) {
            let kind = IdxErrorKind::Io(error);
            return Err(IdxError { file: name.to_owned(), offset: 0, gzip: false, kind });
        }
        let gzip = start == [0x1F, 0x8B];
        let whole = BufReader::with_capacity(CHUNK, io::Cursor::new(start).chain(reader));
        let (reader, length): (Box<dyn Read + 'a>, _) =
            if gzip { (Box::new(Members::new(whole)), None) } else { (Box::new(whole), length) };
        Ok(Self { reader, gzip, offset: 0, length })
    }

    /// What was wrong, with the place.
    pub(super) fn error(&self, name: &str, kind: IdxErrorKind) -> IdxError {
        IdxError { file: name.to_owned(), offset: self.offset, gzip: self.gzip, kind }
    }

    /// The element type, the sizes, and the number of bytes up to the end of the elements.
    pub(super) fn start(&mut self, limit: u64) -> Result<(ElementType, Vec<u32>, u64), IdxErrorKind> {
        let (element_type, sizes) = self.header()?;
        let bytes = element_count(sizes.iter().map(|&size| u64::from(size)))
            .and_then(|count| count.checked_mul(element_type.size() as u64));
        let Some(bytes) = bytes.filter(|&bytes| bytes <= limit) else {
            return Err(IdxErrorKind::Limit { element_type, bytes, limit });
        };
        let end = self.offset.saturating_add(bytes);
        match self.length {
            Some(length) if length < end => {
                self.offset = length;
                Err(IdxErrorKind::Missing { expected: end })
            }
            Some(length) if length > end => {
                self.offset = end;
                Err(IdxErrorKind::Trailing)
            }
            _ => Ok((element_type, sizes, end)),
        }
    }

    /// The whole array, up to the end of the data.
    fn array(&mut self, limit: u64) -> Result<Idx, IdxErrorKind> {
        let (element_type, sizes, end) = self.start(limit)?;
        let elements = match element_type {
            ElementType::U8 => Elements::U8(self.elements(end, u8::from_be_bytes)?),
            ElementType::I8 => Elements::I8(self.elements(end, i8::from_be_bytes)?),
            ElementType::I16 => Elements::I16(self.elements(end, i16::from_be_bytes)?),
            ElementType::I32 => Elements::I32(self.elements(end, i32::from_be_bytes)?),
            ElementType::F32 => Elements::F32(self.elements(end, f32::from_be_bytes)?),
            ElementType::F64 => Elements::F64(self.elements(end, f64::from_be_bytes)?),
        };
        self.finish(end)?;
        Ok(Idx { dimensions: sizes.into_iter().map(|size| size as usize).collect(), elements })
    }

    /// Sees to it that nothing follows byte `end`. Reading on also makes the gzip decoder compare its checksum.
    pub(super) fn finish(&mut self, end: u64) -> Result<(), IdxErrorKind> {
        if self.fill(&mut [0])? == 0 {
            return Ok(());
        }
        self.offset = end;
        Err(IdxErrorKind::Trailing)
    }

    /// The element type and the sizes.
    fn header(&mut self) -> Result<(ElementType, Vec<u32>), IdxErrorKind> {
        let mut start = [0; 4];
        self.fill_whole(&mut start, 4)?;
        let [first, second, code, dimensions] = start;
        if [first, second] != [0, 0] {
            self.offset = 0;
            return Err(IdxErrorKind::Magic { got: [first, second] });
        }
        let Some(element_type) = ElementType::from_code(code) else {
            self.offset = 2;
            return Err(IdxErrorKind::ElementType { got: code });
        };
        if dimensions == 0 {
            self.offset = 3;
            return Err(IdxErrorKind::Dimensions { got: 0, largest: 0 });
        }
        let mut sizes = vec![0; 4 * usize::from(dimensions)];
        self.fill_whole(&mut sizes, 4 + 4 * u64::from(dimensions))?;
        Ok((element_type, sizes.as_chunks().0.iter().copied().map(u32::from_be_bytes).collect()))
    }

    /// The elements from here to byte `end`.
    fn elements<T, const SIZE: usize>(
        &mut self,
        end: u64,
        decode: fn([u8; SIZE]) -> T,
    ) -> Result<Vec<T>, IdxErrorKind> {
        let bytes = end.saturating_sub(self.offset);
        let count = usize::try_from(bytes).map_err(|_| IdxErrorKind::Memory { bytes })? / SIZE;
        let mut elements = Vec::new();
        let mut chunk = vec![0; CHUNK];
        while elements.len() < count {
            let missing = count - elements.len();
            let coming = missing.min(CHUNK / SIZE);
            if elements.capacity() - elements.len() < coming {
                // Twice what has come, but never more than the whole.
                let more = missing.min(coming.max(elements.len()));
                elements.try_reserve_exact(more).map_err(|_| IdxErrorKind::Memory { bytes })?;
            }
            let (chunk, _) = chunk.split_at_mut(coming * SIZE);
            self.fill_whole(chunk, end)?;
            elements.extend(chunk.as_chunks().0.iter().copied().map(decode));
        }
        Ok(elements)
    }

    /// Fills the buffer; `end` is the number of bytes that the data should have in all.
    pub(super) fn fill_whole(&mut self, buffer: &mut [u8], end: u64) -> Result<(), IdxErrorKind> {
        if self.fill(buffer)? == buffer.len() { Ok(()) } else { Err(IdxErrorKind::Missing { expected: end }) }
    }

    /// Fills the buffer as far as the data reach; the number of bytes that came.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, IdxErrorKind> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.reader.read(rest) {
                Ok(0) => break,
                Ok(came) => {
                    filled += came;
                    self.offset += came as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failure(error)),
            }
        }
        Ok(filled)
    }

    /// Tells a damaged container from a failing disk.
    fn failure(&self, error: io::Error) -> IdxErrorKind {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        if self.gzip && matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) {
            IdxErrorKind::Gzip(error)
        } else {
            IdxErrorKind::Io(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{IdxErrorKind, read};

    /// The header and the length of the file agree, but less comes.
    #[test]
    fn a_file_that_shrinks_while_it_is_read_is_named() {
        let bytes = [0, 0, 8, 1, 0, 0, 0, 9, 1, 2, 3];
        let error = read("file", &bytes[..], Some(17), 100).unwrap_err();
        assert!(matches!(error.kind, IdxErrorKind::Missing { expected: 17 }), "{error}");
        assert_eq!(error.offset, 11);
    }
}

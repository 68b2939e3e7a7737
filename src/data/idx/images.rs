//! Images of a file, a few at a time.

use core::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::ElementType;
use super::read::{Source, open};
use crate::data::DataError;

/// The images of an IDX file, raw or gzip, of which only those that are asked for are in memory.
///
/// Shapes: the file holds `[n × height × width]` unsigned bytes.
///
/// ```no_run
/// # fn main() -> Result<(), gmlayer::data::DataError> {
/// let mut images = gmlayer::data::Images::open("t10k-images-idx3-ubyte.gz")?;
/// let mut pixels = vec![0; 64 * images.inputs()];
/// while let count @ 1.. = images.read(&mut pixels)? {
///     println!("{count} images");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Images {
    path: PathBuf,
    name: String,
    source: Source<'static>,
    inputs: usize,
    count: usize,
    left: usize,
    end: u64,
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, inputs, count, left, .. } = self;
        write!(f, "Images {{ path: {path:?}, inputs: {inputs}, count: {count}, left: {left} }}")
    }
}

impl Images {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`DataError`] where the file cannot be read, is not an IDX file of images, or has another length than its
    /// header says.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref().to_owned();
        let name = path.display().to_string();
        let (file, length) = open(&path, &name)?;
        let source = Source::new(&name, file, length)?;
        Self::of(source, path, name)
    }

    /// Reads the header of any reader, raw or gzip; `name` stands for the file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_reader(name: &str, reader: impl Read + 'static) -> Result<Self, DataError> {
        Self::of(Source::new(name, reader, None)?, PathBuf::from(name), name.to_owned())
    }

    fn of(mut source: Source<'static>, path: PathBuf, name: String) -> Result<Self, DataError> {
        // Nothing is kept of what is read, so that there is no limit.
        let (element_type, sizes, end) = source.start(u64::MAX).map_err(|kind| source.error(&name, kind))?;
        if element_type != ElementType::U8 {
            return Err(DataError::ElementType { file: path, got: element_type });
        }
        let &[count, height, width] = sizes.as_slice() else {
            return Err(DataError::Dimensions { file: path, expected: 3, got: sizes.len() });
        };
        let size = |size: u32| usize::try_from(size).unwrap_or(usize::MAX);
        let (count, inputs) = (size(count), size(height).saturating_mul(size(width)));
        if count == 0 || inputs == 0 {
            return Err(DataError::Empty {
                file: path,
                dimensions: [count, size(height), size(width)].to_vec(),
            });
        }
        Ok(Self { path, name, source, inputs, count, left: count, end })
    }

    /// The number of pixels of an image.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of images of the file.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads as many of the next images as `pixels: [.. × inputs]` has room for, and says how many; 0 after the last
    /// one, or where there is no room for one.
    ///
    /// # Errors
    /// [`DataError::Idx`] where the file cannot be read on, ends early, or goes on after the last image.
    pub fn read(&mut self, pixels: &mut [u8]) -> Result<usize, DataError> {
        let count = self.left.min(pixels.len().checked_div(self.inputs).unwrap_or(0));
        let (pixels, _) = pixels.split_at_mut(count * self.inputs);
        let end = self.end;
        let mut result = self.source.fill_whole(pixels, end);
        if result.is_ok() && count > 0 {
            self.left -= count;
            if self.left == 0 {
                result = self.source.finish(end);
            }
        }
        result.map_err(|kind| self.source.error(&self.name, kind))?;
        Ok(count)
    }
}

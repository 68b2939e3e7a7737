//! A data set from a folder with the four standard MNIST file names.

use core::fmt;
use std::path::{Path, PathBuf};

use super::{Dataset, ElementType, Elements, Idx, IdxError, Samples};

/// How the names of the samples to train on begin.
const TRAIN: &str = "train";

/// How the names of the samples to test on begin.
const TEST: &str = "t10k";

/// What the names of files of images say: of what they are, and their format.
const IMAGES: (&str, &str) = ("images", "idx3-ubyte");

/// The same of labels.
const LABELS: (&str, &str) = ("labels", "idx1-ubyte");

/// A folder that does not hold a data set: which file, what was expected, what came.
#[derive(Debug)]
#[non_exhaustive]
pub enum DataError {
    /// A file could not be read.
    Idx(IdxError),
    /// The path is not a folder.
    Folder {
        /// The path.
        path: PathBuf,
    },
    /// A file is there neither raw nor with `.gz`.
    Missing {
        /// The raw file's path.
        file: PathBuf,
    },
    /// A pipe or a device is there in the place of a file.
    Special {
        /// The path.
        file: PathBuf,
    },
    /// The elements are not unsigned bytes.
    ElementType {
        /// The file.
        file: PathBuf,
        /// The type of its elements.
        got: ElementType,
    },
    /// The array has the wrong number of dimensions: 3 for images, 1 for labels.
    Dimensions {
        /// The file.
        file: PathBuf,
        /// The number that it should have.
        expected: usize,
        /// The number that it has.
        got: usize,
    },
    /// There is no image, or an image has no pixel.
    Empty {
        /// The file.
        file: PathBuf,
        /// Its dimensions.
        dimensions: Vec<usize>,
    },
    /// The numbers of images and labels differ.
    Count {
        /// The file of the labels.
        file: PathBuf,
        /// The number of images.
        expected: usize,
        /// The number of labels.
        got: usize,
    },
    /// The images to test on are not as large as those to train on.
    ImageSize {
        /// The file of the images to test on.
        file: PathBuf,
        /// Height and width of the images to train on.
        expected: [usize; 2],
        /// Height and width of the images to test on.
        got: [usize; 2],
    },
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idx(source) => write!(f, "{source}"),
            Self::Folder { path } => write!(f, "{}: expected a folder, but this is none", path.display()),
            Self::Missing { file } => {
                write!(f, "{}: expected this file or the same with .gz, but there is neither", file.display())
            }
            Self::Special { file } => {
                write!(f, "{}: expected an ordinary file, but this is none", file.display())
            }
            Self::ElementType { file, got } => {
                write!(f, "{}: expected elements of type u8, but got {got}", file.display())
            }
            Self::Dimensions { file, expected, got } => {
                write!(
                    f,
                    "{}: expected {expected} as the number of dimensions, but got {got}",
                    file.display()
                )
            }
            Self::Empty { file, dimensions } => {
                let file = file.display();
                write!(f, "{file}: expected at least one pixel, but the dimensions are {dimensions:?}")
            }
            Self::Count { file, expected, got } => {
                let file = file.display();
                write!(f, "{file}: expected {expected} labels, one for each image, but got {got}")
            }
            Self::ImageSize { file, expected: [height, width], got: [rows, columns] } => {
                let file = file.display();
                let expected = "pixels as for training, but got";
                write!(f, "{file}: expected images of {height} x {width} {expected} {rows} x {columns}")
            }
        }
    }
}

impl core::error::Error for DataError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            // The message is the source's own, so its cause is the next one down.
            Self::Idx(source) => source.source(),
            _ => None,
        }
    }
}

impl From<IdxError> for DataError {
    fn from(error: IdxError) -> Self {
        Self::Idx(error)
    }
}

impl Dataset {
    /// Reads a folder in the layout of MNIST.
    ///
    /// The files are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    /// `t10k-labels-idx1-ubyte`, each raw or with `.gz`; the raw one wins where both are there. As some programs
    /// unpack them, they may have a dot in the place of the last hyphen but one, such as `train-images.idx3-ubyte`, or lie
    /// in a folder of their own name. The data set takes the folder's name.
    ///
    /// # Errors
    /// [`DataError`], which names the file.
    pub fn load_folder(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let name = name_of(path)?;
        let (_, train_size, train) = load_part(path, TRAIN)?;
        let (file, test_size, test) = load_part(path, TEST)?;
        if train_size != test_size {
            return Err(DataError::ImageSize { file, expected: train_size, got: test_size });
        }
        Ok(Self::from_parts(name, train, test))
    }

    /// Every file of a folder that [`load_folder`](Self::load_folder) may read, by whichever of its names.
    ///
    /// Of a raw file and one with `.gz`, both are there, although one alone is read. Where the path is not a folder, there
    /// are none.
    #[must_use]
    pub fn folder_files(path: impl AsRef<Path>) -> Vec<PathBuf> {
        let path = path.as_ref();
        let files = [TRAIN, TEST]
            .into_iter()
            .flat_map(|part| [IMAGES, LABELS].into_iter().flat_map(move |kind| candidates(path, part, kind)));
        files.filter(|file| !file.is_dir()).collect()
    }

    /// Reads the samples to test on alone, and the name of the data set.
    ///
    /// The two files of the samples to train on need not be there. Everything else is as for
    /// [`load_folder`](Self::load_folder).
    ///
    /// # Errors
    /// [`DataError`], which names the file.
    pub fn load_test(path: impl AsRef<Path>) -> Result<(String, Samples), DataError> {
        let path = path.as_ref();
        let name = name_of(path)?;
        let (_, _, test) = load_part(path, TEST)?;
        Ok((name, test))
    }
}

/// The name of a folder; an error where the path is none.
fn name_of(path: &Path) -> Result<String, DataError> {
    if !path.is_dir() {
        return Err(DataError::Folder { path: path.to_owned() });
    }
    // A relative path such as `.` has its name only in its canonical form.
    let canonical = path.canonicalize();
    let named = canonical.as_deref().unwrap_or(path);
    Ok(named.file_name().unwrap_or(named.as_os_str()).to_string_lossy().into_owned())
}

/// The samples of one part, with the file and the height and width of its images.
fn load_part(folder: &Path, part: &str) -> Result<(PathBuf, [usize; 2], Samples), DataError> {
    let (images_file, dimensions, images) = load_bytes(folder, part, IMAGES)?;
    let &[count, height, width] = dimensions.as_slice() else {
        return Err(DataError::Dimensions { file: images_file, expected: 3, got: dimensions.len() });
    };
    if images.is_empty() {
        return Err(DataError::Empty { file: images_file, dimensions });
    }
    let (file, dimensions, labels) = load_bytes(folder, part, LABELS)?;
    let &[labelled] = dimensions.as_slice() else {
        return Err(DataError::Dimensions { file, expected: 1, got: dimensions.len() });
    };
    if labelled != count {
        return Err(DataError::Count { file, expected: count, got: labelled });
    }
    let inputs = images.len() / count;
    Ok((images_file, [height, width], Samples { images, labels, inputs }))
}

/// The path, dimensions and elements of a file of unsigned bytes, raw or gzip.
fn load_bytes(
    folder: &Path,
    part: &str,
    kind: (&str, &str),
) -> Result<(PathBuf, Vec<usize>, Vec<u8>), DataError> {
    let found = candidates(folder, part, kind);
    // A folder itself only where there is nothing else.
    let Some(file) = found.iter().find(|path| !path.is_dir()).or(found.first()).cloned() else {
        let (kind, format) = kind;
        return Err(DataError::Missing { file: folder.join(format!("{part}-{kind}-{format}")) });
    };
    // Before it is opened: opening a pipe waits for whoever writes to it.
    if !file.is_file() && !file.is_dir() {
        return Err(DataError::Special { file });
    }
    let (dimensions, elements) = Idx::read(&file)?.into_parts();
    match elements {
        Elements::U8(bytes) => Ok((file, dimensions, bytes)),
        other => Err(DataError::ElementType { file, got: other.element_type() }),
    }
}

/// What is there of the names that a file may have, the first to be taken first: in the folder, then in a folder of such a
/// name in it.
fn candidates(folder: &Path, part: &str, (kind, format): (&str, &str)) -> Vec<PathBuf> {
    let names = ["-", "."].map(|between| format!("{part}-{kind}{between}{format}"));
    let names = names.into_iter().flat_map(|name| [name.clone(), name + ".gz"]).collect::<Vec<_>>();
    let all =
        |folder: &Path| names.iter().map(|name| folder.join(name)).filter(|path| path.exists()).collect();
    let mut found: Vec<PathBuf> = all(folder);
    let inside: Vec<PathBuf> =
        found.iter().filter(|path| path.is_dir()).flat_map(|folder| all(folder)).collect();
    found.extend(inside);
    found
}

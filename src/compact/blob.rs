//! Exported models as bytes.

use core::fmt;

use super::{Checksum, Floating, Quantised, QuantisedConstants};
use crate::diagonal::Constants;
use crate::{Error, Shape};

/// The first bytes of every exported model.
pub const MAGIC: [u8; 8] = *b"gmlayer\0";

/// The version of the format.
pub const VERSION: u32 = 1;

/// The bytes before the numbers.
pub const HEADER_LEN: usize = 32;

/// A model in the bytes of a file, as `gmlayer export --format bin` writes it: checked, and read where it lies.
///
/// All numbers are stored with the least significant byte first, one after the other, at any alignment.
///
/// | bytes | what |
/// |---|---|
/// | 0 to 7 | [`MAGIC`] |
/// | 8 to 11 | [`VERSION`] |
/// | 12 to 15 | the precision: 32 (`f32`), 16 (`f16`) or 8 (`i8`) |
/// | 16 to 27 | inputs d, outputs L, components K |
/// | 28 to 31 | the [`Checksum`] of everything before and after it |
/// | from 32 | `f32`: an input \[d\] and the output \[L\] that the model gives for it, to the bit |
/// | `f32`, `f16` | a \[K × L\], μ \[K × d\], σ² \[K × d\], W \[K × L × d\] |
/// | `i8` | `f32`: a \[K × L\], the scales of W \[K × L\], of μ \[K\], of σ² \[K\]; `i8`: μ, σ², W |
///
/// # Example
///
/// ```no_run
/// # fn read(flash: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// use gmlayer::compact::{Blob, Model};
///
/// if let Model::I8(model) = Blob::new(flash)?.model {
///     let mut scratch = vec![0; model.scratch_len()];
///     let (x, mut y) = (vec![0.0; model.shape().inputs()], vec![0.0; model.shape().outputs()]);
///     model.forward(&x, &mut y, &mut scratch)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Blob<'a> {
    /// The model.
    pub model: Model<'a>,
    /// An input to test it with: `[inputs]`.
    pub input: &'a [[u8; 4]],
    /// What it gives for that input: `[outputs]`.
    pub output: &'a [[u8; 4]],
}

/// A model in one of the three precisions.
#[derive(Debug, Clone, Copy)]
pub enum Model<'a> {
    /// Constants in `f32`.
    F32(Floating<'a, [u8; 4]>),
    /// Constants in `f16`.
    F16(Floating<'a, [u8; 2]>),
    /// Constants in 8-bit integers, with a scale a row.
    I8(Quantised<'a, u8>),
}

impl Model<'_> {
    /// The sizes.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        match self {
            Self::F32(model) => model.shape(),
            Self::F16(model) => model.shape(),
            Self::I8(model) => model.shape(),
        }
    }
}

impl<'a> Blob<'a> {
    /// Reads a model where it lies.
    ///
    /// # Errors
    ///
    /// [`BlobError`], naming what is wrong, for bytes that are not a whole and undamaged model of this version.
    pub fn new(bytes: &'a [u8]) -> Result<Self, BlobError> {
        let mut reader = Reader { bytes };
        if reader.block(1) != Ok(&[MAGIC]) {
            return Err(BlobError::NoModel);
        }
        let version = reader.word()?;
        if version != VERSION {
            return Err(BlobError::Version { expected: VERSION, got: version });
        }
        let precision = reader.word()?;
        let (inputs, outputs, components) = (reader.word()?, reader.word()?, reader.word()?);
        let expected = reader.word()?;
        let head = bytes.get(..HEADER_LEN - size_of::<u32>()).unwrap_or_default();
        let got = Checksum::new().with(head).with(reader.bytes).value();
        if got != expected {
            return Err(BlobError::Checksum { expected, got });
        }

        let shape = Shape::new(inputs as usize, outputs as usize, components as usize)?;
        let (input, output) = (reader.block(shape.inputs())?, reader.block(shape.outputs())?);
        let model = match precision {
            32 => Model::F32(Floating::new(shape, reader.constants(shape)?)?),
            16 => Model::F16(Floating::new(shape, reader.constants(shape)?)?),
            8 => Model::I8(Quantised::new(shape, quantised(shape, &mut reader)?)?),
            got => return Err(BlobError::Precision { got }),
        };
        if reader.bytes.is_empty() { Ok(Self { model, input, output }) } else { Err(BlobError::Length) }
    }
}

/// Reads the constants of a quantised layer.
fn quantised<'a>(shape: Shape, reader: &mut Reader<'a>) -> Result<QuantisedConstants<'a, u8>, BlobError> {
    Ok(QuantisedConstants {
        a: reader.block(shape.v_len())?,
        w_scales: reader.block(shape.v_len())?,
        mu_scales: reader.block(shape.components())?,
        variance_scales: reader.block(shape.components())?,
        mu: reader.take(shape.mu_len())?,
        variance: reader.take(shape.sigma_len())?,
        w: reader.take(shape.u_len())?,
    })
}

/// The bytes that are not read yet.
struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The next `count` elements of `N` bytes.
    fn block<const N: usize>(&mut self, count: usize) -> Result<&'a [[u8; N]], BlobError> {
        let (block, _) = self.take(count.checked_mul(N).ok_or(BlobError::Length)?)?.as_chunks();
        Ok(block)
    }

    /// The next `len` bytes.
    fn take(&mut self, len: usize) -> Result<&'a [u8], BlobError> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(BlobError::Length)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// The next number of four bytes.
    fn word(&mut self) -> Result<u32, BlobError> {
        match self.block(1)? {
            [word] => Ok(u32::from_le_bytes(*word)),
            _ => Err(BlobError::Length),
        }
    }

    /// The constants of a layer.
    fn constants<const N: usize>(&mut self, shape: Shape) -> Result<Constants<'a, [u8; N]>, BlobError> {
        let (a, mu) = (self.block(shape.v_len())?, self.block(shape.mu_len())?);
        let (variance, w) = (self.block(shape.sigma_len())?, self.block(shape.u_len())?);
        Ok(Constants { a, w, mu, variance })
    }
}

/// What is wrong with the bytes of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlobError {
    /// The bytes do not begin as a model does.
    NoModel,
    /// The model has another version.
    Version {
        /// The version that this code reads.
        expected: u32,
        /// The version of the model.
        got: u32,
    },
    /// The bytes have another checksum: some were changed, lost or added.
    Checksum {
        /// The checksum that the model states.
        expected: u32,
        /// The checksum that its bytes have.
        got: u32,
    },
    /// The precision is none of the three.
    Precision {
        /// The precision that came.
        got: u32,
    },
    /// The number of bytes is not that of a model of the stated sizes.
    Length,
    /// The sizes are not those of a layer.
    Size(Error),
}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoModel => write!(f, "these are not the bytes of an exported model"),
            Self::Version { expected, got } => {
                write!(
                    f,
                    "the model has version {got} of the format, but only version {expected} can be read"
                )
            }
            Self::Checksum { expected, got } => {
                write!(f, "the model is damaged: its checksum is {got:08x}, not {expected:08x}")
            }
            Self::Precision { got } => write!(f, "there is no precision {got}"),
            Self::Length => write!(f, "the number of bytes does not fit the model's sizes"),
            Self::Size(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for BlobError {}

impl From<Error> for BlobError {
    fn from(error: Error) -> Self {
        Self::Size(error)
    }
}

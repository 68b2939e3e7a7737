//! The IDX file format: an array of numbers with a header of a few bytes.
//!
//! ```text
//! byte 0, 1       zero
//! byte 2          element type: 08 u8, 09 i8, 0B i16, 0C i32, 0D f32, 0E f64
//! byte 3          number of dimensions n, 1 to 255
//! byte 4..4+4n    the n sizes, 32 bits each
//! then            the elements, last dimension contiguous
//! ```
//!
//! All numbers are big-endian. Source: the description of the MNIST files by Y. LeCun, C. Cortes and
//! C. Burges.

mod element;
mod error;
mod gzip;
mod images;
mod read;
mod write;

pub use element::{ElementType, Elements};
pub use error::{IdxError, IdxErrorKind};
pub use images::Images;

/// An array of numbers as an IDX file holds it.
///
/// Shapes: the number of elements is the product of the dimensions; a dimension of size 0 is legal and
/// gives an array without elements.
///
/// ```
/// use gmlayer::data::{Elements, Idx};
///
/// let array = Idx::new(vec![2, 3], Elements::I16(vec![1, 2, 3, 4, 5, 6]))?;
/// let mut file = Vec::new();
/// array.to_writer(&mut file)?;
/// assert_eq!(file[..12], [0, 0, 0x0B, 2, 0, 0, 0, 2, 0, 0, 0, 3]);
/// assert_eq!(Idx::from_reader("memory", &file[..], Idx::DEFAULT_LIMIT)?, array);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Idx {
    dimensions: Vec<usize>,
    elements: Elements,
}

impl Idx {
    /// The bytes of elements that [`Idx::read`] accepts at most: 4 GiB.
    pub const DEFAULT_LIMIT: u64 = 1 << 32;

    /// An array with the given dimensions and elements.
    ///
    /// # Errors
    /// [`IdxErrorKind::Dimensions`] unless there are 1 to 255 dimensions, each at most 2³² − 1;
    /// [`IdxErrorKind::Elements`] unless the number of elements is the product of the dimensions.
    pub fn new(dimensions: Vec<usize>, elements: Elements) -> Result<Self, IdxErrorKind> {
        let largest = dimensions.iter().copied().max().unwrap_or(0);
        if !(1..=255).contains(&dimensions.len()) || u32::try_from(largest).is_err() {
            return Err(IdxErrorKind::Dimensions { got: dimensions.len(), largest });
        }
        let expected = element_count(dimensions.iter().map(|&size| size as u64));
        if expected != Some(elements.len() as u64) {
            return Err(IdxErrorKind::Elements { expected, got: elements.len() });
        }
        Ok(Self { dimensions, elements })
    }

    /// The sizes, outermost first.
    pub fn dimensions(&self) -> &[usize] {
        &self.dimensions
    }

    /// The elements, last dimension contiguous.
    pub fn elements(&self) -> &Elements {
        &self.elements
    }

    /// The dimensions and the elements, without a copy.
    pub fn into_parts(self) -> (Vec<usize>, Elements) {
        (self.dimensions, self.elements)
    }
}

/// The product of the sizes; none where it exceeds 64 bits.
fn element_count(mut sizes: impl Iterator<Item = u64> + Clone) -> Option<u64> {
    if sizes.clone().any(|size| size == 0) {
        return Some(0);
    }
    sizes.try_fold(1_u64, u64::checked_mul)
}

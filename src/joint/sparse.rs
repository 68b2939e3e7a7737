//! The form for inference that skips inputs of 0.

use super::JointShape;
use super::prepared::{Constants, Prepared};
use super::row::{RowScratch, forward};
use crate::slices::{Slice, column, rows, whole, zip_rows};
use crate::{Error, Real, shape};

/// A joint layer prepared for inference on rows with many zeros, such as images: it reads nothing of μ_β and C_β for an
/// input of 0.
///
/// ```text
/// h(x) = 1/K Σ_k [ μ_ω r + C_ω q p ],   q = C_βᵀx
/// ```
///
/// μ_β and C_β are stored input by input, and rows are computed one by one. With half of the inputs 0 it is about as
/// fast as [`Prepared`] for one row; for large batches [`Prepared`] is faster.
///
/// Made by [`Sparse::new`] from a prepared layer.
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 4.
#[derive(Debug, Clone, Copy)]
pub struct Sparse<'a, T> {
    prepared: Prepared<'a, T>,
    columns: &'a [T],
}

/// What is stored of one input: μ_β, then C_β, in whole vectors.
const fn width(shape: JointShape) -> usize {
    whole(shape.components().saturating_add(shape.factor_rows()))
}

impl<'a, T: Real> Sparse<'a, T> {
    /// The number of elements of storage that [`new`](Self::new) fills: d·K(R+1), or d·(K+R) where the layer is tied,
    /// the second factor filled up to a multiple of 16.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn storage_len(shape: JointShape) -> Result<usize, Error> {
        shape::product("storage", shape.inputs(), width(shape))
    }

    /// Stores the constants of a prepared layer input by input; they stay borrowed too.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `storage` does not have [`storage_len`](Self::storage_len) elements.
    ///
    /// # Example
    ///
    /// ```
    /// use gmlayer::joint::{Joint, JointShape, Parameters, Sparse};
    ///
    /// let shape = JointShape::new(3, 1, 1, 1)?;
    /// let flat = [2.0_f32, 1.0, 1.0, 2.0, 3.0, 0.5, 0.5, 0.5]; // μ_ω, C_ω, μ_β, C_β
    /// let prepared = Joint::new(shape, Parameters::from_flat(shape, &flat)?)?.prepare();
    /// let mut columns = vec![0.0; Sparse::<f32>::storage_len(shape)?];
    /// let sparse = Sparse::new(prepared, &mut columns)?;
    ///
    /// let (x, mut y, mut want) = ([0.0, 0.0, 2.0], [0.0], [0.0]);
    /// sparse.forward(&x, &mut y, &mut vec![0.0; sparse.scratch_len()?])?;
    /// prepared.forward(&x, &mut want, &mut vec![0.0; prepared.scratch_len(1)?])?;
    /// assert!((y[0] - want[0]).abs() < 1e-5);
    /// # Ok::<(), gmlayer::Error>(())
    /// ```
    pub fn new(prepared: Prepared<'a, T>, storage: &'a mut [T]) -> Result<Self, Error> {
        let shape = prepared.shape();
        shape::exact("storage", storage.len(), Self::storage_len(shape)?)?;
        let Constants { mu_b, c_b, .. } = prepared.constants();
        let inputs = shape.inputs();
        for (input, row) in rows(&mut *storage, width(shape)).enumerate() {
            row.fill(T::zero());
            let constants = column(mu_b, input, inputs).chain(column(c_b, input, inputs));
            row.iter_mut().zip(constants).for_each(|(value, &constant)| *value = constant);
        }
        Ok(Self { prepared, columns: storage })
    }

    /// The number of scratch elements that [`forward`](Self::forward) needs, for any batch.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn scratch_len(&self) -> Result<usize, Error> {
        let shape = self.prepared.shape();
        shape::product("scratch", width(shape).saturating_add(RowScratch::<T>::len(shape)), 1)
    }

    /// Overwrites y with h(x).
    ///
    /// **Shapes**: `x: [batch × inputs]`, `y: [batch × outputs]`, row-major;
    /// `scratch`: at least [`scratch_len`](Self::scratch_len) elements, whose contents do not matter.
    ///
    /// **Accuracy**: as [`Prepared::forward`].
    ///
    /// # Errors
    ///
    /// As for [`Prepared::forward`].
    pub fn forward(&self, x: &[T], y: &mut [T], scratch: &mut [T]) -> Result<(), Error> {
        let (shape, scale, constants) =
            (self.prepared.shape(), self.prepared.scale(), self.prepared.constants());
        let batch = shape::rows("x", x.len(), shape.inputs())?;
        shape::exact("y", y.len(), shape::product("y", batch, shape.outputs())?)?;
        let scratch = shape::buffer("scratch", scratch, self.scratch_len()?)?;
        let (sums, rest) = scratch.divide(width(shape));
        let mut scratch = RowScratch::cut(shape, rest);
        for (x, y) in zip_rows(x, shape.inputs(), y, shape.outputs()) {
            forward(shape, scale, constants, Some((self.columns, &mut *sums)), x, y, &mut scratch);
        }
        Ok(())
    }
}

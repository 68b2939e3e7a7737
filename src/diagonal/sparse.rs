//! The form for inference that skips inputs of 0.

use super::prepared::deviation;
use super::prepared::{Constants, Prepared};
use crate::kernel::{LANES, Simd, dispatch, dot, task};
use crate::mixture::{PreActivations, input_scale, largest_of, scale_row, unscale_rows, write_sums};
use crate::rectified::in_range;
use crate::slices::{Slice, column, rows, zip_rows};
use crate::{Error, Real, Rectified, Shape, shape};

/// A diagonal layer prepared for inference on rows with many zeros, such as images: it reads no constants for an input
/// of 0.
///
/// ```text
/// h(x) = 1/K Σ_k [ a_k r_k + W_k x p_k ],   a = Uμ + v,   W = U diag(σ²)
/// ```
///
/// The constants are stored input by input: μᵢ and column i of W for all components, then σᵢ². Rows are computed one by
/// one. With half of the inputs 0 it is about as fast as [`Prepared`] for one row; for large batches [`Prepared`] is
/// faster.
///
/// Made by [`Sparse::new`] from a prepared layer.
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 6.
#[derive(Debug, Clone, Copy)]
pub struct Sparse<'a, T> {
    prepared: Prepared<'a, T>,
    columns: &'a [T],
}

/// Rows of one input: W and μ, then σ², each in whole vectors.
const fn widths(shape: Shape) -> (usize, usize) {
    let linear = shape.v_len().saturating_add(shape.components());
    (linear.next_multiple_of(LANES), shape.components().next_multiple_of(LANES))
}

impl<'a, T: Real> Sparse<'a, T> {
    /// The number of elements of storage that [`new`](Self::new) fills: d·(K(L+1) + K), both summands filled up to
    /// multiples of 16.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn storage_len(shape: Shape) -> Result<usize, Error> {
        let (linear, squared) = widths(shape);
        shape::product("storage", shape.inputs(), linear.saturating_add(squared))
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
    /// use gmlayer::Shape;
    /// use gmlayer::diagonal::{Diagonal, Parameters, Sparse};
    ///
    /// let shape = Shape::new(3, 1, 1)?;
    /// let flat = [1.0_f32, 2.0, 3.0, 0.5, 0.5, 0.5, 1.0, 0.0, -1.0, 2.0]; // μ, σ, U, v
    /// let layer = Diagonal::new(shape, Parameters::from_flat(shape, &flat)?)?;
    /// let mut storage = vec![0.0; layer.prepared_len()];
    /// let prepared = layer.prepare(&mut storage)?;
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
        let Constants { w, mu, variance, .. } = prepared.constants();
        let (linear, squared) = widths(shape);
        let inputs = shape.inputs();
        for (input, row) in rows(&mut *storage, linear + squared).enumerate() {
            row.fill(T::zero());
            let (linear_sums, square_sums) = row.divide(linear);
            let column = |matrix: &'a [T]| column(matrix, input, inputs);
            for (value, &constant) in linear_sums.iter_mut().zip(column(w).chain(column(mu))) {
                *value = constant;
            }
            for (value, &constant) in square_sums.iter_mut().zip(column(variance)) {
                *value = constant;
            }
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
        let (linear, squared) = widths(shape);
        let sums = linear.saturating_add(squared);
        let alone =
            shape.inputs().saturating_mul(2).saturating_add(PreActivations::<T>::len(shape.components()));
        shape::product("scratch", sums.saturating_add(alone), 1)
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
        let shape = self.prepared.shape();
        let (inputs, outputs) = (shape.inputs(), shape.outputs());
        let batch = shape::rows("x", x.len(), inputs)?;
        shape::exact("y", y.len(), shape::product("y", batch, outputs)?)?;
        let scratch = shape::buffer("scratch", scratch, self.scratch_len()?)?;
        let (linear, squared) = widths(shape);
        let (sums, rest) = scratch.divide(linear + squared);
        let (scaled, rest) = rest.divide(inputs);
        let (direction, at) = rest.divide(inputs);
        let mut scratch = Scratch { sums, direction, at: PreActivations(at) };
        for (x, y) in zip_rows(x, inputs, y, outputs) {
            let size = largest_of(x);
            let scale = input_scale(size);
            dispatch(ForwardRow, (self, (scale_row(x, scale, scaled), size), &mut *y, &mut scratch));
            unscale_rows(y, outputs, &[scale]);
        }
        Ok(())
    }
}

/// What one row takes.
struct Scratch<'a, T> {
    /// W x and m of all components, then s².
    sums: &'a mut [T],
    /// x∘x, or a direction: `[inputs]`.
    direction: &'a mut [T],
    at: PreActivations<'a, T>,
}

/// One row, beside the size of its largest entry.
#[inline(always)]
fn forward_row<T: Real, S: Simd>(
    simd: S,
    layer: &Sparse<'_, T>,
    (x, size): (&[T], T),
    y: &mut [T],
    scratch: &mut Scratch<'_, T>,
) {
    let shape = layer.prepared.shape();
    let Scratch { sums, direction, at } = scratch;
    let (linear_sums, square_sums) = sums.divide(widths(shape).0);
    for (square, &x) in direction.iter_mut().zip(x) {
        *square = x * x;
    }
    write_sums(simd, layer.columns, [x, direction], [&mut *linear_sums, &mut *square_sums]);
    let (slopes, moments) = linear_sums.divide(shape.v_len());
    let (means, squares, _) = at.fields();
    for (mean, &mut moment) in means.iter_mut().zip(moments) {
        *mean = moment;
    }
    for (to, &from) in squares.iter_mut().zip(&*square_sums) {
        *to = from;
    }
    at.rectify(simd);

    let Constants { a, mu, variance, .. } = layer.prepared.constants();
    y.fill(T::zero());
    let rows = mu.chunks_exact(shape.inputs()).zip(variance.chunks_exact(shape.inputs()));
    let outputs = a.chunks_exact(shape.outputs()).zip(slopes.chunks_exact(shape.outputs()));
    for ((at, (mu, variance)), (a, slopes)) in at.iter_mut().zip(rows).zip(outputs) {
        if !in_range(*at.squares) && size > T::zero() {
            let rectified = Rectified::new(dot(mu, x), deviation(variance, x, direction));
            (*at.mean, *at.probability) = (rectified.mean, rectified.probability);
        }
        for ((y, &a), &slope) in y.iter_mut().zip(a).zip(slopes) {
            *y += a * *at.mean + slope * *at.probability;
        }
    }
    let divisor = layer.prepared.divisor();
    for y in y {
        *y /= divisor;
    }
}

task!(ForwardRow, forward_row, (
    layer: &'a Sparse<'b, T>,
    row: (&'a [T], T),
    y: &'a mut [T],
    scratch: &'a mut Scratch<'c, T>,
) -> ());

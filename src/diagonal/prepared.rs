//! The form for inference: everything that does not depend on the input, computed once.

use core::iter::repeat;

use super::row::{PreActivations, rectify_far};
use crate::batch::{CHUNK, LEAST_ROWS, Plain, Record, bounded, transpose_plain};
use crate::kernel::{LANES, Matrix, Rows, RowsMut, Simd, Task, for_each_dot, task, widest};
use crate::rectified::in_range;
use crate::{Error, Real, Scale, Shape, shape};

/// The constants of a prepared layer, as borrowed row-major slices: what an exported model holds.
#[derive(Debug, Clone, Copy)]
pub struct Constants<'a, T> {
    /// a = Uμ + v: `[components × outputs]`.
    pub a: &'a [T],
    /// W = U diag(σ²): `[components × outputs × inputs]`.
    pub w: &'a [T],
    /// The means μ: `[components × inputs]`.
    pub mu: &'a [T],
    /// The variances σ²: `[components × inputs]`.
    pub variance: &'a [T],
}

impl<T: Real> Constants<'_, T> {
    /// Whether no constant is larger than ordinary.
    #[inline(always)]
    fn are_usual<S: Simd>(_: S, constants: &Self) -> bool {
        let Constants { a, w, mu, variance } = constants;
        bounded(a) && bounded(mu) && bounded(w) && bounded(variance)
    }
}

task!(AreUsual, Constants::are_usual, (constants: &'a Constants<'a, T>) -> bool);

/// A layer prepared for inference.
///
/// ```text
/// h(x) = 1/K Σ_k [ a_k r_k + W_k x p_k ],   a = Uμ + v,   W = U diag(σ²)
/// ```
///
/// Made by [`Diagonal::prepare`](super::Diagonal::prepare), or from constants that were exported.
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 6.
#[derive(Debug, Clone, Copy)]
pub struct Prepared<'a, T> {
    shape: Shape,
    scale: Scale,
    constants: Constants<'a, T>,
    usual: bool,
}

impl<'a, T: Real> Prepared<'a, T> {
    /// A prepared layer over borrowed constants, their mean over the components.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it.
    pub fn new(shape: Shape, constants: Constants<'a, T>) -> Result<Self, Error> {
        shape::exact("a", constants.a.len(), shape.v_len())?;
        shape::exact("w", constants.w.len(), shape.u_len())?;
        shape::exact("mu", constants.mu.len(), shape.mu_len())?;
        shape::exact("variance", constants.variance.len(), shape.sigma_len())?;
        Ok(Self { shape, scale: Scale::Mean, constants, usual: widest(AreUsual, (&constants,)) })
    }

    /// The same layer with another scale.
    #[must_use]
    pub const fn with_scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }

    /// What the sum over the components is divided by.
    pub(super) fn divisor(&self) -> T {
        self.scale.divisor(self.shape.components())
    }

    /// The sizes.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The constants.
    #[must_use]
    pub fn constants(&self) -> Constants<'a, T> {
        self.constants
    }

    /// The number of scratch elements that [`forward`](Self::forward) needs for `batch` rows.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn workspace_len(&self, batch: usize) -> Result<usize, Error> {
        let [inputs, outputs] = [self.shape.inputs(), self.shape.outputs()];
        let lanes = Self::lanes(batch);
        let record = self.shape.components().saturating_mul(outputs.saturating_add(Record::<T>::ROWS));
        let each = record.saturating_add(inputs).saturating_add(outputs).saturating_add(Plain::<T>::ROWS);
        let chunk = each.saturating_mul(lanes);
        let alone =
            inputs.saturating_mul(2).saturating_add(PreActivations::<T>::len(self.shape.components()));
        shape::product("workspace", chunk.saturating_add(alone), 1)
    }

    /// Rows of a chunk, filled up to whole vectors; 0 for a batch that goes row by row.
    const fn lanes(batch: usize) -> usize {
        if batch < LEAST_ROWS {
            0
        } else if batch < CHUNK {
            batch.next_multiple_of(LANES)
        } else {
            CHUNK
        }
    }

    /// Overwrites y with h(x).
    ///
    /// **Shapes**: `x: [batch × inputs]`, `y: [batch × outputs]`, row-major;
    /// `work`: at least [`workspace_len`](Self::workspace_len) elements, whose contents do not matter.
    ///
    /// **Accuracy**: within 8 budgets u·scale + η, as [`Diagonal`](super::Diagonal) says, for constants that are
    /// normal numbers or 0, and inputs whose products with them are.
    ///
    /// # Errors
    ///
    /// As for [`Diagonal::forward`](super::Diagonal::forward).
    pub fn forward(&self, x: &[T], y: &mut [T], work: &mut [T]) -> Result<(), Error> {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let batch = shape::rows("x", x.len(), inputs)?;
        shape::exact("y", y.len(), shape::product("y", batch, outputs)?)?;
        let work = shape::workspace(work, self.workspace_len(batch)?)?;
        let lanes = if self.usual { Self::lanes(batch) } else { 0 };
        let alone = 2 * inputs + PreActivations::<T>::len(self.shape.components());
        let (chunked, rest) = shape::split(work, work.len() - alone);
        let (sigma, rest) = shape::split(rest, inputs);
        let (direction, at) = shape::split(rest, inputs);
        let mut scratch = RowScratch { sigma, direction, at: PreActivations(at) };
        let (x_chunk, y_chunk) = (CHUNK.saturating_mul(inputs), CHUNK.saturating_mul(outputs));
        for (x, y) in x.chunks(x_chunk.max(1)).zip(y.chunks_mut(y_chunk.max(1))) {
            let plain = if lanes == 0 { &[] } else { self.chunk(x, y, lanes, chunked) };
            for (row, (x, y)) in shape::side_by_side(x, inputs, y, outputs).enumerate() {
                if plain.get(row).is_none_or(T::is_zero) {
                    widest(Row, (self, x, y, &mut scratch));
                }
            }
        }
        Ok(())
    }

    /// The plain rows of one chunk. Returns 0 for every other row.
    fn chunk<'b>(&self, x: &[T], y: &mut [T], lanes: usize, work: &'b mut [T]) -> &'b [T] {
        let (shape, inputs, outputs) = (self.shape, self.shape.inputs(), self.shape.outputs());
        let Constants { a, w, mu, variance } = self.constants;
        let (plain, rest) = shape::split(work, Plain::<T>::ROWS * lanes);
        let mut plain = Plain::split(plain);
        let (transposed, rest) = shape::split(rest, lanes * inputs);
        let (y_transposed, record) = shape::split(rest, lanes * outputs);
        let mut record = Record::split(lanes, shape.components(), record);
        plain.examine(inputs, x);
        let (transposed, stride) = transpose_plain(inputs, x, plain.bounded(), transposed);
        for (component, w) in w.chunks_exact(shape.component_len()).enumerate() {
            record.write_slope(
                component,
                0,
                Matrix::rows(w, inputs),
                Rows { data: transposed, stride },
                shape,
                &[],
            );
        }
        let transposed = RowsMut { data: transposed, stride };
        record.write_moments(0, Matrix::rows(mu, inputs), Matrix::rows(variance, inputs), transposed, inputs);
        record.rectify(variance, inputs, T::one(), repeat((T::one(), T::one())), &mut plain);
        record.sum(0, a, self.divisor(), outputs, y, y_transposed);
        plain.settle()
    }
}

/// One row by itself.
struct Row;

impl<T: Real> Task<(&Prepared<'_, T>, &[T], &mut [T], &mut RowScratch<'_, T>)> for Row {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(
        self,
        simd: S,
        (layer, x, y, scratch): (&Prepared<'_, T>, &[T], &mut [T], &mut RowScratch<'_, T>),
    ) {
        let Prepared { shape, constants: Constants { a, w, mu, variance }, .. } = *layer;
        let divisor = layer.divisor();
        let (inputs, outputs) = (shape.inputs(), shape.outputs());
        let RowScratch { sigma, direction, at } = scratch;
        for (square, &x) in direction.iter_mut().zip(x) {
            *square = x * x;
        }
        let (means, squares, _) = at.fields();
        for_each_dot(simd, mu, x, |component, dot| set(means, component, dot));
        for_each_dot(simd, variance, direction, |component, dot| set(squares, component, dot));
        at.rectify(simd);
        let rows = mu.chunks_exact(inputs).zip(variance.chunks_exact(inputs));
        for (at, (mu, variance)) in at.iter_mut().zip(rows) {
            if !in_range(*at.squares) {
                let rectified = rectify_far(mu, variance, x, sigma, direction);
                (*at.mean, *at.probability) = (rectified.mean, rectified.probability);
            }
        }
        y.fill(T::zero());
        let (means, probabilities) = at.of_components(shape.components());
        // The rows of all components are one matrix.
        let mut components = means.iter().zip(probabilities);
        let (mut r, mut p, mut output) = (T::zero(), T::zero(), outputs);
        for_each_dot(simd, w, x, |row, slope| {
            if output == outputs
                && let Some((&mean, &probability)) = components.next()
            {
                (r, p, output) = (mean, probability, 0);
            }
            if let Some((y, &a)) = y.get_mut(output).zip(a.get(row)) {
                *y += a * r + slope * p;
            }
            output += 1;
        });
        for y in y {
            *y /= divisor;
        }
    }
}

/// Writes one element, if there is one.
#[inline(always)]
fn set<T>(slice: &mut [T], index: usize, value: T) {
    if let Some(element) = slice.get_mut(index) {
        *element = value;
    }
}

/// What one row takes.
struct RowScratch<'a, T> {
    sigma: &'a mut [T],
    /// x∘x, or a direction: `[inputs]`.
    direction: &'a mut [T],
    at: PreActivations<'a, T>,
}

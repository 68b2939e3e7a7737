//! The form for inference: rows of the projections contiguous.

use core::iter::repeat;

use super::JointShape;
use super::batch::are_usual;
use super::row::{Directions, add_value, rectify};
use crate::batch::{CHUNK, LEAST_ROWS, Plain, Record, transpose_plain, write_product};
use crate::kernel::{Matrix, Rows, Simd, Task, for_each_dot, widest};
use crate::shape::{self, take, whole};
use crate::{Error, Real, Rectified, Scale};

/// The constants of a prepared layer, as borrowed row-major slices: what an exported model holds.
#[derive(Debug, Clone, Copy)]
pub struct Constants<'a, T> {
    /// Means of the outputs, μ_ω: `[components × outputs]`.
    pub mu_w: &'a [T],
    /// Means of the weights, μ_β: `[components × inputs]`.
    pub mu_b: &'a [T],
    /// Factors of the outputs, C_ω: `[components × outputs × rank]`.
    pub c_w: &'a [T],
    /// Factors of the weights, transposed, C_βᵀ: `[components × rank × inputs]`.
    pub columns: &'a [T],
}

/// A layer prepared for inference.
///
/// ```text
/// h(x) = 1/K Σ_k [ μ_ω r + C_ω q p ],   [q; m] = [C_βᵀ; μ_β] x,   s = |q|
/// ```
///
/// Made by [`Joint::prepare`](super::Joint::prepare), or from constants that were exported.
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 4.
#[derive(Debug, Clone, Copy)]
pub struct Prepared<'a, T> {
    shape: JointShape,
    constants: Constants<'a, T>,
    scale: Scale,
    usual: bool,
}

impl<'a, T: Real> Prepared<'a, T> {
    /// A prepared layer over borrowed constants.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it.
    pub fn new(shape: JointShape, constants: Constants<'a, T>) -> Result<Self, Error> {
        let Constants { mu_w, mu_b, c_w, columns } = constants;
        shape::exact("mu_w", mu_w.len(), shape.mu_w_len())?;
        shape::exact("mu_b", mu_b.len(), shape.mu_b_len())?;
        shape::exact("c_w", c_w.len(), shape.c_w_len())?;
        shape::exact("columns", columns.len(), shape.c_b_len())?;
        Ok(Self { shape, constants, scale: Scale::Mean, usual: are_usual(columns, c_w, mu_b, mu_w) })
    }

    /// The same layer with another scale.
    #[must_use]
    pub fn with_scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }

    /// The sizes.
    #[must_use]
    pub const fn shape(&self) -> JointShape {
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
        let [directions, plain, x, y, weighted, record] = self.layout(batch);
        let total = whole(directions)
            .saturating_add(whole(plain))
            .saturating_add(whole(x))
            .saturating_add(whole(y))
            .saturating_add(whole(weighted))
            .saturating_add(whole(record));
        shape::product("workspace", total, 1)
    }

    /// Elements: a row's directions; which rows are plain; Xᵀ and yᵀ; q p; the record.
    const fn layout(&self, batch: usize) -> [usize; 6] {
        let (inputs, outputs, rank) = (self.shape.inputs(), self.shape.outputs(), self.shape.rank());
        let lanes = Self::lanes(batch);
        let record = rank.saturating_add(Record::<T>::ROWS).saturating_mul(self.shape.components());
        [
            rank.saturating_mul(2),
            lanes.saturating_mul(Plain::<T>::ROWS),
            lanes.saturating_mul(inputs),
            lanes.saturating_mul(outputs),
            lanes.saturating_mul(rank),
            lanes.saturating_mul(record),
        ]
    }

    /// Rows of a chunk, filled up to whole vectors; 0 for a batch that goes row by row.
    const fn lanes(batch: usize) -> usize {
        if batch < LEAST_ROWS {
            0
        } else if batch < CHUNK {
            whole(batch)
        } else {
            CHUNK
        }
    }

    /// Overwrites y with h(x).
    ///
    /// **Shapes**: `x: [batch × inputs]`, `y: [batch × outputs]`, row-major;
    /// `work`: at least [`workspace_len`](Self::workspace_len) elements, whose contents do not matter.
    ///
    /// **Accuracy**: within 8 budgets u·scale + η, as [`Joint`](super::Joint) says.
    ///
    /// # Errors
    ///
    /// As for [`Joint::forward`](super::Joint::forward).
    pub fn forward(&self, x: &[T], y: &mut [T], work: &mut [T]) -> Result<(), Error> {
        let (inputs, outputs, rank) = (self.shape.inputs(), self.shape.outputs(), self.shape.rank());
        let batch = shape::rows("x", x.len(), inputs)?;
        shape::exact("y", y.len(), shape::product("y", batch, outputs)?)?;
        let mut rest = shape::workspace(work, self.workspace_len(batch)?)?;
        let [directions, plain, transposed, y_transposed, weighted, record] =
            self.layout(batch).map(|len| take(&mut rest, len));
        let (q, unit) = shape::split(directions, rank);
        let mut directions = Directions { q, unit };
        if plain.is_empty() {
            for (x, y) in shape::side_by_side(x, inputs, y, outputs) {
                self.row(x, y, &mut directions);
            }
            return Ok(());
        }
        let lanes = plain.len() / Plain::<T>::ROWS;
        let mut record = Record::split(lanes, self.shape.components(), record);
        let (x_chunk, y_chunk) = (CHUNK.saturating_mul(inputs), CHUNK.saturating_mul(outputs));
        for (x, y) in shape::side_by_side(x, x_chunk, y, y_chunk) {
            self.record(x, &mut *plain, transposed, &mut directions, &mut record);
            let Constants { mu_w, c_w, .. } = self.constants;
            record.values(
                (self.shape, self.divisor()),
                (mu_w, c_w),
                0,
                y,
                (&mut *y_transposed, &mut *weighted),
            );
        }
        Ok(())
    }

    /// Fills the record of one chunk.
    fn record(
        &self,
        x: &[T],
        plain: &mut [T],
        transposed: &mut [T],
        directions: &mut Directions<'_, T>,
        record: &mut Record<'_, T>,
    ) {
        let (inputs, rank, lanes) = (self.shape.inputs(), self.shape.rank(), record.lanes);
        let Constants { mu_b, columns, .. } = self.constants;
        let mut plain = Plain::split(plain);
        plain.examine(inputs, x);
        let (x_lanes, stride) = transpose_plain(inputs, x, plain.bounded(), transposed);
        let x_lanes = Rows { data: &*x_lanes, stride };
        write_product(record.slope, lanes, 0, Matrix::rows(columns, inputs), x_lanes, inputs, &[]);
        record.write_means(0, mu_b, x_lanes, inputs);
        record.square(rank);
        record.rectify(columns, inputs * rank, T::one(), repeat((T::one(), T::one())), &mut plain);
        for (row, (x, plain)) in x.chunks_exact(inputs.max(1)).zip(plain.settle()).enumerate() {
            if !self.usual || plain.is_zero() {
                for (index, component) in self.components().enumerate() {
                    let at = widest(Project, (component, x, &mut *directions));
                    record.set_row(index, row, &at, directions.q);
                }
            }
        }
    }

    fn divisor(&self) -> T {
        self.scale.divisor(self.shape.components())
    }

    /// h(x) of one row.
    fn row(&self, x: &[T], y: &mut [T], directions: &mut Directions<'_, T>) {
        y.fill(T::zero());
        for component in self.components() {
            let at = widest(Project, (component, x, &mut *directions));
            add_value((component.mu_w, component.c_w), &at, directions.q, y);
        }
        for y in y {
            *y /= self.divisor();
        }
    }

    /// The components one after the other.
    fn components(&self) -> impl Iterator<Item = Constants<'a, T>> {
        let (inputs, outputs, rank) = (self.shape.inputs(), self.shape.outputs(), self.shape.rank());
        let Constants { mu_w, mu_b, c_w, columns } = self.constants;
        mu_w.chunks_exact(outputs.max(1))
            .zip(mu_b.chunks_exact(inputs.max(1)))
            .zip(c_w.chunks_exact((outputs * rank).max(1)).zip(columns.chunks_exact((inputs * rank).max(1))))
            .map(|((mu_w, mu_b), (c_w, columns))| Constants { mu_w, mu_b, c_w, columns })
    }
}

/// The projection of one row on one component.
struct Project;

impl<T: Real> Task<(Constants<'_, T>, &[T], &mut Directions<'_, T>)> for Project {
    type Output = Rectified<T>;

    #[inline(always)]
    fn run<S: Simd>(
        self,
        simd: S,
        (component, x, directions): (Constants<'_, T>, &[T], &mut Directions<'_, T>),
    ) -> Rectified<T> {
        for_each_dot(simd, component.columns, x, |column, dot| {
            if let Some(q) = directions.q.get_mut(column) {
                *q = dot;
            }
        });
        let columns = component.columns.chunks_exact(x.len().max(1)).map(<[T]>::iter);
        rectify(component.mu_b, columns, x, directions)
    }
}

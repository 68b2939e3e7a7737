//! The form for inference: everything that does not depend on the input, computed once.

use super::batch::{self, CHUNK, LEAST_ROWS, Plain, Tape, bounded, scratch_len, tape_len, whole};
use crate::kernel::{dot, task, widest};
use crate::rectified::project_checked;
use crate::{Error, Real, Rectified, Shape, shape};

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
    /// Whether all constants keep all their digits and are not larger than ordinary.
    #[inline(always)]
    fn are_usual(&self) -> bool {
        bounded(self.a) && bounded(self.mu) && whole(self.w) && whole(self.variance)
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
    constants: Constants<'a, T>,
    usual: bool,
}

impl<'a, T: Real> Prepared<'a, T> {
    /// A prepared layer over borrowed constants.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it.
    pub fn new(shape: Shape, constants: Constants<'a, T>) -> Result<Self, Error> {
        shape::exact("a", constants.a.len(), shape.v_len())?;
        shape::exact("w", constants.w.len(), shape.u_len())?;
        shape::exact("mu", constants.mu.len(), shape.mu_len())?;
        shape::exact("variance", constants.variance.len(), shape.sigma_len())?;
        Ok(Self { shape, constants, usual: widest(AreUsual, (&constants,)) })
    }

    /// The sizes.
    #[must_use]
    pub fn shape(&self) -> Shape {
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
        let rows = if batch < CHUNK { batch } else { CHUNK };
        let chunk = if batch < LEAST_ROWS {
            0
        } else {
            match (scratch_len(self.shape, rows), tape_len(self.shape, rows)) {
                (Ok(scratch), Ok(tape)) => match scratch.checked_add(tape) {
                    Some(chunk) => chunk,
                    None => return Err(Error::Overflow { argument: "workspace" }),
                },
                (Err(error), _) | (_, Err(error)) => return Err(error),
            }
        };
        match chunk.checked_add(2 * self.shape.inputs()) {
            Some(len) => Ok(len),
            None => Err(Error::Overflow { argument: "workspace" }),
        }
    }

    /// Overwrites y with h(x).
    ///
    /// **Shapes**: `x: [batch × inputs]`, `y: [batch × outputs]`, row-major;
    /// `work`: at least [`workspace_len`](Self::workspace_len) elements, whose contents do not matter.
    ///
    /// **Accuracy**: within 8 budgets u·scale + η, as [`Diagonal`](super::Diagonal) says, for constants that are
    /// normal numbers or 0.
    ///
    /// # Errors
    ///
    /// As for [`Diagonal::forward`](super::Diagonal::forward).
    pub fn forward(&self, x: &[T], y: &mut [T], work: &mut [T]) -> Result<(), Error> {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let batch = shape::rows("x", x.len(), inputs)?;
        shape::exact("y", y.len(), shape::product("y", batch, outputs)?)?;
        let work = shape::workspace(work, self.workspace_len(batch)?)?;
        let (sigma, rest) = shape::split(work, inputs);
        let (direction, chunk) = shape::split(rest, inputs);

        let batched = batch >= LEAST_ROWS && self.usual;
        let (x_chunk, y_chunk) = batch::chunk_lens(self.shape);
        for (x, y) in x.chunks(x_chunk).zip(y.chunks_mut(y_chunk)) {
            let rows = x.len() / inputs;
            let mut plain = Plain::none();
            if batched && rows >= LEAST_ROWS {
                let (scratch, record) = shape::split(chunk, scratch_len(self.shape, rows)?);
                let mut tape = Tape::split(self.shape, rows, record);
                let Constants { a, w, mu, variance } = self.constants;
                batch::begin(self.shape, mu, variance, x, &mut tape, scratch);
                batch::slopes(self.shape, 0, w, rows, &mut tape, scratch);
                batch::finish(self.shape, a, variance, Some(&mut *y), rows, &mut tape, scratch);
                plain = Plain::of(&tape);
            }
            for (row, (x, y)) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(outputs)).enumerate() {
                if !plain.contains(row) {
                    self.row(x, y, sigma, direction);
                }
            }
        }
        Ok(())
    }

    /// One row by itself.
    fn row(&self, x: &[T], y: &mut [T], sigma: &mut [T], direction: &mut [T]) {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let Constants { a, w, mu, variance } = self.constants;
        y.fill(T::zero());
        let means = mu.chunks_exact(inputs).zip(variance.chunks_exact(inputs));
        let slopes = a.chunks_exact(outputs).zip(w.chunks_exact(self.shape.component_len()));
        for ((mu, variance), (a, w)) in means.zip(slopes) {
            let at = rectified(mu, variance, x, sigma, direction);
            for ((y, &a), w) in y.iter_mut().zip(a).zip(w.chunks_exact(inputs)) {
                *y += a * at.mean + dot(w, x) * at.probability;
            }
        }
        let components = T::from_usize(self.shape.components());
        for y in y {
            *y /= components;
        }
    }
}

/// The rectified pre-activation from the variance; where s² leaves the safe range, from its root.
fn rectified<T: Real>(
    mu: &[T],
    variance: &[T],
    x: &[T],
    sigma: &mut [T],
    direction: &mut [T],
) -> Rectified<T> {
    for (square, &x) in direction.iter_mut().zip(x) {
        *square = x * x;
    }
    let squares = dot(variance, direction);
    let (least, most) = T::SAFE_SQUARES;
    if squares >= least && squares <= most {
        return Rectified::new(dot(mu, x), squares.sqrt());
    }
    for (sigma, &variance) in sigma.iter_mut().zip(variance) {
        *sigma = variance.sqrt();
    }
    project_checked(mu, sigma, x, direction).rectified
}

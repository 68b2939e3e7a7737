//! The forward pass of one chunk.

use super::super::prepared::Constants;
use super::{Tape, clear_others, ordinary};
use crate::kernel::{Matrix, product, transpose};
use crate::{Real, Rectified, Shape};

/// Fills the tape for a chunk of rows and overwrites `y`, where it is wanted, with h(x).
///
/// Rows whose tape says that they are not plain are left to the caller; what stands in their place in `y` is
/// finite and meaningless.
pub(in crate::diagonal) fn forward<T: Real>(
    constants: &Constants<'_, T>,
    shape: Shape,
    x: &[T],
    y: Option<&mut [T]>,
    tape: &mut Tape<'_, T>,
    scratch: &mut [T],
) {
    let (inputs, outputs) = (shape.inputs(), shape.outputs());
    let rows = x.len() / inputs;
    let (x_transposed, rest) = scratch.split_at_mut(x.len());
    let (squares, rest) = rest.split_at_mut(x.len());
    let (y_transposed, rest) = rest.split_at_mut(rows * outputs);
    let (least, _) = rest.split_at_mut(rows);

    // A row of zeros may have s = 0; every other s² below the least has lost digits.
    for ((plain, least), x) in tape.plain.iter_mut().zip(least.iter_mut()).zip(x.chunks_exact(inputs)) {
        *plain = if ordinary(x) { T::one() } else { T::zero() };
        *least = if x.iter().all(T::is_zero) { T::zero() } else { T::ORDINARY.0 };
    }
    transpose(x, inputs, x_transposed, rows);
    if tape.plain.iter().any(T::is_zero) {
        for x in x_transposed.chunks_exact_mut(rows) {
            clear_others(x, tape.plain);
        }
    }
    for (square, &x) in squares.iter_mut().zip(x_transposed.iter()) {
        *square = x * x;
    }
    for field in [&mut *tape.mean, &mut *tape.inverse, &mut *tape.slope] {
        field.fill(T::zero());
    }
    product(tape.mean, Matrix::rows(constants.mu, inputs), x_transposed, inputs, rows);
    product(tape.inverse, Matrix::rows(constants.variance, inputs), squares, inputs, rows);
    product(tape.slope, Matrix::rows(constants.w, inputs), x_transposed, inputs, rows);

    y_transposed.fill(T::zero());
    let components = tape
        .mean
        .chunks_exact_mut(rows)
        .zip(tape.inverse.chunks_exact_mut(rows))
        .zip(tape.probability.chunks_exact_mut(rows))
        .zip(tape.density.chunks_exact_mut(rows))
        .zip(tape.density_moment.chunks_exact_mut(rows))
        .zip(tape.slope.chunks_exact(rows * outputs))
        .zip(constants.variance.chunks_exact(inputs))
        .zip(constants.a.chunks_exact(outputs));
    for (((((((mean, inverse), probability), density), density_moment), slope), variance), a) in components {
        let deterministic = variance.iter().all(T::is_zero);
        let lanes = mean.iter_mut().zip(inverse).zip(probability.iter_mut()).zip(density).zip(density_moment);
        let flags = tape.plain.iter_mut().zip(least.iter());
        for (((((m, squares), p), phi), moment), (plain, &least)) in lanes.zip(flags) {
            let lane = Lane::new(*m, *squares, if deterministic { T::zero() } else { least });
            (*m, *squares, *p) = (lane.at.mean, lane.inverse, lane.at.probability);
            (*phi, *moment) = (lane.at.density, lane.at.density_moment);
            *plain = if lane.plain { *plain } else { T::zero() };
        }
        for ((y, slope), &a) in y_transposed.chunks_exact_mut(rows).zip(slope.chunks_exact(rows)).zip(a) {
            for (((y, &slope), &r), &p) in y.iter_mut().zip(slope).zip(mean.iter()).zip(probability.iter()) {
                *y += a * r + slope * p;
            }
        }
    }
    if let Some(y) = y {
        let components = T::from_usize(shape.components());
        for y in y_transposed.iter_mut() {
            *y /= components;
        }
        transpose(y_transposed, rows, y, outputs);
    }
}

/// One row of one component.
struct Lane<T> {
    at: Rectified<T>,
    inverse: T,
    plain: bool,
}

impl<T: Real> Lane<T> {
    /// From m and s². Where s² is not of ordinary size the lane is not plain, and its values are harmless.
    #[inline(always)]
    fn new(m: T, squares: T, least: T) -> Self {
        let (_, most) = T::ORDINARY;
        let in_range = (squares >= least) & (squares <= most);
        let s = if in_range { squares } else { T::one() }.sqrt();
        let at = Rectified::new(m, s);
        let inverse = if s.is_zero() { T::zero() } else { s.recip() };
        // φ/s loses digits where φ is nearly subnormal and s is large.
        let faint = (at.density < T::FAINT) & !at.density.is_zero() & (s > T::from_usize(16));
        Self { at, inverse, plain: in_range & !faint }
    }
}

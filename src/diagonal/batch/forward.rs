//! The forward pass of one chunk, in three steps.

use super::{Tape, all_zero, clear_others, ordinary};
use crate::kernel::{Matrix, product, product_of_squares, square_roots, task, transpose, widest};
use crate::{Real, Rectified, Shape, shape};

/// The scratch of the forward pass: Xᵀ, yᵀ and the least s² of each row.
fn split<T>(shape: Shape, rows: usize, scratch: &mut [T]) -> [&mut [T]; 3] {
    let (x_transposed, rest) = shape::split(scratch, rows * shape.inputs());
    let (y_transposed, rest) = shape::split(rest, rows * shape.outputs());
    let (least, _) = shape::split(rest, rows);
    [x_transposed, y_transposed, least]
}

/// First step: finds the plain rows, transposes them and computes m and s².
pub(in crate::diagonal) fn begin<T: Real>(
    shape: Shape,
    mu: &[T],
    variance: &[T],
    x: &[T],
    tape: &mut Tape<'_, T>,
    scratch: &mut [T],
) {
    let inputs = shape.inputs();
    let rows = (x.len() / inputs).max(1);
    let [x_transposed, _, least] = split(shape, rows, scratch);
    // A row of zeros may have s = 0; every other s² below the least has lost digits.
    for ((plain, least), x) in tape.plain.iter_mut().zip(least).zip(x.chunks_exact(inputs)) {
        *plain = if widest(Ordinary, (x,)) { T::one() } else { T::zero() };
        *least = if widest(AllZero, (x,)) { T::zero() } else { T::ORDINARY.0 };
    }
    transpose(x, inputs, x_transposed, rows);
    if tape.plain.iter().any(T::is_zero) {
        for x in x_transposed.chunks_exact_mut(rows) {
            clear_others(x, tape.plain);
        }
    }
    for field in [&mut *tape.mean, &mut *tape.inverse, &mut *tape.slope] {
        field.fill(T::zero());
    }
    product(tape.mean, Matrix::rows(mu, inputs), x_transposed, inputs, rows);
    product_of_squares(tape.inverse, Matrix::rows(variance, inputs), x_transposed, inputs, rows);
}

/// Second step, for all components at once or for each in turn: W x of as many components as `w` holds, from
/// the component `first` on.
pub(in crate::diagonal) fn slopes<T: Real>(
    shape: Shape,
    first: usize,
    w: &[T],
    rows: usize,
    tape: &mut Tape<'_, T>,
    scratch: &mut [T],
) {
    let [x_transposed, ..] = split(shape, rows, scratch);
    let inputs = shape.inputs();
    let len = w.len() / inputs * rows;
    let slope = tape.slope.get_mut(first * shape.outputs() * rows..).and_then(|slope| slope.get_mut(..len));
    product(slope.unwrap_or_default(), Matrix::rows(w, inputs), x_transposed, inputs, rows);
}

/// Last step: r, p, φ and tφ, and h(x) where `y` is wanted.
///
/// Rows whose tape says that they are not plain are left to the caller; what stands in their place in `y` is
/// meaningless.
pub(in crate::diagonal) fn finish<T: Real>(
    shape: Shape,
    a: &[T],
    variance: &[T],
    y: Option<&mut [T]>,
    rows: usize,
    tape: &mut Tape<'_, T>,
    scratch: &mut [T],
) {
    let (inputs, outputs, rows) = (shape.inputs(), shape.outputs(), rows.max(1));
    let [_, y_transposed, least] = split(shape, rows, scratch);
    y_transposed.fill(T::zero());
    let components = tape
        .mean
        .chunks_exact_mut(rows)
        .zip(tape.inverse.chunks_exact_mut(rows))
        .zip(tape.probability.chunks_exact_mut(rows))
        .zip(tape.density.chunks_exact_mut(rows))
        .zip(tape.density_moment.chunks_exact_mut(rows))
        .zip(tape.slope.chunks_exact((rows * outputs).max(1)))
        .zip(variance.chunks_exact(inputs))
        .zip(a.chunks_exact(outputs));
    for (((((((mean, inverse), probability), density), moment), slope), variance), a) in components {
        let deterministic = variance.iter().all(T::is_zero);
        widest(Limit, (&mut *inverse, &*least, deterministic, &mut *tape.plain));
        square_roots(inverse);
        widest(Lanes, (&mut *mean, inverse, &mut *probability, density, moment, &mut *tape.plain));
        for ((y, slope), &a) in y_transposed.chunks_exact_mut(rows).zip(slope.chunks_exact(rows)).zip(a) {
            widest(AddOutput, (y, slope, a, &*mean, &*probability));
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

/// Replaces every s² that is not of ordinary size by 1, and its row is plain no longer. A deterministic
/// component has s = 0.
#[inline(always)]
fn limit<T: Real>(squares: &mut [T], least: &[T], deterministic: bool, plain: &mut [T]) {
    let (_, most) = T::ORDINARY;
    for ((square, &least), plain) in squares.iter_mut().zip(least).zip(plain) {
        let least = if deterministic { T::zero() } else { least };
        let in_range = (*square >= least) & (*square <= most);
        *square = if in_range { *square } else { T::one() };
        *plain = if in_range { *plain } else { T::zero() };
    }
}

/// From m in `mean` and s in `inverse`: r, 1/s, p, φ and tφ of one component, along the rows.
#[inline(always)]
fn lanes<T: Real>(
    mean: &mut [T],
    inverse: &mut [T],
    probability: &mut [T],
    density: &mut [T],
    moment: &mut [T],
    plain: &mut [T],
) {
    let large = T::from_usize(16);
    let fields = probability.iter_mut().zip(density).zip(moment).zip(plain);
    for ((m, s), (((p, phi), moment), plain)) in mean.iter_mut().zip(inverse).zip(fields) {
        let at = Rectified::new(*m, *s);
        // φ/s loses digits where φ is nearly subnormal and s is large.
        let faint = (at.density < T::FAINT) & !at.density.is_zero() & (*s > large);
        *plain = if faint { T::zero() } else { *plain };
        *s = if s.is_zero() { T::zero() } else { s.recip() };
        (*m, *p, *phi, *moment) = (at.mean, at.probability, at.density, at.density_moment);
    }
}

/// y += a r + (W x) p of one output, along the rows.
#[inline(always)]
fn add_output<T: Real>(y: &mut [T], slope: &[T], a: T, mean: &[T], probability: &[T]) {
    for (((y, &slope), &r), &p) in y.iter_mut().zip(slope).zip(mean).zip(probability) {
        *y += a * r + slope * p;
    }
}

task!(Ordinary, ordinary, (numbers: &'a [T]) -> bool);
task!(AllZero, all_zero, (numbers: &'a [T]) -> bool);
task!(Limit, limit, (squares: &'a mut [T], least: &'a [T], deterministic: bool, plain: &'a mut [T]) -> ());
task!(Lanes, lanes, (
    mean: &'a mut [T],
    inverse: &'a mut [T],
    probability: &'a mut [T],
    density: &'a mut [T],
    moment: &'a mut [T],
    plain: &'a mut [T],
) -> ());
task!(AddOutput, add_output, (y: &'a mut [T], slope: &'a [T], a: T, mean: &'a [T], probability: &'a [T]) -> ());

#[cfg(test)]
mod tests {
    use super::{lanes, limit};
    use crate::Real;

    /// What s² becomes, and whether its row stays plain.
    fn limited(square: f32, least: f32, deterministic: bool, plain: f32) -> (f32, f32) {
        let (mut square, mut plain) = ([square], [plain]);
        limit(&mut square, &[least], deterministic, &mut plain);
        (square[0], plain[0])
    }

    #[test]
    fn squares_that_are_not_ordinary_leave_their_row_to_the_other_path() {
        let (least, most) = f32::ORDINARY;
        for square in [least, 1.0, most] {
            assert_eq!(limited(square, least, false, 1.0), (square, 1.0));
            assert_eq!(limited(square, least, false, 0.0), (square, 0.0), "what is not plain stays so");
        }
        for square in [0.0, least / 2.0, most * 2.0, f32::INFINITY, f32::NAN] {
            assert_eq!(limited(square, least, false, 1.0), (1.0, 0.0), "{square}");
        }
        assert_eq!(limited(0.0, least, true, 1.0), (0.0, 1.0), "a component without spread");
        assert_eq!(limited(0.0, 0.0, false, 1.0), (0.0, 1.0), "a row of zeros");
    }

    /// φ/s would lose digits where φ is nearly subnormal and s is large, and only there.
    #[test]
    fn faint_densities_under_a_large_s_leave_their_row_to_the_other_path() {
        let lane = |t: f64, s: f64| {
            let (mut mean, mut inverse, mut plain) = ([t * s], [s], [1.0]);
            lanes(&mut mean, &mut inverse, &mut [0.0], &mut [0.0], &mut [0.0], &mut plain);
            (inverse[0], plain[0])
        };
        for s in [0.5, 16.0, 17.0, 1e3, 1e6] {
            for t in [-36.0, 36.0] {
                assert_eq!(lane(t, s), (1.0 / s, if s > 16.0 { 0.0 } else { 1.0 }), "{t}, {s}");
            }
            assert_eq!((lane(-35.0, s).1, lane(-50.0, s).1), (1.0, 1.0), "ordinary, and none at all");
        }
        assert_eq!(lane(1.0, 0.0), (0.0, 1.0));
    }
}

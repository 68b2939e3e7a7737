//! The forward pass of some components over a batch.

use super::{Record, examine};
use crate::kernel::{
    LANES, Matrix, Onto, Rows, RowsMut, Simd, Size, product, square_roots, task, transpose, widest,
};
use crate::{Real, Rectified, Shape, shape};

/// Finds the plain rows of a batch, and the least s² of each that keeps all its digits: a row of zeros may have
/// s = 0. The lanes without a row are plain: all their inputs are 0.
pub(in crate::diagonal) fn examine_rows<T: Real>(inputs: usize, x: &[T], plain: &mut [T], least: &mut [T]) {
    plain.fill(T::one());
    least.fill(T::zero());
    for ((plain, least), x) in plain.iter_mut().zip(least).zip(x.chunks_exact(inputs.max(1))) {
        let (ordinary, zero) = widest(Examine, (x,));
        *plain = if ordinary { T::one() } else { T::zero() };
        *least = if zero { T::zero() } else { T::ORDINARY.0 };
    }
}

/// The transpose of some rows, `[rows × columns]`, in whole vectors, with 0 in the lanes of rows that are not plain;
/// and the length of its rows.
pub(in crate::diagonal) fn transpose_plain<'a, T: Real>(
    columns: usize,
    from: &[T],
    plain: &[T],
    to: &'a mut [T],
) -> (&'a mut [T], usize) {
    let rows = from.len() / columns.max(1);
    let stride = rows.next_multiple_of(LANES);
    let (to, _) = shape::split(to, (columns * stride).min(to.len()));
    transpose(Rows { data: from, stride: columns }, RowsMut { data: &mut *to, stride }, rows, columns);
    if plain.iter().any(T::is_zero) {
        for lanes in to.chunks_exact_mut(stride.max(1)) {
            for (lane, plain) in lanes.iter_mut().zip(plain) {
                if plain.is_zero() {
                    *lane = T::zero();
                }
            }
        }
    }
    (to, stride)
}

/// Rows of `c: [rows × lanes]`, from the lane `first` on: C = A Xᵀ; `ahead` is what will be read next.
fn write_product<T: Real>(
    c: &mut [T],
    lanes: usize,
    first: usize,
    a: Matrix<'_, T>,
    x: Rows<'_, T>,
    inputs: usize,
    ahead: &[T],
) {
    let size = Size { rows: c.len() / lanes.max(1), terms: inputs, columns: x.stride };
    let c = RowsMut { data: c.get_mut(first..).unwrap_or_default(), stride: lanes };
    product::<T, false>(Onto::Zeros, c, a, x, size, ahead);
}

impl<T: Real> Record<'_, T> {
    /// Writes m and s² of a chunk, from the lane `first` on; leaves the squares of `x` in its place.
    pub(in crate::diagonal) fn write_moments(
        &mut self,
        first: usize,
        mu: Matrix<'_, T>,
        variance: Matrix<'_, T>,
        x: RowsMut<'_, T>,
        inputs: usize,
    ) {
        let RowsMut { data, stride } = x;
        write_product(self.mean, self.lanes, first, mu, Rows { data, stride }, inputs, &[]);
        widest(Square, (&mut *data,));
        write_product(self.inverse, self.lanes, first, variance, Rows { data, stride }, inputs, &[]);
    }

    /// Writes W x of the component `component`, of a chunk from the lane `first` on; `ahead` is what will be read
    /// next.
    pub(in crate::diagonal) fn write_slope(
        &mut self,
        component: usize,
        first: usize,
        w: Matrix<'_, T>,
        x: Rows<'_, T>,
        shape: Shape,
        ahead: &[T],
    ) {
        let len = shape.outputs() * self.lanes;
        let slope = self.slope.get_mut(component * len..).and_then(|slope| slope.get_mut(..len));
        write_product(slope.unwrap_or_default(), self.lanes, first, w, x, shape.inputs(), ahead);
    }

    /// From m and s²: r, 1/s, p, φ and tφ. Rows that need other formulas are plain no longer.
    ///
    /// `variance` holds a component's σ² every `stride` elements: one without spread has s = 0.
    pub(in crate::diagonal) fn rectify(
        &mut self,
        variance: &[T],
        stride: usize,
        least: &[T],
        plain: &mut [T],
    ) {
        let lanes = self.lanes;
        let components = self
            .mean
            .chunks_exact_mut(lanes.max(1))
            .zip(self.inverse.chunks_exact_mut(lanes.max(1)))
            .zip(self.probability.chunks_exact_mut(lanes.max(1)))
            .zip(self.density.chunks_exact_mut(lanes.max(1)))
            .zip(self.density_moment.chunks_exact_mut(lanes.max(1)))
            .zip(variance.chunks(stride.max(1)));
        for (((((mean, inverse), probability), density), moment), variance) in components {
            let deterministic = variance.iter().all(T::is_zero);
            widest(Limit, (&mut *inverse, least, deterministic, &mut *plain));
            square_roots(inverse);
            widest(Lanes, (mean, inverse, probability, density, moment, &mut *plain));
        }
    }

    /// Overwrites h(x) of a chunk, `y: [rows × outputs]`, whose lanes begin with `first`; `y_transposed` is
    /// scratch.
    ///
    /// What it writes in rows that are not plain is meaningless.
    pub(in crate::diagonal) fn sum(
        &self,
        first: usize,
        a: &[T],
        outputs: usize,
        y: &mut [T],
        y_transposed: &mut [T],
    ) {
        let rows = y.len() / outputs.max(1);
        let width = rows.next_multiple_of(LANES);
        let (y_transposed, _) = shape::split(y_transposed, outputs * width);
        widest(Sum, (self, first, width, a, &mut *y_transposed));
        transpose(
            Rows { data: y_transposed, stride: width },
            RowsMut { data: y, stride: outputs },
            outputs,
            rows,
        );
    }
}

/// h(x) of `width` lanes, transposed.
#[inline(always)]
fn sum<T: Real, S: Simd>(
    _: S,
    record: &Record<'_, T>,
    first: usize,
    width: usize,
    a: &[T],
    y_transposed: &mut [T],
) {
    let lanes = record.lanes;
    let of = |field: &[T]| -> usize { field.len() / lanes.max(1) };
    let (outputs, components) = (y_transposed.len() / width.max(1), T::from_usize(of(record.mean)));
    y_transposed.fill(T::zero());
    let fields = record.mean.chunks_exact(lanes.max(1)).zip(record.probability.chunks_exact(lanes.max(1)));
    let slopes = record.slope.chunks_exact((outputs * lanes).max(1)).zip(a.chunks_exact(outputs.max(1)));
    for ((mean, probability), (slope, a)) in fields.zip(slopes) {
        let part = |field| -> &[T] { <[T]>::get(field, first..first + width).unwrap_or_default() };
        let (mean, probability) = (part(mean), part(probability));
        for ((y, slope), &a) in
            y_transposed.chunks_exact_mut(width.max(1)).zip(slope.chunks_exact(lanes.max(1))).zip(a)
        {
            for (((y, &slope), &r), &p) in y.iter_mut().zip(part(slope)).zip(mean).zip(probability) {
                *y += a * r + slope * p;
            }
        }
    }
    for y in y_transposed {
        *y /= components;
    }
}

/// Replaces every s² that is not of ordinary size by 1, and its row is plain no longer. A deterministic
/// component has s = 0.
#[inline(always)]
fn limit<T: Real, S: Simd>(_: S, squares: &mut [T], least: &[T], deterministic: bool, plain: &mut [T]) {
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
fn lanes<T: Real, S: Simd>(
    _: S,
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

/// x² in the place of x.
#[inline(always)]
fn square<T: Real, S: Simd>(_: S, x: &mut [T]) {
    for x in x {
        *x *= *x;
    }
}

task!(Square, square, (x: &'a mut [T]) -> ());
task!(Examine, examine, (numbers: &'a [T]) -> (bool, bool));
task!(Limit, limit, (squares: &'a mut [T], least: &'a [T], deterministic: bool, plain: &'a mut [T]) -> ());
task!(Lanes, lanes, (
    mean: &'a mut [T],
    inverse: &'a mut [T],
    probability: &'a mut [T],
    density: &'a mut [T],
    moment: &'a mut [T],
    plain: &'a mut [T],
) -> ());
task!(Sum, sum, (
    record: &'a Record<'a, T>,
    first: usize,
    width: usize,
    a: &'a [T],
    y_transposed: &'a mut [T],
) -> ());

#[cfg(test)]
mod tests {
    use super::{lanes, limit};
    use crate::Real;
    use crate::kernel::Portable;

    /// What s² becomes, and whether its row stays plain.
    fn limited(square: f32, least: f32, deterministic: bool, plain: f32) -> (f32, f32) {
        let (mut square, mut plain) = ([square], [plain]);
        limit(Portable, &mut square, &[least], deterministic, &mut plain);
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
            lanes(Portable, &mut mean, &mut inverse, &mut [0.0], &mut [0.0], &mut [0.0], &mut plain);
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

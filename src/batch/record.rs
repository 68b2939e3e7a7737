//! What the forward pass of a batch leaves for the backward pass.

use super::plain::Plain;
use crate::kernel::{Matrix, Onto, Rows, RowsMut, Simd, Size, Terms, product, square_roots, task, widest};
use crate::{Real, Rectified, shape};

/// The record of some components, every field with the rows of the batch contiguous.
#[derive(Debug)]
pub(crate) struct Record<'a, T> {
    /// The length of a row of every field: the rows of the batch, filled up to whole vectors.
    pub(crate) lanes: usize,
    /// What is linear in x: W x, lifted as W is, then p g, `[components × outputs × lanes]`; in the joint layer q, then
    /// ∂q, `[components × rank × lanes]`.
    pub(crate) slope: &'a mut [T],
    /// m, then r: `[components × lanes]`.
    pub(crate) mean: &'a mut [T],
    /// A multiple of s², then 1/s, and 0 where s = 0: `[components × lanes]`.
    pub(crate) inverse: &'a mut [T],
    /// p: `[components × lanes]`.
    pub(crate) probability: &'a mut [T],
    /// φ, then ∂m: `[components × lanes]`.
    pub(crate) density: &'a mut [T],
    /// tφ, then ∂s/s: `[components × lanes]`.
    pub(crate) density_moment: &'a mut [T],
}

impl<'a, T> Record<'a, T> {
    /// Rows of a component besides those of what is linear.
    pub(crate) const ROWS: usize = 5;

    /// Cuts a slice of `components · (rows + 5) · lanes` elements into the fields.
    pub(crate) fn split(lanes: usize, components: usize, record: &'a mut [T]) -> Self {
        let each = components * lanes;
        let (mean, rest) = shape::split(record, each);
        let (inverse, rest) = shape::split(rest, each);
        let (probability, rest) = shape::split(rest, each);
        let (density, rest) = shape::split(rest, each);
        let (density_moment, slope) = shape::split(rest, each);
        Self { lanes, slope, mean, inverse, probability, density, density_moment }
    }

    /// The first components, and the others.
    pub(crate) fn split_at(self, components: usize) -> (Self, Self) {
        let lanes = self.lanes;
        let all = self.mean.len() / lanes.max(1);
        let rows = self.slope.len() / (all * lanes).max(1);
        let at = components * lanes;
        let (slope, mean) = (shape::split(self.slope, rows * at), shape::split(self.mean, at));
        let (inverse, probability) = (shape::split(self.inverse, at), shape::split(self.probability, at));
        let (density, moment) = (shape::split(self.density, at), shape::split(self.density_moment, at));
        let record = |slope, mean, inverse, probability, density, density_moment| Record {
            lanes,
            slope,
            mean,
            inverse,
            probability,
            density,
            density_moment,
        };
        (
            record(slope.0, mean.0, inverse.0, probability.0, density.0, moment.0),
            record(slope.1, mean.1, inverse.1, probability.1, density.1, moment.1),
        )
    }

    /// The same for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Record<'_, T> {
        Record {
            lanes: self.lanes,
            slope: self.slope,
            mean: self.mean,
            inverse: self.inverse,
            probability: self.probability,
            density: self.density,
            density_moment: self.density_moment,
        }
    }
}

/// Rows of `c: [rows × lanes]`, from the lane `first` on: C = A Xᵀ; `ahead` is what will be read next.
pub(crate) fn write_product<T: Real>(
    c: &mut [T],
    lanes: usize,
    first: usize,
    a: Matrix<'_, T>,
    x: Rows<'_, T>,
    inputs: usize,
    ahead: &[T],
) {
    let size = Size { rows: c.len() / lanes.max(1), terms: inputs, columns: x.stride, along: Terms::Numbers };
    let c = RowsMut { data: c.get_mut(first..).unwrap_or_default(), stride: lanes };
    product::<T, false>(Onto::Zeros, c, a, x, size, ahead);
}

impl<T: Real> Record<'_, T> {
    /// From m and multiples of s², whose unit is `unit`: r, 1/s, p, φ and tφ. Rows that need other formulas are plain no
    /// longer.
    ///
    /// `spread` holds what a component's s is made of every `stride` elements: one without spread has s = 0. `sizes`
    /// are those of the parameters of every component.
    pub(crate) fn rectify(
        &mut self,
        spread: &[T],
        stride: usize,
        unit: T,
        sizes: impl Iterator<Item = (T, T)>,
        plain: &mut Plain<'_, T>,
    ) {
        let lanes = self.lanes;
        let components = self
            .mean
            .chunks_exact_mut(lanes.max(1))
            .zip(self.inverse.chunks_exact_mut(lanes.max(1)))
            .zip(self.probability.chunks_exact_mut(lanes.max(1)))
            .zip(self.density.chunks_exact_mut(lanes.max(1)))
            .zip(self.density_moment.chunks_exact_mut(lanes.max(1)))
            .zip(spread.chunks(stride.max(1)).zip(sizes));
        for (((((mean, inverse), probability), density), moment), (spread, sizes)) in components {
            plain.limit(mean, (inverse, unit), sizes, spread.iter().all(T::is_zero));
            square_roots(inverse);
            widest(Lanes, (mean, inverse, probability, density, moment, plain.ordinary()));
        }
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
    ordinary: &mut [T],
) {
    let large = T::from_usize(16);
    let fields = probability.iter_mut().zip(density).zip(moment).zip(ordinary);
    for ((m, s), (((p, phi), moment), ordinary)) in mean.iter_mut().zip(inverse).zip(fields) {
        let at = Rectified::new(*m, *s);
        // φ/s loses digits where φ is nearly subnormal and s is large.
        let faint = (at.density < T::FAINT) & !at.density.is_zero() & (*s > large);
        *ordinary = if faint { T::zero() } else { *ordinary };
        *s = if s.is_zero() { T::zero() } else { s.recip() };
        (*m, *p, *phi, *moment) = (at.mean, at.probability, at.density, at.density_moment);
    }
}

task!(Lanes, lanes, (
    mean: &'a mut [T],
    inverse: &'a mut [T],
    probability: &'a mut [T],
    density: &'a mut [T],
    moment: &'a mut [T],
    ordinary: &'a mut [T],
) -> ());

#[cfg(test)]
mod tests {
    use super::lanes;
    use crate::kernel::Portable;

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

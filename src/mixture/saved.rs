//! The activations of a batch that the forward pass saves for the backward pass.

use crate::kernel::{LANES, Simd, Vector, dispatch, task};
use crate::rectified::in_range;
use crate::slices::row;
use crate::{Real, Rectified};

/// The activations of some components, each a matrix whose rows run along the batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activations<S> {
    /// The length of a row: the rows of the batch, rounded up to whole vectors.
    pub(crate) lanes: usize,
    /// What is linear in x: W x, `[components × outputs × lanes]`; in the joint layer q, `[components × rank × lanes]`.
    pub(crate) linear: S,
    /// m, then r: `[components × lanes]`.
    pub(crate) r: S,
    /// s², then 1/s, and 0 where s = 0: `[components × lanes]`.
    pub(crate) inv_s: S,
    /// p: `[components × lanes]`.
    pub(crate) p: S,
    /// φ: `[components × lanes]`.
    pub(crate) phi: S,
    /// tφ: `[components × lanes]`.
    pub(crate) t_phi: S,
}

/// The lengths of the fields of a component that has `linear` rows of what is linear in x.
pub(crate) const fn activation_lens(lanes: usize, linear: usize) -> [usize; 6] {
    [lanes.saturating_mul(linear), lanes, lanes, lanes, lanes, lanes]
}

impl<S> Activations<S> {
    /// The fields, in the order of [`activation_lens`].
    pub(crate) fn new(lanes: usize, [linear, r, inv_s, p, phi, t_phi]: [S; 6]) -> Self {
        Self { lanes, linear, r, inv_s, p, phi, t_phi }
    }
}

impl<'a, T> Activations<&'a [T]> {
    /// Those of one component that has `linear` rows of what is linear in x.
    #[inline]
    pub(crate) fn component(&self, component: usize, linear: usize) -> Self {
        let Self { lanes, .. } = *self;
        let field = |field: &'a [T]| row(field, component, lanes);
        Self {
            lanes,
            linear: row(self.linear, component, linear * lanes),
            r: field(self.r),
            inv_s: field(self.inv_s),
            p: field(self.p),
            phi: field(self.phi),
            t_phi: field(self.t_phi),
        }
    }
}

impl<T: Real> Activations<&mut [T]> {
    /// The same, to be read.
    pub(crate) fn as_ref(&self) -> Activations<&[T]> {
        let Self { lanes, linear, r, inv_s, p, phi, t_phi } = self;
        Activations { lanes: *lanes, linear, r, inv_s, p, phi, t_phi }
    }

    /// From m and s² of a component: r, 1/s, p, φ and tφ; the other arguments as for [`take_roots`].
    pub(crate) fn rectify(&mut self, component: usize, sizes: &[T], deviation: impl FnMut(usize) -> T) {
        let lanes = self.lanes;
        let field = |field| row::<&mut [T]>(field, component, lanes);
        let inv_s = field(&mut *self.inv_s);
        take_roots(inv_s, sizes, deviation);
        let others = [&mut self.p, &mut self.phi, &mut self.t_phi].map(|others| field(&mut **others));
        rectify(field(&mut *self.r), inv_s, others);
        invert(inv_s);
    }

    /// 0 in every field of a component that does not go along with the batch.
    pub(crate) fn clear(&mut self, component: usize) {
        let lanes = self.lanes;
        for field in [&mut self.r, &mut self.inv_s, &mut self.p, &mut self.phi, &mut self.t_phi] {
            row(&mut **field, component, lanes).fill(T::zero());
        }
    }
}

/// s in the place of s².
///
/// Where a sum of squares is out of range, `deviation` gives the s of that row; `sizes` are those of the largest inputs
/// of the rows, 0 and what is not finite telling that the sum is right as it is.
pub(crate) fn take_roots<T: Real>(squares: &mut [T], sizes: &[T], mut deviation: impl FnMut(usize) -> T) {
    let safe = |square, size: T| in_range(square) || size.is_zero() || !size.is_finite();
    if squares.iter().zip(sizes).all(|(&square, &size)| safe(square, size)) {
        dispatch(SquareRoots, (squares,));
        return;
    }
    for (lane, (square, &size)) in squares.iter_mut().zip(sizes).enumerate() {
        *square = if safe(*square, size) { square.sqrt() } else { deviation(lane) };
    }
}

/// √x of every element of whole vectors.
#[inline(always)]
fn square_roots<T: Real, S: Simd>(simd: S, values: &mut [T]) {
    for lanes in values.as_chunks_mut::<LANES>().0 {
        *lanes = simd.sqrt(Vector(*lanes)).0;
    }
}

/// From m in `r` and s: r, p, φ and tφ of a component.
pub(crate) fn rectify<T: Real>(r: &mut [T], s: &[T], others: [&mut [T]; 3]) {
    dispatch(Rectify, (r, s, others));
}

#[inline(always)]
fn rectify_lanes<T: Real, S: Simd>(_: S, r: &mut [T], s: &[T], [p, phi, t_phi]: [&mut [T]; 3]) {
    for (((r, s), p), (phi, t_phi)) in r.iter_mut().zip(s).zip(p).zip(phi.iter_mut().zip(t_phi)) {
        let at = Rectified::new(*r, *s);
        (*r, *p, *phi, *t_phi) = (at.mean, at.probability, at.density, at.density_moment);
    }
}

/// 1/s in the place of s, and 0 where s = 0.
pub(crate) fn invert<T: Real>(s: &mut [T]) {
    dispatch(Invert, (s,));
}

#[inline(always)]
fn invert_lanes<T: Real, S: Simd>(_: S, s: &mut [T]) {
    for s in s {
        *s = if s.is_zero() { T::zero() } else { s.recip() };
    }
}

task!(SquareRoots, square_roots, (values: &'a mut [T]) -> ());
task!(Rectify, rectify_lanes, (r: &'a mut [T], s: &'a [T], others: [&'a mut [T]; 3]) -> ());
task!(Invert, invert_lanes, (s: &'a mut [T]) -> ());

//! What does not depend on the input: a = Uμ + v (v in centred coordinates), W = U diag(σ²) and σ².

use core::array;

use super::form::Coordinates;
use super::parameters::{Component, Parameters};
use crate::kernel::{Simd, Vector, VectorLoop, dispatch, task};
use crate::mixture::{fits_batch, largest};
use crate::slices::{Slice, rows, zip_rows};
use crate::{Real, Shape};

/// Writes a, W and σ², of checked lengths, whose rows are `stride` elements apart.
pub(super) fn prepare<T: Real>(
    shape: Shape,
    coordinates: Coordinates,
    parameters: Parameters<'_, T>,
    stride: usize,
    [a, w, variance]: [&mut [T]; 3],
) {
    let outputs = shape.outputs();
    let written = zip_rows(a, outputs, w, outputs * stride).zip(rows(variance, stride));
    for (component, ((a, w), variance)) in parameters.components(shape).zip(written) {
        component.prepare(coordinates, a, w, variance);
    }
}

impl<T: Real> Component<'_, T> {
    /// Writes a, W and σ². Returns whether the parameters [fit a batch](fits_batch).
    pub(super) fn prepare(
        &self,
        coordinates: Coordinates,
        a: &mut [T],
        w: &mut [T],
        variance: &mut [T],
    ) -> bool {
        dispatch(Prepare, (self, coordinates, a, w, variance))
    }

    /// Writes W = U diag(σ²) alone, whose rows are as long as that of σ².
    pub(super) fn write_w(&self, variance: &[T], w: &mut [T]) {
        dispatch(WriteW, (self.u, self.mu.len(), variance, w));
    }

    /// Writes a and the rows of W. Returns the sizes of the largest numbers of U.
    #[inline(always)]
    fn scale_rows<'b, const ROWS: usize, S: Simd>(
        &self,
        simd: S,
        coordinates: Coordinates,
        a: &mut [T],
        mut written: impl Iterator<Item = &'b mut [T]>,
        variance: &[T],
    ) -> Vector<T> {
        let inputs = self.mu.len();
        let zero = simd.splat(T::zero());
        let mut largest = zero;
        let outputs = a.chunks_mut(ROWS).zip(self.v.chunks(ROWS));
        for (u, (a, v)) in rows(self.u, ROWS * inputs).zip(outputs) {
            // Where rows are missing at the end, the first stands for them, and they are written nowhere.
            let mut others = rows(u, inputs);
            let first = others.next().unwrap_or_default();
            let mut u = [first; ROWS];
            u.iter_mut().skip(1).zip(others).for_each(|(u, row)| *u = row);
            let mut written = written.by_ref().take(a.len());
            let w = array::from_fn(|_| written.next().unwrap_or_default());

            let rows = Rows { simd, u, mu: self.mu, variance, w, products: [zero; ROWS], largest };
            let rows = rows.run(inputs);
            for ((a, &v), products) in a.iter_mut().zip(v).zip(rows.products) {
                *a = coordinates.through_mean(simd.sum(products)) + v;
            }
            largest = rows.largest;
        }
        largest
    }
}

/// The way along several rows of U.
struct Rows<'a, T, S, const ROWS: usize> {
    simd: S,
    u: [&'a [T]; ROWS],
    mu: &'a [T],
    variance: &'a [T],
    w: [&'a mut [T]; ROWS],
    products: [Vector<T>; ROWS],
    /// The sizes of the largest numbers of U; NaN where one is.
    largest: Vector<T>,
}

impl<T: Real, S: Simd, const ROWS: usize> VectorLoop for Rows<'_, T, S, ROWS> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let simd = self.simd;
        let variance = simd.load::<WHOLE, T>(self.variance, at)?;
        let mu = simd.load::<WHOLE, T>(self.mu, at)?;
        for ((u, w), products) in self.u.iter().zip(&mut self.w).zip(&mut self.products) {
            let u = simd.load::<WHOLE, T>(u, at)?;
            simd.store::<WHOLE, T>(w, at, simd.mul(u, variance));
            *products = simd.mul_add(u, mu, *products);
            self.largest = simd.larger_size(self.largest, u);
        }
        Some(())
    }
}

/// [`Component::prepare`].
#[inline(always)]
fn prepare_rows<T: Real, S: Simd>(
    simd: S,
    component: &Component<'_, T>,
    coordinates: Coordinates,
    a: &mut [T],
    w: &mut [T],
    variance: &mut [T],
) -> bool {
    let inputs = component.mu.len();
    let (filled, rest) = variance.divide(inputs.min(variance.len()));
    for (variance, &sigma) in filled.iter_mut().zip(component.sigma) {
        *variance = sigma * sigma;
    }
    rest.fill(T::zero());
    let w = rows(w, variance.len());
    // As many rows of U side by side as the registers hold.
    let slopes = match S::VECTORS {
        ..16 => component.scale_rows::<1, S>(simd, coordinates, a, w, variance),
        _ => component.scale_rows::<2, S>(simd, coordinates, a, w, variance),
    };
    // A closure over the blocks would be compiled without the vectors at hand.
    let (mu, sigma, v) =
        (largest(simd, component.mu), largest(simd, component.sigma), largest(simd, component.v));
    fits_batch([mu, sigma], [simd.largest(slopes), v])
}

/// [`Component::write_w`].
#[inline(always)]
fn write_rows<T: Real, S: Simd>(_: S, u: &[T], inputs: usize, variance: &[T], w: &mut [T]) {
    for (u, w) in zip_rows(u, inputs, w, variance.len()) {
        for ((w, &u), &variance) in w.iter_mut().zip(u).zip(variance) {
            *w = u * variance;
        }
    }
}

task!(WriteW, write_rows, (u: &'a [T], inputs: usize, variance: &'a [T], w: &'a mut [T]) -> ());
task!(Prepare, prepare_rows, (
    component: &'a Component<'b, T>,
    coordinates: Coordinates,
    a: &'a mut [T],
    w: &'a mut [T],
    variance: &'a mut [T],
) -> bool);

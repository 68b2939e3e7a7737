//! What does not depend on the input: a = Uμ + v (v in centred coordinates), W = U diag(σ²) and σ².

use core::array;
use core::slice::ChunksMut;

use super::form::Coordinates;
use super::parameters::{Component, Parameters};
use crate::batch::sizes;
use crate::kernel::{Along, Simd, Task, Vector, all, widest};
use crate::{Real, Shape, shape};

/// Writes a, W and σ² times a power of two, of checked lengths, whose rows are `stride` elements apart, and gives the
/// [sizes](Component::prepare) in every component to `see`.
pub(super) fn prepare<T: Real>(
    shape: Shape,
    coordinates: Coordinates,
    parameters: &Parameters<'_, T>,
    lift: T,
    stride: usize,
    [a, w, variance]: [&mut [T]; 3],
    mut see: impl FnMut(usize, (T, T)),
) {
    let outputs = shape.outputs();
    let written = a.chunks_exact_mut(outputs.max(1)).zip(w.chunks_exact_mut((outputs * stride).max(1)));
    let written = written.zip(variance.chunks_exact_mut(stride.max(1)));
    let components = parameters.components(shape, coordinates).zip(written).enumerate();
    for (index, (component, ((a, w), variance))) in components {
        see(index, component.prepare(lift, a, w, variance));
    }
}

impl<T: Real> Component<'_, T> {
    /// Writes a, W and σ² times a power of two, `lift`. Returns the smallest size of a parameter that is not 0, and 1;
    /// and the largest, infinity where one of them, of a or of W is larger than ordinary or NaN.
    pub(super) fn prepare(&self, lift: T, a: &mut [T], w: &mut [T], variance: &mut [T]) -> (T, T) {
        widest(Prepare, (self, lift, a, w, variance))
    }

    #[inline(always)]
    fn prepare_rows<S: Simd>(
        &self,
        simd: S,
        lift: T,
        a: &mut [T],
        w: &mut [T],
        variance: &mut [T],
    ) -> (T, T) {
        let inputs = self.mu.len();
        let filled = inputs.min(variance.len());
        let (filled, rest) = shape::split(variance, filled);
        for (variance, &sigma) in filled.iter_mut().zip(self.sigma) {
            *variance = sigma * lift * sigma;
        }
        rest.fill(T::zero());
        let of_others = [sizes(simd, self.mu), sizes(simd, self.sigma), sizes(simd, self.v)];
        let w = w.chunks_mut(variance.len().max(1));
        // As many rows of U side by side as the registers hold.
        let (smallest, largest) = match S::VECTORS {
            ..16 => self.scale_rows::<1, S>(simd, lift, a, w, variance),
            _ => self.scale_rows::<2, S>(simd, lift, a, w, variance),
        };
        let of_u = (simd.smallest(smallest), simd.largest(largest));
        let [_, (_, largest_sigma), _] = of_others;
        // No number of W is larger than this product.
        let of_w = of_u.1 * largest_sigma * largest_sigma;
        let (_, limit) = T::ORDINARY;
        let mut usual = of_w <= limit && all(a, |a| a.abs() <= limit * lift);
        let (mut least, mut most) = of_u;
        usual &= most <= limit;
        for (smallest, largest) in of_others {
            usual &= largest <= limit;
            least = if smallest < least { smallest } else { least };
            most = if largest > most { largest } else { most };
        }
        (least, if usual { most } else { T::from_f64(f64::INFINITY) })
    }

    /// Writes a and the rows of W. Returns the smallest of the sizes of U that are not 0, and 1; and the largest.
    #[inline(always)]
    fn scale_rows<const ROWS: usize, S: Simd>(
        &self,
        simd: S,
        lift: T,
        a: &mut [T],
        mut w: ChunksMut<'_, T>,
        variance: &[T],
    ) -> (Vector<T>, Vector<T>) {
        let inputs = self.mu.len();
        let zero = simd.splat(T::zero());
        let (mut smallest, mut largest) = (simd.splat(T::one()), zero);
        let outputs = a.chunks_mut(ROWS).zip(self.v.chunks(ROWS));
        for (u, (a, v)) in self.u.chunks((ROWS * inputs).max(1)).zip(outputs) {
            // Where rows are missing at the end, the first stands for them, and they are written nowhere.
            let mut rows = u.chunks(inputs.max(1));
            let first = rows.next().unwrap_or_default();
            let mut u = [first; ROWS];
            u.iter_mut().skip(1).zip(rows).for_each(|(u, row)| *u = row);
            let mut written = w.by_ref().take(a.len());
            let w = array::from_fn(|_| written.next().unwrap_or_default());
            let rows = Rows {
                simd,
                u,
                mu: self.mu,
                lift: simd.splat(lift),
                variance,
                w,
                products: [zero; ROWS],
                smallest,
                largest,
            };
            let rows = rows.along(inputs);
            for ((a, &v), products) in a.iter_mut().zip(v).zip(rows.products) {
                *a = self.coordinates.through_mean(simd.sum(products)) + v * lift;
            }
            (smallest, largest) = (rows.smallest, rows.largest);
        }
        (smallest, largest)
    }
}

/// The way along several rows of U.
struct Rows<'a, T, S, const ROWS: usize> {
    simd: S,
    u: [&'a [T]; ROWS],
    mu: &'a [T],
    lift: Vector<T>,
    variance: &'a [T],
    w: [&'a mut [T]; ROWS],
    products: [Vector<T>; ROWS],
    /// Of the sizes of U that are not 0, and 1.
    smallest: Vector<T>,
    /// Of the sizes of U; NaN where a number is.
    largest: Vector<T>,
}

impl<T: Real, S: Simd, const ROWS: usize> Along for Rows<'_, T, S, ROWS> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let simd = self.simd;
        let variance = simd.load::<WHOLE, T>(self.variance, at)?;
        let mu = simd.mul(simd.load::<WHOLE, T>(self.mu, at)?, self.lift);
        for ((u, w), products) in self.u.iter().zip(&mut self.w).zip(&mut self.products) {
            let u = simd.load::<WHOLE, T>(u, at)?;
            simd.store::<WHOLE, T>(w, at, simd.mul(u, variance));
            *products = simd.mul_add(u, mu, *products);
            self.largest = simd.larger_size(self.largest, u);
            self.smallest = simd.smaller_size(self.smallest, u);
        }
        Some(())
    }
}

/// [`Component::prepare`].
struct Prepare;

impl<T: Real> Task<(&Component<'_, T>, T, &mut [T], &mut [T], &mut [T])> for Prepare {
    type Output = (T, T);

    #[inline(always)]
    fn run<S: Simd>(
        self,
        simd: S,
        (component, lift, a, w, variance): (&Component<'_, T>, T, &mut [T], &mut [T], &mut [T]),
    ) -> (T, T) {
        component.prepare_rows(simd, lift, a, w, variance)
    }
}

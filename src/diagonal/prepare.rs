//! What does not depend on the input: a = Uμ + v, W = U diag(σ²) and σ².

use super::parameters::{Component, Parameters};
use crate::batch::{bounded, examine};
use crate::kernel::{Along, Simd, Task, Vector, widest};
use crate::{Real, Shape};

/// Writes a, W and σ² of checked lengths, whose rows are `stride` elements apart. Returns whether all numbers are
/// of ordinary size, so that batches may use them.
pub(super) fn prepare<T: Real>(
    shape: Shape,
    parameters: &Parameters<'_, T>,
    stride: usize,
    a: &mut [T],
    w: &mut [T],
    variance: &mut [T],
) -> bool {
    let outputs = shape.outputs();
    let mut usual = true;
    let written = a.chunks_exact_mut(outputs).zip(w.chunks_exact_mut(outputs * stride));
    let written = written.zip(variance.chunks_exact_mut(stride));
    for (component, ((a, w), variance)) in parameters.components(shape).zip(written) {
        usual &= component.prepare(a, w, variance);
    }
    usual
}

impl<T: Real> Component<'_, T> {
    /// Writes a, W and σ². Returns whether all numbers are of ordinary size: no digit of W is lost then.
    pub(super) fn prepare(&self, a: &mut [T], w: &mut [T], variance: &mut [T]) -> bool {
        widest(Prepare, (self, a, w, variance))
    }

    #[inline(always)]
    fn prepare_rows<S: Simd>(&self, simd: S, a: &mut [T], w: &mut [T], variance: &mut [T]) -> bool {
        let inputs = self.mu.len();
        let (filled, rest) = variance.split_at_mut(inputs.min(variance.len()));
        for (variance, &sigma) in filled.iter_mut().zip(self.sigma) {
            *variance = sigma * sigma;
        }
        rest.fill(T::zero());
        let mut usual = examine(simd, self.sigma).0 && bounded(self.mu) && bounded(self.v);
        let (least, most) = T::ORDINARY;
        let zero = simd.splat(T::zero());
        let (mut smallest, mut largest) = (simd.splat(T::one()), zero);
        let stride = variance.len();
        let rows = self.u.chunks(2 * inputs).zip(w.chunks_mut(2 * stride));
        for ((u, w), (a, v)) in rows.zip(a.chunks_mut(2).zip(self.v.chunks(2))) {
            // Two rows side by side; a last one alone stands for both.
            let (first, second) = u.split_at(inputs.min(u.len()));
            let (of_first, of_second) = w.split_at_mut(stride.min(w.len()));
            let second = if second.is_empty() { first } else { second };
            let (u, w) = ([first, second], [of_first, of_second]);
            let row = Rows { simd, u, mu: self.mu, variance, w, products: [zero; 2], smallest, largest };
            let row = row.along(inputs);
            for ((a, &v), products) in a.iter_mut().zip(v).zip(row.products) {
                *a = simd.sum(products) + v;
            }
            (smallest, largest) = (row.smallest, row.largest);
        }
        usual &= simd.smallest(smallest) >= least && simd.largest(largest) <= most;
        usual && bounded(a)
    }
}

/// The way along two rows of U.
struct Rows<'a, T, S> {
    simd: S,
    u: [&'a [T]; 2],
    mu: &'a [T],
    variance: &'a [T],
    w: [&'a mut [T]; 2],
    products: [Vector<T>; 2],
    /// Of the sizes of U that are not 0, and 1.
    smallest: Vector<T>,
    /// Of the sizes of U and W; NaN where a number is.
    largest: Vector<T>,
}

impl<T: Real, S: Simd> Along for Rows<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let simd = self.simd;
        let variance = simd.load::<WHOLE, T>(self.variance, at)?;
        let mu = simd.load::<WHOLE, T>(self.mu, at)?;
        for ((u, w), products) in self.u.iter().zip(&mut self.w).zip(&mut self.products) {
            let u = simd.load::<WHOLE, T>(u, at)?;
            let of_w = simd.mul(u, variance);
            simd.store::<WHOLE, T>(w, at, of_w);
            *products = simd.mul_add(u, mu, *products);
            self.largest = simd.larger_size(simd.larger_size(self.largest, u), of_w);
            self.smallest = simd.smaller_size(self.smallest, u);
        }
        Some(())
    }
}

/// [`Component::prepare`].
struct Prepare;

impl<T: Real> Task<(&Component<'_, T>, &mut [T], &mut [T], &mut [T])> for Prepare {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(
        self,
        simd: S,
        (component, a, w, variance): (&Component<'_, T>, &mut [T], &mut [T], &mut [T]),
    ) -> bool {
        component.prepare_rows(simd, a, w, variance)
    }
}

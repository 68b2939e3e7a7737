//! What does not depend on the input: a = Uμ + v, W = U diag(σ²) and σ².

use super::batch::{bounded, examine};
use super::parameters::{Component, Parameters};
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
        let rows = self.u.chunks_exact(inputs).zip(w.chunks_exact_mut(variance.len()));
        for ((u, w), (a, &v)) in rows.zip(a.iter_mut().zip(self.v)) {
            let row = Row { simd, u, mu: self.mu, variance, w, products: zero, smallest, largest };
            let row = row.along(inputs);
            *a = simd.sum(row.products) + v;
            (smallest, largest) = (row.smallest, row.largest);
        }
        usual &= simd.smallest(smallest) >= least && simd.largest(largest) <= most;
        usual && bounded(a)
    }
}

/// The way along a row of U.
struct Row<'a, T, S> {
    simd: S,
    u: &'a [T],
    mu: &'a [T],
    variance: &'a [T],
    w: &'a mut [T],
    products: Vector<T>,
    /// Of the sizes of U that are not 0, and 1.
    smallest: Vector<T>,
    /// Of the sizes of U and W; NaN where a number is.
    largest: Vector<T>,
}

impl<T: Real, S: Simd> Along for Row<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let simd = self.simd;
        let u = simd.load::<WHOLE, T>(self.u, at)?;
        let w = simd.mul(u, simd.load::<WHOLE, T>(self.variance, at)?);
        simd.store::<WHOLE, T>(self.w, at, w);
        self.products = simd.mul_add(u, simd.load::<WHOLE, T>(self.mu, at)?, self.products);
        self.largest = simd.larger_size(simd.larger_size(self.largest, u), w);
        self.smallest = simd.smaller_size(self.smallest, u);
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

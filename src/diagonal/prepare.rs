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
    let written = a.chunks_exact_mut(outputs.max(1)).zip(w.chunks_exact_mut((outputs * stride).max(1)));
    let written = written.zip(variance.chunks_exact_mut(stride.max(1)));
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
        for (variance, &sigma) in variance.iter_mut().zip(self.sigma) {
            *variance = sigma * sigma;
        }
        let mut usual = examine(simd, self.sigma).0 && bounded(self.mu) && bounded(self.v);
        let (least, most) = T::ORDINARY;
        let (zero, most_lanes) = (simd.splat(T::zero()), simd.splat(most));
        let (mut smallest, mut largest) = (most_lanes, zero);
        let rows = self.u.chunks_exact(inputs.max(1)).zip(w.chunks_exact_mut(variance.len().max(1)));
        for ((u, w), (a, &v)) in rows.zip(a.iter_mut().zip(self.v)) {
            let row = Row {
                simd,
                u,
                mu: self.mu,
                variance,
                w,
                most: most_lanes,
                products: zero,
                smallest,
                largest,
            };
            let row = row.along(inputs);
            *a = simd.sum(row.products) + v;
            (smallest, largest) = (row.smallest, row.largest);
        }
        usual &= simd.smallest(smallest) >= least && simd.largest(largest) <= most;
        // A NaN in U is in ⟨U, μ⟩ too.
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
    most: Vector<T>,
    products: Vector<T>,
    /// Of the sizes of U that are not 0.
    smallest: Vector<T>,
    /// Of the sizes of U and W.
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
        let size = simd.abs(u);
        self.largest = simd.larger(self.largest, simd.larger(size, simd.abs(w)));
        self.smallest = simd.smaller(self.smallest, simd.or_if_zero(size, self.most));
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

//! One pass along the parameters of a component: from sums over the batch to the gradients of μ, σ and U.
//!
//! ```text
//! ∂U = ∂W diag σ² + ∂a μᵀ     ∂μ = Σ ∂m x + Uᵀ∂a     ∂σ = σ∘(Σ (∂s/s) x∘x + 2 Σ_l ∂Wₗ∘Uₗ)
//! ```

use super::form::Coordinates;
use crate::batch::Lift;
use crate::kernel::{Along, Simd, Task, Vector, widest};
use crate::{Real, shape};

/// The sums over the batch of one component, and what is prepared of it.
#[derive(Debug)]
pub(super) struct Sums<'a, T> {
    /// What takes the gradients from the lift of the cotangents.
    pub(super) unit: T,
    /// ∂W: `[outputs × stride]`.
    pub(super) of_w: &'a [T],
    /// ∂a: `[outputs]`.
    pub(super) of_a: &'a [T],
    /// σ² times its lift: `[stride]`.
    pub(super) variance: &'a [T],
    /// Σ ∂m x, to which Uᵀ∂a is added: `[stride]`.
    pub(super) of_mean: &'a mut [T],
    /// Σ (∂s/s) x∘x, to which 2 Σ_l ∂Wₗ∘Uₗ is added: `[stride]`.
    pub(super) of_variance: &'a mut [T],
}

/// Rows of U, and what becomes of their gradient.
pub(super) trait Rows<T>: Sized {
    /// The first `inputs` elements, and the others.
    fn split_row(self, inputs: usize) -> (Self, Self);

    /// A vector of U.
    fn lanes<const WHOLE: bool, S: Simd>(&self, simd: S, at: usize) -> Option<Vector<T>>;

    /// Takes the gradient of a vector of U, times the lift of what is prepared.
    fn take<const WHOLE: bool, S: Simd>(
        &mut self,
        simd: S,
        at: usize,
        u: Vector<T>,
        gradient: Vector<T>,
    ) -> Option<()>;
}

/// U as it is, its gradient not wanted.
pub(super) struct Fixed<'a, T>(pub(super) &'a [T]);

/// U, and where its gradient times a unit is added.
pub(super) struct Written<'a, T>(pub(super) &'a [T], pub(super) &'a mut [T], pub(super) T);

/// U, which goes down its gradient at a rate.
pub(super) struct Descending<'a, T>(pub(super) &'a mut [T], pub(super) T);

impl<T: Real> Rows<T> for Fixed<'_, T> {
    fn split_row(self, inputs: usize) -> (Self, Self) {
        let (row, rest) = shape::split_ref(self.0, inputs);
        (Self(row), Self(rest))
    }

    #[inline(always)]
    fn lanes<const WHOLE: bool, S: Simd>(&self, simd: S, at: usize) -> Option<Vector<T>> {
        simd.load::<WHOLE, T>(self.0, at)
    }

    #[inline(always)]
    fn take<const WHOLE: bool, S: Simd>(&mut self, _: S, _: usize, _: Vector<T>, _: Vector<T>) -> Option<()> {
        Some(())
    }
}

impl<T: Real> Rows<T> for Written<'_, T> {
    fn split_row(self, inputs: usize) -> (Self, Self) {
        let (row, rest) = shape::split_ref(self.0, inputs);
        let (of_row, of_rest) = shape::split(self.1, inputs);
        (Self(row, of_row, self.2), Self(rest, of_rest, self.2))
    }

    #[inline(always)]
    fn lanes<const WHOLE: bool, S: Simd>(&self, simd: S, at: usize) -> Option<Vector<T>> {
        simd.load::<WHOLE, T>(self.0, at)
    }

    #[inline(always)]
    fn take<const WHOLE: bool, S: Simd>(
        &mut self,
        simd: S,
        at: usize,
        _: Vector<T>,
        gradient: Vector<T>,
    ) -> Option<()> {
        let total = simd.load::<WHOLE, T>(self.1, at)?;
        simd.store::<WHOLE, T>(self.1, at, simd.mul_add(gradient, simd.splat(self.2), total));
        Some(())
    }
}

impl<T: Real> Rows<T> for Descending<'_, T> {
    fn split_row(self, inputs: usize) -> (Self, Self) {
        let (row, rest) = shape::split(self.0, inputs);
        (Self(row, self.1), Self(rest, self.1))
    }

    #[inline(always)]
    fn lanes<const WHOLE: bool, S: Simd>(&self, simd: S, at: usize) -> Option<Vector<T>> {
        simd.load::<WHOLE, T>(self.0, at)
    }

    #[inline(always)]
    fn take<const WHOLE: bool, S: Simd>(
        &mut self,
        simd: S,
        at: usize,
        u: Vector<T>,
        gradient: Vector<T>,
    ) -> Option<()> {
        simd.store::<WHOLE, T>(self.0, at, simd.sub(u, simd.mul(simd.splat(self.1), gradient)));
        Some(())
    }
}

/// Passes along U once, four rows side by side, and finishes the sums.
///
/// In centred coordinates ∂a reaches neither U nor μ.
pub(super) fn sweep<T: Real, U: Rows<T>>(mu: &[T], coordinates: Coordinates, u: U, sums: &mut Sums<'_, T>) {
    let (inputs, stride) = (mu.len(), sums.variance.len());
    let mut rest = u;
    for (of_a, of_w) in sums.of_a.chunks(4).zip(sums.of_w.chunks((4 * stride).max(1))) {
        let columns =
            Columns { mu, variance: sums.variance, of_mean: sums.of_mean, of_variance: sums.of_variance };
        if let &[a, b, c, d] = of_a {
            let (first, others) = rest.split_row(inputs);
            let (second, others) = others.split_row(inputs);
            let (third, others) = others.split_row(inputs);
            let (fourth, others) = others.split_row(inputs);
            widest(
                Several,
                (
                    columns,
                    [first, second, third, fourth],
                    [a, b, c, d].map(|a| coordinates.through_mean(a)),
                    of_w,
                ),
            );
            rest = others;
            continue;
        }
        let mut columns = columns;
        for (&a, of_w) in of_a.iter().zip(of_w.chunks(stride.max(1))) {
            let (row, others) = rest.split_row(inputs);
            widest(Several, (columns.reborrow(), [row], [coordinates.through_mean(a)], of_w));
            rest = others;
        }
    }
}

/// What runs along the inputs.
struct Columns<'a, T> {
    mu: &'a [T],
    variance: &'a [T],
    of_mean: &'a mut [T],
    of_variance: &'a mut [T],
}

impl<T> Columns<'_, T> {
    /// The same for a shorter time.
    fn reborrow(&mut self) -> Columns<'_, T> {
        Columns { mu: self.mu, variance: self.variance, of_mean: self.of_mean, of_variance: self.of_variance }
    }
}

/// Several rows of U at once.
struct Several;

impl<T: Real, U: Rows<T>, const ROWS: usize> Task<(Columns<'_, T>, [U; ROWS], [T; ROWS], &[T])> for Several {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(
        self,
        simd: S,
        (columns, mut u, of_a, of_w): (Columns<'_, T>, [U; ROWS], [T; ROWS], &[T]),
    ) {
        let len = columns.mu.len();
        let u = u.each_mut();
        let lift = simd.splat(Lift::prepared().factor);
        Walk { simd, columns, u, of_a: of_a.map(|of_a| simd.splat(of_a)), of_w, lift }.along(len);
    }
}

/// The way along several rows.
struct Walk<'a, T, U, S, const ROWS: usize> {
    simd: S,
    columns: Columns<'a, T>,
    u: [&'a mut U; ROWS],
    of_a: [Vector<T>; ROWS],
    of_w: &'a [T],
    /// The lift of σ², which ∂a μᵀ takes as well.
    lift: Vector<T>,
}

impl<T: Real, U: Rows<T>, S: Simd, const ROWS: usize> Along for Walk<'_, T, U, S, ROWS> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let Self { simd, columns, u, of_a, of_w, lift } = self;
        let simd = *simd;
        let mu = simd.mul(simd.load::<WHOLE, T>(columns.mu, at)?, *lift);
        // What fills these up is never read again.
        let variance = simd.load::<true, T>(columns.variance, at)?;
        let mut of_mean = simd.load::<true, T>(columns.of_mean, at)?;
        let mut of_variance = simd.load::<true, T>(columns.of_variance, at)?;
        for ((u, &mut of_a), of_w) in u.iter_mut().zip(of_a).zip(of_w.chunks(columns.variance.len().max(1))) {
            let (old, w) = (u.lanes::<WHOLE, S>(simd, at)?, simd.load::<true, T>(of_w, at)?);
            of_mean = simd.mul_add(old, of_a, of_mean);
            of_variance = simd.mul_add(simd.add(old, old), w, of_variance);
            u.take::<WHOLE, S>(simd, at, old, simd.mul_add(of_a, mu, simd.mul(w, variance)))?;
        }
        simd.store::<true, T>(columns.of_mean, at, of_mean);
        simd.store::<true, T>(columns.of_variance, at, of_variance);
        Some(())
    }
}

//! One pass along the parameters of a component: from sums over the batch to the gradients of μ, σ and U.
//!
//! ```text
//! ∂U = ∂W diag σ² + ∂a μᵀ     ∂μ = Σ ∂m x + Uᵀ∂a     ∂σ = σ∘(Σ (∂s/s) x∘x + 2 Σ_l ∂Wₗ∘Uₗ)
//! ```

use super::form::Coordinates;
use crate::Real;
use crate::batch::Lift;
use crate::kernel::{Along, Simd, Task, Vector, widest};
use crate::shape::{take_front, take_front_ref};

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
    /// Takes the first `inputs` elements, and leaves the others.
    fn take_row(&mut self, inputs: usize) -> Self;

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
    fn take_row(&mut self, inputs: usize) -> Self {
        Self(take_front_ref(&mut self.0, inputs))
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
    fn take_row(&mut self, inputs: usize) -> Self {
        Self(take_front_ref(&mut self.0, inputs), take_front(&mut self.1, inputs), self.2)
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
    fn take_row(&mut self, inputs: usize) -> Self {
        Self(take_front(&mut self.0, inputs), self.1)
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

/// Passes along U once, and finishes the sums; two rows side by side, since more would not fit the registers of AVX2.
///
/// In centred coordinates ∂a reaches neither U nor μ.
pub(super) fn sweep<T: Real, U: Rows<T>>(
    mu: &[T],
    coordinates: Coordinates,
    mut u: U,
    sums: &mut Sums<'_, T>,
) {
    let Sums { of_w, of_a, variance, of_mean, of_variance, .. } = sums;
    let (mut of_w, mut columns) = (*of_w, Columns { coordinates, mu, variance, of_mean, of_variance });
    let (twos, ones) = of_a.as_chunks::<2>();
    for two in twos {
        columns.pass(*two, &mut u, &mut of_w);
    }
    for one in ones {
        columns.pass([*one], &mut u, &mut of_w);
    }
}

/// What runs along the inputs.
struct Columns<'a, T> {
    coordinates: Coordinates,
    mu: &'a [T],
    variance: &'a [T],
    of_mean: &'a mut [T],
    of_variance: &'a mut [T],
}

impl<T: Real> Columns<'_, T> {
    /// Passes along the first rows of U and ∂W, and leaves the others.
    fn pass<U: Rows<T>, const ROWS: usize>(&mut self, of_a: [T; ROWS], u: &mut U, of_w: &mut &[T]) {
        let rows = of_a.map(|of_a| Row {
            of_a: self.coordinates.through_mean(of_a),
            of_w: take_front_ref(of_w, self.variance.len()),
            u: u.take_row(self.mu.len()),
        });
        widest(Several, (self, rows));
    }
}

/// A row of U, and the sums that belong to it.
struct Row<'a, T, U> {
    /// ∂a, or 0 where it reaches neither U nor μ.
    of_a: T,
    of_w: &'a [T],
    u: U,
}

/// Several rows of U at once.
struct Several;

impl<T: Real, U: Rows<T>, const ROWS: usize> Task<(&mut Columns<'_, T>, [Row<'_, T, U>; ROWS])> for Several {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S, (columns, mut rows): (&mut Columns<'_, T>, [Row<'_, T, U>; ROWS])) {
        let Columns { mu, variance, of_mean, of_variance, .. } = columns;
        let of_a = rows.each_ref().map(|row| simd.splat(row.of_a));
        let lift = simd.splat(Lift::prepared().factor);
        let len = mu.len();
        Walk { simd, mu, variance, of_mean, of_variance, rows: rows.each_mut(), of_a, lift }.along(len);
    }
}

/// The way along several rows.
struct Walk<'a, 'b, T, U, S, const ROWS: usize> {
    simd: S,
    mu: &'a [T],
    variance: &'a [T],
    of_mean: &'a mut [T],
    of_variance: &'a mut [T],
    rows: [&'a mut Row<'b, T, U>; ROWS],
    of_a: [Vector<T>; ROWS],
    /// The lift of σ², which ∂a μᵀ takes as well.
    lift: Vector<T>,
}

impl<T: Real, U: Rows<T>, S: Simd, const ROWS: usize> Along for Walk<'_, '_, T, U, S, ROWS> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let simd = self.simd;
        let mu = simd.mul(simd.load::<WHOLE, T>(self.mu, at)?, self.lift);
        // What fills these up is never read again.
        let variance = simd.load::<true, T>(self.variance, at)?;
        let mut of_mean = simd.load::<true, T>(self.of_mean, at)?;
        let mut of_variance = simd.load::<true, T>(self.of_variance, at)?;
        for (Row { of_w, u, .. }, &of_a) in self.rows.iter_mut().zip(&self.of_a) {
            let (old, w) = (u.lanes::<WHOLE, S>(simd, at)?, simd.load::<true, T>(of_w, at)?);
            of_mean = simd.mul_add(old, of_a, of_mean);
            of_variance = simd.mul_add(simd.add(old, old), w, of_variance);
            u.take::<WHOLE, S>(simd, at, old, simd.mul_add(of_a, mu, simd.mul(w, variance)))?;
        }
        simd.store::<true, T>(self.of_mean, at, of_mean);
        simd.store::<true, T>(self.of_variance, at, of_variance);
        Some(())
    }
}

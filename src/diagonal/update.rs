//! One pass along U: from sums over the batch to the gradients of μ, σ and U, or to a step down them.
//!
//! ```text
//! ∂U = ∂W diag σ² + ∂a μᵀ     ∂μ = Σ ∂m x + Uᵀ∂a     ∂σ = σ∘(Σ (∂s/s) x∘x + 2 Σ_l ∂Wₗ∘Uₗ)
//! ```

use super::form::Coordinates;
use super::parameters::Targets;
use crate::Real;
use crate::kernel::{Simd, Task, Vector, VectorLoop, dispatch};
use crate::mixture::Target;
use crate::slices::take;

/// The sums over the batch of one component, and what is prepared of it.
#[derive(Debug)]
pub(super) struct ComponentSums<'a, T> {
    /// ∂W: `[outputs × stride]`.
    pub(super) d_w: &'a [T],
    /// ∂a: `[outputs]`.
    pub(super) d_a: &'a [T],
    /// σ²: `[stride]`.
    pub(super) variance: &'a [T],
    /// Σ ∂m x, to which Uᵀ∂a is added: `[stride]`.
    pub(super) d_mean: &'a mut [T],
    /// Σ (∂s/s) x∘x, to which 2 Σ_l ∂Wₗ∘Uₗ is added: `[stride]`.
    pub(super) d_variance: &'a mut [T],
}

/// Uses the gradients of a component.
pub(super) fn update<T: Real>(
    coordinates: Coordinates,
    target: Targets<'_, T>,
    mut sums: ComponentSums<'_, T>,
) {
    let Targets { mut mu, mut sigma, u, mut v, .. } = target;
    v.take(sums.d_a);
    let along_u = mu.is_wanted() || sigma.is_wanted();
    let mean = (mu.values(), coordinates);
    match u {
        Target::Frozen(u) if along_u => pass::<T, true, false>(mean, (u, &mut [], T::zero()), &mut sums),
        Target::Frozen(_) => {}
        Target::Accumulate(u, d_u) => pass::<T, true, true>(mean, (u, d_u, T::one()), &mut sums),
        Target::Descend(u, rate) => pass::<T, false, true>(mean, (&[], u, -rate), &mut sums),
    }
    mu.take(sums.d_mean);
    match &mut sigma {
        Target::Frozen(_) => {}
        Target::Accumulate(sigma, d_sigma) => {
            for ((to, &sigma), &sum) in d_sigma.iter_mut().zip(&**sigma).zip(&*sums.d_variance) {
                *to += sigma * sum;
            }
        }
        Target::Descend(sigma, rate) => {
            for (sigma, &sum) in sigma.iter_mut().zip(&*sums.d_variance) {
                *sigma -= *rate * (*sigma * sum);
            }
        }
    }
}

/// Passes along U once, and finishes the sums; two rows side by side, since more would not fit the registers of AVX2.
/// Where the gradient of U is `WRITTEN`, it is added times a factor to `to`, which is U itself where U is not `APART`.
///
/// In centred coordinates ∂a reaches neither U nor μ.
fn pass<T: Real, const APART: bool, const WRITTEN: bool>(
    (mu, coordinates): (&[T], Coordinates),
    (mut u, mut to, factor): (&[T], &mut [T], T),
    sums: &mut ComponentSums<'_, T>,
) {
    let ComponentSums { d_w, d_a, variance, d_mean, d_variance } = sums;
    let mut d_w = *d_w;
    let mut columns = Columns { mu, variance, d_mean, d_variance, factor };
    let mut next = |d_a: T| Row {
        d_a: coordinates.through_mean(d_a),
        d_w: take(&mut d_w, variance.len()),
        u: take(&mut u, if APART { mu.len() } else { 0 }),
        to: take(&mut to, if WRITTEN { mu.len() } else { 0 }),
    };
    let (pairs, last) = d_a.as_chunks::<2>();
    for pair in pairs {
        dispatch(Pass::<APART, WRITTEN>, (&mut columns, pair.map(&mut next)));
    }
    for &one in last {
        dispatch(Pass::<APART, WRITTEN>, (&mut columns, [next(one)]));
    }
}

/// What runs along the inputs.
struct Columns<'a, T> {
    mu: &'a [T],
    variance: &'a [T],
    d_mean: &'a mut [T],
    d_variance: &'a mut [T],
    /// The factor of the gradient of U.
    factor: T,
}

/// A row of U, the sums that belong to it, and what its gradient is added to.
struct Row<'a, T> {
    /// ∂a, or 0 where it reaches neither U nor μ.
    d_a: T,
    d_w: &'a [T],
    u: &'a [T],
    to: &'a mut [T],
}

/// Passes along some rows at once.
struct Pass<const APART: bool, const WRITTEN: bool>;

impl<'a, T: Real, const ROWS: usize, const APART: bool, const WRITTEN: bool>
    Task<(&mut Columns<'a, T>, [Row<'a, T>; ROWS])> for Pass<APART, WRITTEN>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S, (columns, rows): (&mut Columns<'a, T>, [Row<'a, T>; ROWS])) {
        let d_a = rows.each_ref().map(|row| simd.splat(row.d_a));
        let (len, factor) = (columns.mu.len(), simd.splat(columns.factor));
        Walk::<T, S, ROWS, APART, WRITTEN> { simd, columns, rows, d_a, factor }.run(len);
    }
}

/// The way along several rows.
struct Walk<'a, 'b, T, S, const ROWS: usize, const APART: bool, const WRITTEN: bool> {
    simd: S,
    columns: &'b mut Columns<'a, T>,
    rows: [Row<'a, T>; ROWS],
    d_a: [Vector<T>; ROWS],
    factor: Vector<T>,
}

impl<T: Real, S: Simd, const ROWS: usize, const APART: bool, const WRITTEN: bool> VectorLoop
    for Walk<'_, '_, T, S, ROWS, APART, WRITTEN>
{
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let (simd, columns) = (self.simd, &mut *self.columns);
        let mu = simd.load::<WHOLE, T>(columns.mu, at)?;
        // What fills these up is never read again.
        let variance = simd.load::<true, T>(columns.variance, at)?;
        let mut d_mean = simd.load::<true, T>(columns.d_mean, at)?;
        let mut d_variance = simd.load::<true, T>(columns.d_variance, at)?;
        for (Row { d_w, u, to, .. }, &d_a) in self.rows.iter_mut().zip(&self.d_a) {
            let old = simd.load::<WHOLE, T>(if APART { u } else { to }, at)?;
            let w = simd.load::<true, T>(d_w, at)?;
            d_mean = simd.mul_add(old, d_a, d_mean);
            d_variance = simd.mul_add(simd.add(old, old), w, d_variance);
            if WRITTEN {
                let gradient = simd.mul_add(d_a, mu, simd.mul(w, variance));
                let start = if APART { simd.load::<WHOLE, T>(to, at)? } else { old };
                simd.store::<WHOLE, T>(to, at, simd.mul_add(self.factor, gradient, start));
            }
        }
        simd.store::<true, T>(columns.d_mean, at, d_mean);
        simd.store::<true, T>(columns.d_variance, at, d_variance);
        Some(())
    }
}

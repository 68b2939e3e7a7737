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
    match u {
        Target::Frozen(u) if along_u => pass(mu.values(), coordinates, Fixed(u), &mut sums),
        Target::Frozen(_) => {}
        Target::Accumulate(u, d_u) => pass(mu.values(), coordinates, Written(u, d_u), &mut sums),
        Target::Descend(u, rate) => pass(mu.values(), coordinates, Descending(u, rate), &mut sums),
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

/// Rows of U, and what becomes of their gradient.
trait Rows<T>: Sized {
    /// Takes the first `inputs` elements, and leaves the others.
    fn take_row(&mut self, inputs: usize) -> Self;

    /// A vector of U.
    fn load<const WHOLE: bool, S: Simd>(&self, simd: S, at: usize) -> Option<Vector<T>>;

    /// Uses the gradient of a vector of U.
    fn put<const WHOLE: bool, S: Simd>(
        &mut self,
        simd: S,
        at: usize,
        u: Vector<T>,
        gradient: Vector<T>,
    ) -> Option<()>;
}

/// U as it is, its gradient not wanted.
struct Fixed<'a, T>(&'a [T]);

/// U, and where its gradient is added.
struct Written<'a, T>(&'a [T], &'a mut [T]);

/// U, which goes down its gradient at a rate.
struct Descending<'a, T>(&'a mut [T], T);

impl<T: Real> Rows<T> for Fixed<'_, T> {
    fn take_row(&mut self, inputs: usize) -> Self {
        Self(take(&mut self.0, inputs))
    }

    #[inline(always)]
    fn load<const WHOLE: bool, S: Simd>(&self, simd: S, at: usize) -> Option<Vector<T>> {
        simd.load::<WHOLE, T>(self.0, at)
    }

    #[inline(always)]
    fn put<const WHOLE: bool, S: Simd>(&mut self, _: S, _: usize, _: Vector<T>, _: Vector<T>) -> Option<()> {
        Some(())
    }
}

impl<T: Real> Rows<T> for Written<'_, T> {
    fn take_row(&mut self, inputs: usize) -> Self {
        Self(take(&mut self.0, inputs), take(&mut self.1, inputs))
    }

    #[inline(always)]
    fn load<const WHOLE: bool, S: Simd>(&self, simd: S, at: usize) -> Option<Vector<T>> {
        simd.load::<WHOLE, T>(self.0, at)
    }

    #[inline(always)]
    fn put<const WHOLE: bool, S: Simd>(
        &mut self,
        simd: S,
        at: usize,
        _: Vector<T>,
        gradient: Vector<T>,
    ) -> Option<()> {
        let total = simd.load::<WHOLE, T>(self.1, at)?;
        simd.store::<WHOLE, T>(self.1, at, simd.add(total, gradient));
        Some(())
    }
}

impl<T: Real> Rows<T> for Descending<'_, T> {
    fn take_row(&mut self, inputs: usize) -> Self {
        Self(take(&mut self.0, inputs), self.1)
    }

    #[inline(always)]
    fn load<const WHOLE: bool, S: Simd>(&self, simd: S, at: usize) -> Option<Vector<T>> {
        simd.load::<WHOLE, T>(self.0, at)
    }

    #[inline(always)]
    fn put<const WHOLE: bool, S: Simd>(
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
fn pass<T: Real, U: Rows<T>>(mu: &[T], coordinates: Coordinates, mut u: U, sums: &mut ComponentSums<'_, T>) {
    let ComponentSums { d_w, d_a, variance, d_mean, d_variance } = sums;
    let (mut d_w, mut columns) = (*d_w, Columns { coordinates, mu, variance, d_mean, d_variance });
    let (pairs, last) = d_a.as_chunks::<2>();
    for pair in pairs {
        columns.pass(*pair, &mut u, &mut d_w);
    }
    for one in last {
        columns.pass([*one], &mut u, &mut d_w);
    }
}

/// What runs along the inputs.
struct Columns<'a, T> {
    coordinates: Coordinates,
    mu: &'a [T],
    variance: &'a [T],
    d_mean: &'a mut [T],
    d_variance: &'a mut [T],
}

impl<T: Real> Columns<'_, T> {
    /// Passes along the first rows of U and ∂W, and leaves the others.
    fn pass<U: Rows<T>, const ROWS: usize>(&mut self, d_a: [T; ROWS], u: &mut U, d_w: &mut &[T]) {
        let rows = d_a.map(|d_a| Row {
            d_a: self.coordinates.through_mean(d_a),
            d_w: take(d_w, self.variance.len()),
            u: u.take_row(self.mu.len()),
        });
        dispatch(Several, (self, rows));
    }
}

/// A row of U, and the sums that belong to it.
struct Row<'a, T, U> {
    /// ∂a, or 0 where it reaches neither U nor μ.
    d_a: T,
    d_w: &'a [T],
    u: U,
}

/// Several rows of U at once.
struct Several;

impl<T: Real, U: Rows<T>, const ROWS: usize> Task<(&mut Columns<'_, T>, [Row<'_, T, U>; ROWS])> for Several {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S, (columns, mut rows): (&mut Columns<'_, T>, [Row<'_, T, U>; ROWS])) {
        let Columns { mu, variance, d_mean, d_variance, .. } = columns;
        let d_a = rows.each_ref().map(|row| simd.splat(row.d_a));
        let len = mu.len();
        Walk { simd, mu, variance, d_mean, d_variance, rows: rows.each_mut(), d_a }.run(len);
    }
}

/// The way along several rows.
struct Walk<'a, 'b, T, U, S, const ROWS: usize> {
    simd: S,
    mu: &'a [T],
    variance: &'a [T],
    d_mean: &'a mut [T],
    d_variance: &'a mut [T],
    rows: [&'a mut Row<'b, T, U>; ROWS],
    d_a: [Vector<T>; ROWS],
}

impl<T: Real, U: Rows<T>, S: Simd, const ROWS: usize> VectorLoop for Walk<'_, '_, T, U, S, ROWS> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let simd = self.simd;
        let mu = simd.load::<WHOLE, T>(self.mu, at)?;
        // What fills these up is never read again.
        let variance = simd.load::<true, T>(self.variance, at)?;
        let mut d_mean = simd.load::<true, T>(self.d_mean, at)?;
        let mut d_variance = simd.load::<true, T>(self.d_variance, at)?;
        for (Row { d_w, u, .. }, &d_a) in self.rows.iter_mut().zip(&self.d_a) {
            let (old, w) = (u.load::<WHOLE, S>(simd, at)?, simd.load::<true, T>(d_w, at)?);
            d_mean = simd.mul_add(old, d_a, d_mean);
            d_variance = simd.mul_add(simd.add(old, old), w, d_variance);
            u.put::<WHOLE, S>(simd, at, old, simd.mul_add(d_a, mu, simd.mul(w, variance)))?;
        }
        simd.store::<true, T>(self.d_mean, at, d_mean);
        simd.store::<true, T>(self.d_variance, at, d_variance);
        Some(())
    }
}

//! One component at one row: the formulas, forward and backward.
//!
//! With q = C_βᵀx and s = |q| the component gives μ_ω r + C_ω q p (Stein). Backward, with the cotangent g,
//! y = q/s (a unit vector, 0 at s = 0) and e = C_ωᵀg:
//!
//! ```text
//! A = ⟨g, μ_ω⟩             b = ⟨e, y⟩
//! ∂m = A p + b φ           ∂s = A φ − b tφ          ∂q = ∂s y + p e
//! ∂μ_ω += r g              ∂C_ω += g (q p)ᵀ
//! ∂μ_β += ∂m x             ∂C_β += x ∂qᵀ            ∂x += ∂m μ_β + C_β ∂q
//! ```
//!
//! No term divides by s, so nothing overflows however small s is.

use super::parameters::Component;
use crate::kernel::{LANES, Simd, Task, Vector, add_scaled, dot, for_each_dot, largest, sum, task, widest};
use crate::rectified::in_range;
use crate::{Real, Rectified, shape};

/// Inputs whose terms are summed, every second at a time, before they are added to the rest: rounding errors grow with
/// this, not with the number of inputs.
const RUN: usize = 128;

/// The way of a row through one component: q, then ∂q; and y.
#[derive(Debug)]
pub(super) struct Directions<'a, T> {
    pub(super) q: &'a mut [T],
    pub(super) unit: &'a mut [T],
}

impl<T: Real> Component<'_, T> {
    /// The rectified Gaussian of mean ⟨μ_β, x⟩ and standard deviation |q|; overwrites q and y.
    pub(super) fn project(&self, x: &[T], to: &mut Directions<'_, T>) -> Rectified<T> {
        widest(Project, (self, x, to))
    }

    /// [`project`](Self::project), compiled for the vectors at hand.
    #[inline(always)]
    fn project_in_vectors<S: Simd>(&self, simd: S, x: &[T], to: &mut Directions<'_, T>) -> Rectified<T> {
        let rank = to.q.len();
        for (block, q) in to.q.chunks_mut(LANES).enumerate() {
            if !S::LOADS_PARTS && q.len() < LANES {
                let columns = q.iter_mut().enumerate();
                columns
                    .for_each(|(column, q)| *q = project_column((self.c_b, rank), block * LANES + column, x));
                continue;
            }
            let Vector(projections) = project_columns(simd, (self.c_b, rank), block * LANES, x);
            q.iter_mut().zip(projections).for_each(|(q, projection)| *q = projection);
        }
        rectify(self.mu_b, (0..rank).map(|column| self.c_b.iter().skip(column).step_by(rank.max(1))), x, to)
    }

    /// ∂m; overwrites q by ∂q.
    pub(super) fn turn(&self, at: &Rectified<T>, g: &[T], directions: &mut Directions<'_, T>) -> T {
        let Directions { q: of_q, unit } = directions;
        of_q.fill(T::zero());
        for (&g, c_w) in g.iter().zip(self.c_w.chunks_exact(unit.len().max(1))) {
            add_scaled(of_q, g, c_w);
        }
        let (a, b) = (dot(g, self.mu_w), dot(of_q, unit));
        let of_s = a * at.density - b * at.density_moment;
        for (of_q, &unit) in of_q.iter_mut().zip(unit.iter()) {
            *of_q = of_s * unit + at.probability * *of_q;
        }
        a * at.probability + b * at.density
    }

    /// ∂x += ∂m μ_β + C_β ∂q.
    pub(super) fn add_input(&self, of_m: T, of_q: &[T], dx: &mut [T]) {
        for ((dx, &mu), c_b) in dx.iter_mut().zip(self.mu_b).zip(self.c_b.chunks_exact(of_q.len().max(1))) {
            *dx += of_m * mu + dot(c_b, of_q);
        }
    }
}

/// [`Component::project`].
struct Project;

impl<T: Real> Task<(&Component<'_, T>, &[T], &mut Directions<'_, T>)> for Project {
    type Output = Rectified<T>;

    #[inline(always)]
    fn run<S: Simd>(
        self,
        simd: S,
        (component, x, to): (&Component<'_, T>, &[T], &mut Directions<'_, T>),
    ) -> Rectified<T> {
        component.project_in_vectors(simd, x, to)
    }
}

/// y += μ_ω r + C_ω q p.
pub(super) fn add_value<T: Real>(outer: (&[T], &[T]), at: &Rectified<T>, q: &[T], y: &mut [T]) {
    widest(Value, (outer, at, q, y));
}

task!(Value, value, (outer: (&'a [T], &'a [T]), at: &'a Rectified<T>, q: &'a [T], y: &'a mut [T]) -> ());

/// [`add_value`], compiled for the vectors at hand.
#[inline(always)]
fn value<T: Real, S: Simd>(simd: S, (mu_w, c_w): (&[T], &[T]), at: &Rectified<T>, q: &[T], y: &mut [T]) {
    let mut outputs = y.iter_mut().zip(mu_w);
    for_each_dot(simd, c_w, q, |_, dot| {
        if let Some((y, &mu_w)) = outputs.next() {
            *y += mu_w * at.mean + dot * at.probability;
        }
    });
}

/// ⟨column, x⟩ of as many columns as there are lanes, or as are left, from the column `first` on, of a matrix of rows
/// of `rank` elements.
#[inline(always)]
fn project_columns<T: Real, S: Simd>(
    simd: S,
    (matrix, rank): (&[T], usize),
    first: usize,
    x: &[T],
) -> Vector<T> {
    let zero = simd.splat(T::zero());
    let mut total = zero;
    for (rows, x) in shape::side_by_side_ref(matrix, RUN.saturating_mul(rank), x, RUN) {
        // Two sums side by side, so that none waits for the one before.
        let (mut even, mut odd) = (zero, zero);
        let mut columns = rows.chunks_exact(rank.max(1)).filter_map(|row| row.get(first..));
        let (pairs, last) = x.as_chunks();
        for &[x, other] in pairs {
            let (Some(row), Some(next)) = (columns.next(), columns.next()) else { break };
            even = simd.add_product(row, x, even);
            odd = simd.add_product(next, other, odd);
        }
        if let Some((row, &x)) = columns.next().zip(last.first()) {
            even = simd.add_product(row, x, even);
        }
        total = simd.add(total, simd.add(even, odd));
    }
    total
}

/// The same of one column, to the same bits.
#[inline(always)]
fn project_column<T: Real>((matrix, rank): (&[T], usize), column: usize, x: &[T]) -> T {
    let mut total = T::zero();
    for (rows, x) in shape::side_by_side_ref(matrix, RUN.saturating_mul(rank), x, RUN) {
        let (mut even, mut odd) = (T::zero(), T::zero());
        let mut column = rows.iter().skip(column).step_by(rank.max(1));
        let (pairs, last) = x.as_chunks();
        for &[x, other] in pairs {
            let (Some(&element), Some(&next)) = (column.next(), column.next()) else { break };
            even += element * x;
            odd += next * other;
        }
        if let Some((&element, &x)) = column.next().zip(last.first()) {
            even += element * x;
        }
        total += even + odd;
    }
    total
}

/// The rectified Gaussian of mean ⟨μ, x⟩ and standard deviation |q|, q being there; overwrites y. `columns` are those
/// of C_β, for the case that q is out of range.
#[inline(always)]
pub(super) fn rectify<'c, T: Real, C: Iterator<Item = &'c T> + Clone>(
    mu: &[T],
    columns: impl Iterator<Item = C> + Clone,
    x: &[T],
    to: &mut Directions<'_, T>,
) -> Rectified<T> {
    let squares = dot(to.q, to.q);
    if !in_range(squares) {
        return rectify_far(mu, columns, x, to);
    }
    let s = squares.sqrt();
    let inverse = s.recip();
    for (unit, &q) in to.unit.iter_mut().zip(to.q.iter()) {
        *unit = q * inverse;
    }
    Rectified::new(dot(mu, x), s)
}

/// The same for any size of its arguments: every sum is made of terms that are scaled by powers of two.
#[cold]
#[inline(never)]
fn rectify_far<'c, T: Real, C: Iterator<Item = &'c T> + Clone>(
    mu: &[T],
    columns: impl Iterator<Item = C> + Clone,
    x: &[T],
    to: &mut Directions<'_, T>,
) -> Rectified<T> {
    let of_all = columns.clone().filter_map(|column| largest_exponent(column, x)).max().unwrap_or(0);
    for ((q, unit), column) in to.q.iter_mut().zip(to.unit.iter_mut()).zip(columns) {
        let (sum, power) = scaled_dot(column, x);
        *q = sum.times_power_of_two(power);
        *unit = sum.times_power_of_two(power - of_all);
    }
    let of_unit = largest(to.unit).exponent();
    for unit in to.unit.iter_mut() {
        *unit = unit.times_power_of_two(-of_unit);
    }
    let s = dot(to.unit, to.unit).sqrt();
    let inverse = if s.is_zero() { T::zero() } else { s.recip() };
    for unit in to.unit.iter_mut() {
        *unit *= inverse;
    }
    Rectified::scaled(scaled_dot(mu.iter(), x), (s, of_all + of_unit))
}

/// The largest exponent of a term of ⟨a, x⟩, within one; nothing where all terms are 0.
fn largest_exponent<'a, T: Real>(a: impl Iterator<Item = &'a T>, x: &[T]) -> Option<i32> {
    let terms = a.zip(x).filter(|(a, x)| !a.is_zero() && !x.is_zero());
    terms.map(|(a, x)| a.exponent() + x.exponent()).max()
}

/// ⟨a, x⟩ beside a power of two that it still wants.
fn scaled_dot<'a, T: Real>(a: impl Iterator<Item = &'a T> + Clone, x: &[T]) -> (T, i32) {
    let power = largest_exponent(a.clone(), x).unwrap_or(0);
    let terms = a.zip(x).map(|(a, x)| {
        let (of_a, of_x) = (a.exponent(), x.exponent());
        let term = a.times_power_of_two(-of_a) * x.times_power_of_two(-of_x);
        term.times_power_of_two(of_a + of_x - power)
    });
    (sum(terms), power)
}

#[cfg(test)]
mod tests {
    use super::{RUN, project_column, project_columns};
    use crate::kernel::{LANES, Portable, Simd, Task, Vector, widest};

    struct Columns<'a>(&'a [f32], usize, &'a [f32]);

    impl Task<()> for Columns<'_> {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S, (): ()) -> Vec<f32> {
            let Self(matrix, rank, x) = self;
            let columns = (0..rank).step_by(LANES).flat_map(|first| {
                let Vector(lanes) = project_columns(simd, (matrix, rank), first, x);
                lanes.into_iter().take(rank - first)
            });
            columns.collect()
        }
    }

    /// One at a time or many, with any instructions.
    #[test]
    fn columns_have_the_same_bits_either_way() {
        for inputs in [1, 3, 4, 5, 63, RUN - 1, RUN, 2 * RUN + 7] {
            let x: Vec<f32> = (0..inputs).map(|i| (i as f32 * 0.7).sin()).collect();
            for rank in [1, 2, 4, 7, LANES - 1, LANES, LANES + 3, 2 * LANES] {
                let matrix: Vec<f32> = (0..inputs * rank).map(|i| (i as f32 * 0.3).cos()).collect();
                let want: Vec<f32> =
                    (0..rank).map(|column| project_column((&matrix, rank), column, &x)).collect();
                assert_eq!(Columns(&matrix, rank, &x).run(Portable, ()), want, "{inputs} {rank}");
                assert_eq!(widest(Columns(&matrix, rank, &x), ()), want, "{inputs} {rank}");
                let exact = |column| {
                    (0..inputs).map(|i| f64::from(matrix[i * rank + column]) * f64::from(x[i])).sum::<f64>()
                };
                for (column, got) in want.into_iter().enumerate() {
                    assert!((f64::from(got) - exact(column)).abs() < 1e-6 * inputs as f64, "{inputs} {rank}");
                }
            }
        }
    }
}

//! A row by itself: the gradients of one family, the components that share C_β.
//!
//! With the cotangent g, y = q/s (a unit vector, 0 at s = 0) and, of each component, e = C_ωᵀg:
//!
//! ```text
//! A = ⟨g, μ_ω⟩             b = ⟨e, y⟩
//! ∂m = A p + b φ           ∂s = A φ − b tφ          ∂q += ∂s y + p e
//! ∂μ_ω += r g              ∂C_ω += g (q p)ᵀ
//! ∂μ_β += ∂m x             ∂C_β += x ∂qᵀ            ∂x += Σ ∂m μ_β + C_β ∂q
//! ```
//!
//! No term divides by s, so nothing overflows however small s is. The row and its cotangent are read at usual size; a
//! family is read so only where a product overflows.

use super::parameters::Targets;
use super::row::{Vectors, powers_of, project, write_dots};
use crate::kernel::{Simd, add_combination, add_scaled, dispatch, dot, task};
use crate::mixture::{Powers, Row, Target, halves, scale_row};
use crate::slices::{take, zip_rows};
use crate::{Real, Rectified};

/// Uses the gradients of ⟨g, Σ μ_ω r + C_ω q p⟩ at one row, and adds that of the row to `dx`. `powers` are given where
/// products of the parameters are known to overflow.
pub(super) fn backward<T: Real>(
    target: &mut Targets<'_, T>,
    row: &Row<'_, T>,
    powers: Option<Powers>,
    mut dx: Option<&mut [T]>,
    vectors: &mut Vectors<'_, T>,
) {
    let is_done =
        powers.is_none() && dispatch(Backward, (&mut *target, row, None, dx.as_deref_mut(), &mut *vectors));
    if !is_done {
        let powers = powers.unwrap_or_else(|| target.unit().powers());
        dispatch(Backward, (target, row, Some(powers), dx, vectors));
    }
}

/// [`backward`] at the size that `powers` give: those of the family, whose members have ones of their own for ω. Without
/// them it returns false, with nothing written, where a product overflows at the size that the parameters have.
#[inline(always)]
fn backward_row<T: Real, S: Simd>(
    simd: S,
    target: &mut Targets<'_, T>,
    row: &Row<'_, T>,
    powers: Option<Powers>,
    dx: Option<&mut [T]>,
    vectors: &mut Vectors<'_, T>,
) -> bool {
    let Vectors { vector, g: scaled_g, q, unit, d_q, e, at } = vectors;
    let (rank, outputs) = (unit.len(), row.g.len());
    let q = take(&mut &mut **q, rank);
    let &Row { x, g, x_power, g_power, .. } = row;
    let Powers { inner, outer } = powers.unwrap_or(Powers::NONE);
    let outer_of = |mu_w: &[T], c_w: &[T]| match powers {
        None => 0,
        Some(_) => powers_of([T::zero(); 2], mu_w, c_w).outer,
    };
    let for_b = halves::<T>(-inner);
    let finite = |numbers: &[T]| numbers.iter().all(|number| number.is_finite());
    let checks = powers.is_none() && row.is_finite;

    let family = target.unit();
    let at_b = scale_row(x, for_b[0], vector);
    let s = project(simd, family.c_b, at_b, for_b[1], q, unit);
    d_q.fill(T::zero());
    let mut is_finite = finite(q);
    for (member, at) in family.members(rank, outputs).zip(at.iter_mut()) {
        let own = outer_of(member.mu_w, member.c_w);
        let for_w = halves::<T>(-own);
        let z = Rectified::one(dot(member.mu_b, at_b) * for_b[1], s);
        let w_g = scale_row(g, for_w[0], scaled_g);
        write_dots(simd, member.c_w, w_g, e);
        e.iter_mut().for_each(|e| *e *= for_w[1]);
        let (a, b) = (dot(member.mu_w, w_g) * for_w[1], dot(e, unit));
        let (d_m, d_s) = (a * z.probability + b * z.density, a * z.density - b * z.density_moment);
        let share = halves::<T>(own - outer);
        for (d_q, (&y, &e)) in d_q.iter_mut().zip(unit.iter().zip(&**e)) {
            *d_q += (d_s * y + z.probability * e) * share[0] * share[1];
        }
        is_finite &= z.mean.is_finite() && d_m.is_finite();
        (*at.mean, *at.squares, *at.probability) = (z.mean, d_m, z.probability);
    }
    if checks && !(is_finite && finite(d_q)) {
        return false;
    }

    if let Some(dx) = dx {
        vector.fill(T::zero());
        for (member, at) in family.members(rank, outputs).zip(at.iter_mut()) {
            let share = halves::<T>(outer_of(member.mu_w, member.c_w) - outer);
            add_combination(simd, &[*at.squares * share[0] * share[1]], for_b[0], member.mu_b, vector);
        }
        add_combination(simd, d_q, for_b[0], family.c_b, vector);
        let back = halves::<T>(g_power + outer + inner);
        for (dx, &sum) in dx.iter_mut().zip(&**vector) {
            *dx += sum * for_b[1] * back[0] * back[1];
        }
    }
    let row_power = x_power + g_power;
    // β first: the powers of two are those of ω as it was.
    if let Some((mut to, rate)) = target.mu_b.destination() {
        let omega = zip_rows(target.mu_w.values(), outputs, target.c_w.values(), rank * outputs);
        for (at, (mu_w, c_w)) in at.iter_mut().zip(omega) {
            let back = halves::<T>(row_power + outer_of(mu_w, c_w));
            let x = scale_row(x, back[1], vector);
            add_scaled(take(&mut to, x.len()), rate * (*at.squares * back[0]), x);
        }
    }
    let back = halves::<T>(row_power + outer);
    add_multiples(&mut target.c_b, d_q.iter().copied(), back[0], scale_row(x, back[1], vector));
    let back = halves::<T>(row_power + inner);
    let g = scale_row(g, back[1], scaled_g);
    let (members, rest) = (target.mu_w.values().len() / outputs.max(1), at);
    let (r, p) = rest.means_and_probabilities(members);
    add_multiples(&mut target.mu_w, r.iter().copied(), back[0], g);
    let q_p = p.iter().flat_map(|&p| q.iter().map(move |&q| q * p));
    add_multiples(&mut target.c_w, q_p, back[0], g);
    true
}

task!(Backward, backward_row, (
    target: &'a mut Targets<'b, T>,
    row: &'a Row<'a, T>,
    powers: Option<Powers>,
    dx: Option<&'a mut [T]>,
    vectors: &'a mut Vectors<'c, T>,
) -> bool);

/// Uses a gradient whose rows are multiples of one row.
#[inline(always)]
fn add_multiples<T: Real>(
    target: &mut Target<'_, T>,
    multiples: impl Iterator<Item = T>,
    factor: T,
    row: &[T],
) {
    if let Some((mut to, rate)) = target.destination() {
        for multiple in multiples {
            add_scaled(take(&mut to, row.len()), rate * (multiple * factor), row);
        }
    }
}

//! A row by itself: the gradients of one component.
//!
//! With the cotangent g, y = q/s (a unit vector, 0 at s = 0) and e = C_ωᵀg:
//!
//! ```text
//! A = ⟨g, μ_ω⟩             b = ⟨e, y⟩
//! ∂m = A p + b φ           ∂s = A φ − b tφ          ∂q = ∂s y + p e
//! ∂μ_ω += r g              ∂C_ω += g (q p)ᵀ
//! ∂μ_β += ∂m x             ∂C_β += x ∂qᵀ            ∂x += ∂m μ_β + C_β ∂q
//! ```
//!
//! No term divides by s, so nothing overflows however small s is. The row and its cotangent are read at usual size; a
//! component is read so only where a product overflows.

use super::parameters::Targets;
use super::row::{Vectors, project, write_dots};
use crate::Real;
use crate::kernel::{Simd, add_combination, add_scaled, dispatch, dot, task};
use crate::mixture::{Powers, Row, Target, halves, scale_row};
use crate::slices::take;

/// Uses the gradients of ⟨g, μ_ω r + C_ω q p⟩ at one row, and adds that of the row to `dx`. `powers` are given where
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
        let powers = powers.unwrap_or_else(|| target.component().powers());
        dispatch(Backward, (target, row, Some(powers), dx, vectors));
    }
}

/// [`backward`] at the size that `powers` give. Without them it returns false, with nothing written, where a product
/// overflows at the size that the parameters have.
#[inline(always)]
fn backward_row<T: Real, S: Simd>(
    simd: S,
    target: &mut Targets<'_, T>,
    row: &Row<'_, T>,
    powers: Option<Powers>,
    dx: Option<&mut [T]>,
    vectors: &mut Vectors<'_, T>,
) -> bool {
    let Vectors { vector, g: scaled_g, q, unit, d_q } = vectors;
    let q = take(&mut &mut **q, unit.len());
    let &Row { x, g, x_power, g_power, .. } = row;
    let Powers { inner, outer } = powers.unwrap_or(Powers::NONE);
    let [for_b, for_w] = [-inner, -outer].map(halves::<T>);

    let component = target.component();
    let z = project(simd, &component, for_b, x, [&mut **vector, &mut *q, &mut **unit]);
    let (r, p) = (z.mean, z.probability);
    let w_g = scale_row(g, for_w[0], scaled_g);
    write_dots(simd, component.c_w, w_g, d_q);
    d_q.iter_mut().for_each(|e| *e *= for_w[1]);
    let (a, b) = (dot(component.mu_w, w_g) * for_w[1], dot(d_q, unit));
    let (d_m, d_s) = (a * p + b * z.density, a * z.density - b * z.density_moment);
    for (d_q, &y) in d_q.iter_mut().zip(&**unit) {
        *d_q = d_s * y + p * *d_q;
    }
    if powers.is_none() && row.is_finite {
        let is_finite = |numbers: &[T]| numbers.iter().all(|number| number.is_finite());
        if !(is_finite(&[r, d_m]) && is_finite(q) && is_finite(d_q)) {
            return false;
        }
    }

    if let Some(dx) = dx {
        vector.fill(T::zero());
        add_combination(simd, &[d_m], for_b[0], component.mu_b, vector);
        add_combination(simd, d_q, for_b[0], component.c_b, vector);
        let back = halves::<T>(g_power + outer + inner);
        for (dx, &sum) in dx.iter_mut().zip(&**vector) {
            *dx += sum * for_b[1] * back[0] * back[1];
        }
    }
    q.iter_mut().for_each(|q| *q *= p);
    let [for_w, for_b] = [inner, outer].map(|power| halves::<T>(x_power + g_power + power));
    let (g, x) = (scale_row(g, for_w[1], scaled_g), scale_row(x, for_b[1], vector));
    add_multiples(&mut target.mu_w, &[r], for_w[0], g);
    add_multiples(&mut target.c_w, q, for_w[0], g);
    add_multiples(&mut target.mu_b, &[d_m], for_b[0], x);
    add_multiples(&mut target.c_b, d_q, for_b[0], x);
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
fn add_multiples<T: Real>(target: &mut Target<'_, T>, multiples: &[T], factor: T, row: &[T]) {
    if let Some((mut to, rate)) = target.destination() {
        for &multiple in multiples {
            add_scaled(take(&mut to, row.len()), rate * (multiple * factor), row);
        }
    }
}

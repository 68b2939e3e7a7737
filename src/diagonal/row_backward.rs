//! A row by itself: the gradients of one component.
//!
//! With the cotangent g, y = σ⊙x/s (a unit vector, 0 at s = 0) and c = Uᵀg:
//!
//! ```text
//! A = ⟨c, μ⟩ + ⟨g, v⟩      b = Σ cᵢσᵢyᵢ
//! ∂m = A p + b φ           ∂s = A φ − b tφ
//! ∂Uₗ += gₗ q              ∂μᵢ += cᵢ r + xᵢ ∂m
//! ∂vₗ += gₗ r              ∂σᵢ += xᵢ (∂s yᵢ + 2p cᵢσᵢ)
//!                          ∂xᵢ += μᵢ ∂m + σᵢ (∂s yᵢ + p cᵢσᵢ)
//! ```
//!
//! In centred coordinates ⟨c, μ⟩ is left out of A and cᵢ r out of ∂μ. No term divides by s, so nothing overflows however
//! small s is. The row and its cotangent are read at usual size; a component is read so only where a product overflows.

use super::form::Coordinates;
use super::parameters::{Component, Targets};
use super::row::Vectors;
use crate::Real;
use crate::kernel::{Simd, add_combination, dispatch, dot_of_three, sum, sum_of, task};
use crate::mixture::{Powers, Row, halves, largest, power};
use crate::rectified::project_row;
use crate::slices::{rows, take};

/// Uses the gradients of ⟨g, U q + v r⟩ at one row, and adds that of the row to `dx`. `powers` are given where products
/// of the parameters are known to overflow.
pub(super) fn backward<T: Real>(
    coordinates: Coordinates,
    target: &mut Targets<'_, T>,
    row: &Row<'_, T>,
    powers: Option<Powers>,
    mut dx: Option<&mut [T]>,
    vectors: &mut Vectors<'_, T>,
) {
    let is_done = powers.is_none()
        && dispatch(Backward, (coordinates, &mut *target, row, None, dx.as_deref_mut(), &mut *vectors));
    if !is_done {
        let powers = powers.unwrap_or_else(|| target.unit().powers());
        dispatch(Backward, (coordinates, target, row, Some(powers), dx, vectors));
    }
}

/// [`backward`] at the size that `powers` give. Without them it returns false, with nothing written, where a product
/// overflows at the size that the parameters have.
#[inline(always)]
fn backward_row<T: Real, S: Simd>(
    simd: S,
    coordinates: Coordinates,
    target: &mut Targets<'_, T>,
    row: &Row<'_, T>,
    powers: Option<Powers>,
    dx: Option<&mut [T]>,
    vectors: &mut Vectors<'_, T>,
) -> bool {
    let Vectors { direction, q, c } = vectors;
    let &Row { x, g, x_power, g_power, .. } = row;
    let Powers { inner, outer } = powers.unwrap_or(Powers::NONE);
    let factor = power::<T>(-inner);
    let [for_u, for_v] = [-outer, -outer - inner].map(halves::<T>);

    let component = target.unit();
    let at = project_row(component.mu, component.sigma, factor, x, direction);
    direction.iter_mut().for_each(|y| *y *= at.unit);
    let z = at.rectified;
    let (r, p) = (z.mean, z.probability);
    component.write_q(coordinates, factor, x, &z, q);
    component.write_c(simd, g, for_u, c);
    let mean = sum_of(c, component.mu, |c, mu| c * (mu * factor));
    let offset = sum(g.iter().zip(component.v).map(|(&g, &v)| g * (v * for_v[0] * for_v[1])));
    let a = coordinates.through_mean(mean) + offset;
    let b = dot_of_three(c, (component.sigma, factor), direction);
    let (d_m, d_s) = (a * p + b * z.density, a * z.density - b * z.density_moment);
    let q_size = largest(simd, q);
    if powers.is_none() && row.is_finite && ![q_size, r, a, b].iter().all(|number| number.is_finite()) {
        return false;
    }

    if let Some(dx) = dx {
        let back = halves::<T>(g_power + outer + 2 * inner);
        let numbers = c.iter().zip(&**direction).zip(component.mu.iter().zip(component.sigma));
        for (dx, ((&c, &y), (&mu, &sigma))) in dx.iter_mut().zip(numbers) {
            let sigma = sigma * factor;
            *dx += (mu * factor * d_m + sigma * (d_s * y + p * (c * sigma))) * back[0] * back[1];
        }
    }
    let row_power = x_power + g_power;
    let back = halves::<T>(row_power + outer + inner);
    // Before σ goes down its gradient.
    if target.sigma.is_wanted() {
        for (y, (&c, &sigma)) in direction.iter_mut().zip(c.iter().zip(target.sigma.values())) {
            *y = d_s * *y + (p + p) * (c * (sigma * factor));
        }
    }
    if let Some((to, rate)) = target.sigma.destination() {
        for (to, (&x, &y)) in to.iter_mut().zip(x.iter().zip(&**direction)) {
            *to += rate * (x * y * back[0] * back[1]);
        }
    }
    if let Some((to, rate)) = target.mu.destination() {
        let r = coordinates.through_mean(r);
        for (to, (&c, &x)) in to.iter_mut().zip(c.iter().zip(x)) {
            *to += rate * ((c * r + x * d_m) * back[0] * back[1]);
        }
    }
    if let Some((mut to, rate)) = target.u.destination() {
        let back = halves::<T>(row_power + 2 * inner);
        q.iter_mut().for_each(|q| *q *= back[0]);
        for &g in g {
            let g = g * back[1];
            let row = take(&mut to, x.len()).iter_mut().zip(&**q);
            if rate == T::one() {
                row.for_each(|(to, &q)| *to += g * q);
            } else {
                row.for_each(|(to, &q)| *to += rate * (g * q));
            }
        }
    }
    if let Some((to, rate)) = target.v.destination() {
        let back = halves::<T>(row_power + inner);
        for (to, &g) in to.iter_mut().zip(g) {
            *to += rate * (g * back[0] * (r * back[1]));
        }
    }
    true
}

task!(Backward, backward_row, (
    coordinates: Coordinates,
    target: &'a mut Targets<'b, T>,
    row: &'a Row<'a, T>,
    powers: Option<Powers>,
    dx: Option<&'a mut [T]>,
    vectors: &'a mut Vectors<'c, T>,
) -> bool);

impl<T: Real> Component<'_, T> {
    /// c = Uᵀg times two factors.
    #[inline(always)]
    fn write_c<S: Simd>(&self, simd: S, g: &[T], factors: [T; 2], c: &mut [T]) {
        c.fill(T::zero());
        if factors != [T::one(); 2] {
            for (row, &g) in rows(self.u, c.len()).zip(g) {
                c.iter_mut().zip(row).for_each(|(c, &u)| *c += g * (u * factors[0] * factors[1]));
            }
            return;
        }
        add_combination(simd, g, T::one(), self.u, c);
    }
}

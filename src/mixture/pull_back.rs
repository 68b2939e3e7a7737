//! From the cotangents of r and p to those of m and s.

use crate::Real;
use crate::kernel::{Simd, Vector};
use crate::mixture::{Activations, power};

/// ∂m and ∂s/s in the lanes of vector `at` of a component that begins at the element `first` of each field:
///
/// ```text
/// ∂m = ρ p + π φ/s     ∂s/s = (ρ φ − π tφ/s)/s
/// ```
#[inline(always)]
pub(crate) fn pull_back<T: Real, S: Simd>(
    simd: S,
    saved: &Activations<&[T]>,
    at: usize,
    rho: Vector<T>,
    pi: Vector<T>,
) -> Option<(Vector<T>, Vector<T>)> {
    let p = simd.load::<true, T>(saved.p, at)?;
    let (phi, t_phi) = (simd.load::<true, T>(saved.phi, at)?, simd.load::<true, T>(saved.t_phi, at)?);
    let inv_s = simd.load::<true, T>(saved.inv_s, at)?;
    let pi_s = simd.mul(pi, inv_s);
    let d_m = simd.mul_add(pi_s, phi, simd.mul(rho, p));
    let d_s = simd.sub(simd.mul(rho, phi), simd.mul(pi_s, t_phi));
    Some((d_m, simd.mul(d_s, inv_s)))
}

/// The largest ∂s/s that a batch multiplies by σ² of a component that fits, or by the square of an input of usual size: 2¹⁶
/// such products add up to a finite sum.
pub(crate) fn most_d_s<T: Real>() -> T {
    power::<T>(-T::LEAST_EXPONENT - 16) / (T::LARGE * T::LARGE)
}

//! The backward pass of one chunk.

use super::super::parameters::{Gradients, Parameters};
use super::super::prepared::Constants;
use super::{CHUNK, Tape, clear_others};
use crate::kernel::{Matrix, add_scaled, dot, product, product_of_squares, transpose, widest};
use crate::{Real, Shape};

/// What a backward pass differentiates: the parameters and what was prepared from them.
#[derive(Debug, Clone, Copy)]
pub(in crate::diagonal) struct Model<'a, T> {
    pub(in crate::diagonal) shape: Shape,
    pub(in crate::diagonal) parameters: Parameters<'a, T>,
    pub(in crate::diagonal) constants: Constants<'a, T>,
}

/// Adds the gradients of the plain rows of a chunk and overwrites their `dx`; what the tape holds of W x, φ
/// and tφ is used up.
pub(in crate::diagonal) fn backward<T: Real>(
    model: &Model<'_, T>,
    x: &[T],
    g: &[T],
    gradients: &mut Gradients<'_, T>,
    dx: Option<&mut [T]>,
    tape: &mut Tape<'_, T>,
    scratch: &mut [T],
) {
    let (shape, constants) = (model.shape, &model.constants);
    let (inputs, outputs) = (shape.inputs(), shape.outputs());
    let rows = x.len() / inputs;
    let (spread, rest) = scratch.split_at_mut(x.len());
    let (cleared, rest) = rest.split_at_mut(x.len());
    let (share, rest) = rest.split_at_mut(g.len());
    let (of_w, rest) = rest.split_at_mut(outputs * inputs);
    let (of_variance, _) = rest.split_at_mut(shape.sigma_len());

    let components = T::from_usize(shape.components());
    transpose(g, outputs, share, rows);
    for share in share.chunks_exact_mut(rows) {
        clear_others(share, tape.plain);
        for share in share {
            *share /= components;
        }
    }
    let x = plain_rows(x, inputs, tape.plain, cleared);
    cotangents(constants, share, tape, outputs, rows);
    // From here: density holds ∂m, density_moment ∂s/s, slope p g.

    if let Some(dx) = dx {
        dx.fill(T::zero());
        product(dx, Matrix::transposed(tape.density, rows), constants.mu, shape.components(), inputs);
        product(dx, Matrix::transposed(tape.slope, rows), constants.w, shape.v_len(), inputs);
        spread.fill(T::zero());
        let of_s = Matrix::transposed(tape.density_moment, rows);
        product(spread, of_s, constants.variance, shape.components(), inputs);
        for ((dx, &spread), &x) in dx.iter_mut().zip(spread.iter()).zip(x) {
            *dx += spread * x;
        }
    }
    if let Some(of_mu) = gradients.mu.as_deref_mut() {
        product(of_mu, Matrix::rows(tape.density, rows), x, rows, inputs);
    }
    if gradients.sigma.is_some() {
        of_variance.fill(T::zero());
        product_of_squares(of_variance, Matrix::rows(tape.density_moment, rows), x, rows, inputs);
    }

    let with_slopes = gradients.u.is_some() || gradients.sigma.is_some();
    let lanes = tape.slope.chunks_exact(rows * outputs).zip(tape.mean.chunks_exact(rows));
    let parts = gradients.reborrow().components(shape).zip(of_variance.chunks_exact(inputs));
    for ((component, (slope, mean)), (mut gradients, of_variance)) in
        model.parameters.components(shape).zip(lanes).zip(parts)
    {
        if with_slopes {
            of_w.fill(T::zero());
            product(of_w, Matrix::rows(slope, rows), x, rows, inputs);
        }
        if let Some(of_sigma) = gradients.sigma.as_deref_mut() {
            widest(|| along_sigma(component.sigma, component.u, of_w, of_variance, of_sigma));
        }
        for (l, share) in share.chunks_exact(rows).enumerate() {
            let of_a = widest(|| dot(share, mean));
            let row = l * inputs..(l + 1) * inputs;
            if let Some(of_v) = gradients.v.as_deref_mut().and_then(|of_v| of_v.get_mut(l)) {
                *of_v += of_a;
            }
            if let Some(of_mu) = gradients.mu.as_deref_mut() {
                let u = component.u.get(row.clone()).unwrap_or_default();
                widest(|| add_scaled(of_mu, of_a, u));
            }
            if let Some(of_u) = gradients.u.as_deref_mut().and_then(|of_u| of_u.get_mut(row.clone())) {
                let of_w = of_w.get(row).unwrap_or_default();
                widest(|| along_u(of_u, of_w, of_a, component.sigma, component.mu));
            }
        }
    }
}

/// ∂U += ∂W diag σ² + ∂a μᵀ, for one output.
#[inline(always)]
fn along_u<T: Real>(of_u: &mut [T], of_w: &[T], of_a: T, sigma: &[T], mu: &[T]) {
    for (of_u, ((&of_w, &sigma), &mu)) in of_u.iter_mut().zip(of_w.iter().zip(sigma).zip(mu)) {
        *of_u += of_w * sigma * sigma + of_a * mu;
    }
}

/// The rows themselves where all are plain, else a copy with zeros in the place of the others.
fn plain_rows<'a, T: Real>(x: &'a [T], inputs: usize, plain: &[T], copy: &'a mut [T]) -> &'a [T] {
    if !plain.iter().any(T::is_zero) {
        return x;
    }
    copy.copy_from_slice(x);
    for (row, plain) in copy.chunks_exact_mut(inputs).zip(plain) {
        if plain.is_zero() {
            row.fill(T::zero());
        }
    }
    copy
}

/// ∂m, ∂s/s and p g of every component, in the place of φ, tφ and W x.
fn cotangents<T: Real>(
    constants: &Constants<'_, T>,
    share: &[T],
    tape: &mut Tape<'_, T>,
    outputs: usize,
    rows: usize,
) {
    let components = tape
        .inverse
        .chunks_exact(rows)
        .zip(tape.probability.chunks_exact(rows))
        .zip(tape.density.chunks_exact_mut(rows))
        .zip(tape.density_moment.chunks_exact_mut(rows))
        .zip(tape.slope.chunks_exact_mut(rows * outputs))
        .zip(constants.a.chunks_exact(outputs));
    for (((((inverse, probability), density), moment), slope), a) in components {
        let mut sums = [[T::zero(); CHUNK]; 2];
        let [rho, pi] = &mut sums;
        for ((share, slope), &a) in share.chunks_exact(rows).zip(slope.chunks_exact_mut(rows)).zip(a) {
            widest(|| add_cotangent(rho, pi, slope, share, a, probability));
        }
        widest(|| slopes(rho, pi, density, moment, inverse, probability));
    }
}

/// ρ += g a and π += g (W x) of one output, and p g in the place of W x, along the rows.
#[inline(always)]
fn add_cotangent<T: Real>(
    rho: &mut [T],
    pi: &mut [T],
    slope: &mut [T],
    share: &[T],
    a: T,
    probability: &[T],
) {
    let lanes = share.iter().zip(slope).zip(probability);
    for (((&g, slope), &p), (rho, pi)) in lanes.zip(rho.iter_mut().zip(pi)) {
        *rho += g * a;
        *pi += g * *slope;
        *slope = p * g;
    }
}

/// ∂m and ∂s/s of one component, in the place of φ and tφ, along the rows.
#[inline(always)]
fn slopes<T: Real>(
    rho: &[T],
    pi: &[T],
    density: &mut [T],
    moment: &mut [T],
    inverse: &[T],
    probability: &[T],
) {
    let lanes = density.iter_mut().zip(moment).zip(inverse).zip(probability);
    for ((((density, moment), &inverse), &p), (&rho, &pi)) in lanes.zip(rho.iter().zip(pi)) {
        let along = pi * inverse;
        let of_s = rho * *density - along * *moment;
        *density = rho * p + along * *density;
        *moment = of_s * inverse;
    }
}

/// Inputs that are summed over the outputs at once.
const BLOCK: usize = 64;

/// ∂σ += σ∘(Σ (∂s/s) x∘x + 2 Σ_l ∂Wₗ∘Uₗ), in blocks along the inputs.
#[inline(always)]
fn along_sigma<T: Real>(sigma: &[T], u: &[T], of_w: &[T], of_variance: &[T], of_sigma: &mut [T]) {
    let inputs = sigma.len();
    let blocks = of_sigma.chunks_mut(BLOCK).zip(sigma.chunks(BLOCK)).zip(of_variance.chunks(BLOCK));
    for (block, ((of_sigma, sigma), of_variance)) in blocks.enumerate() {
        let (first, width) = (block * BLOCK, sigma.len());
        let mut sums = [T::zero(); BLOCK];
        for (u, of_w) in u.chunks_exact(inputs).zip(of_w.chunks_exact(inputs)) {
            let (Some(u), Some(of_w)) = (u.get(first..first + width), of_w.get(first..first + width)) else {
                continue;
            };
            for ((sum, &u), &of_w) in sums.iter_mut().zip(u).zip(of_w) {
                *sum += u * of_w;
            }
        }
        for (((of_sigma, &sigma), &of_variance), sum) in
            of_sigma.iter_mut().zip(sigma).zip(of_variance).zip(sums)
        {
            *of_sigma += sigma * (of_variance + (sum + sum));
        }
    }
}

//! The backward pass of one chunk.

use super::super::parameters::{Gradients, Parameters};
use super::super::prepared::Constants;
use super::{Tape, clear_others};
use crate::kernel::{Matrix, add_scaled, product, transpose};
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
    let (squares, rest) = scratch.split_at_mut(x.len());
    let (spread, rest) = rest.split_at_mut(x.len());
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
        for (square, &x) in squares.iter_mut().zip(x) {
            *square = x * x;
        }
        of_variance.fill(T::zero());
        product(of_variance, Matrix::rows(tape.density_moment, rows), squares, rows, inputs);
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
            along_sigma(component.sigma, component.u, of_w, of_variance, of_sigma);
        }
        for (l, share) in share.chunks_exact(rows).enumerate() {
            let of_a = crate::kernel::dot(share, mean);
            let row = l * inputs..(l + 1) * inputs;
            if let Some(of_v) = gradients.v.as_deref_mut().and_then(|of_v| of_v.get_mut(l)) {
                *of_v += of_a;
            }
            if let Some(of_mu) = gradients.mu.as_deref_mut() {
                add_scaled(of_mu, of_a, component.u.get(row.clone()).unwrap_or_default());
            }
            if let Some(of_u) = gradients.u.as_deref_mut().and_then(|of_u| of_u.get_mut(row.clone())) {
                let of_w = of_w.get(row).unwrap_or_default();
                let terms = of_w.iter().zip(component.sigma).zip(component.mu);
                for (of_u, ((&of_w, &sigma), &mu)) in of_u.iter_mut().zip(terms) {
                    *of_u += of_w * sigma * sigma + of_a * mu;
                }
            }
        }
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
        .chunks_exact_mut(rows)
        .zip(tape.probability.chunks_exact(rows))
        .zip(tape.density.chunks_exact_mut(rows))
        .zip(tape.density_moment.chunks_exact_mut(rows))
        .zip(tape.slope.chunks_exact_mut(rows * outputs))
        .zip(constants.a.chunks_exact(outputs));
    for (((((inverse, probability), density), density_moment), slope), a) in components {
        for lane in 0..rows.div_ceil(LANES) {
            let first = lane * LANES;
            let width = LANES.min(rows - first);
            let (mut rho, mut pi) = ([T::zero(); LANES], [T::zero(); LANES]);
            let by_output = share.chunks_exact(rows).zip(slope.chunks_exact_mut(rows)).zip(a);
            for ((share, slope), &a) in by_output {
                let lanes = share.iter().zip(slope).zip(probability).skip(first).take(width);
                for (((&g, slope), &p), (rho, pi)) in lanes.zip(rho.iter_mut().zip(&mut pi)) {
                    *rho += g * a;
                    *pi += g * *slope;
                    *slope = p * g;
                }
            }
            let lanes =
                density.iter_mut().zip(density_moment.iter_mut()).zip(inverse.iter()).zip(probability);
            let sums = rho.into_iter().zip(pi);
            for ((((density, moment), &inverse), &p), (rho, pi)) in lanes.skip(first).take(width).zip(sums) {
                let of_m = rho * p + pi * inverse * *density;
                let of_s = rho * *density - pi * inverse * *moment;
                (*density, *moment) = (of_m, of_s * inverse);
            }
        }
    }
}

/// Lanes of the batch that are summed over the outputs at once.
const LANES: usize = 16;

/// ∂σ += σ∘(Σ (∂s/s) x∘x + 2 Σ_l ∂Wₗ∘Uₗ), in blocks along the inputs.
fn along_sigma<T: Real>(sigma: &[T], u: &[T], of_w: &[T], of_variance: &[T], of_sigma: &mut [T]) {
    let inputs = sigma.len();
    let blocks = of_sigma.chunks_mut(LANES).zip(sigma.chunks(LANES)).zip(of_variance.chunks(LANES));
    for (block, ((of_sigma, sigma), of_variance)) in blocks.enumerate() {
        let first = block * LANES;
        let mut sums = [T::zero(); LANES];
        for (u, of_w) in u.chunks_exact(inputs).zip(of_w.chunks_exact(inputs)) {
            let terms = u.iter().zip(of_w).skip(first).take(sigma.len());
            for (sum, (&u, &of_w)) in sums.iter_mut().zip(terms) {
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

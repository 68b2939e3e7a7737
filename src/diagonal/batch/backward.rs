//! The backward pass of one chunk.

use core::ops::Range;

use super::super::parameters::{Component, Gradients, Parameters};
use super::{CHUNK, Tape, clear_others};
use crate::kernel::{Matrix, add_scaled, dot, product, product_of_squares, task, transpose, widest};
use crate::{Real, Shape, shape};

/// What a backward pass differentiates: the parameters and what was prepared from them.
#[derive(Debug, Clone, Copy)]
pub(in crate::diagonal) struct Model<'a, T> {
    pub(in crate::diagonal) shape: Shape,
    pub(in crate::diagonal) parameters: Parameters<'a, T>,
    pub(in crate::diagonal) a: &'a [T],
    /// W, which only ∂x needs.
    pub(in crate::diagonal) w: &'a [T],
    pub(in crate::diagonal) variance: &'a [T],
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
    let shape = model.shape;
    let (inputs, outputs) = (shape.inputs(), shape.outputs());
    let rows = (x.len() / inputs).max(1);
    let (spread, rest) = shape::split(scratch, x.len());
    let (cleared, rest) = shape::split(rest, x.len());
    let (share, rest) = shape::split(rest, g.len());
    let (of_w, rest) = shape::split(rest, outputs * inputs);
    let (of_variance, rest) = shape::split(rest, shape.sigma_len());
    let (of_a, _) = shape::split(rest, outputs);

    let components = T::from_usize(shape.components());
    transpose(g, outputs, share, rows);
    for share in share.chunks_exact_mut(rows) {
        clear_others(share, tape.plain);
        for share in share {
            *share /= components;
        }
    }
    let x = plain_rows(x, inputs, tape.plain, cleared);
    cotangents(model.a, share, tape, outputs, rows);
    // From here: density holds ∂m, density_moment ∂s/s, slope p g.

    if let Some(dx) = dx {
        dx.fill(T::zero());
        product(dx, Matrix::transposed(tape.density, rows), model.parameters.mu, shape.components(), inputs);
        product(dx, Matrix::transposed(tape.slope, rows), model.w, shape.v_len(), inputs);
        spread.fill(T::zero());
        let of_s = Matrix::transposed(tape.density_moment, rows);
        product(spread, of_s, model.variance, shape.components(), inputs);
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
    let lanes = tape.slope.chunks_exact((rows * outputs).max(1)).zip(tape.mean.chunks_exact(rows));
    let parts = gradients.reborrow().components(shape).zip(of_variance.chunks_exact(inputs));
    for ((component, (slope, mean)), (mut gradients, of_variance)) in
        model.parameters.components(shape).zip(lanes).zip(parts)
    {
        if with_slopes {
            of_w.fill(T::zero());
            product(of_w, Matrix::rows(slope, rows), x, rows, inputs);
        }
        for (of_a, share) in of_a.iter_mut().zip(share.chunks_exact(rows)) {
            *of_a = widest(Dot, (share, mean));
        }
        if let Some(of_v) = gradients.v.as_deref_mut() {
            add_scaled(of_v, T::one(), of_a);
        }
        widest(AlongInputs, (&component, &*of_w, &*of_a, of_variance, gradients));
    }
}

/// Inputs that go through all outputs together.
const BLOCK: usize = 64;

/// The gradients of μ, σ and U in one pass along the inputs, in blocks:
///
/// ```text
/// ∂U += ∂W diag σ² + ∂a μᵀ     ∂μ += Uᵀ∂a     ∂σ += σ∘(Σ (∂s/s) x∘x + 2 Σ_l ∂Wₗ∘Uₗ)
/// ```
#[inline(always)]
fn along_inputs<T: Real>(
    component: &Component<'_, T>,
    of_w: &[T],
    of_a: &[T],
    of_variance: &[T],
    mut gradients: Gradients<'_, T>,
) {
    let inputs = component.mu.len();
    for first in (0..inputs).step_by(BLOCK) {
        let block = first..inputs.min(first + BLOCK);
        let (mu, sigma) = (part(component.mu, &block), part(component.sigma, &block));
        let mut sums = [[T::zero(); BLOCK]; 2];
        let [of_mu, of_sigma] = &mut sums;
        let rows = component.u.chunks_exact(inputs).zip(of_w.chunks_exact(inputs)).zip(of_a);
        let mut of_u = gradients.u.as_deref_mut().map(|of_u| of_u.chunks_exact_mut(inputs));
        for ((u, of_w), &of_a) in rows {
            let (u, of_w) = (part(u, &block), part(of_w, &block));
            add_products(of_mu, of_sigma, u, of_w, of_a);
            if let Some(of_u) = of_u.as_mut().and_then(Iterator::next) {
                along_u(of_u.get_mut(block.clone()).unwrap_or_default(), of_w, of_a, sigma, mu);
            }
        }
        if let Some(total) = gradients.mu.as_deref_mut() {
            add_scaled(total.get_mut(block.clone()).unwrap_or_default(), T::one(), of_mu);
        }
        if let Some(total) = gradients.sigma.as_deref_mut() {
            let total = total.get_mut(block.clone()).unwrap_or_default();
            add_spread(total, sigma, part(of_variance, &block), of_sigma);
        }
    }
}

/// A block of a row.
#[inline(always)]
fn part<'a, T>(row: &'a [T], block: &Range<usize>) -> &'a [T] {
    row.get(block.clone()).unwrap_or_default()
}

/// Uᵀ∂a and Σ_l ∂Wₗ∘Uₗ, for one output.
#[inline(always)]
fn add_products<T: Real>(of_mu: &mut [T], of_sigma: &mut [T], u: &[T], of_w: &[T], of_a: T) {
    for ((of_mu, of_sigma), (&u, &of_w)) in of_mu.iter_mut().zip(of_sigma).zip(u.iter().zip(of_w)) {
        *of_mu += u * of_a;
        *of_sigma += u * of_w;
    }
}

/// ∂U += ∂W diag σ² + ∂a μᵀ, for one output.
#[inline(always)]
fn along_u<T: Real>(of_u: &mut [T], of_w: &[T], of_a: T, sigma: &[T], mu: &[T]) {
    for (of_u, ((&of_w, &sigma), &mu)) in of_u.iter_mut().zip(of_w.iter().zip(sigma).zip(mu)) {
        *of_u += of_w * sigma * sigma + of_a * mu;
    }
}

/// ∂σ += σ∘(Σ (∂s/s) x∘x + 2 Σ_l ∂Wₗ∘Uₗ).
#[inline(always)]
fn add_spread<T: Real>(total: &mut [T], sigma: &[T], of_variance: &[T], sums: &[T]) {
    for ((total, &sigma), (&of_variance, &sum)) in
        total.iter_mut().zip(sigma).zip(of_variance.iter().zip(sums))
    {
        *total += sigma * (of_variance + (sum + sum));
    }
}

/// The rows themselves where all are plain, else a copy with zeros in the place of the others.
fn plain_rows<'a, T: Real>(x: &'a [T], inputs: usize, plain: &[T], copy: &'a mut [T]) -> &'a [T] {
    if !plain.iter().any(T::is_zero) {
        return x;
    }
    for (copy, &x) in copy.iter_mut().zip(x) {
        *copy = x;
    }
    for (row, plain) in copy.chunks_exact_mut(inputs).zip(plain) {
        if plain.is_zero() {
            row.fill(T::zero());
        }
    }
    copy
}

/// ∂m, ∂s/s and p g of every component, in the place of φ, tφ and W x.
fn cotangents<T: Real>(a: &[T], share: &[T], tape: &mut Tape<'_, T>, outputs: usize, rows: usize) {
    let components = tape
        .inverse
        .chunks_exact(rows)
        .zip(tape.probability.chunks_exact(rows))
        .zip(tape.density.chunks_exact_mut(rows))
        .zip(tape.density_moment.chunks_exact_mut(rows))
        .zip(tape.slope.chunks_exact_mut((rows * outputs).max(1)))
        .zip(a.chunks_exact(outputs));
    for (((((inverse, probability), density), moment), slope), a) in components {
        let mut sums = [[T::zero(); CHUNK]; 2];
        let [rho, pi] = &mut sums;
        for ((share, slope), &a) in share.chunks_exact(rows).zip(slope.chunks_exact_mut(rows)).zip(a) {
            widest(AddCotangent, (&mut rho[..], &mut pi[..], slope, share, a, probability));
        }
        widest(Slopes, (&rho[..], &pi[..], density, moment, inverse, probability));
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

task!(Dot, dot, (a: &'a [T], b: &'a [T]) -> T);
task!(AlongInputs, along_inputs, (
    component: &'a Component<'a, T>,
    of_w: &'a [T],
    of_a: &'a [T],
    of_variance: &'a [T],
    gradients: Gradients<'a, T>,
) -> ());
task!(AddCotangent, add_cotangent, (
    rho: &'a mut [T],
    pi: &'a mut [T],
    slope: &'a mut [T],
    share: &'a [T],
    a: T,
    probability: &'a [T],
) -> ());
task!(Slopes, slopes, (
    rho: &'a [T],
    pi: &'a [T],
    density: &'a mut [T],
    moment: &'a mut [T],
    inverse: &'a [T],
    probability: &'a [T],
) -> ());

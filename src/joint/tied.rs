//! The products of a tied layer: its components share q, so what they give is put together before q is looked at.
//!
//! ```text
//! h = Σ_k μ_ω r + Sᵀq,   S = Σ_k C_ω p,   π = C_ω (q gᵀ),   ∂C_ω = Σ p (q gᵀ),   ∂q = q Σ_k ∂s/s + S g
//! ```

use super::batch::Pass;
use super::parameters::Parameters;
use crate::Real;
use crate::kernel::{Accum, LANES, Matrix, Rows, RowsMut, Simd, Size, Terms, dispatch, product, task};
use crate::mixture::{self, Activations, Fields, write_product};
use crate::slices::{after, copy, count, row as row_of, rows};

impl<T: Real> Pass<'_, T> {
    /// S in `slopes`, from p of all components, and y += Sᵀq; `sums` are scratch: `[lanes]`.
    pub(super) fn add_tied_values(
        &self,
        [c_w, p, q]: [&[T]; 3],
        slopes: &mut [T],
        y: &mut [T],
        sums: &mut [T],
    ) {
        let (lanes, outputs, components) = (self.layout.lanes, self.shape.outputs(), self.shape.components());
        let width = self.shape.rank() * outputs;
        let run = |first, slopes: Fields<&mut [T], 1>| {
            let [slopes] = slopes.fields;
            let size = Size {
                rows: count(slopes.len(), lanes),
                terms: components,
                columns: lanes,
                over: Terms::Numbers,
            };
            let (c_w, p) = (Matrix::transposed(after(c_w, first), width), Rows { data: p, stride: lanes });
            product::<T, false>(Accum::Replace, RowsMut { data: slopes, stride: lanes }, c_w, p, size, &[]);
        };
        let parts = self.layout.parts.min(width);
        self.workers.in_parts(Fields::one(lanes, &mut *slopes), width, parts, &run);
        for output in 0..outputs {
            dispatch(SumAlong, (q, after(slopes, output * lanes), outputs, &mut *sums));
            for (y, &sum) in y.iter_mut().skip(output).step_by(outputs.max(1)).zip(&*sums) {
                *y += sum;
            }
        }
    }

    /// ∂m and ∂s/s of some components, from g and q gᵀ; r and p beside them.
    pub(super) fn pull_back_tied(
        &self,
        parameters: Parameters<'_, T>,
        [g, q_g, inv_s]: [&[T]; 3],
        saved: [&[T]; 4],
        [p, d_s, r, d_m]: [&mut [T]; 4],
    ) {
        let (lanes, outputs) = (self.layout.lanes, self.shape.outputs());
        let width = self.shape.rank() * outputs;
        for (to, factors, x, terms) in
            [(&mut *d_m, parameters.mu_w, g, outputs), (&mut *d_s, parameters.c_w, q_g, width)]
        {
            let x = Rows { data: x, stride: lanes };
            write_product(to, (lanes, 0), Matrix::rows(factors, terms), x, terms, &[]);
        }
        let [r_saved, p_saved, ..] = saved;
        copy(r_saved, r);
        copy(p_saved, p);
        for component in 0..count(d_m.len(), lanes) {
            let [r, p, phi, t_phi] = saved.map(|field| row_of(field, component, lanes));
            let linear: &[T] = &[];
            let saved = Activations::new(lanes, [linear, r, inv_s, p, phi, t_phi]);
            let cotangents = [&mut *d_m, &mut *d_s].map(|field| row_of(field, component, lanes));
            dispatch(PullBack, (saved, cotangents));
        }
    }
}

/// q gᵀ of every lane: `[rank × outputs × lanes]`.
pub(super) fn write_outer<T: Real>(q: &[T], g: &[T], lanes: usize, q_g: &mut [T]) {
    dispatch(WriteOuter, (q, g, lanes, q_g));
}

/// ∂q from Σ ∂s/s of all components and S g.
pub(super) fn write_d_q<T: Real>(q: &[T], d_s: &[T], slopes: &[T], g: &[T], d_q: &mut [T]) {
    dispatch(WriteDQ, (q, d_s, slopes, g, d_q));
}

#[inline(always)]
fn sum_along<T: Real, S: Simd>(simd: S, q: &[T], slopes: &[T], outputs: usize, sums: &mut [T]) {
    let (lanes, vectors) = (sums.len(), sums.len() / LANES);
    for at in 0..vectors {
        let mut sum = simd.splat(T::zero());
        for factor in 0..count(q.len(), lanes) {
            let q = simd.load::<true, T>(q, factor * vectors + at);
            let slope = simd.load::<true, T>(slopes, factor * outputs * vectors + at);
            if let Some((q, slope)) = q.zip(slope) {
                sum = simd.mul_add(q, slope, sum);
            }
        }
        simd.store::<true, T>(sums, at, sum);
    }
}

#[inline(always)]
fn outer<T: Real, S: Simd>(_: S, q: &[T], g: &[T], lanes: usize, q_g: &mut [T]) {
    for (q, q_g) in rows(q, lanes).zip(rows(q_g, g.len())) {
        for (g, q_g) in rows(g, lanes).zip(rows(q_g, lanes)) {
            for ((q_g, &q), &g) in q_g.iter_mut().zip(q).zip(g) {
                *q_g = q * g;
            }
        }
    }
}

#[inline(always)]
fn pull_back_lanes<T: Real, S: Simd>(simd: S, saved: Activations<&[T]>, [d_m, d_s]: [&mut [T]; 2]) {
    let mut lane = |at: usize| -> Option<()> {
        let (rho, pi) = (simd.load::<true, T>(d_m, at)?, simd.load::<true, T>(d_s, at)?);
        let (m, s) = mixture::pull_back(simd, &saved, at, rho, pi)?;
        simd.store::<true, T>(d_m, at, m);
        simd.store::<true, T>(d_s, at, s);
        Some(())
    };
    for at in 0..saved.lanes / LANES {
        lane(at);
    }
}

#[inline(always)]
fn pull_q<T: Real, S: Simd>(_: S, q: &[T], d_s: &[T], slopes: &[T], g: &[T], d_q: &mut [T]) {
    let lanes = d_s.len();
    for ((q, d_q), slopes) in rows(q, lanes).zip(rows(d_q, lanes)).zip(rows(slopes, g.len())) {
        for ((d_q, &q), &d_s) in d_q.iter_mut().zip(q).zip(d_s) {
            *d_q = q * d_s;
        }
        for (slopes, g) in rows(slopes, lanes).zip(rows(g, lanes)) {
            for ((d_q, &slope), &g) in d_q.iter_mut().zip(slopes).zip(g) {
                *d_q += slope * g;
            }
        }
    }
}

task!(SumAlong, sum_along, (q: &'a [T], slopes: &'a [T], outputs: usize, sums: &'a mut [T]) -> ());
task!(WriteOuter, outer, (q: &'a [T], g: &'a [T], lanes: usize, q_g: &'a mut [T]) -> ());
task!(PullBack, pull_back_lanes, (saved: Activations<&'a [T]>, cotangents: [&'a mut [T]; 2]) -> ());
task!(WriteDQ, pull_q, (q: &'a [T], d_s: &'a [T], slopes: &'a [T], g: &'a [T], d_q: &'a mut [T]) -> ());

//! The backward pass of some components over a group of rows.

use crate::batch::Record;
use crate::kernel::{
    LANES, Matrix, Onto, Panels, Rows, RowsMut, Simd, Size, Terms, dot, product, task, widest,
};
use crate::{Real, shape};

/// What ∂x needs of all components: μ with rows of `inputs`, W and σ² with rows of `stride` elements.
#[derive(Debug, Clone, Copy)]
pub(in crate::diagonal) struct Constants<'a, T> {
    pub(in crate::diagonal) inputs: usize,
    pub(in crate::diagonal) stride: usize,
    pub(in crate::diagonal) mu: &'a [T],
    pub(in crate::diagonal) w: &'a [T],
    pub(in crate::diagonal) variance: &'a [T],
    /// What takes ∂x from the lift of the cotangents.
    pub(in crate::diagonal) unit: T,
    /// What takes W and σ² from their lift.
    pub(in crate::diagonal) unit_of_prepared: T,
}

impl<T: Real> Record<'_, T> {
    /// ∂m in the place of φ, ∂s/s in the place of tφ and p g in the place of W x, in the lanes of a group from
    /// `first` on; adds ∂a.
    ///
    /// `share` is gᵀ times 1/K and the lift, in whole vectors, with 0 for rows that are not plain; `unit` takes a and W x
    /// from their lift.
    pub(in crate::diagonal) fn turn(
        &mut self,
        first: usize,
        (a, unit): (&[T], T),
        of_a: &mut [T],
        share: Rows<'_, T>,
    ) {
        widest(Turn, (self.reborrow(), first, (a, unit), of_a, share));
    }

    /// Adds Σ ∂m x and Σ (∂s/s) x∘x of all components, each where it is wanted.
    pub(in crate::diagonal) fn add_moments_of_group(
        &self,
        onto: Onto,
        first: usize,
        panels: Panels<'_, T>,
        of_mean: Option<&mut [T]>,
        of_variance: Option<&mut [T]>,
    ) {
        if let Some(of_mean) = of_mean {
            add_rows::<T, false>(onto, panels, of_mean, self.from(first, self.density), &[]);
        }
        if let Some(of_variance) = of_variance {
            add_rows::<T, true>(onto, panels, of_variance, self.from(first, self.density_moment), &[]);
        }
    }

    /// Adds ∂W = Σ p g xᵀ of one component; `ahead` is what will be read next.
    pub(in crate::diagonal) fn add_w(
        &self,
        onto: Onto,
        component: usize,
        first: usize,
        panels: Panels<'_, T>,
        of_w: &mut [T],
        ahead: &[T],
    ) {
        let rows = of_w.len() / panels.stride().max(1);
        let slope = self.slope.get(component * rows * self.lanes..).unwrap_or_default();
        add_rows::<T, false>(onto, panels, of_w, self.from(first, slope), ahead);
    }

    /// Overwrites `dx: [rows × inputs]` of the lanes from `first` on, whose inputs are `x`; `spread` is scratch for
    /// as many elements.
    pub(in crate::diagonal) fn inputs(
        &self,
        first: usize,
        constants: Constants<'_, T>,
        x: &[T],
        dx: &mut [T],
        spread: &mut [T],
    ) {
        let Constants { inputs, stride, mu, w, variance, unit, unit_of_prepared } = constants;
        let rows = dx.len() / inputs.max(1);
        let add = |onto, c: &mut [T], field: &[T], b: &[T], stride: usize| {
            let a = Matrix::transposed(field.get(first..).unwrap_or_default(), self.lanes);
            let size =
                Size { rows, terms: field.len() / self.lanes.max(1), columns: inputs, along: Terms::Numbers };
            let c = RowsMut { data: c, stride: inputs };
            product::<T, false>(onto, c, a, Rows { data: b, stride }, size, &[]);
        };
        let (spread, _) = shape::split(spread, dx.len().min(spread.len()));
        add(Onto::Zeros, dx, self.slope, w, stride);
        add(Onto::Zeros, spread, self.density_moment, variance, stride);
        for ((dx, &spread), &x) in dx.iter_mut().zip(spread.iter()).zip(x) {
            *dx = (*dx + spread * x) * unit_of_prepared;
        }
        add(Onto::Sums, dx, self.density, mu, inputs);
        for dx in dx {
            *dx *= unit;
        }
    }

    /// The rows of a field, from the lane `first` on.
    fn from<'b>(&self, first: usize, field: &'b [T]) -> Matrix<'b, T> {
        Matrix::rows(field.get(first..).unwrap_or_default(), self.lanes)
    }
}

/// C += A X, or A (X∘X), where A has as many rows as C; or without C, onto zeros.
fn add_rows<T: Real, const SQUARED: bool>(
    onto: Onto,
    x: Panels<'_, T>,
    c: &mut [T],
    a: Matrix<'_, T>,
    ahead: &[T],
) {
    let (rows, stride) = (c.len() / x.stride().max(1), x.stride());
    x.product::<SQUARED>(onto, RowsMut { data: c, stride }, a, rows, stride, ahead);
}

/// [`Record::turn`].
#[inline(always)]
fn turn<T: Real, S: Simd>(
    simd: S,
    record: Record<'_, T>,
    first: usize,
    (a, unit): (&[T], T),
    of_a: &mut [T],
    share: Rows<'_, T>,
) {
    let (lanes, width) = (record.lanes, share.stride);
    let outputs = share.data.len() / width.max(1);
    let components = record
        .mean
        .chunks_exact(lanes.max(1))
        .zip(record.inverse.chunks_exact(lanes.max(1)))
        .zip(record.probability.chunks_exact(lanes.max(1)))
        .zip(record.density.chunks_exact_mut(lanes.max(1)))
        .zip(record.density_moment.chunks_exact_mut(lanes.max(1)))
        .zip(record.slope.chunks_exact_mut((outputs * lanes).max(1)))
        .zip(a.chunks_exact(outputs.max(1)).zip(of_a.chunks_exact_mut(outputs.max(1))));
    for ((((((mean, inverse), probability), density), moment), slope), (a, of_a)) in components {
        let rows = share.data.chunks_exact(width.max(1));
        for (of_a, share) in of_a.iter_mut().zip(rows.clone()) {
            *of_a += dot(share, mean.get(first..).unwrap_or_default());
        }
        let mut turn_at = |at: usize| -> Option<()> {
            let p = simd.load::<true, T>(probability, at)?;
            let (mut rho, mut pi) = (simd.splat(T::zero()), simd.splat(T::zero()));
            for ((share, slope), &a) in rows.clone().zip(slope.chunks_exact_mut(lanes.max(1))).zip(a) {
                let g = simd.load::<true, T>(share, at - first / LANES)?;
                rho = simd.mul_add(g, simd.splat(a), rho);
                pi = simd.mul_add(g, simd.load::<true, T>(slope, at)?, pi);
                simd.store::<true, T>(slope, at, simd.mul(p, g));
            }
            let unit = simd.splat(unit);
            (rho, pi) = (simd.mul(rho, unit), simd.mul(pi, unit));
            let (phi, t_phi) = (simd.load::<true, T>(density, at)?, simd.load::<true, T>(moment, at)?);
            let inverse = simd.load::<true, T>(inverse, at)?;
            let along = simd.mul(pi, inverse);
            simd.store::<true, T>(density, at, simd.mul_add(along, phi, simd.mul(rho, p)));
            let of_s = simd.sub(simd.mul(rho, phi), simd.mul(along, t_phi));
            simd.store::<true, T>(moment, at, simd.mul(of_s, inverse));
            Some(())
        };
        for at in first / LANES..(first + width) / LANES {
            turn_at(at);
        }
    }
}

task!(Turn, turn, (
    record: Record<'a, T>,
    first: usize,
    a: (&'a [T], T),
    of_a: &'a mut [T],
    share: Rows<'a, T>,
) -> ());

//! The matrix products of a batch, and the loops between them.
//!
//! For a chunk X `[rows × inputs]` the forward pass is
//!
//! ```text
//! m = μ Xᵀ     s² = σ² (X∘X)ᵀ     W Xᵀ      [components (× outputs) × rows]
//! r, p, φ, tφ from m and s                   h = 1/K Σ_k [ a r + (W x) p ]
//! ```
//!
//! and the backward pass, with the cotangent g (times 1/K), ρ = ⟨g, a⟩ and π = ⟨g, W x⟩,
//!
//! ```text
//! ∂m = ρ p + π φ/s     ∂s/s = (ρ φ − π tφ/s)/s     ∂Wₗ = Σ p gₗ xᵀ     ∂aₗ = Σ r gₗ
//! ∂x = ∂m μ + p Wᵀg + (∂s/s) σ²∘x
//! ```

use crate::kernel::{Accum, LANES, Matrix, Panels, Rows, RowsMut, Simd, dispatch, dot, task, transpose};
use crate::mixture::{Activations, pull_back, two_sum, write_product, write_rows};
use crate::slices::{after, count, row, rows, take, whole, zip_rows};
use crate::{Real, Shape};

impl<T: Real> Activations<&mut [T]> {
    /// Writes W x of a component, of a chunk from the lane `first` on.
    pub(super) fn write_linear(
        &mut self,
        (component, first): (usize, usize),
        w: Matrix<'_, T>,
        x: Rows<'_, T>,
        shape: Shape,
        prefetch: &[T],
    ) {
        let linear = row(&mut *self.linear, component, shape.outputs() * self.lanes);
        write_product(linear, (self.lanes, first), w, x, shape.inputs(), prefetch);
    }

    /// Writes m and s² of a chunk, from the lane `first` on; leaves the squares of `x` in its place.
    pub(super) fn write_moments(
        &mut self,
        first: usize,
        (mu, variance): (Matrix<'_, T>, Matrix<'_, T>),
        x: RowsMut<'_, T>,
        inputs: usize,
    ) {
        let RowsMut { data, stride } = x;
        write_product(self.r, (self.lanes, first), mu, Rows { data, stride }, inputs, &[]);
        dispatch(Square, (&mut *data,));
        write_product(self.inv_s, (self.lanes, first), variance, Rows { data, stride }, inputs, &[]);
    }
}

impl<T: Real> Activations<&[T]> {
    /// Overwrites h(x) of a chunk, `y: [rows × outputs]`, whose lanes begin with `first`; `y_transposed` is scratch.
    pub(super) fn write_values(
        &self,
        first: usize,
        (a, divisor): (&[T], T),
        outputs: usize,
        y: &mut [T],
        y_transposed: &mut [T],
    ) {
        let rows = count(y.len(), outputs);
        let width = whole(rows);
        let y_transposed = take(&mut { y_transposed }, outputs * width);
        dispatch(Values, (*self, (first, width), a, divisor, &mut *y_transposed));
        let from = Rows { data: y_transposed, stride: width };
        transpose(from, RowsMut { data: y, stride: outputs }, outputs, rows);
    }

    /// ∂m, ∂s/s and p g of some components in the lanes of a group from `first` on; `g` is gᵀ over the divisor, in whole
    /// vectors.
    pub(super) fn pull_back(&self, first: usize, a: &[T], g: Rows<'_, T>, to: [&mut [T]; 3]) {
        dispatch(PullBack, (*self, first, a, g, to));
    }

    /// Adds ∂a of a group from the lane `first` on. Where rows are scaled, `back` holds two factors a lane that take r
    /// and g back to size, and scratch for both.
    pub(super) fn add_offsets(
        &self,
        first: usize,
        g: Rows<'_, T>,
        back: Option<Back<'_, T>>,
        d_a: [&mut [T]; 2],
    ) {
        dispatch(AddOffsets, (*self, first, g, back, d_a));
    }
}

/// What takes r and g of scaled rows back to size.
pub(super) struct Back<'a, T> {
    pub(super) factors: [&'a [T]; 2],
    pub(super) g: &'a mut [T],
    pub(super) r: &'a mut [T],
}

/// Overwrites `dx: [rows × inputs]` of the lanes from `first` on, from p g, ∂s/s and ∂m with W, σ² and μ; the inputs are
/// `x` times `scales`, and `spread` is scratch for as many elements.
pub(super) fn write_inputs<T: Real>(
    [p_g, d_s, d_m]: [&[T]; 3],
    (lanes, first): (usize, usize),
    [w, variance, mu]: [Matrix<'_, T>; 3],
    (x, scales): (&[T], &[T]),
    inputs: usize,
    dx: &mut [T],
    spread: &mut [T],
) {
    let product = |accum, c: &mut [T], field: &[T], b: Matrix<'_, T>| {
        write_rows(accum, c, inputs, (field, lanes, first), Rows { data: b.data, stride: b.row_stride });
    };
    let spread = take(&mut { spread }, dx.len());
    product(Accum::Replace, dx, p_g, w);
    product(Accum::Replace, spread, d_s, variance);
    let rows = zip_rows(&mut *dx, inputs, &*spread, inputs).zip(zip_rows(x, inputs, scales, 1));
    for ((dx, spread), (x, scale)) in rows {
        let scale = scale.first().copied().unwrap_or_else(T::one);
        for ((dx, &spread), &x) in dx.iter_mut().zip(spread).zip(x) {
            *dx += spread * (x * scale);
        }
    }
    product(Accum::Add, dx, d_m, mu);
}

/// C += A X, or A (X∘X), where A has as many rows as C, of `lanes` coefficients each; without C where it is replaced.
/// `prefetch` is what will be read next.
pub(super) fn add_rows<T: Real, const SQUARED: bool>(
    accum: Accum,
    x: Panels<'_, T>,
    c: &mut [T],
    coefficients: &[T],
    lanes: usize,
    prefetch: &[T],
) {
    let (rows, stride) = (count(c.len(), x.stride()), x.stride());
    let a = Matrix::rows(coefficients, lanes);
    x.product::<SQUARED>(accum, RowsMut { data: c, stride }, a, rows, stride, prefetch);
}

/// x² in the place of x.
#[inline(always)]
fn square<T: Real, S: Simd>(_: S, x: &mut [T]) {
    for x in x {
        *x *= *x;
    }
}

/// h(x) of `width` lanes, transposed.
#[inline(always)]
fn values<T: Real, S: Simd>(
    _: S,
    saved: Activations<&[T]>,
    (first, width): (usize, usize),
    a: &[T],
    divisor: T,
    y_transposed: &mut [T],
) {
    let lanes = saved.lanes;
    let outputs = count(y_transposed.len(), width);
    y_transposed.fill(T::zero());
    let part = |field| -> &[T] { <[T]>::get(field, first..first + width).unwrap_or_default() };
    let fields = zip_rows(saved.r, lanes, saved.p, lanes);
    let slopes = zip_rows(saved.linear, outputs * lanes, a, outputs);
    for ((r, p), (wx, a)) in fields.zip(slopes) {
        let (r, p) = (part(r), part(p));
        let rows = zip_rows(&mut *y_transposed, width, wx, lanes).zip(a);
        for ((y, wx), &a) in rows {
            for (((y, &wx), &r), &p) in y.iter_mut().zip(part(wx)).zip(r).zip(p) {
                *y += a * r + wx * p;
            }
        }
    }
    for y in y_transposed {
        *y /= divisor;
    }
}

/// [`Activations::pull_back`].
#[inline(always)]
fn pull_back_lanes<T: Real, S: Simd>(
    simd: S,
    saved: Activations<&[T]>,
    first: usize,
    a: &[T],
    g: Rows<'_, T>,
    [d_m, d_s, p_g]: [&mut [T]; 3],
) {
    let (lanes, width) = (saved.lanes, g.stride);
    let outputs = count(g.data.len(), width);
    let components = zip_rows(d_m, lanes, d_s, lanes).zip(zip_rows(p_g, outputs * lanes, a, outputs));
    for (component, ((d_m, d_s), (p_g, a))) in components.enumerate() {
        let saved = saved.component(component, outputs);
        let mut lane = |at: usize| -> Option<()> {
            let p = simd.load::<true, T>(saved.p, at)?;
            let (mut rho, mut pi) = (simd.splat(T::zero()), simd.splat(T::zero()));
            let cotangents = zip_rows(g.data, width, saved.linear, lanes);
            for (((g, wx), p_g), &a) in cotangents.zip(rows(&mut *p_g, lanes)).zip(a) {
                let g = simd.load::<true, T>(g, at - first / LANES)?;
                rho = simd.mul_add(g, simd.splat(a), rho);
                pi = simd.mul_add(g, simd.load::<true, T>(wx, at)?, pi);
                simd.store::<true, T>(p_g, at, simd.mul(p, g));
            }
            let (m, s) = pull_back(simd, &saved, at, rho, pi)?;
            simd.store::<true, T>(d_m, at, m);
            simd.store::<true, T>(d_s, at, s);
            Some(())
        };
        for at in first / LANES..(first + width) / LANES {
            lane(at);
        }
    }
}

/// [`Activations::add_offsets`].
#[inline(always)]
fn offsets<T: Real, S: Simd>(
    _: S,
    saved: Activations<&[T]>,
    first: usize,
    g: Rows<'_, T>,
    back: Option<Back<'_, T>>,
    [d_a, errors]: [&mut [T]; 2],
) {
    let (mut data, width) = (g.data, g.stride);
    let outputs = count(data.len(), width);
    let mut r_back = None;
    if let Some(Back { factors: [r_factors, g_factors], g, r }) = back {
        for (back, g) in zip_rows(&mut *g, width, data, width) {
            back.iter_mut().zip(g).zip(g_factors).for_each(|((back, &g), &factor)| *back = g * factor);
        }
        (data, r_back) = (g, Some((r_factors, r)));
    }
    for (component, (d_a, errors)) in zip_rows(d_a, outputs, errors, outputs).enumerate() {
        let mut r = after(row(saved.r, component, saved.lanes), first);
        if let Some((factors, to)) = &mut r_back {
            to.iter_mut().zip(r).zip(*factors).for_each(|((to, &r), &factor)| *to = r * factor);
            r = to;
        }
        for ((sum, error), g) in d_a.iter_mut().zip(errors).zip(rows(data, width)) {
            two_sum(sum, error, dot(g, r));
        }
    }
}

task!(Square, square, (x: &'a mut [T]) -> ());
task!(Values, values, (
    saved: Activations<&'a [T]>,
    lanes: (usize, usize),
    a: &'a [T],
    divisor: T,
    y_transposed: &'a mut [T],
) -> ());
task!(PullBack, pull_back_lanes, (
    saved: Activations<&'a [T]>,
    first: usize,
    a: &'a [T],
    g: Rows<'a, T>,
    to: [&'a mut [T]; 3],
) -> ());
task!(AddOffsets, offsets, (
    saved: Activations<&'a [T]>,
    first: usize,
    g: Rows<'a, T>,
    back: Option<Back<'a, T>>,
    d_a: [&'a mut [T]; 2],
) -> ());

//! Many rows at once: the batch in the vector lanes, all products as matrix products.
//!
//! Which rows go this way is in [`crate::batch`]. For a chunk X `[rows × inputs]` the forward pass is, component by
//! component,
//!
//! ```text
//! [q; m] = [C_βᵀ; μ_β] Xᵀ     s² = Σ q∘q     r, p, φ, tφ from m and s     h = 1/K Σ_k [ μ_ω r + C_ω (q p) ]
//! ```
//!
//! and the backward pass, with the cotangent g (times 1/K), e = C_ωᵀg and ρ = ⟨g, μ_ω⟩,
//!
//! ```text
//! π = ⟨e, q⟩     ∂m = ρ p + π φ/s     ∂s/s = (ρ φ − π tφ/s)/s     ∂q = (∂s/s) q + p e
//! ∂μ_ω = Σ r g     ∂C_ω = Σ g (q p)ᵀ     ∂μ_β = Σ ∂m x     ∂C_βᵀ = Σ ∂q xᵀ     ∂x = ∂m μ_β + C_β ∂q
//! ```
//!
//! Only ∂m and ∂q divide by s. A row that goes by itself has q, r, p, ∂m and ∂q written into its lane by the
//! formulas for single [rows](super::row), and everything else is the same for it.

use super::JointShape;
use super::parameters::{Component, Parameters};
use crate::batch::{Record, are_ordinary, bounded, sizes, write_product};
use crate::kernel::{
    LANES, Matrix, Onto, Panels, Rows, RowsMut, Simd, Size, Terms, add_scaled, dot, product, task, transpose,
    widest,
};
use crate::shape::{self, whole};
use crate::{Real, Rectified};

/// Rows of a matrix that are summed before they are added to the rest.
const RUN: usize = 16;

/// Rows of ∂xᵀ that stay in the nearest cache while all components add to them.
const BLOCK: usize = 64;

impl<T: Real> Record<'_, T> {
    /// The q or ∂q of a component: `[rank × lanes]`.
    pub(super) fn directions(&mut self, component: usize, rank: usize) -> &mut [T] {
        self.slope.chunks_exact_mut((rank * self.lanes).max(1)).nth(component).unwrap_or_default()
    }

    /// Writes q of a component, of a chunk from the lane `first` on; `ahead` is what will be read next.
    pub(super) fn write_directions(
        &mut self,
        component: usize,
        first: usize,
        (c_b, rank): (&[T], usize),
        x: Rows<'_, T>,
        ahead: &[T],
    ) {
        let (lanes, inputs) = (self.lanes, c_b.len() / rank.max(1));
        let columns = Matrix::transposed(c_b, rank);
        write_product(self.directions(component, rank), lanes, first, columns, x, inputs, ahead);
    }

    /// Writes m of all components, of a chunk from the lane `first` on.
    pub(super) fn write_means(&mut self, first: usize, mu_b: &[T], x: Rows<'_, T>, inputs: usize) {
        write_product(self.mean, self.lanes, first, Matrix::rows(mu_b, inputs), x, inputs, &[]);
    }

    /// Writes q, r and p of a component into the lane of a row.
    pub(super) fn set_row(&mut self, component: usize, row: usize, at: &Rectified<T>, q: &[T]) {
        let lane = component * self.lanes + row;
        for (field, value) in [(&mut *self.mean, at.mean), (&mut *self.probability, at.probability)] {
            if let Some(lane) = field.get_mut(lane) {
                *lane = value;
            }
        }
        self.set_directions(component, row, q);
    }

    /// Writes ∂m and ∂q of a component into the lane of a row.
    pub(super) fn set_turned_row(&mut self, component: usize, row: usize, of_m: T, of_q: &[T]) {
        if let Some(lane) = self.density.get_mut(component * self.lanes + row) {
            *lane = of_m;
        }
        self.set_directions(component, row, of_q);
    }

    fn set_directions(&mut self, component: usize, row: usize, values: &[T]) {
        let lanes = self.lanes;
        let directions = self.directions(component, values.len()).iter_mut();
        for (direction, &value) in directions.skip(row).step_by(lanes.max(1)).zip(values) {
            *direction = value;
        }
    }

    /// s² = Σ q∘q of all components.
    pub(super) fn square(&mut self, rank: usize) {
        let each = self
            .slope
            .chunks_exact((rank * self.lanes).max(1))
            .zip(self.inverse.chunks_exact_mut(self.lanes.max(1)));
        for (q, squares) in each {
            widest(Squares, (q, squares));
        }
    }

    /// q p of a component, of the lanes from `first` on: `to: [rank × width]`.
    fn weigh(&self, component: usize, first: usize, rank: usize, to: &mut [T]) {
        let lanes = self.lanes;
        let q = self.slope.get(component * rank * lanes + first..).unwrap_or_default();
        let p = self.probability.get(component * lanes + first..).unwrap_or_default();
        widest(Weigh, (q, lanes, p, to, rank));
    }

    /// Overwrites h(x) of a chunk, `y: [rows × outputs]`, whose lanes begin with `first`; `y_transposed` and
    /// `weighted` are scratch.
    pub(super) fn values(
        &self,
        (shape, divisor): (JointShape, T),
        (mu_w, c_w): (&[T], &[T]),
        first: usize,
        y: &mut [T],
        (y_transposed, weighted): (&mut [T], &mut [T]),
    ) {
        let (outputs, rank) = (shape.outputs(), shape.rank());
        let rows = y.len() / outputs.max(1);
        let width = whole(rows);
        let (y_transposed, _) = shape::split(y_transposed, outputs * width);
        let (weighted, _) = shape::split(weighted, rank * width);
        let mean = Rows { data: self.mean.get(first..).unwrap_or_default(), stride: self.lanes };
        let mut add = |onto, a: Matrix<'_, T>, b: Rows<'_, T>, terms| {
            let size = Size { rows: outputs, terms, columns: width, along: Terms::Numbers };
            let y = RowsMut { data: &mut *y_transposed, stride: width };
            product::<T, false>(onto, y, a, b, size, &[]);
        };
        add(Onto::Zeros, Matrix::transposed(mu_w, outputs), mean, shape.components());
        for (component, c_w) in c_w.chunks_exact((outputs * rank).max(1)).enumerate() {
            self.weigh(component, first, rank, weighted);
            add(Onto::Sums, Matrix::rows(c_w, rank), Rows { data: &*weighted, stride: width }, rank);
        }
        for y in y_transposed.iter_mut() {
            *y /= divisor;
        }
        let from = Rows { data: y_transposed, stride: width };
        transpose(from, RowsMut { data: y, stride: outputs }, outputs, rows);
    }

    /// Adds ∂μ_ω and ∂C_ω of a component over a chunk, each where it is wanted; `share` is gᵀ times 1/K.
    pub(super) fn add_outputs(
        &self,
        (component, rank): (usize, usize),
        first: usize,
        share: Rows<'_, T>,
        (of_mu_w, of_c_w): (Option<&mut [T]>, Option<&mut [T]>),
        (weighted, turned): (&mut [T], &mut [T]),
    ) {
        let (width, lanes) = (share.stride, self.lanes);
        let outputs = share.data.len() / width.max(1);
        if let Some(of_mu_w) = of_mu_w {
            let mean = self.mean.get(component * lanes + first..).unwrap_or_default();
            for (of_mu_w, share) in of_mu_w.iter_mut().zip(share.data.chunks_exact(width.max(1))) {
                *of_mu_w += dot(share, mean);
            }
        }
        if let Some(of_c_w) = of_c_w {
            self.weigh(component, first, rank, weighted);
            let stride = whole(rank);
            let (turned, _) = shape::split(turned, stride * width);
            let from = Rows { data: &*weighted, stride: width };
            transpose(from, RowsMut { data: &mut *turned, stride }, rank, width);
            let size = Size { rows: outputs, terms: width, columns: rank, along: Terms::Rows };
            let share = Matrix::rows(share.data, width);
            let (of_c_w, turned) = (RowsMut { data: of_c_w, stride: rank }, Rows { data: turned, stride });
            product::<T, false>(Onto::Sums, of_c_w, share, turned, size, &[]);
        }
    }

    /// ∂m in the place of φ and ∂q in the place of q of a component, in the lanes of a chunk from `first` on;
    /// `of_q: [(1 + rank) × width]` is scratch.
    pub(super) fn turn_directions(
        &mut self,
        component: usize,
        first: usize,
        parameters: &Component<'_, T>,
        share: Rows<'_, T>,
        of_q: &mut [T],
    ) {
        let (width, lanes, outputs) = (share.stride, self.lanes, parameters.mu_w.len());
        let rank = parameters.c_w.len() / outputs.max(1);
        let (rho, of_q) = shape::split(of_q, width);
        let (of_q, _) = shape::split(of_q, rank * width);
        let size = Size { rows: 1, terms: outputs, columns: width, along: Terms::Numbers };
        let mu_w = Matrix::rows(parameters.mu_w, outputs);
        let to = RowsMut { data: &mut *rho, stride: width };
        product::<T, false>(Onto::Zeros, to, mu_w, share, size, &[]);
        let (size, c_w) = (Size { rows: rank, ..size }, Matrix::transposed(parameters.c_w, rank));
        let to = RowsMut { data: &mut *of_q, stride: width };
        product::<T, false>(Onto::Zeros, to, c_w, share, size, &[]);
        let skip = component * lanes + first;
        let at = Factors {
            p: self.probability.get(skip..).unwrap_or_default(),
            inverse: self.inverse.get(skip..).unwrap_or_default(),
            density_moment: self.density_moment.get(skip..).unwrap_or_default(),
        };
        let density = self.density.get_mut(skip..).unwrap_or_default();
        let q = self.slope.get_mut(component * rank * lanes + first..).unwrap_or_default();
        widest(Turn, (at, density, (q, lanes), rho, of_q));
    }

    /// Adds Σ ∂m x of all components, or writes it.
    pub(super) fn mean_gradients(&self, onto: Onto, first: usize, x: Panels<'_, T>, of_mean: &mut [T]) {
        let (rows, stride) = (of_mean.len() / x.stride().max(1), x.stride());
        let a = Matrix::rows(self.density.get(first..).unwrap_or_default(), self.lanes);
        x.product::<false>(onto, RowsMut { data: of_mean, stride }, a, rows, stride, &[]);
    }

    /// Adds Σ x ∂qᵀ of a component times a factor to `c_b: [inputs × rank]`; `of_c_b` is scratch for its transpose,
    /// and `turned` for some of its rows.
    pub(super) fn add_factor_gradients(
        &mut self,
        component: usize,
        first: usize,
        x: Panels<'_, T>,
        (c_b, factor): (&mut [T], T),
        (of_c_b, turned): (&mut [T], &mut [T]),
    ) {
        let (stride, lanes) = (x.stride(), self.lanes);
        let rank = of_c_b.len() / stride.max(1);
        let directions = self.directions(component, rank);
        let a = Matrix::rows(directions.get(first..).unwrap_or_default(), lanes);
        let to = RowsMut { data: &mut *of_c_b, stride };
        x.product::<false>(Onto::Zeros, to, a, rank, stride, c_b);
        let row = whole(rank);
        let height = turned.len() / row.max(1);
        for (block, c_b) in c_b.chunks_mut((height * rank).max(1)).enumerate() {
            let rows = c_b.len() / rank.max(1);
            let from = Rows { data: of_c_b.get(block * height..).unwrap_or_default(), stride };
            transpose(from, RowsMut { data: &mut *turned, stride: row }, rank, rows);
            widest(AddRows, (c_b, factor, &*turned, rank, row));
        }
    }

    /// Overwrites `dx: [rows × inputs]` of the lanes from `first` on; `space` is scratch for its transpose.
    pub(super) fn input_gradients(
        &self,
        shape: JointShape,
        parameters: Parameters<'_, T>,
        first: usize,
        dx: &mut [T],
        space: &mut [T],
    ) {
        let (inputs, rank, lanes) = (shape.inputs(), shape.rank(), self.lanes);
        let rows = dx.len() / inputs.max(1);
        let width = whole(rows);
        let (space, _) = shape::split(space, inputs * width);
        for (block, to) in space.chunks_mut((BLOCK * width).max(1)).enumerate() {
            let (skip, height) = (block * BLOCK, to.len() / width.max(1));
            let mut add = |onto, a: Matrix<'_, T>, field: &[T], terms| {
                let a = Matrix { data: a.data.get(skip * a.row_stride..).unwrap_or_default(), ..a };
                let b = Rows { data: field.get(first..).unwrap_or_default(), stride: lanes };
                let size = Size { rows: height, terms, columns: rows, along: Terms::Numbers };
                let c = RowsMut { data: &mut *to, stride: width };
                product::<T, false>(onto, c, a, b, size, &[]);
            };
            let mu_b = Matrix::transposed(parameters.mu_b, inputs);
            add(Onto::Zeros, mu_b, self.density, shape.components());
            let each = parameters.c_b.chunks_exact((inputs * rank).max(1));
            for (c_b, of_q) in each.zip(self.slope.chunks_exact((rank * lanes).max(1))) {
                add(Onto::Sums, Matrix::rows(c_b, rank), of_q, rank);
            }
        }
        let from = Rows { data: space, stride: width };
        transpose(from, RowsMut { data: dx, stride: inputs }, inputs, rows);
    }
}

impl<T: Real> Component<'_, T> {
    /// Whether all numbers are of ordinary size, so that batches may use them.
    pub(super) fn is_usual(&self) -> bool {
        are_usual(self.c_b, self.c_w, self.mu_b, self.mu_w)
    }
}

/// [`Component::is_usual`], for one component or several.
pub(super) fn are_usual<T: Real>(c_b: &[T], c_w: &[T], mu_b: &[T], mu_w: &[T]) -> bool {
    widest(AreUsual, (c_b, c_w, mu_b, mu_w))
}

#[inline(always)]
fn usual<T: Real, S: Simd>(simd: S, c_b: &[T], c_w: &[T], mu_b: &[T], mu_w: &[T]) -> bool {
    are_ordinary(sizes(simd, c_b)) && bounded(c_w) && bounded(mu_b) && bounded(mu_w)
}

/// Σ q∘q over the rows of q, which are as long as `squares`.
#[inline(always)]
fn square<T: Real, S: Simd>(simd: S, q: &[T], squares: &mut [T]) {
    let width = squares.len();
    for at in 0..width / LANES {
        let mut total = simd.splat(T::zero());
        for q in q.chunks((RUN * width).max(1)) {
            let mut partial = simd.splat(T::zero());
            for q in q.chunks_exact(width.max(1)) {
                if let Some(q) = simd.load::<true, T>(q, at) {
                    partial = simd.mul_add(q, q, partial);
                }
            }
            total = simd.add(total, partial);
        }
        simd.store::<true, T>(squares, at, total);
    }
}

/// Adds rows of `from` times a factor to rows of `to`: the first are `stride` elements apart, the others `rank`.
#[inline(always)]
fn add_rows<T: Real, S: Simd>(_: S, to: &mut [T], factor: T, from: &[T], rank: usize, stride: usize) {
    match rank {
        1 => add_rows_of::<T, 1>(to, factor, from, stride),
        2 => add_rows_of::<T, 2>(to, factor, from, stride),
        4 => add_rows_of::<T, 4>(to, factor, from, stride),
        _ if rank == stride => add_scaled(to, factor, from),
        _ => {
            for (to, from) in to.chunks_exact_mut(rank.max(1)).zip(from.chunks_exact(stride.max(1))) {
                add_scaled(to, factor, from);
            }
        }
    }
}

/// The same for rows of a length that the compiler knows.
#[inline(always)]
fn add_rows_of<T: Real, const RANK: usize>(to: &mut [T], factor: T, from: &[T], stride: usize) {
    for (to, from) in to.as_chunks_mut::<RANK>().0.iter_mut().zip(from.chunks_exact(stride.max(1))) {
        if let Some(from) = from.first_chunk::<RANK>() {
            for (to, &from) in to.iter_mut().zip(from) {
                *to += factor * from;
            }
        }
    }
}

/// q p: rows of `q` are `lanes` elements apart, those of `to` follow each other.
#[inline(always)]
fn weigh<T: Real, S: Simd>(simd: S, q: &[T], lanes: usize, p: &[T], to: &mut [T], rank: usize) {
    let width = to.len() / rank.max(1);
    for (to, q) in to.chunks_exact_mut(width.max(1)).zip(q.chunks(lanes.max(1))) {
        for at in 0..width / LANES {
            if let Some((q, p)) = simd.load::<true, T>(q, at).zip(simd.load::<true, T>(p, at)) {
                simd.store::<true, T>(to, at, simd.mul(q, p));
            }
        }
    }
}

/// What [`Record::turn_directions`] reads of one component.
struct Factors<'a, T> {
    p: &'a [T],
    inverse: &'a [T],
    density_moment: &'a [T],
}

/// [`Record::turn_directions`], for ρ and e in `rho` and `of_q`.
#[inline(always)]
fn turn<T: Real, S: Simd>(
    simd: S,
    factors: Factors<'_, T>,
    density: &mut [T],
    (q, lanes): (&mut [T], usize),
    rho: &[T],
    of_q: &[T],
) {
    for at in 0..rho.len() / LANES {
        turn_lanes(simd, &factors, density, (&mut *q, lanes), (rho, of_q), at);
    }
}

/// The vectors of number `at`.
#[inline(always)]
fn turn_lanes<T: Real, S: Simd>(
    simd: S,
    factors: &Factors<'_, T>,
    density: &mut [T],
    (q, lanes): (&mut [T], usize),
    (rho, of_q): (&[T], &[T]),
    at: usize,
) -> Option<()> {
    let width = rho.len();
    let mut pi = simd.splat(T::zero());
    for (e, q) in shape::side_by_side_ref(of_q, RUN * width, q, RUN * lanes) {
        let mut partial = simd.splat(T::zero());
        for (e, q) in e.chunks_exact(width.max(1)).zip(q.chunks(lanes.max(1))) {
            partial = simd.mul_add(simd.load::<true, T>(e, at)?, simd.load::<true, T>(q, at)?, partial);
        }
        pi = simd.add(pi, partial);
    }
    let (p, rho) = (simd.load::<true, T>(factors.p, at)?, simd.load::<true, T>(rho, at)?);
    let phi = simd.load::<true, T>(density, at)?;
    let t_phi = simd.load::<true, T>(factors.density_moment, at)?;
    let inverse = simd.load::<true, T>(factors.inverse, at)?;
    let along = simd.mul(pi, inverse);
    simd.store::<true, T>(density, at, simd.mul_add(along, phi, simd.mul(rho, p)));
    let of_s = simd.sub(simd.mul(rho, phi), simd.mul(along, t_phi));
    let spread = simd.mul(of_s, inverse);
    for (e, q) in of_q.chunks_exact(width.max(1)).zip(q.chunks_mut(lanes.max(1))) {
        let e = simd.mul(p, simd.load::<true, T>(e, at)?);
        simd.store::<true, T>(q, at, simd.mul_add(spread, simd.load::<true, T>(q, at)?, e));
    }
    Some(())
}

task!(AreUsual, usual, (c_b: &'a [T], c_w: &'a [T], mu_b: &'a [T], mu_w: &'a [T]) -> bool);
task!(Squares, square, (q: &'a [T], squares: &'a mut [T]) -> ());
task!(AddRows, add_rows, (to: &'a mut [T], factor: T, from: &'a [T], rank: usize, stride: usize) -> ());
task!(Weigh, weigh, (q: &'a [T], lanes: usize, p: &'a [T], to: &'a mut [T], rank: usize) -> ());
task!(Turn, turn, (
    factors: Factors<'a, T>,
    density: &'a mut [T],
    q: (&'a mut [T], usize),
    rho: &'a [T],
    of_q: &'a [T],
) -> ());

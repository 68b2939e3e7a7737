//! A row by itself: the formulas of one family, the components that share C_β, forward. The gradients are in
//! [`row_backward`](super::row_backward).
//!
//! With q = C_βᵀx and s = |q| each component gives μ_ω r + C_ω q p = E\[ω ReLU(z)\] (Stein).
//!
//! A row of unusual size is read times a power of two, and h is brought back to size. Parameters so large that a
//! product overflows show in a result that is not finite: then every component is computed again at usual size.

use super::JointShape;
use super::parameters::{Family, Parameters};
use crate::kernel::{Simd, add_combination, add_scaled, dispatch, dot, for_each_dot, sum, task};
use crate::mixture::{Powers, PreActivations, halves, input_scale, largest_of, scale_row, write_sums};
use crate::rectified::{in_range, norm};
use crate::slices::{Slice, column, copy, count, row as row_of, rows, take, zip_rows};
use crate::{Real, Rectified, Scale};

/// Overwrites `y` with h(x) of one row. `columns` are \[μ_β; C_β\] input by input, where zeros are to be skipped, and
/// room for their sums.
pub(super) fn forward<T: Real>(
    shape: JointShape,
    scale: Scale,
    parameters: Parameters<'_, T>,
    columns: Option<(&[T], &mut [T])>,
    x: &[T],
    y: &mut [T],
    scratch: &mut RowScratch<'_, T>,
) {
    let size = largest_of(x);
    let x_scale = input_scale(size);
    let RowScratch { x: scaled, vectors, .. } = scratch;
    let x = scale_row(x, x_scale, scaled);
    dispatch(Forward, (shape, parameters, columns, (x, size), &mut *y, &mut *vectors));
    let (divisor, back) = (scale.divisor::<T>(shape.components()), x_scale.recip());
    if size.is_finite() && !y.iter().all(|y| y.is_finite()) {
        y.fill(T::zero());
        for family in parameters.families(shape) {
            family.add_scaled_value((x, -x_scale.exponent()), y, vectors);
        }
        y.iter_mut().for_each(|y| *y /= divisor);
    } else {
        y.iter_mut().for_each(|y| *y = *y / divisor * back);
    }
}

/// [`forward`], without the divisor; the row is beside the size of its largest entry.
#[inline(always)]
fn forward_row<T: Real, S: Simd>(
    simd: S,
    shape: JointShape,
    parameters: Parameters<'_, T>,
    columns: Option<(&[T], &mut [T])>,
    (x, size): (&[T], T),
    y: &mut [T],
    vectors: &mut Vectors<'_, T>,
) {
    let Vectors { q, unit, at, .. } = vectors;
    let (rank, outputs, members) = (shape.rank(), shape.outputs(), shape.members());
    let (means, squares, _) = at.fields();
    if let Some((columns, sums)) = columns {
        write_sums(simd, columns, [x, &[]], [&mut *sums, &mut []]);
        let (of_means, of_q) = sums.divide(shape.components());
        copy(of_means, means);
        copy(of_q, q);
    } else {
        write_dots(simd, parameters.c_b, x, q);
        write_dots(simd, parameters.mu_b, x, means);
    }
    for (squares, q) in rows(squares, members).zip(q.chunks_exact(rank)) {
        squares.fill(dot(q, q));
    }
    at.rectify(simd);
    y.fill(T::zero());
    let omega = zip_rows(parameters.mu_w, outputs, parameters.c_w, rank * outputs);
    for (component, (at, (mu_w, c_w))) in at.iter_mut().zip(omega).enumerate() {
        let q = row_of(&**q, component / members, rank);
        if !in_range(*at.squares) && size > T::zero() {
            let mu_b = row_of(parameters.mu_b, component, x.len());
            let z = Rectified::one(dot(mu_b, x), norm_of(q, unit));
            (*at.mean, *at.probability) = (z.mean, z.probability);
        }
        add_scaled(y, *at.mean, mu_w);
        add_combination(simd, q, *at.probability, c_w, y);
    }
}

task!(Forward, forward_row, (
    shape: JointShape,
    parameters: Parameters<'a, T>,
    columns: Option<(&'a [T], &'a mut [T])>,
    row: (&'a [T], T),
    y: &'a mut [T],
    vectors: &'a mut Vectors<'b, T>,
) -> ());

/// ⟨row, x⟩ of every row of a matrix.
#[inline(always)]
pub(super) fn write_dots<T: Real, S: Simd>(simd: S, rows: &[T], x: &[T], to: &mut [T]) {
    for_each_dot(simd, rows, x, |row, dot| {
        if let Some(to) = to.get_mut(row) {
            *to = dot;
        }
    });
}

/// s = |q|; overwrites `unit` with q/|q|, and with 0 where q = 0.
#[inline(always)]
fn norm_of<T: Real>(q: &[T], unit: &mut [T]) -> T {
    unit.iter_mut().zip(q).for_each(|(unit, &q)| *unit = q);
    let squares = dot(q, q);
    let (s, inv_s) = if in_range(squares) {
        let s = squares.sqrt();
        (s, s.recip())
    } else {
        norm(unit)
    };
    unit.iter_mut().for_each(|unit| *unit *= inv_s);
    s
}

/// One component of a family: μ_ω, C_ω and μ_β.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a, T> {
    pub(super) mu_w: &'a [T],
    pub(super) c_w: &'a [T],
    pub(super) mu_b: &'a [T],
}

impl<'a, T: Real> Family<'a, T> {
    /// The members one after the other, of so many factors and outputs.
    #[inline(always)]
    pub(super) fn members(self, rank: usize, outputs: usize) -> impl Iterator<Item = Member<'a, T>> {
        let inputs = count(self.c_b.len(), rank);
        let omega = zip_rows(self.mu_w, outputs, self.c_w, rank * outputs);
        omega.zip(rows(self.mu_b, inputs)).map(|((mu_w, c_w), mu_b)| Member { mu_w, c_w, mu_b })
    }

    /// The powers of two that bring β and the largest ω to usual size.
    pub(super) fn powers(&self) -> Powers {
        powers_of([self.mu_b, self.c_b].map(largest_of), self.mu_w, self.c_w)
    }

    /// y += Σ μ_ω r + C_ω q p of components with parameters of any size, at a row that wants a power of two.
    #[cold]
    #[inline(never)]
    pub(super) fn add_scaled_value(
        &self,
        (x, x_power): (&[T], i32),
        y: &mut [T],
        vectors: &mut Vectors<'_, T>,
    ) {
        let Vectors { vector, q, unit, .. } = vectors;
        let (q, outputs) = (take(&mut &mut **q, unit.len()), y.len());
        let inner = self.powers().inner;
        let for_b = halves::<T>(-inner);
        let x = scale_row(x, for_b[0], vector);
        let s = dispatch(Project, (self.c_b, x, for_b[1], &mut *q, &mut **unit));
        for Member { mu_w, c_w, mu_b } in self.members(q.len(), outputs) {
            let outer = powers_of([T::zero(); 2], mu_w, c_w).outer;
            let [for_w, back] = [-outer, x_power + inner + outer].map(halves::<T>);
            let z = Rectified::one(dot(mu_b, x) * for_b[1], s);
            for (output, (y, &mu_w)) in y.iter_mut().zip(mu_w).enumerate() {
                let factors = column(c_w, output, outputs).zip(&*q);
                let terms = factors.map(|(&c_w, &q)| c_w * for_w[0] * for_w[1] * (q * z.probability));
                *y += (mu_w * for_w[0] * for_w[1] * z.mean + sum(terms)) * back[0] * back[1];
            }
        }
    }
}

/// The powers of two for β, the sizes of whose largest numbers are given, and ω.
pub(super) fn powers_of<T: Real>(inner: [T; 2], mu_w: &[T], c_w: &[T]) -> Powers {
    let [mu_w, c_w] = [mu_w, c_w].map(largest_of);
    Powers::of(inner, if mu_w > c_w { mu_w } else { c_w }, None)
}

/// s = |q| of q = C_βᵀx times a factor; overwrites q and its unit vector.
#[inline(always)]
pub(super) fn project<T: Real, S: Simd>(
    simd: S,
    c_b: &[T],
    x: &[T],
    factor: T,
    q: &mut [T],
    unit: &mut [T],
) -> T {
    write_dots(simd, c_b, x, q);
    q.iter_mut().for_each(|q| *q *= factor);
    norm_of(q, unit)
}

task!(Project, project, (c_b: &'a [T], x: &'a [T], factor: T, q: &'a mut [T], unit: &'a mut [T]) -> T);

/// What a row takes.
#[derive(Debug)]
pub(super) struct RowScratch<'a, T> {
    /// The row times its scale: `[inputs]`.
    pub(super) x: &'a mut [T],
    /// g times its scale, over the divisor: `[outputs]`.
    pub(super) g: &'a mut [T],
    pub(super) vectors: Vectors<'a, T>,
}

/// Scratch for the components.
#[derive(Debug)]
pub(super) struct Vectors<'a, T> {
    /// Inputs times a factor, or a sum of rows of parameters: `[inputs]`.
    pub(super) vector: &'a mut [T],
    /// g times a factor: `[outputs]`.
    pub(super) g: &'a mut [T],
    /// q of all families, or of one: `[families × rank]`.
    pub(super) q: &'a mut [T],
    /// q/|q|: `[rank]`.
    pub(super) unit: &'a mut [T],
    /// ∂q: `[rank]`.
    pub(super) d_q: &'a mut [T],
    /// C_ωᵀg of a component, then q p: `[rank]`.
    pub(super) e: &'a mut [T],
    /// The pre-activations of all components.
    pub(super) at: PreActivations<'a, T>,
}

impl<'a, T> RowScratch<'a, T> {
    /// The number of elements.
    pub(super) const fn len(shape: JointShape) -> usize {
        let rows = shape.inputs().saturating_add(shape.outputs()).saturating_mul(2);
        let q = shape.families().saturating_add(3).saturating_mul(shape.rank());
        rows.saturating_add(q).saturating_add(PreActivations::<T>::len(shape.components()))
    }

    /// Cuts a slice of [`len`](Self::len) elements.
    pub(super) fn cut(shape: JointShape, scratch: &'a mut [T]) -> Self {
        let (inputs, outputs, rank) = (shape.inputs(), shape.outputs(), shape.rank());
        let mut rest = scratch;
        let (x, g) = (take(&mut rest, inputs), take(&mut rest, outputs));
        let (vector, scaled_g) = (take(&mut rest, inputs), take(&mut rest, outputs));
        let q = take(&mut rest, shape.families() * rank);
        let [unit, d_q, e] = [(); 3].map(|()| take(&mut rest, rank));
        let at = PreActivations(take(&mut rest, PreActivations::<T>::len(shape.components())));
        Self { x, g, vectors: Vectors { vector, g: scaled_g, q, unit, d_q, e, at } }
    }
}

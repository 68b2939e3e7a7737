//! A row by itself: the formulas of one component, forward. The gradients are in [`row_backward`](super::row_backward).
//!
//! With q = C_βᵀx and s = |q| the component gives μ_ω r + C_ω q p = E\[ω ReLU(z)\] (Stein).
//!
//! A row of unusual size is read times a power of two, and h is brought back to size. Parameters so large that a
//! product overflows show in a result that is not finite: then every component is computed again at usual size.

use super::JointShape;
use super::parameters::{Component, Parameters};
use crate::kernel::{Simd, add_combination, add_scaled, dispatch, dot, for_each_dot, sum, task};
use crate::mixture::{Powers, PreActivations, halves, input_scale, largest_of, scale_row};
use crate::rectified::{in_range, norm};
use crate::slices::{column, take};
use crate::{Real, Rectified, Scale};

/// Overwrites `y` with h(x) of one row.
pub(super) fn forward<T: Real>(
    shape: JointShape,
    scale: Scale,
    parameters: Parameters<'_, T>,
    x: &[T],
    y: &mut [T],
    scratch: &mut RowScratch<'_, T>,
) {
    let size = largest_of(x);
    let x_scale = input_scale(size);
    let RowScratch { x: scaled, at, vectors, .. } = scratch;
    let x = scale_row(x, x_scale, scaled);
    dispatch(Forward, (shape, parameters, (x, size), &mut *y, &mut *vectors, &mut *at));
    let (divisor, back) = (scale.divisor::<T>(shape.components()), x_scale.recip());
    if size.is_finite() && !y.iter().all(|y| y.is_finite()) {
        y.fill(T::zero());
        for component in parameters.components(shape) {
            component.add_scaled_value((x, -x_scale.exponent()), y, vectors);
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
    (x, size): (&[T], T),
    y: &mut [T],
    vectors: &mut Vectors<'_, T>,
    pre_activations: &mut PreActivations<'_, T>,
) {
    let Vectors { q, unit, .. } = vectors;
    write_dots(simd, parameters.c_b, x, q);
    let (means, squares, _) = pre_activations.fields();
    write_dots(simd, parameters.mu_b, x, means);
    for (squares, q) in squares.iter_mut().zip(q.chunks_exact(shape.rank())) {
        *squares = dot(q, q);
    }
    pre_activations.rectify(simd);
    y.fill(T::zero());
    let components = parameters.components(shape).zip(q.chunks_exact_mut(shape.rank()));
    for ((component, q), at) in components.zip(pre_activations.iter_mut()) {
        if !in_range(*at.squares) && size > T::zero() {
            let z = rectified(dot(component.mu_b, x), q, unit);
            (*at.mean, *at.probability) = (z.mean, z.probability);
        }
        q.iter_mut().for_each(|q| *q *= *at.probability);
        add_scaled(y, *at.mean, component.mu_w);
        add_combination(simd, q, T::one(), component.c_w, y);
    }
}

task!(Forward, forward_row, (
    shape: JointShape,
    parameters: Parameters<'a, T>,
    row: (&'a [T], T),
    y: &'a mut [T],
    vectors: &'a mut Vectors<'b, T>,
    at: &'a mut PreActivations<'c, T>,
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

/// The pre-activation of mean m and standard deviation |q|; overwrites `unit` with q/|q|, and with 0 where q = 0.
#[inline(always)]
pub(super) fn rectified<T: Real>(m: T, q: &[T], unit: &mut [T]) -> Rectified<T> {
    unit.iter_mut().zip(q).for_each(|(unit, &q)| *unit = q);
    let squares = dot(q, q);
    let (s, inv_s) = if in_range(squares) {
        let s = squares.sqrt();
        (s, s.recip())
    } else {
        norm(unit)
    };
    unit.iter_mut().for_each(|unit| *unit *= inv_s);
    Rectified::one(m, s)
}

impl<T: Real> Component<'_, T> {
    /// The powers of two that bring the component to usual size.
    pub(super) fn powers(&self) -> Powers {
        let outer = [self.mu_w, self.c_w].map(largest_of);
        let outer = if outer[0] > outer[1] { outer[0] } else { outer[1] };
        Powers::of([self.mu_b, self.c_b].map(largest_of), outer, None)
    }

    /// y += μ_ω r + C_ω q p of a component with parameters of any size, at a row that wants a power of two.
    #[cold]
    #[inline(never)]
    pub(super) fn add_scaled_value(
        &self,
        (x, x_power): (&[T], i32),
        y: &mut [T],
        vectors: &mut Vectors<'_, T>,
    ) {
        let Vectors { vector, q, unit, .. } = vectors;
        let q = take(&mut &mut **q, unit.len());
        let Powers { inner, outer } = self.powers();
        let [for_b, for_w, back] = [-inner, -outer, x_power + inner + outer].map(halves::<T>);
        let z = dispatch(Project, (self, for_b, x, [&mut **vector, &mut *q, &mut **unit]));
        for (output, (y, &mu_w)) in y.iter_mut().zip(self.mu_w).enumerate() {
            let factors = column(self.c_w, output, self.mu_w.len());
            let terms = factors.zip(&*q).map(|(&c_w, &q)| c_w * for_w[0] * for_w[1] * (q * z.probability));
            *y += (mu_w * for_w[0] * for_w[1] * z.mean + sum(terms)) * back[0] * back[1];
        }
    }
}

/// The pre-activation for μ_β and C_β times two factors; overwrites q and its unit vector.
#[inline(always)]
pub(super) fn project<T: Real, S: Simd>(
    simd: S,
    component: &Component<'_, T>,
    factors: [T; 2],
    x: &[T],
    [scaled, q, unit]: [&mut [T]; 3],
) -> Rectified<T> {
    let x = scale_row(x, factors[0], scaled);
    write_dots(simd, component.c_b, x, q);
    q.iter_mut().for_each(|q| *q *= factors[1]);
    rectified(dot(component.mu_b, x) * factors[1], q, unit)
}

task!(Project, project, (
    component: &'a Component<'b, T>,
    factors: [T; 2],
    x: &'a [T],
    vectors: [&'a mut [T]; 3],
) -> Rectified<T>);

/// What a row takes.
#[derive(Debug)]
pub(super) struct RowScratch<'a, T> {
    /// The row times its scale: `[inputs]`.
    pub(super) x: &'a mut [T],
    /// g times its scale, over the divisor: `[outputs]`.
    pub(super) g: &'a mut [T],
    /// The pre-activations of all components.
    pub(super) at: PreActivations<'a, T>,
    pub(super) vectors: Vectors<'a, T>,
}

/// Scratch for the components.
#[derive(Debug)]
pub(super) struct Vectors<'a, T> {
    /// Inputs times a factor, or a sum of rows of parameters: `[inputs]`.
    pub(super) vector: &'a mut [T],
    /// g times a factor: `[outputs]`.
    pub(super) g: &'a mut [T],
    /// q of all components, or of one: `[components × rank]`.
    pub(super) q: &'a mut [T],
    /// q/|q|: `[rank]`.
    pub(super) unit: &'a mut [T],
    /// C_ωᵀg, then ∂q: `[rank]`.
    pub(super) d_q: &'a mut [T],
}

impl<'a, T> RowScratch<'a, T> {
    /// The number of elements.
    pub(super) const fn len(shape: JointShape) -> usize {
        let rows = shape.inputs().saturating_add(shape.outputs()).saturating_mul(2);
        let q = shape.components().saturating_add(2).saturating_mul(shape.rank());
        rows.saturating_add(q).saturating_add(PreActivations::<T>::len(shape.components()))
    }

    /// Cuts a slice of [`len`](Self::len) elements.
    pub(super) fn cut(shape: JointShape, scratch: &'a mut [T]) -> Self {
        let (inputs, outputs, rank) = (shape.inputs(), shape.outputs(), shape.rank());
        let mut rest = scratch;
        let (x, g) = (take(&mut rest, inputs), take(&mut rest, outputs));
        let (vector, scaled_g) = (take(&mut rest, inputs), take(&mut rest, outputs));
        let q = take(&mut rest, shape.components() * rank);
        let (unit, d_q) = (take(&mut rest, rank), take(&mut rest, rank));
        let at = PreActivations(take(&mut rest, PreActivations::<T>::len(shape.components())));
        Self { x, g, at, vectors: Vectors { vector, g: scaled_g, q, unit, d_q } }
    }
}

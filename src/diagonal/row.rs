//! A row by itself: the formulas of one component, forward. The gradients are in [`row_backward`](super::row_backward).
//!
//! With q = μ r + σ⊙(σ⊙x) p = E[β ReLU(z)] (Stein), the component gives U q + v r. In centred coordinates μ r is left
//! out of q.
//!
//! A row of unusual size is read times a power of two, and h is brought back to size. Parameters so large that a
//! product overflows show in a result that is not finite: then every component is computed again at usual size.

use super::form::{Coordinates, Form};
use super::parameters::{Component, Parameters};
use crate::kernel::{Simd, Vector, VectorLoop, dispatch, for_each_dot, sum_of, task};
use crate::mixture::{Powers, PreActivations, halves, input_scale, largest_of, power, scale_row};
use crate::rectified::{in_range, norm, project_row};
use crate::slices::{rows, take};
use crate::{Real, Rectified, Shape};

/// Overwrites `y` with h(x) of one row.
pub(super) fn forward<T: Real>(
    shape: Shape,
    form: Form,
    parameters: Parameters<'_, T>,
    x: &[T],
    y: &mut [T],
    scratch: &mut RowScratch<'_, T>,
) {
    let size = largest_of(x);
    let scale = input_scale(size);
    let RowScratch { x: scaled, vectors: Vectors { direction, q, .. }, at, .. } = scratch;
    let x = scale_row(x, scale, scaled);
    dispatch(Forward, ((shape, form), parameters, (x, size), &mut *y, &mut **q, &mut *at));
    let (divisor, back) = (form.scale.divisor::<T>(shape.components()), scale.recip());
    if size.is_finite() && !y.iter().all(|y| y.is_finite()) {
        y.fill(T::zero());
        for component in parameters.components(shape) {
            component.add_scaled_value(form.coordinates, (x, -scale.exponent()), y, (direction, q));
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
    (shape, form): (Shape, Form),
    parameters: Parameters<'_, T>,
    (x, size): (&[T], T),
    y: &mut [T],
    q: &mut [T],
    pre_activations: &mut PreActivations<'_, T>,
) {
    for (component, at) in parameters.components(shape).zip(pre_activations.iter_mut()) {
        (*at.mean, *at.squares) = component.moments(simd, x);
    }
    pre_activations.rectify(simd);
    y.fill(T::zero());
    for (component, at) in parameters.components(shape).zip(pre_activations.iter_mut()) {
        if !in_range(*at.squares) && size > T::zero() {
            let rectified = project_row(component.mu, component.sigma, T::one(), x, q).rectified;
            (*at.mean, *at.probability) = (rectified.mean, rectified.probability);
        }
        let (r, p) = (*at.mean, *at.probability);
        let (mean, p) = (simd.splat(form.coordinates.through_mean(r)), simd.splat(p));
        Weighted { simd, component: &component, x, q, mean, p }.run(x.len());
        for_each_dot(simd, component.u, q, |output, dot| {
            if let Some((y, &v)) = y.get_mut(output).zip(component.v.get(output)) {
                *y += dot + v * r;
            }
        });
    }
}

task!(Forward, forward_row, (
    layer: (Shape, Form),
    parameters: Parameters<'a, T>,
    row: (&'a [T], T),
    y: &'a mut [T],
    q: &'a mut [T],
    at: &'a mut PreActivations<'b, T>,
) -> ());

impl<T: Real> Component<'_, T> {
    /// m = ⟨μ, x⟩ and s² = |σ⊙x|².
    #[inline(always)]
    fn moments<S: Simd>(&self, simd: S, x: &[T]) -> (T, T) {
        let zero = simd.splat(T::zero());
        let start = Moments { simd, component: self, x, means: zero, squares: zero };
        let Moments { means, squares, .. } = start.run(x.len());
        (simd.sum(means), simd.sum(squares))
    }

    /// q = E[β ReLU(z)] = μ r + σ⊙(σ⊙x) p, for μ and σ times a factor.
    #[inline(always)]
    pub(super) fn write_q(
        &self,
        coordinates: Coordinates,
        factor: T,
        x: &[T],
        at: &Rectified<T>,
        q: &mut [T],
    ) {
        let (r, p) = (coordinates.through_mean(at.mean), at.probability);
        for (q, ((&mu, &sigma), &x)) in q.iter_mut().zip(self.mu.iter().zip(self.sigma).zip(x)) {
            let sigma = sigma * factor;
            *q = mu * factor * r + sigma * (sigma * x) * p;
        }
    }

    /// The powers of two that bring the component to usual size.
    pub(super) fn powers(&self) -> Powers {
        Powers::of([self.mu, self.sigma].map(largest_of), largest_of(self.u), Some(largest_of(self.v)))
    }

    /// y += U q + v r of a component with parameters of any size, at a row that wants a power of two.
    #[cold]
    #[inline(never)]
    pub(super) fn add_scaled_value(
        &self,
        coordinates: Coordinates,
        row: (&[T], i32),
        y: &mut [T],
        vectors: (&mut [T], &mut [T]),
    ) {
        dispatch(AddScaledValue, (self, coordinates, row, y, vectors));
    }
}

/// [`Component::add_scaled_value`].
#[inline(always)]
fn add_scaled_value<T: Real, S: Simd>(
    _: S,
    component: &Component<'_, T>,
    coordinates: Coordinates,
    (x, x_power): (&[T], i32),
    y: &mut [T],
    (direction, q): (&mut [T], &mut [T]),
) {
    let Powers { inner, outer } = component.powers();
    let [for_u, for_v, back] = [-outer, -outer - inner, x_power + outer + 2 * inner].map(halves::<T>);
    let factor = power::<T>(-inner);
    let at = project_row(component.mu, component.sigma, factor, x, direction).rectified;
    component.write_q(coordinates, factor, x, &at, q);
    for ((y, row), &offset) in y.iter_mut().zip(rows(component.u, x.len())).zip(component.v) {
        let slope = sum_of(row, q, |slope, q| slope * for_u[0] * for_u[1] * q);
        *y += (slope + offset * for_v[0] * for_v[1] * at.mean) * back[0] * back[1];
    }
}

task!(AddScaledValue, add_scaled_value, (
    component: &'a Component<'b, T>,
    coordinates: Coordinates,
    row: (&'a [T], i32),
    y: &'a mut [T],
    vectors: (&'a mut [T], &'a mut [T]),
) -> ());

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

/// Scratch for a component: `[inputs]` each.
#[derive(Debug)]
pub(super) struct Vectors<'a, T> {
    /// σ⊙x up to a scale, then y.
    pub(super) direction: &'a mut [T],
    pub(super) q: &'a mut [T],
    /// Uᵀg.
    pub(super) c: &'a mut [T],
}

impl<'a, T> RowScratch<'a, T> {
    /// The number of elements.
    pub(super) const fn len(shape: Shape) -> usize {
        let rows = shape.inputs().saturating_mul(4).saturating_add(shape.outputs());
        rows.saturating_add(PreActivations::<T>::len(shape.components()))
    }

    /// s = |σ⊙x| of a row times its scale, whose squares are out of range.
    pub(super) fn deviation(&mut self, sigma: &[T], x: &[T], scale: T) -> T
    where
        T: Real,
    {
        let direction = &mut *self.vectors.direction;
        for ((direction, &sigma), &x) in direction.iter_mut().zip(sigma).zip(x) {
            *direction = sigma * (x * scale);
        }
        norm(direction).0
    }

    /// Cuts a slice of [`len`](Self::len) elements.
    pub(super) fn cut(shape: Shape, scratch: &'a mut [T]) -> Self {
        let mut rest = scratch;
        let [x, direction, q, c] = [(); 4].map(|()| take(&mut rest, shape.inputs()));
        let g = take(&mut rest, shape.outputs());
        let at = PreActivations(take(&mut rest, PreActivations::<T>::len(shape.components())));
        Self { x, g, at, vectors: Vectors { direction, q, c } }
    }
}

/// q = E[β ReLU(z)] = μ r + σ⊙(σ⊙x) p, along the inputs.
struct Weighted<'a, T, S> {
    simd: S,
    component: &'a Component<'a, T>,
    x: &'a [T],
    q: &'a mut [T],
    /// What μ is multiplied by: r, or 0 in centred coordinates.
    mean: Vector<T>,
    p: Vector<T>,
}

impl<T: Real, S: Simd> VectorLoop for Weighted<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let simd = self.simd;
        let sigma = simd.load::<WHOLE, T>(self.component.sigma, at)?;
        let x = simd.load::<WHOLE, T>(self.x, at)?;
        let spread = simd.mul(sigma, simd.mul(sigma, x));
        let mean = simd.mul(simd.load::<WHOLE, T>(self.component.mu, at)?, self.mean);
        simd.store::<WHOLE, T>(self.q, at, simd.mul_add(spread, self.p, mean));
        Some(())
    }
}

/// m and s², along the inputs.
struct Moments<'a, T, S> {
    simd: S,
    component: &'a Component<'a, T>,
    x: &'a [T],
    means: Vector<T>,
    squares: Vector<T>,
}

impl<T: Real, S: Simd> VectorLoop for Moments<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let simd = self.simd;
        let x = simd.load::<WHOLE, T>(self.x, at)?;
        let mu = simd.load::<WHOLE, T>(self.component.mu, at)?;
        let sigma = simd.load::<WHOLE, T>(self.component.sigma, at)?;
        let spread = simd.mul(sigma, x);
        self.means = simd.mul_add(mu, x, self.means);
        self.squares = simd.mul_add(spread, spread, self.squares);
        Some(())
    }
}

//! One component at one row: the formulas, forward and backward.
//!
//! With q = μ r + σ⊙(σ⊙x) p = E[β ReLU(z)] (Stein), the component gives U q + v r. Backward, with the
//! cotangent g, y = σ⊙x/s (a unit vector, 0 at s = 0) and c = Uᵀg:
//!
//! ```text
//! A = ⟨c, μ⟩ + ⟨g, v⟩      b = Σ cᵢσᵢyᵢ
//! ∂m = A p + b φ           ∂s = A φ − b tφ
//! ∂Uₗ += gₗ q              ∂μᵢ += cᵢ r + xᵢ ∂m
//! ∂vₗ += gₗ r              ∂σᵢ += xᵢ (∂s yᵢ + 2p cᵢσᵢ)
//!                          ∂xᵢ += μᵢ ∂m + σᵢ (∂s yᵢ + p cᵢσᵢ)
//! ```
//!
//! In centred coordinates μ r is left out of q, ⟨c, μ⟩ out of A and cᵢ r out of ∂μ.
//!
//! No term divides by s, so nothing overflows however small s is. A small cotangent is lifted by a power of two, which
//! the results are rid of. Numbers so large or so small that another product leaves the range go through [`far`].

mod backward;

use super::far;
use super::form::Form;
use super::parameters::{Component, Parameters};
use super::usual::{self, Together};
use crate::batch::Lift;
use crate::kernel::{Along, LANES, Simd, Task, Vector, for_each_dot, widest};
use crate::rectified::{in_range, project_checked};
use crate::{Real, Rectified, Shape, shape};

/// Overwrites `y` with h(x) of one row.
pub(super) fn forward<T: Real>(
    shape: Shape,
    form: Form,
    parameters: Parameters<'_, T>,
    x: &[T],
    y: &mut [T],
    scratch: &mut Scratch<'_, T>,
) {
    widest(Forward, (shape, form, parameters, x, y, scratch));
}

/// [`forward`].
struct Forward;

/// The arguments of [`forward`].
type ForwardArguments<'a, 'b, T> =
    (Shape, Form, Parameters<'a, T>, &'a [T], &'a mut [T], &'a mut Scratch<'b, T>);

impl<T: Real> Task<ForwardArguments<'_, '_, T>> for Forward {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S, (shape, form, parameters, x, y, scratch): ForwardArguments<'_, '_, T>) {
        let Scratch { q, pre_activations, .. } = scratch;
        let mut together = Together::none(simd);
        together.see_row(simd, x);
        for (component, at) in parameters.components(shape, form.coordinates).zip(pre_activations.iter_mut())
        {
            (*at.mean, *at.squares) = component.moments(simd, x, &mut together);
        }
        pre_activations.rectify(simd);
        let (means, probabilities) = pre_activations.of_components(shape.components());
        let usual = together.are_usual(simd, means, probabilities);
        y.fill(T::zero());
        for (component, at) in parameters.components(shape, form.coordinates).zip(pre_activations.iter_mut())
        {
            let plain = in_range(*at.squares);
            if !plain {
                let rectified = project_checked(component.mu, component.sigma, x, q).rectified;
                (*at.mean, *at.probability) = (rectified.mean, rectified.probability);
            }
            let (r, p) = (*at.mean, *at.probability);
            let lift = if usual && plain {
                Some(Lift::none())
            } else {
                usual::forward_lift(simd, &component, x, (r, p))
            };
            let Some(Lift { factor, unit }) = lift else {
                far::forward(&component, x, y);
                continue;
            };
            let mean = simd.splat(form.coordinates.through_mean(r) * factor);
            let (factor, p) = (simd.splat(factor), simd.splat(p));
            Weighted { simd, component: &component, x, q, mean, factor, p }.along(x.len());
            for_each_dot(simd, component.u, q, |output, dot| {
                if let Some((y, &v)) = y.get_mut(output).zip(component.v.get(output)) {
                    *y += dot * unit + v * r;
                }
            });
        }
        let divisor = form.scale.divisor::<T>(shape.components());
        for y in y {
            *y /= divisor;
        }
    }
}

/// The rectified pre-activation of a component whose s² is out of range, from its variance; `sigma` and `direction`
/// are scratch.
#[cold]
#[inline(never)]
pub(super) fn rectify_far<T: Real>(
    mu: &[T],
    variance: &[T],
    x: &[T],
    sigma: &mut [T],
    direction: &mut [T],
) -> Rectified<T> {
    for (sigma, &variance) in sigma.iter_mut().zip(variance) {
        *sigma = variance.sqrt();
    }
    project_checked(mu, sigma, x, direction).rectified
}

/// Of each component: m, then r; s²; p. Three rows of `[components]`, each filled up to whole vectors.
#[derive(Debug)]
pub(super) struct PreActivations<'a, T>(pub(super) &'a mut [T]);

/// The pre-activation of one component.
pub(super) struct PreActivation<'a, T> {
    /// m, then r.
    pub(super) mean: &'a mut T,
    /// s².
    pub(super) squares: &'a mut T,
    /// p.
    pub(super) probability: &'a mut T,
}

impl<T: Real> PreActivations<'_, T> {
    /// The number of elements.
    pub(super) const fn len(components: usize) -> usize {
        if components > usize::MAX - LANES {
            usize::MAX
        } else {
            components.next_multiple_of(LANES).saturating_mul(3)
        }
    }

    /// m or r, s² and p of all components, and what fills them up.
    #[inline(always)]
    pub(super) fn fields(&mut self) -> (&mut [T], &mut [T], &mut [T]) {
        let each = self.0.len() / 3;
        let (mean, rest) = shape::split(self.0, each);
        let (squares, probability) = shape::split(rest, each);
        (mean, squares, probability)
    }

    /// m or r, and p of the components alone.
    #[inline(always)]
    pub(super) fn of_components(&mut self, components: usize) -> (&[T], &[T]) {
        let (mean, _, probability) = self.fields();
        (shape::split_ref(mean, components).0, shape::split_ref(probability, components).0)
    }

    /// Those of the components one after the other.
    #[inline(always)]
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = PreActivation<'_, T>> {
        let (mean, squares, probability) = self.fields();
        let fields = mean.iter_mut().zip(squares).zip(probability);
        fields.map(|((mean, squares), probability)| PreActivation { mean, squares, probability })
    }

    /// r and p from m and s², where s² is in range: whole vectors of components at once.
    #[inline(always)]
    pub(super) fn rectify<S: Simd>(&mut self, simd: S) {
        let (means, squares, probabilities) = self.fields();
        let (means, squares) = (means.as_chunks_mut::<LANES>().0, squares.as_chunks::<LANES>().0);
        let blocks = means.iter_mut().zip(squares).zip(probabilities.as_chunks_mut::<LANES>().0);
        for ((means, squares), probabilities) in blocks {
            // Copies, so that nothing else may lie in their place.
            let (mut m, Vector(s), mut p) = (*means, simd.sqrt(Vector(*squares)), [T::zero(); LANES]);
            for ((m, &s), p) in m.iter_mut().zip(&s).zip(&mut p) {
                let at = Rectified::new(*m, s);
                (*m, *p) = (at.mean, at.probability);
            }
            (*means, *probabilities) = (m, p);
        }
    }
}

/// q = E[β ReLU(z)] = μ r + σ⊙(σ⊙x) p times a factor, along the inputs.
struct Weighted<'a, T, S> {
    simd: S,
    component: &'a Component<'a, T>,
    x: &'a [T],
    q: &'a mut [T],
    /// What μ is multiplied by: r, or 0 in centred coordinates, times the factor.
    mean: Vector<T>,
    factor: Vector<T>,
    p: Vector<T>,
}

impl<T: Real, S: Simd> Along for Weighted<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let simd = self.simd;
        let sigma = simd.load::<WHOLE, T>(self.component.sigma, at)?;
        let x = simd.mul(simd.load::<WHOLE, T>(self.x, at)?, self.factor);
        let spread = simd.mul(sigma, simd.mul(sigma, x));
        let mean = simd.mul(simd.load::<WHOLE, T>(self.component.mu, at)?, self.mean);
        simd.store::<WHOLE, T>(self.q, at, simd.mul_add(spread, self.p, mean));
        Some(())
    }
}

/// m and s², along the inputs, and the sizes of μ and σ where there are registers for them.
struct Moments<'a, T, S> {
    simd: S,
    component: &'a Component<'a, T>,
    x: &'a [T],
    means: Vector<T>,
    squares: Vector<T>,
    together: Together<T>,
}

/// The vectors that must fit the registers for all that [`Moments`] holds and reads.
const OF_MOMENTS: usize = 16;

impl<T: Real, S: Simd> Along for Moments<'_, T, S> {
    #[inline(always)]
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()> {
        let simd = self.simd;
        let x = simd.load::<WHOLE, T>(self.x, at)?;
        let mu = simd.load::<WHOLE, T>(self.component.mu, at)?;
        let sigma = simd.load::<WHOLE, T>(self.component.sigma, at)?;
        let spread = simd.mul(sigma, x);
        self.means = simd.mul_add(mu, x, self.means);
        self.squares = simd.mul_add(spread, spread, self.squares);
        if S::VECTORS >= OF_MOMENTS {
            self.together.see(simd, mu);
            self.together.see(simd, sigma);
        }
        Some(())
    }
}

impl<T: Real> Component<'_, T> {
    /// m = ⟨μ, x⟩ and s² = |σ⊙x|², and the sizes of μ and σ added to those that were seen.
    #[inline(always)]
    fn moments<S: Simd>(&self, simd: S, x: &[T], seen: &mut Together<T>) -> (T, T) {
        let zero = simd.splat(T::zero());
        let start = Moments { simd, component: self, x, means: zero, squares: zero, together: *seen };
        let Moments { means, squares, together, .. } = start.along(x.len());
        *seen = together;
        if S::VECTORS < OF_MOMENTS {
            seen.see_row(simd, self.mu);
            seen.see_row(simd, self.sigma);
        }
        (simd.sum(means), simd.sum(squares))
    }
}

/// Three rows of scratch, `[inputs]` each, and what every component's pre-activation takes.
#[derive(Debug)]
pub(super) struct Scratch<'a, T> {
    pub(super) direction: &'a mut [T],
    pub(super) q: &'a mut [T],
    pub(super) c: &'a mut [T],
    pub(super) pre_activations: PreActivations<'a, T>,
}

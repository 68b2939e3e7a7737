//! The pre-activations of one row, of all components at once.

use crate::kernel::{LANES, Simd, Vector};
use crate::slices::{Slice, whole};
use crate::{Real, Rectified};

/// Of each component: m, then r; s²; p. Three rows of `[components]`, each filled up to whole vectors.
#[derive(Debug)]
pub(crate) struct PreActivations<'a, T>(pub(crate) &'a mut [T]);

/// The pre-activation of one component.
pub(crate) struct PreActivation<'a, T> {
    /// m, then r.
    pub(crate) mean: &'a mut T,
    /// s².
    pub(crate) squares: &'a mut T,
    /// p.
    pub(crate) probability: &'a mut T,
}

impl<T> PreActivations<'_, T> {
    /// The number of elements.
    pub(crate) const fn len(components: usize) -> usize {
        whole(components).saturating_mul(3)
    }
}

impl<T: Real> PreActivations<'_, T> {
    /// m or r, s² and p of all components, and what fills them up.
    #[inline(always)]
    pub(crate) fn fields(&mut self) -> (&mut [T], &mut [T], &mut [T]) {
        let each = self.0.len() / 3;
        let (mean, rest) = self.0.divide(each);
        let (squares, probability) = rest.divide(each);
        (mean, squares, probability)
    }

    /// m or r, and p of the components alone.
    #[inline(always)]
    pub(crate) fn means_and_probabilities(&mut self, components: usize) -> (&[T], &[T]) {
        let (mean, _, probability) = self.fields();
        (mean.divide(components).0, probability.divide(components).0)
    }

    /// Those of the components one after the other.
    #[inline(always)]
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = PreActivation<'_, T>> {
        let (mean, squares, probability) = self.fields();
        let fields = mean.iter_mut().zip(squares).zip(probability);
        fields.map(|((mean, squares), probability)| PreActivation { mean, squares, probability })
    }

    /// r and p from m and s², where s² is in range: whole vectors of components at once.
    #[inline(always)]
    pub(crate) fn rectify<S: Simd>(&mut self, simd: S) {
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

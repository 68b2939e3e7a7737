//! Every derivative of a block against its reference: the verdict, the resolution and the worst.

use super::block::{Entry, Finding};
use super::differences::{Wanted, derivative};
use super::objective::{Buffers, Objective};
use super::verdict::Verdict;
use crate::{Dual, Real};

/// Where a block lies in θ, and its scales.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    first: usize,
    len: usize,
    /// The largest |θᵢ| of the block, or 1 for a block of zeros: the scale of coordinates that are 0.
    scale: f64,
    /// The largest derivative of the block.
    largest: f64,
    /// The size of the terms of ⟨c, f(θ)⟩.
    size: f64,
    /// The largest |gᵢθᵢ| of all blocks: the size of the terms that make a derivative, times its coordinate.
    terms: f64,
    /// The largest |θᵢ| of all blocks, or 1 where they are smaller: the scale of the largest steps.
    most: f64,
    /// The coarser of the function's and the backward pass's unit roundoff.
    roundoff: f64,
}

/// Roundings that a right backward pass may be off by, relative to the largest derivative of its block.
const ROUNDINGS: f64 = 256.0;
/// How many times what is allowed an error must be for a gradient to differ.
const CERTAIN: f64 = 16.0;
/// The error that must be seen, relative to the same.
const RESOLUTION: f64 = 1e-2;

impl Place {
    /// The block of `len` elements from `first` on, whose gradient is in the buffers.
    pub(super) fn new<T: Real>(
        first: usize,
        len: usize,
        theta: &[T],
        buffers: &Buffers<'_, T>,
        size: f64,
        roundoff: f64,
    ) -> Self {
        let largest = |all: &[T]| {
            let block = all.get(first..).and_then(|all| all.get(..len)).unwrap_or_default();
            crate::kernel::largest(block).to_f64()
        };
        let scale = largest(theta);
        let scale = if scale > 0.0 { scale } else { 1.0 };
        Self {
            first,
            len,
            scale,
            largest: largest(buffers.gradient),
            terms: buffers
                .gradient
                .iter()
                .zip(theta)
                .map(|(gradient, theta)| libm::fabs(gradient.to_f64() * theta.to_f64()))
                .fold(0.0, f64::max),
            most: crate::kernel::largest(theta).to_f64().max(1.0),
            size: size.max(libm::scalbn(1.0, T::LEAST_EXPONENT)),
            roundoff,
        }
    }

    /// The scale of a coordinate: the power of two at or below its size.
    fn own(&self, theta: f64) -> f64 {
        let (_, exponent) = libm::frexp(if theta == 0.0 { self.scale } else { theta });
        libm::scalbn(1.0, exponent - 1)
    }

    /// An entry that agrees within `allowed` would have shown an error of twice that; enough, if this is
    /// 1 % of the largest.
    fn wanted(&self) -> f64 {
        RESOLUTION / 2.0 * self.largest
    }

    /// Judges all entries that `entry` gives.
    fn judge(&self, mut entry: impl FnMut(usize) -> (Entry, Verdict)) -> Option<Finding> {
        let mut finding: Option<Finding> = None;
        for index in 0..self.len {
            let (entry, verdict) = entry(index);
            let verdict = if entry.backward.is_finite() { verdict } else { Verdict::Differs };
            let resolution = 2.0 * entry.allowed;
            finding = Some(match finding {
                None => Finding { verdict, resolution, worst: entry },
                Some(before) => Finding {
                    verdict: before.verdict.and(verdict),
                    resolution: before.resolution.max(resolution),
                    worst: if entry.excess() > before.worst.excess() { entry } else { before.worst },
                },
            });
        }
        finding
    }

    /// Against finite differences; `moved` in the buffers is θ. Not `judged` is a function of which they tell nothing.
    pub(super) fn by_differences<T, F, B>(
        &self,
        objective: &mut Objective<'_, T, F, B>,
        buffers: &mut Buffers<'_, T>,
        judged: bool,
    ) -> Option<Finding>
    where
        T: Real,
        F: FnMut(&[T], &mut [T]),
    {
        self.judge(|index| {
            let flat = self.first + index;
            let [backward, theta] =
                [&*buffers.gradient, objective.theta].map(|all| all.get(flat).map_or(0.0, |x| x.to_f64()));
            if !judged {
                let entry = Entry { index, backward, reference: f64::NAN, allowed: f64::INFINITY };
                return (entry, Verdict::Unreliable);
            }
            let own = self.own(theta);
            let wanted = Wanted { own, most: self.most, backward, within: self.wanted() };
            let estimate = derivative(objective, buffers, flat, wanted);
            let rounding = ROUNDINGS * self.roundoff * self.largest;
            let within = |allowed| Entry { index, backward, reference: estimate.value, allowed };
            let entry = within(estimate.allowed() + rounding);
            if let Some(allowed) = estimate.allowed_at_kink() {
                let entry = within(allowed + rounding);
                if self.verdict(&entry, own, f64::INFINITY) == Verdict::Agrees {
                    return (entry, Verdict::AgreesAtKink);
                }
            }
            // Half of the digits a right backward pass may lose.
            let digits = libm::sqrt(self.roundoff) * self.largest;
            let certain = if estimate.far { f64::INFINITY } else { digits.max(CERTAIN * entry.allowed) };
            (entry, self.verdict(&entry, own, certain))
        })
    }

    /// The verdict where there is no kink; an error above `certain` is one. In a block of zeros an error must be seen that changes f by 1 % over the
    /// coordinate's own scale.
    fn verdict(&self, entry: &Entry, own: f64, certain: f64) -> Verdict {
        let zeros = self.largest == 0.0 && entry.allowed * own <= RESOLUTION * self.size;
        if entry.absolute_error() > certain {
            Verdict::Differs
        } else if !entry.agrees() {
            Verdict::Unreliable
        } else if zeros || entry.allowed <= self.wanted() {
            Verdict::Agrees
        } else {
            Verdict::Unreliable
        }
    }

    /// Against dual numbers.
    pub(super) fn by_dual_numbers<T: Real>(
        &self,
        forward: &mut impl FnMut(&[Dual<T>], &mut [Dual<T>]),
        buffers: &Buffers<'_, T>,
        moving: &mut [Dual<T>],
        outputs: &mut [Dual<T>],
    ) -> Option<Finding> {
        self.judge(|index| {
            let flat = self.first + index;
            let own = self.own(moving.get(flat).map_or(0.0, |theta| theta.value.to_f64()));
            if let Some(theta) = moving.get_mut(flat) {
                theta.derivative = T::one();
            }
            forward(moving, outputs);
            if let Some(theta) = moving.get_mut(flat) {
                theta.derivative = T::zero();
            }
            let backward = buffers.gradient.get(flat).map_or(0.0, |x| x.to_f64());
            let terms = outputs.iter().zip(buffers.cotangent.iter());
            let (reference, size) = terms
                .map(|(y, c)| y.derivative.to_f64() * c.to_f64())
                .fold((0.0, 0.0), |(sum, size), term| (sum + term, size + libm::fabs(term)));
            let allowed = ROUNDINGS * self.roundoff * self.largest.max(size).max(self.terms / own);
            let entry = Entry { index, backward, reference, allowed };
            (entry, self.verdict(&entry, own, CERTAIN * allowed))
        })
    }
}

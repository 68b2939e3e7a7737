//! Every coordinate against a central difference with Richardson extrapolation.

use core::ops::Range;

use super::objective::{Buffers, Noise, Objective, ROUNDINGS, scale};
use super::verdict::Verdict;
use crate::Real;

/// One coordinate, seen both ways.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// The index within its block.
    pub index: usize,
    /// The derivative by the backward pass.
    pub backward: f64,
    /// The derivative by differences.
    pub difference: f64,
    /// The difference's own estimate of its error, rounding included.
    pub estimated_error: f64,
    /// The deviation that is allowed here.
    pub allowed: f64,
}

impl Entry {
    /// |backward − difference|.
    #[must_use]
    pub fn absolute_error(&self) -> f64 {
        libm::fabs(self.backward - self.difference)
    }

    /// The absolute error relative to the larger of the two values.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        let size = libm::fabs(self.backward).max(libm::fabs(self.difference));
        if size > 0.0 { self.absolute_error() / size } else { 0.0 }
    }

    /// How far the error exceeds what is allowed; NaN counts as infinitely far.
    fn excess(&self) -> f64 {
        let excess = self.absolute_error() / self.allowed;
        if excess.is_nan() { f64::INFINITY } else { excess }
    }
}

/// The first step, relative to the scale of the coordinate.
const FIRST: f64 = 1.0 / 16.0;
/// The halvings of the step.
const LEVELS: usize = 14;
/// How many times its own error estimate a difference may be off.
const SAFETY: f64 = 8.0;
/// How many times the relative noise of the function its gradient may carry.
const NOISES: f64 = 16.0;
/// The relative error above which a difference tells nothing, unless rounding explains it.
const USELESS: f64 = 1e-2;

/// All coordinates of a block: the verdict, and the entry that is worst against what is allowed.
pub(super) fn check<T, F, B>(
    objective: &mut Objective<'_, T, F, B>,
    buffers: &mut Buffers<'_, T>,
    range: Range<usize>,
    roundoff: f64,
    noise: Noise,
) -> (Verdict, Option<Entry>)
where
    T: Real,
    F: FnMut(&[T], &mut [T]),
{
    let block_scale = scale(objective.theta, range.clone());
    let largest = crate::kernel::largest(buffers.gradient.get(range.clone()).unwrap_or_default()).to_f64();
    let mut verdict = Verdict::Agrees;
    let mut worst: Option<Entry> = None;
    buffers.direction.fill(T::zero());
    for (index, flat) in range.enumerate() {
        let Some(&backward) = buffers.gradient.get(flat) else { continue };
        let backward = backward.to_f64();
        if let Some(direction) = buffers.direction.get_mut(flat) {
            *direction = T::one();
        }
        let (difference, estimated_error) = extrapolated(objective, buffers, block_scale, noise);
        if let Some(direction) = buffers.direction.get_mut(flat) {
            *direction = T::zero();
        }
        let size = largest.max(libm::fabs(difference));
        let rounding = ROUNDINGS * roundoff + NOISES * noise.relative;
        let allowed = SAFETY * estimated_error + rounding * size + f64::MIN_POSITIVE;
        let entry = Entry { index, backward, difference, estimated_error, allowed };
        let explained = NOISES * noise.absolute / (block_scale * libm::cbrt(T::UNIT_ROUNDOFF));
        let agrees = entry.absolute_error() <= allowed;
        let reliable = estimated_error <= (USELESS * size).max(explained);
        verdict = verdict.and(match (agrees, reliable) {
            (true, true) => Verdict::Agrees,
            (_, false) if backward.is_finite() => Verdict::Unreliable,
            _ => Verdict::Differs,
        });
        if worst.is_none_or(|worst| entry.excess() > worst.excess()) {
            worst = Some(entry);
        }
    }
    (verdict, worst)
}

/// The derivative along the direction by Ridders' extrapolation, and its estimated error.
fn extrapolated<T, F, B>(
    objective: &mut Objective<'_, T, F, B>,
    buffers: &mut Buffers<'_, T>,
    scale: f64,
    noise: Noise,
) -> (f64, f64)
where
    T: Real,
    F: FnMut(&[T], &mut [T]),
{
    let mut previous = [0.0; LEVELS];
    let plain_step = scale * libm::cbrt(T::UNIT_ROUNDOFF);
    let mut plain = 0.0;
    let (mut best, mut best_error) = (0.0, f64::INFINITY);
    let mut step = scale * FIRST;
    for level in 0..LEVELS {
        let (ahead, behind) = (objective.along(buffers, step), objective.along(buffers, -step));
        let noise = (noise.absolute + noise.relative * (ahead.size + behind.size)) / step;
        let mut row = [0.0; LEVELS];
        let mut value = (ahead.sum - behind.sum) / (2.0 * step);
        if step * 2.0 > plain_step {
            plain = value;
        }
        let mut power = 1.0;
        for (column, slot) in row.iter_mut().enumerate().take(level + 1) {
            *slot = value;
            let Some(&coarser) = previous.get(column) else { break };
            if column == level {
                break;
            }
            power *= 4.0;
            let refined = value + (value - coarser) / (power - 1.0);
            let error = libm::fabs(refined - value).max(libm::fabs(refined - coarser)) + noise;
            if error <= best_error {
                (best, best_error) = (refined, error);
            }
            value = refined;
        }
        previous = row;
        step /= 2.0;
    }
    // Two extrapolations can agree by chance: a plain difference at the best step for one must agree too.
    (best, best_error.max(libm::fabs(best - plain)))
}

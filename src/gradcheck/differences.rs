//! One derivative by central differences with Richardson extrapolation, and how far it may be off.

use super::objective::{Buffers, Objective, Value};
use crate::Real;

/// A derivative, and what is known of its error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    pub(super) value: f64,
    /// What the extrapolation leaves open.
    truncation: f64,
    /// What the noise of the function leaves open.
    noise: f64,
    /// How far the two one-sided derivatives are apart.
    gap: f64,
    /// Whether there is a kink at θ itself: the gap is there with steps of every size.
    kink: bool,
    /// Whether it is seen with steps larger than the coordinate's own scale alone, where f may be another function.
    pub(super) far: bool,
}

/// The first step, relative to the coordinate, as a power of two.
const FIRST: i32 = -4;
/// The steps of one scan, each half of the one before.
const STEPS: i32 = 14;
/// The last of them, in which the noise of the function shows.
const NOISE_FROM: usize = 6;
/// The most scans by smaller steps.
const SMALLER: i32 = 3;
/// How many times the changes between steps the noise may be.
const NOISES: f64 = 8.0;
/// Roundings that the function's values may carry.
const ROUNDINGS: f64 = 4.0;
/// How many times its own estimate an error may be.
const SAFETY: f64 = 8.0;

impl Estimate {
    const NONE: Self = Self {
        value: 0.0,
        truncation: f64::INFINITY,
        noise: f64::INFINITY,
        gap: 0.0,
        kink: false,
        far: false,
    };

    /// How far the derivative may be off.
    pub(super) fn allowed(&self) -> f64 {
        SAFETY * self.truncation + self.noise + 2.0 * self.gap
    }

    /// How far the limit of central differences may be off, where there is a kink.
    pub(super) fn allowed_at_kink(&self) -> Option<f64> {
        self.kink.then_some(SAFETY * self.truncation + self.noise)
    }

    /// Whether the derivative cannot be `value`.
    fn excludes(&self, value: f64) -> bool {
        libm::fabs(value - self.value) > self.allowed()
    }

    /// Whether the one-sided derivatives are further apart than the error explains.
    fn is_kink(&self) -> bool {
        self.gap > 4.0 * (self.truncation + self.noise)
    }

    /// Whether the error may well be noise alone.
    fn is_noisy(&self) -> bool {
        self.truncation + self.gap <= 4.0 * self.noise
    }
}

/// What a derivative is wanted for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The scale of the coordinate: a power of two.
    pub(super) own: f64,
    /// The scale of the largest steps.
    pub(super) most: f64,
    /// The derivative by the backward pass.
    pub(super) backward: f64,
    /// How far a reference may be off.
    pub(super) within: f64,
}

/// The derivative by coordinate `index`, with steps of other sizes where those of its own scale do not tell.
pub(super) fn derivative<T, F, B>(
    objective: &mut Objective<'_, T, F, B>,
    buffers: &mut Buffers<'_, T>,
    index: usize,
    wanted: Wanted,
) -> Estimate
where
    T: Real,
    F: FnMut(&[T], &mut [T]),
{
    let Wanted { own, most, backward, within } = wanted;
    let mut scan = |scale| scan(objective, buffers, index, libm::scalbn(scale, FIRST));
    let first = scan(own);
    // Noise asks for larger steps, as long as they tell the same.
    let (mut best, mut scale) = (first, own);
    while best.is_noisy() && scale < most && (best.allowed() > within || best.excludes(backward)) {
        scale = libm::scalbn(scale, STEPS).min(most);
        let next = scan(scale);
        let apart = libm::fabs(next.value - best.value);
        if apart > best.allowed() {
            best.truncation = best.truncation.max(apart);
            break;
        }
        if next.allowed() < best.allowed() {
            best = Estimate { far: true, ..next };
        }
    }
    // A kink nearby, or a function of a smaller scale, asks for smaller ones.
    scale = own;
    if best.allowed() > within {
        let larger = best;
        best = first;
        for _ in 0..SMALLER {
            scale = libm::scalbn(scale, -STEPS);
            let next = scan(scale);
            if next.allowed() < best.allowed() || next.is_kink() && next.noise < best.truncation {
                best = next;
            }
        }
        // Of a kink within larger steps alone nothing says that it is at θ.
        best.kink = best.is_kink();
        if larger.allowed() < best.allowed() && !best.kink {
            best = larger;
        }
    }
    // No derivative is wrong before all steps that can tell it from the reference have told so.
    loop {
        if !best.excludes(backward) {
            return best;
        }
        scale = libm::scalbn(scale, -STEPS);
        let next = scan(scale);
        if next.allowed() >= libm::fabs(backward - best.value) / 2.0 {
            return best;
        }
        if libm::fabs(next.value - best.value) > next.allowed() + best.allowed() {
            best = next;
        }
    }
}

/// One step: its size, the central difference, and the one-sided ones, apart.
#[derive(Debug, Clone, Copy)]
struct Step {
    h: f64,
    central: f64,
    apart: f64,
    size: f64,
}

/// The derivative by steps from `first` on.
fn scan<T, F, B>(
    objective: &mut Objective<'_, T, F, B>,
    buffers: &mut Buffers<'_, T>,
    index: usize,
    first: f64,
) -> Estimate
where
    T: Real,
    F: FnMut(&[T], &mut [T]),
{
    let Some(&theta) = objective.theta.get(index) else { return Estimate::NONE };
    let start = objective.at(buffers, index, theta);
    let unknown = Step { h: f64::NAN, central: f64::NAN, apart: f64::NAN, size: f64::NAN };
    let mut steps = [unknown; STEPS as usize];
    for (step, power) in steps.iter_mut().zip(0..) {
        let h = libm::scalbn(first, -power);
        let (above, below) = (theta + T::from_f64(h), theta - T::from_f64(h));
        let ahead = above.to_f64() - theta.to_f64();
        let behind = theta.to_f64() - below.to_f64();
        // Near a unit in the last place of θ, or beyond the range, it is no step of this size.
        if libm::fabs(ahead - h).max(libm::fabs(behind - h)) <= h / 1024.0 {
            let above = objective.at(buffers, index, above);
            let below = objective.at(buffers, index, below);
            *step = Step::new(h, start, (ahead, above), (behind, below));
        }
    }
    extrapolate(&steps, T::UNIT_ROUNDOFF, T::LEAST_EXPONENT)
}

impl Step {
    fn new(h: f64, start: Value, (ahead, above): (f64, Value), (behind, below): (f64, Value)) -> Self {
        Self {
            h,
            central: (above.sum - below.sum) / (ahead + behind),
            apart: (above.sum - start.sum) / ahead - (start.sum - below.sum) / behind,
            size: above.size.max(below.size),
        }
    }

    /// What the one-sided differences tend to be apart, from this step and the one twice as large: 0 where
    /// the function is smooth, but for terms of the third order and noise.
    fn gap(self, coarser: Self) -> f64 {
        2.0 * self.apart - coarser.apart
    }
}

/// Ridders' extrapolation: the entry of the table that has the smallest error.
fn extrapolate(steps: &[Step; STEPS as usize], roundoff: f64, least_exponent: i32) -> Estimate {
    let least = libm::scalbn(roundoff, least_exponent);
    let pairs = || steps.iter().zip(steps.iter().skip(1));
    // What noise alone changes from step to step, but for terms of the fourth order: the gap, which neither a slope nor
    // a kink changes, and the extrapolated difference.
    let settled = |(coarser, step): (&Step, &Step)| {
        [step.gap(*coarser), step.central + (step.central - coarser.central) / 3.0]
    };
    let changes = pairs().zip(pairs().skip(1)).map(|(coarser, finer)| {
        let ([gap, slope], [coarser_gap, coarser_slope]) = (settled(finer), settled(coarser));
        finer.1.h * (libm::fabs(gap - coarser_gap) / 4.0).max(libm::fabs(slope - coarser_slope) / 2.0)
    });
    let noise = NOISES * changes.skip(NOISE_FROM).fold(least, f64::max);
    let noise_at = |step: &Step| (noise + ROUNDINGS * roundoff * step.size) / step.h;

    let mut best = Estimate::NONE;
    let mut previous = [f64::NAN; STEPS as usize];
    if let (Some(first), Some(slot)) = (steps.first(), previous.first_mut()) {
        *slot = first.central;
    }
    for (level, (coarser, step)) in pairs().enumerate() {
        let gap = libm::fabs(step.gap(*coarser));
        let noise = noise_at(step);
        let mut row = [f64::NAN; STEPS as usize];
        let (mut value, mut power) = (step.central, 1.0);
        for (slot, &coarser) in row.iter_mut().zip(&previous) {
            *slot = value;
            power *= 4.0;
            let refined = value + (value - coarser) / (power - 1.0);
            let truncation = libm::fabs(refined - value).max(libm::fabs(refined - coarser));
            let estimate = Estimate { value: refined, truncation, noise, gap, ..Estimate::NONE };
            if estimate.allowed() < best.allowed() {
                // Smaller steps may be apart from it by their noise.
                let apart = |step: &Step| libm::fabs(step.central - refined) - noise_at(step);
                let truncation = steps.iter().skip(level + 2).map(apart).fold(truncation, f64::max);
                let estimate = Estimate { truncation, ..estimate };
                if estimate.allowed() < best.allowed() {
                    best = estimate;
                }
            }
            value = refined;
        }
        previous = row;
    }
    best
}

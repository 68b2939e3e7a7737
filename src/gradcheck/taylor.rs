//! Taylor remainders, judged by their order of convergence.

use core::ops::Range;

use super::objective::{Buffers, Noise, Objective, ROUNDINGS, scale};
use super::sequence::Sequence;
use super::verdict::Verdict;
use crate::Real;

/// What the Taylor test saw along one direction δ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Taylor {
    /// ⟨g, δ⟩ by the backward pass.
    pub slope: f64,
    /// The same by central differences, where they change least from step to step.
    pub difference: f64,
    /// The observed order of |f(θ+hδ) − f(θ) − h⟨g, δ⟩|; none where rounding hides the remainder at
    /// every step, as for a function that is linear in the block.
    pub order: Option<f64>,
    /// How many of the halving steps were above rounding.
    pub steps: usize,
    /// The verdict.
    pub verdict: Verdict,
}

/// The first step, relative to the scale of the block, as a power of two.
const FIRST: i32 = -2;
/// The most steps that are tried.
const STEPS: usize = 40;
/// How far above the noise a remainder must be to tell an order.
const ABOVE_NOISE: f64 = 16.0;
/// The largest relative noise, in roundings, that still counts as rounding: t² in the deep tails.
const MOST_NOISE: f64 = 16_384.0;
/// The smallest steps above the noise that are fitted.
const FITTED: usize = 6;
/// The order that a right gradient reaches; 2 in exact arithmetic.
const ORDER: f64 = 1.6;

/// Values along δ at one step, less f(θ).
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    h: f64,
    ahead: f64,
    behind: f64,
}

impl Step {
    fn one_sided(self, slope: f64) -> f64 {
        libm::fabs(self.ahead - self.h * slope).max(libm::fabs(self.behind + self.h * slope))
    }

    fn central(self, slope: f64) -> f64 {
        libm::fabs(self.half_difference() - self.h * slope)
    }

    fn half_difference(self) -> f64 {
        (self.ahead - self.behind) / 2.0
    }
}

/// Runs the test in one random direction of the block `range`; `roundoff` is the backward pass's. Returns
/// the noise of the function too, as the smallest steps show it.
pub(super) fn check<T, F, B>(
    objective: &mut Objective<'_, T, F, B>,
    buffers: &mut Buffers<'_, T>,
    range: Range<usize>,
    roundoff: f64,
    sequence: &mut Sequence,
) -> (Taylor, Noise)
where
    T: Real,
    F: FnMut(&[T], &mut [T]),
{
    buffers.direction.fill(T::zero());
    let size = T::from_f64(scale(objective.theta, range.clone()));
    let (mut slope, mut slope_size, mut theta_size) = (0.0, 0.0, 0.0);
    for index in range {
        let (Some(direction), Some(gradient), Some(theta)) =
            (buffers.direction.get_mut(index), buffers.gradient.get(index), objective.theta.get(index))
        else {
            continue;
        };
        *direction = sequence.short::<T>() * size;
        let term = direction.to_f64() * gradient.to_f64();
        slope += term;
        slope_size += libm::fabs(term);
        theta_size += libm::fabs(gradient.to_f64() * theta.to_f64());
    }

    let start = objective.along(buffers, 0.0);
    let mut step_at = |h: f64| Step {
        h,
        ahead: objective.along(buffers, h).sum - start.sum,
        behind: objective.along(buffers, -h).sum - start.sum,
    };
    // The noise of f itself: what its terms and its argument carry, and what steps of a few ULP show.
    let mut noise = T::UNIT_ROUNDOFF * (4.0 * start.size + 2.0 * (theta_size + slope_size));
    for power in 4..8 {
        let probe = step_at(T::UNIT_ROUNDOFF * f64::from(1 << power));
        noise = noise.max(probe.one_sided(slope));
    }
    let floor = |h: f64| (ABOVE_NOISE * noise + h * ROUNDINGS * roundoff * slope_size).max(f64::MIN_POSITIVE);

    let mut steps = [Step::default(); STEPS];
    for (step, power) in steps.iter_mut().zip(0..) {
        *step = step_at(libm::scalbn(1.0, FIRST - power));
    }
    let seen = |remainder: &dyn Fn(Step) -> f64| Fit::new(&steps, remainder, &floor);
    let one_sided = seen(&|step| step.one_sided(slope));
    let central = seen(&|step| step.central(slope));
    let difference = settled(&steps);

    let verdict = if !start.sum.is_finite() || !slope.is_finite() {
        Verdict::Differs
    } else if one_sided.falls() {
        Verdict::Agrees
    } else if central.falls() {
        Verdict::AgreesAtKink
    } else if converges(&steps, &floor) {
        Verdict::Differs
    } else {
        Verdict::Unreliable
    };
    let taylor = Taylor { slope, difference, order: one_sided.order, steps: one_sided.steps, verdict };
    let relative = if start.size > 0.0 { noise / start.size } else { 0.0 };
    (taylor, Noise { absolute: noise, relative: relative.min(MOST_NOISE * T::UNIT_ROUNDOFF) })
}

/// The central difference that differs least from that of the next step.
fn settled(steps: &[Step; STEPS]) -> f64 {
    let slopes = || steps.iter().map(|step| step.half_difference() / step.h);
    let (mut best, mut least) = (0.0, f64::INFINITY);
    for (slope, next) in slopes().zip(slopes().skip(1)) {
        let change = libm::fabs(next - slope);
        if change < least {
            (best, least) = (next, change);
        }
    }
    best
}

/// Whether the central differences tend to a limit: their changes fall faster than the step.
fn converges(steps: &[Step; STEPS], floor: &dyn Fn(f64) -> f64) -> bool {
    let mut changes = *steps;
    for (change, next) in changes.iter_mut().zip(steps.iter().skip(1)) {
        change.ahead = change.half_difference() - 2.0 * next.half_difference();
        change.behind = -change.ahead;
    }
    let [changes @ .., _] = changes;
    Fit::new(&changes, &|change| libm::fabs(change.ahead), floor).falls()
}

/// A straight line through the logarithms of the smallest remainders above the noise.
struct Fit {
    order: Option<f64>,
    steps: usize,
}

impl Fit {
    fn new(steps: &[Step], remainder: &dyn Fn(Step) -> f64, floor: &dyn Fn(f64) -> f64) -> Self {
        let above = |step: &&Step| {
            let remainder = remainder(**step);
            remainder > floor(step.h) || remainder.is_nan()
        };
        let count = steps.iter().filter(above).count();
        if count < 3 {
            return Self { order: None, steps: count };
        }
        let (mut n, mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let mut add = |h: f64, remainder: f64| {
            let (log_step, log_remainder) = (libm::log2(h), libm::log2(remainder));
            n += 1.0;
            x += log_step;
            y += log_remainder;
            xx += log_step * log_step;
            xy += log_step * log_remainder;
        };
        let mut last = (0.0, 0.0);
        for step in steps.iter().filter(above).skip(count.saturating_sub(FITTED)) {
            add(step.h, remainder(*step));
            last = (step.h, remainder(*step));
        }
        // Where the next step drops into the noise faster than with order 2, it counts as well.
        if let Some(next) = steps.iter().find(|step| step.h < last.0)
            && last.1 > 4.0 * floor(next.h)
        {
            add(next.h, floor(next.h));
        }
        Self { order: Some((n * xy - x * y) / (n * xx - x * x)), steps: count }
    }

    /// Whether the remainder falls with the order of a right gradient, or lies in the noise throughout.
    fn falls(&self) -> bool {
        self.order.is_none_or(|order| order >= ORDER)
    }
}

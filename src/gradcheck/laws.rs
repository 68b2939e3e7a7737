//! The laws of a backward pass: what holds whatever the function is.

use super::block::Block;
use super::objective::{Buffers, Objective};
use super::sequence::Sequence;
use crate::Real;

/// Which laws the function and its backward pass keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Laws {
    /// The function gives the same bits for the same arguments.
    pub function_deterministic: bool,
    /// The backward pass gives the same bits for the same arguments.
    pub deterministic: bool,
    /// B(c + c′/2) = B(c) + B(c′)/2, to rounding.
    pub linear: bool,
    /// A zero cotangent gives a zero gradient, exactly.
    pub zero: bool,
    /// The gradient is added to what is there, not written over it.
    pub accumulates: bool,
    /// The function writes every element of y.
    pub writes_outputs: bool,
    /// Frozen blocks keep their bits.
    pub leaves_frozen: bool,
}

impl Laws {
    /// The laws by name.
    #[must_use]
    pub fn by_name(&self) -> [(&'static str, bool); 7] {
        [
            ("the function is deterministic", self.function_deterministic),
            ("deterministic", self.deterministic),
            ("linear in the cotangent", self.linear),
            ("zero for a zero cotangent", self.zero),
            ("accumulates", self.accumulates),
            ("writes every output", self.writes_outputs),
            ("leaves frozen blocks alone", self.leaves_frozen),
        ]
    }

    /// Whether all laws are kept.
    #[must_use]
    pub fn hold(&self) -> bool {
        self.by_name().into_iter().all(|(_, kept)| kept)
    }
}

/// Runs the backward pass under all laws with the cotangent in the buffers.
pub(super) fn check<T, F, B>(
    objective: &mut Objective<'_, T, F, B>,
    buffers: &mut Buffers<'_, T>,
    blocks: &[Block],
    roundoff: f64,
    sequence: &mut Sequence,
) -> Laws
where
    T: Real,
    F: FnMut(&[T], &mut [T]),
    B: FnMut(&[T], &[T], &mut [T]),
{
    let theta = objective.theta;
    buffers.y.fill(T::from_f64(f64::NAN));
    (objective.forward)(theta, buffers.y);
    let writes_outputs = buffers.y.iter().all(|y| !is_nan(*y));
    (objective.forward)(theta, buffers.second);
    let function_deterministic = buffers.y.iter().zip(buffers.second.iter()).all(|(a, b)| same_bits(*a, *b));

    let mut gradient_of = |cotangent: &[T], gradient: &mut [T]| {
        gradient.fill(T::zero());
        (objective.backward)(theta, cotangent, gradient);
    };
    gradient_of(buffers.cotangent, buffers.gradient);
    gradient_of(buffers.cotangent, buffers.other);
    let deterministic = buffers.gradient.iter().zip(buffers.other.iter()).all(|(a, b)| same_bits(*a, *b));
    // Of a gradient of this size, rounding reaches nowhere near the square root of the roundoff; that to subnormal
    // numbers may.
    let least = 1024.0 * libm::scalbn(T::UNIT_ROUNDOFF, T::LEAST_EXPONENT);
    let size = crate::kernel::largest(buffers.gradient).to_f64();
    let close = |a: T, b: T| libm::fabs(a.to_f64() - b.to_f64()) <= 4.0 * libm::sqrt(roundoff) * size + least;

    // `other` = B(c′), `moved` = B(c + c′/2).
    let half = T::one() / T::from_usize(2);
    sequence.fill(buffers.second);
    for ((sum, &c), &second) in
        buffers.third.iter_mut().zip(buffers.cotangent.iter()).zip(buffers.second.iter())
    {
        *sum = c + half * second;
    }
    gradient_of(buffers.second, buffers.other);
    gradient_of(buffers.third, buffers.moved);
    let other_size = crate::kernel::largest(buffers.other).to_f64();
    let parts = buffers.gradient.iter().zip(buffers.other.iter());
    let linear = buffers.moved.iter().zip(parts).all(|(sum, (a, b))| {
        let apart = libm::fabs(sum.to_f64() - (a.to_f64() + b.to_f64() / 2.0));
        apart <= 4.0 * libm::sqrt(roundoff) * (size + other_size) + least
    });

    buffers.third.fill(T::zero());
    gradient_of(buffers.third, buffers.other);
    let zero = buffers.other.iter().all(|gradient| gradient.is_zero());

    // `start` holds what is there before: short numbers of the gradient's size.
    let unit = if size > 0.0 { T::from_f64(size) } else { T::one() };
    for (start, other) in buffers.start.iter_mut().zip(buffers.other.iter_mut()) {
        *start = sequence.short::<T>() * unit;
        *other = *start;
    }
    (objective.backward)(theta, buffers.cotangent, buffers.other);
    let frozen = blocks.iter().flat_map(|block| core::iter::repeat_n(block.frozen, block.len));
    let (mut accumulates, mut leaves_frozen) = (true, true);
    let starts = buffers.start.iter().zip(buffers.gradient.iter());
    for ((&after, (&start, &gradient)), frozen) in buffers.other.iter().zip(starts).zip(frozen) {
        if frozen {
            leaves_frozen &= same_bits(after, start);
        } else {
            accumulates &= close(after, start + gradient);
        }
    }
    Laws { function_deterministic, deterministic, linear, zero, accumulates, writes_outputs, leaves_frozen }
}

fn is_nan<T: Real>(value: T) -> bool {
    value.to_f64().is_nan()
}

fn same_bits<T: Real>(a: T, b: T) -> bool {
    a.to_f64().to_bits() == b.to_f64().to_bits()
}

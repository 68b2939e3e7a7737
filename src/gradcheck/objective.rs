//! The scalar that is differentiated: ⟨c, f(θ)⟩ at a moved θ.

use core::ops::Range;

use crate::Real;
use crate::slices::Slice;

/// The function under test, with the point at which it is tested.
pub(super) struct Objective<'a, T, F, B> {
    pub(super) theta: &'a [T],
    pub(super) forward: F,
    pub(super) backward: B,
}

/// The scratch of a check.
pub(super) struct Buffers<'a, T> {
    /// θ, moved.
    pub(super) moved: &'a mut [T],
    /// The direction of the move.
    pub(super) direction: &'a mut [T],
    /// The gradient under test.
    pub(super) gradient: &'a mut [T],
    /// Another gradient, to compare.
    pub(super) other: &'a mut [T],
    /// f(θ).
    pub(super) y: &'a mut [T],
    /// The cotangent c.
    pub(super) cotangent: &'a mut [T],
    /// Two more rows of outputs.
    pub(super) second: &'a mut [T],
    pub(super) third: &'a mut [T],
}

impl<'a, T> Buffers<'a, T> {
    /// Splits a slice of 4·(inputs + outputs) elements.
    pub(super) fn split(scratch: &'a mut [T], inputs: usize, outputs: usize) -> Self {
        let (moved, rest) = scratch.divide(inputs);
        let (direction, rest) = rest.divide(inputs);
        let (gradient, rest) = rest.divide(inputs);
        let (other, rest) = rest.divide(inputs);
        let (y, rest) = rest.divide(outputs);
        let (cotangent, rest) = rest.divide(outputs);
        let (second, third) = rest.divide(outputs);
        Self { moved, direction, gradient, other, y, cotangent, second, third }
    }
}

/// ⟨c, f⟩ and Σ|cᵢfᵢ|, the size of its terms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) sum: f64,
    pub(super) size: f64,
}

/// Roundings that a right backward pass may be off by, relative to the terms it sums.
pub(super) const ROUNDINGS: f64 = 256.0;

/// How far rounding moves ⟨c, f⟩: as it is, and relative to its terms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noise {
    pub(super) absolute: f64,
    pub(super) relative: f64,
}

impl<T: Real, F: FnMut(&[T], &mut [T]), B> Objective<'_, T, F, B> {
    /// ⟨c, f(θ + step·δ)⟩.
    pub(super) fn along(&mut self, buffers: &mut Buffers<'_, T>, step: f64) -> Value {
        let step = T::from_f64(step);
        for ((moved, &theta), &direction) in
            buffers.moved.iter_mut().zip(self.theta).zip(buffers.direction.iter())
        {
            *moved = theta + step * direction;
        }
        self.evaluate(buffers)
    }

    /// ⟨c, f(moved)⟩.
    fn evaluate(&mut self, buffers: &mut Buffers<'_, T>) -> Value {
        (self.forward)(buffers.moved, buffers.y);
        let terms = buffers.y.iter().zip(buffers.cotangent.iter()).map(|(y, c)| y.to_f64() * c.to_f64());
        terms.fold(Value { sum: 0.0, size: 0.0 }, |value, term| Value {
            sum: value.sum + term,
            size: value.size + libm::fabs(term),
        })
    }
}

/// The largest |θᵢ| of a block, or 1 for a block of zeros: the scale of its steps.
pub(super) fn scale<T: Real>(theta: &[T], range: Range<usize>) -> f64 {
    let largest = crate::kernel::largest(theta.get(range).unwrap_or_default()).to_f64();
    if largest > 0.0 { largest } else { 1.0 }
}

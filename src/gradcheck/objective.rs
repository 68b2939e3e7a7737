//! The scalar that is differentiated: ⟨c, f(θ)⟩ with one coordinate of θ moved.

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
    /// What a gradient is added to.
    pub(super) start: &'a mut [T],
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
        let (start, rest) = rest.divide(inputs);
        let (gradient, rest) = rest.divide(inputs);
        let (other, rest) = rest.divide(inputs);
        let (y, rest) = rest.divide(outputs);
        let (cotangent, rest) = rest.divide(outputs);
        let (second, third) = rest.divide(outputs);
        Self { moved, start, gradient, other, y, cotangent, second, third }
    }
}

/// ⟨c, f⟩ and Σ|cᵢfᵢ|, the size of its terms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) sum: f64,
    pub(super) size: f64,
}

impl<T: Real, F: FnMut(&[T], &mut [T]), B> Objective<'_, T, F, B> {
    /// ⟨c, f⟩ where coordinate `index` has the value `at`. The others have those in `moved`.
    pub(super) fn at(&mut self, buffers: &mut Buffers<'_, T>, index: usize, at: T) -> Value {
        let Some(place) = buffers.moved.get_mut(index) else { return Value { sum: 0.0, size: 0.0 } };
        let before = core::mem::replace(place, at);
        let value = self.value(buffers);
        if let Some(place) = buffers.moved.get_mut(index) {
            *place = before;
        }
        value
    }

    /// ⟨c, f⟩ at the coordinates in `moved`.
    pub(super) fn value(&mut self, buffers: &mut Buffers<'_, T>) -> Value {
        (self.forward)(buffers.moved, buffers.y);
        let terms = buffers.y.iter().zip(buffers.cotangent.iter()).map(|(y, c)| y.to_f64() * c.to_f64());
        terms.fold(Value { sum: 0.0, size: 0.0 }, |value, term| Value {
            sum: value.sum + term,
            size: value.size + libm::fabs(term),
        })
    }
}

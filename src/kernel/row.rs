//! Loops along one row.

use crate::Real;

/// Partial sums that a row is split into: vector lanes, and the reason why rounding errors stay small.
const LANES: usize = 16;

/// ⟨a, b⟩, over the shorter length, in partial sums that are added as a tree.
#[inline]
pub(crate) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [T::zero(); LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    for ((sum, &a), &b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *sum += a * b;
    }
    tree(sums)
}

/// The sum of all lanes, neighbours first.
#[inline]
fn tree<T: Real>(mut sums: [T; LANES]) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        let (low, high) = sums.split_at_mut(width);
        for (low, &high) in low.iter_mut().zip(high.iter()) {
            *low += high;
        }
        width /= 2;
    }
    let [sum, ..] = sums;
    sum
}

/// max |aᵢ|, NaN entries passed over; 0 for an empty slice.
pub(crate) fn largest<T: Real>(a: &[T]) -> T {
    a.iter().map(|a| a.abs()).fold(T::zero(), |largest, a| if a > largest { a } else { largest })
}

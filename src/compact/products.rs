//! Sums along a row, for processors without vectors.
//!
//! The terms are written out: a loop over them would stay a loop where code is optimised for size, and the partial
//! sums would leave the registers.

use super::number::Integer;
use crate::kernel::LANES;

/// Runs of [`LANES`] terms that are written out one after the other.
const RUNS: usize = 4;

/// Terms of an integer sum that are written out.
const STEP: usize = 8;

/// `sums[lane] += a[lane] * b[lane]` for every lane.
macro_rules! add_run {
    ($sums:ident, $a:expr, $b:expr) => {
        add_run!($sums, $a, $b; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    ($sums:ident, $a:expr, $b:expr; $($lane:literal)*) => {
        $($sums[$lane] += $a[$lane] * $b[$lane];)*
    };
}

/// ⟨a, b⟩ over the shorter length, in the order of `kernel::dot`, and so to the same bits.
#[inline(never)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (a, b) = same_length(a, b);
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<{ RUNS * LANES }>(), b.as_chunks::<{ RUNS * LANES }>());
    for (a, b) in a.iter().zip(b) {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (runs(a), runs(b));
        add_run!(sums, a0, b0);
        add_run!(sums, a1, b1);
        add_run!(sums, a2, b2);
        add_run!(sums, a3, b3);
    }
    let ((a, a_rest), (b, b_rest)) = (a_rest.as_chunks::<LANES>(), b_rest.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        add_run!(sums, a, b);
    }
    // A copy, so that the array above stays in registers.
    let mut s = sums;
    for ((sum, &a), &b) in s.iter_mut().zip(a_rest).zip(b_rest) {
        *sum += a * b;
    }
    let [s0, s1, s2, s3] = [s[0] + s[8], s[1] + s[9], s[2] + s[10], s[3] + s[11]];
    let [s4, s5, s6, s7] = [s[4] + s[12], s[5] + s[13], s[6] + s[14], s[7] + s[15]];
    ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}

/// Both to the shorter length.
#[inline(always)]
fn same_length<'a, A, B>(a: &'a [A], b: &'a [B]) -> (&'a [A], &'a [B]) {
    let len = a.len().min(b.len());
    (a.get(..len).unwrap_or_default(), b.get(..len).unwrap_or_default())
}

/// The runs of a block.
#[inline(always)]
fn runs(block: &[f32; RUNS * LANES]) -> &[[f32; LANES]; RUNS] {
    block.as_chunks().0.first_chunk().unwrap_or(&[[0.0; LANES]; RUNS])
}

/// ⟨a, b⟩ in integers, whose terms the caller keeps below 2³¹ in sum.
#[inline(never)]
pub(super) fn integer_dot<I: Integer>(a: &[I], b: &[i16]) -> f32 {
    let term = |a: I, b: i16| i32::from(a.value()) * i32::from(b);
    let (a, b) = same_length(a, b);
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<STEP>(), b.as_chunks::<STEP>());
    let mut sum = 0_i32;
    for (a, b) in a.iter().zip(b) {
        macro_rules! add {
            ($($index:literal)*) => {
                $(sum = sum.wrapping_add(term(a[$index], b[$index]));)*
            };
        }
        add!(0 1 2 3 4 5 6 7);
    }
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        sum = sum.wrapping_add(term(a, b));
    }
    sum as f32
}

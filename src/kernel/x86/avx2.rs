//! Tiles of 6 × 2 vectors of 256 bits.

use core::arch::x86_64::*;
use core::ops::Range;

use super::products::{LINE, Strides, products};
use crate::kernel::{Accum, BLOCK, Size};

/// Eight words of ones, then eight of zeros: a mask for any number of lanes is a window of it.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// The mask of the first `width` lanes out of eight of 32 bits.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn first_of_eight(width: usize) -> __m256i {
    // SAFETY: eight words from at most the ninth on lie inside the sixteen.
    unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(8 - width.min(8)).cast()) }
}

/// The mask of the first `width` lanes out of four of 64 bits.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn first_of_four(width: usize) -> __m256i {
    first_of_eight(width.saturating_mul(2))
}

products! {
    product_f32, strip_f32, tile_f32, f32, "avx2,fma",
    vector: __m256, lanes: 8, vectors: [2 1],
    mask: __m256i, mask_of: first_of_eight,
    zero: _mm256_setzero_ps, set: _mm256_set1_ps, load: _mm256_loadu_ps,
    load_masked: |from, mask| _mm256_maskload_ps(from, mask),
    store: _mm256_storeu_ps,
    store_masked: |to, mask, value| _mm256_maskstore_ps(to, mask, value),
    add: _mm256_add_ps, mul: _mm256_mul_ps, multiply_add: _mm256_fmadd_ps
}

products! {
    product_f64, strip_f64, tile_f64, f64, "avx2,fma",
    vector: __m256d, lanes: 4, vectors: [2 1],
    mask: __m256i, mask_of: first_of_four,
    zero: _mm256_setzero_pd, set: _mm256_set1_pd, load: _mm256_loadu_pd,
    load_masked: |from, mask| _mm256_maskload_pd(from, mask),
    store: _mm256_storeu_pd,
    store_masked: |to, mask, value| _mm256_maskstore_pd(to, mask, value),
    add: _mm256_add_pd, mul: _mm256_mul_pd, multiply_add: _mm256_fmadd_pd
}

//! Tiles of 6 × 4 vectors of 512 bits.

use core::arch::x86_64::*;
use core::ops::Range;

use super::products::{LINE, Strides, products};
use crate::kernel::{Accum, BLOCK, Size};

products! {
    product_f32, strip_f32, tile_f32, f32, "avx512f",
    vector: __m512, lanes: 16, vectors: [4 3 2 1],
    mask: __mmask16, mask_of: |width: usize| ((1_u32 << width) - 1) as __mmask16,
    zero: _mm512_setzero_ps, set: _mm512_set1_ps, load: _mm512_loadu_ps,
    load_masked: |from, mask| _mm512_maskz_loadu_ps(mask, from),
    store: _mm512_storeu_ps,
    store_masked: |to, mask, value| _mm512_mask_storeu_ps(to, mask, value),
    add: _mm512_add_ps, mul: _mm512_mul_ps, multiply_add: _mm512_fmadd_ps
}

products! {
    product_f64, strip_f64, tile_f64, f64, "avx512f",
    vector: __m512d, lanes: 8, vectors: [4 3 2 1],
    mask: __mmask8, mask_of: |width: usize| ((1_u32 << width) - 1) as __mmask8,
    zero: _mm512_setzero_pd, set: _mm512_set1_pd, load: _mm512_loadu_pd,
    load_masked: |from, mask| _mm512_maskz_loadu_pd(mask, from),
    store: _mm512_storeu_pd,
    store_masked: |to, mask, value| _mm512_mask_storeu_pd(to, mask, value),
    add: _mm512_add_pd, mul: _mm512_mul_pd, multiply_add: _mm512_fmadd_pd
}

//! The transpose by squares of 8 × 8 and 4 × 4 in registers.

use core::arch::x86_64::*;

use super::avx2::{first_of_eight, first_of_four};

macro_rules! transpose {
    ($name:ident, $float:ty, $side:literal, $zero:ident, $mask_of:ident, $load:ident, $store:ident, $square:ident) => {
        /// Writes `columns` rows of `to` from `rows` rows of `from`, for strides `(from, to)`; what is left of
        /// the rows of `to` is filled up with 0.
        ///
        /// # Safety
        ///
        /// The processor has AVX2; `from` holds `rows` rows of `columns` elements, and `to` whole rows, a
        /// multiple of 8 elements long and no shorter than `rows`.
        #[target_feature(enable = "avx2")]
        pub(super) unsafe fn $name(
            from: *const $float,
            to: *mut $float,
            (from_stride, to_stride): (usize, usize),
            rows: usize,
            columns: usize,
        ) {
            for column in (0..columns).step_by($side) {
                let lines_left = columns - column;
                let mask = $mask_of(lines_left);
                for row in (0..to_stride).step_by($side) {
                    let mut lines = [$zero(); $side];
                    for (line, lanes) in lines.iter_mut().enumerate().take(rows.saturating_sub(row)) {
                        // SAFETY: the row is one of `from`, and the mask ends with its columns.
                        *lanes = unsafe { $load(from.add((row + line) * from_stride + column), mask) };
                    }
                    for (line, transposed) in $square(lines).into_iter().enumerate().take(lines_left) {
                        // SAFETY: the column is a row of `to`, which is a whole number of squares long.
                        unsafe { $store(to.add((column + line) * to_stride + row), transposed) };
                    }
                }
            }
        }
    };
}

transpose!(
    transpose_f32,
    f32,
    8,
    _mm256_setzero_ps,
    first_of_eight,
    _mm256_maskload_ps,
    _mm256_storeu_ps,
    square_of_eight
);
transpose!(
    transpose_f64,
    f64,
    4,
    _mm256_setzero_pd,
    first_of_four,
    _mm256_maskload_pd,
    _mm256_storeu_pd,
    square_of_four
);

#[target_feature(enable = "avx2")]
#[inline]
fn square_of_eight([a, b, c, d, e, f, g, h]: [__m256; 8]) -> [__m256; 8] {
    let pairs = [
        _mm256_unpacklo_ps(a, b),
        _mm256_unpackhi_ps(a, b),
        _mm256_unpacklo_ps(c, d),
        _mm256_unpackhi_ps(c, d),
        _mm256_unpacklo_ps(e, f),
        _mm256_unpackhi_ps(e, f),
        _mm256_unpacklo_ps(g, h),
        _mm256_unpackhi_ps(g, h),
    ];
    let [ab, ab2, cd, cd2, ef, ef2, gh, gh2] = pairs;
    let abcd = [
        _mm256_shuffle_ps::<0x44>(ab, cd),
        _mm256_shuffle_ps::<0xee>(ab, cd),
        _mm256_shuffle_ps::<0x44>(ab2, cd2),
        _mm256_shuffle_ps::<0xee>(ab2, cd2),
    ];
    let efgh = [
        _mm256_shuffle_ps::<0x44>(ef, gh),
        _mm256_shuffle_ps::<0xee>(ef, gh),
        _mm256_shuffle_ps::<0x44>(ef2, gh2),
        _mm256_shuffle_ps::<0xee>(ef2, gh2),
    ];
    let [p, q, r, s] = abcd;
    let [t, u, v, w] = efgh;
    [
        _mm256_permute2f128_ps::<0x20>(p, t),
        _mm256_permute2f128_ps::<0x20>(q, u),
        _mm256_permute2f128_ps::<0x20>(r, v),
        _mm256_permute2f128_ps::<0x20>(s, w),
        _mm256_permute2f128_ps::<0x31>(p, t),
        _mm256_permute2f128_ps::<0x31>(q, u),
        _mm256_permute2f128_ps::<0x31>(r, v),
        _mm256_permute2f128_ps::<0x31>(s, w),
    ]
}

#[target_feature(enable = "avx2")]
#[inline]
fn square_of_four([a, b, c, d]: [__m256d; 4]) -> [__m256d; 4] {
    let (ab, ab2) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
    let (cd, cd2) = (_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
    [
        _mm256_permute2f128_pd::<0x20>(ab, cd),
        _mm256_permute2f128_pd::<0x20>(ab2, cd2),
        _mm256_permute2f128_pd::<0x31>(ab, cd),
        _mm256_permute2f128_pd::<0x31>(ab2, cd2),
    ]
}

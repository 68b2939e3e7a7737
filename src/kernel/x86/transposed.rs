//! The transpose by squares of 8 × 8 and 4 × 4 in registers.

use core::arch::x86_64::*;

/// Writes `columns × rows` from `rows × columns`.
///
/// # Safety
///
/// The processor has AVX2; both slices hold `rows · columns` elements.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn transpose_f32(from: *const f32, columns: usize, to: *mut f32, rows: usize) {
    let (whole_rows, whole_columns) = (rows - rows % 8, columns - columns % 8);
    for column in (0..whole_columns).step_by(8) {
        for row in (0..whole_rows).step_by(8) {
            // SAFETY: the square lies inside both.
            unsafe {
                let from = from.add(row * columns + column);
                let lines: [__m256; 8] =
                    core::array::from_fn(|line| _mm256_loadu_ps(from.add(line * columns)));
                let to = to.add(column * rows + row);
                for (line, turned) in square_of_eight(lines).into_iter().enumerate() {
                    _mm256_storeu_ps(to.add(line * rows), turned);
                }
            }
        }
    }
    // SAFETY: the caller vouches for the sizes.
    unsafe { edges(from, columns, to, rows, whole_rows, whole_columns) }
}

/// Writes `columns × rows` from `rows × columns`.
///
/// # Safety
///
/// As for [`transpose_f32`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn transpose_f64(from: *const f64, columns: usize, to: *mut f64, rows: usize) {
    let (whole_rows, whole_columns) = (rows - rows % 4, columns - columns % 4);
    for column in (0..whole_columns).step_by(4) {
        for row in (0..whole_rows).step_by(4) {
            // SAFETY: the square lies inside both.
            unsafe {
                let from = from.add(row * columns + column);
                let lines: [__m256d; 4] =
                    core::array::from_fn(|line| _mm256_loadu_pd(from.add(line * columns)));
                let to = to.add(column * rows + row);
                for (line, turned) in square_of_four(lines).into_iter().enumerate() {
                    _mm256_storeu_pd(to.add(line * rows), turned);
                }
            }
        }
    }
    // SAFETY: the caller vouches for the sizes.
    unsafe { edges(from, columns, to, rows, whole_rows, whole_columns) }
}

/// The rows from `whole_rows` on, and the columns from `whole_columns` on, one element at a time.
///
/// # Safety
///
/// Both slices hold `rows · columns` elements.
unsafe fn edges<T: Copy>(
    from: *const T,
    columns: usize,
    to: *mut T,
    rows: usize,
    whole_rows: usize,
    whole_columns: usize,
) {
    for row in 0..rows {
        let first = if row < whole_rows { whole_columns } else { 0 };
        for column in first..columns {
            // SAFETY: row and column lie inside both.
            unsafe { *to.add(column * rows + row) = *from.add(row * columns + column) };
        }
    }
}

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

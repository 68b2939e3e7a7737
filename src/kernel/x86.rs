//! The products and the transpose on x86-64 with AVX2 and FMA, or AVX-512, chosen at run time.
//!
//! This is the only module with `unsafe` code. Each block rests on two facts, checked in safe code just above
//! the calls: the processor has the instructions ([`instructions`]), and every element that a tile touches
//! lies inside its slice (the length checks of [`product`] and [`transpose`]).

#![allow(unsafe_code)]

mod avx2;
mod avx512;
mod transposed;

use core::any::TypeId;
use std::sync::OnceLock;

use super::{Matrix, Task};
use crate::Real;

/// The instructions that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Instructions {
    /// What every x86-64 has: the portable code.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 with its extensions for bytes, words, double words and shorter vectors, besides AVX2 and FMA.
    Avx512,
}

/// The best instructions of this processor, or less where the environment variable `GMLAYER_INSTRUCTIONS`
/// says `avx2` or `portable`; looked up once.
fn instructions() -> Instructions {
    static FOUND: OnceLock<Instructions> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        let found = if avx512 && avx2 {
            Instructions::Avx512
        } else if avx2 {
            Instructions::Avx2
        } else {
            Instructions::Portable
        };
        match std::env::var("GMLAYER_INSTRUCTIONS").as_deref() {
            Ok("portable") => Instructions::Portable,
            Ok("avx2") => found.min(Instructions::Avx2),
            _ => found,
        }
    })
}

/// `slice` as a slice of `U`, where `U` is `T`.
fn cast<T: 'static, U: 'static>(slice: &[T]) -> Option<&[U]> {
    // SAFETY: both are the same type.
    (TypeId::of::<T>() == TypeId::of::<U>())
        .then(|| unsafe { core::slice::from_raw_parts(slice.as_ptr().cast(), slice.len()) })
}

/// `slice` as a mutable slice of `U`, where `U` is `T`.
fn cast_mut<T: 'static, U: 'static>(slice: &mut [T]) -> Option<&mut [U]> {
    // SAFETY: both are the same type, and the borrow is passed on.
    (TypeId::of::<T>() == TypeId::of::<U>())
        .then(|| unsafe { core::slice::from_raw_parts_mut(slice.as_mut_ptr().cast(), slice.len()) })
}

/// [`super::product`] for `f32` and `f64`; false, with nothing done, for other scalars, on other processors,
/// and where a slice is too short.
pub(super) fn product<T: Real, const SQUARED: bool>(
    c: &mut [T],
    a: Matrix<'_, T>,
    b: &[T],
    terms: usize,
    columns: usize,
) -> bool {
    let level = instructions();
    if level == Instructions::Portable || !fits(c, &a, b, terms, columns) {
        return false;
    }
    let (rows, strides) = (c.len() / columns, (a.row_stride, a.column_stride));
    macro_rules! of {
        ($float:ty, $product:ident) => {
            if let (Some(a), Some(b), Some(c)) =
                (cast::<T, $float>(a.data), cast::<T, $float>(b), cast_mut::<T, $float>(c))
            {
                let (c, a, b) = (c.as_mut_ptr(), a.as_ptr(), b.as_ptr());
                // SAFETY: the processor has the instructions, and `fits` has checked all lengths.
                unsafe {
                    if level == Instructions::Avx512 {
                        avx512::$product::<SQUARED>(c, a, strides, b, [rows, terms, columns]);
                    } else {
                        avx2::$product::<SQUARED>(c, a, strides, b, [rows, terms, columns]);
                    }
                }
                return true;
            }
        };
    }
    of!(f32, product_f32);
    of!(f64, product_f64);
    false
}

/// Whether C holds whole rows, and A and B every element that the product reads.
fn fits<T>(c: &[T], a: &Matrix<'_, T>, b: &[T], terms: usize, columns: usize) -> bool {
    if columns == 0 || terms == 0 || c.is_empty() || !c.len().is_multiple_of(columns) {
        return false;
    }
    let rows = c.len() / columns;
    let last_of_a = (rows - 1)
        .checked_mul(a.row_stride)
        .zip((terms - 1).checked_mul(a.column_stride))
        .and_then(|(row, column)| row.checked_add(column));
    let len_of_b = terms.checked_mul(columns);
    last_of_a.is_some_and(|last| last < a.data.len()) && len_of_b.is_some_and(|len| len <= b.len())
}

/// [`super::transpose`] for `f32` and `f64`; false, with nothing done, as for [`product`].
pub(super) fn transpose<T: Real>(from: &[T], columns: usize, to: &mut [T], rows: usize) -> bool {
    let whole = columns.checked_mul(rows).is_some_and(|len| len == from.len() && len == to.len());
    if instructions() == Instructions::Portable || !whole {
        return false;
    }
    if let (Some(from), Some(to)) = (cast::<T, f32>(from), cast_mut::<T, f32>(to)) {
        // SAFETY: the processor has AVX2, and both slices have `rows · columns` elements.
        unsafe { transposed::transpose_f32(from.as_ptr(), columns, to.as_mut_ptr(), rows) };
        return true;
    }
    if let (Some(from), Some(to)) = (cast::<T, f64>(from), cast_mut::<T, f64>(to)) {
        // SAFETY: as above.
        unsafe { transposed::transpose_f64(from.as_ptr(), columns, to.as_mut_ptr(), rows) };
        return true;
    }
    false
}

/// [`super::square_roots`] for `f32` and `f64`; false, with nothing done, as for [`product`].
pub(super) fn square_roots<T: Real>(values: &mut [T]) -> bool {
    if instructions() == Instructions::Portable {
        return false;
    }
    if let Some(values) = cast_mut::<T, f32>(values) {
        // SAFETY: the processor has AVX2.
        unsafe { avx2::square_roots_f32(values) };
        return true;
    }
    if let Some(values) = cast_mut::<T, f64>(values) {
        // SAFETY: the processor has AVX2.
        unsafe { avx2::square_roots_f64(values) };
        return true;
    }
    false
}

/// [`super::widest`].
#[inline(always)]
pub(super) fn widest<A, W: Task<A>>(task: W, arguments: A) -> W::Output {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn with_avx512<A, W: Task<A>>(task: W, arguments: A) -> W::Output {
        task.run(arguments)
    }
    #[target_feature(enable = "avx2")]
    fn with_avx2<A, W: Task<A>>(task: W, arguments: A) -> W::Output {
        task.run(arguments)
    }
    match instructions() {
        // SAFETY: the processor has the instructions.
        Instructions::Avx512 => unsafe { with_avx512(task, arguments) },
        // SAFETY: the processor has the instructions.
        Instructions::Avx2 => unsafe { with_avx2(task, arguments) },
        Instructions::Portable => task.run(arguments),
    }
}

/// Writes the products of one instruction set: `$product`, and its tiles.
///
/// A tile holds `ROWS × VECTORS` vectors of C in registers; of the last vector only the lanes in `mask`.
macro_rules! products {
    (
        $product:ident, $tile:ident, $float:ty, $features:literal,
        vector: $vector:ty, lanes: $lanes:literal, widest: $widest:literal, vectors: [$($vectors:literal)*],
        mask: $mask:ty, mask_of: $mask_of:expr,
        zero: $zero:ident, set: $set:ident, load: $load:ident, load_masked: $load_masked:expr,
        store_masked: $store_masked:expr, add: $add:ident, mul: $mul:ident, multiply_add: $multiply_add:ident
    ) => {
        /// C += A·B, or A·(B∘B), for sizes `[rows, terms, columns]`, A's strides `(row, column)`.
        ///
        /// # Safety
        ///
        /// The processor has the instructions. C holds `rows · columns` elements, B `terms · columns`, and A
        /// the element at `(rows − 1, terms − 1)`.
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $product<const SQUARED: bool>(
            c: *mut $float,
            a: *const $float,
            (row_stride, column_stride): (usize, usize),
            b: *const $float,
            [rows, terms, columns]: [usize; 3],
        ) {
            let strips = rows.div_ceil(6);
            for first_term in (0..terms).step_by($crate::kernel::TERMS) {
                let here = $crate::kernel::TERMS.min(terms - first_term);
                let mut column = 0;
                while column < columns {
                    // As many vectors as the registers hold; then fewer, the last one in part.
                    let left = (columns - column).div_ceil($lanes);
                    let vectors = [$($vectors),*].into_iter().find(|&vectors| vectors <= left).unwrap_or(1);
                    let width = (vectors * $lanes).min(columns - column);
                    let mask: $mask = $mask_of(width - (vectors - 1) * $lanes);
                    for strip in 0..strips {
                        let (row, end) = (strip * rows / strips, (strip + 1) * rows / strips);
                        // SAFETY: rows below `rows`, terms below `terms`, columns below `columns`: all inside.
                        unsafe {
                            let c = c.add(row * columns + column);
                            let a = a.add(row * row_stride + first_term * column_stride);
                            let b = b.add(first_term * columns + column);
                            macro_rules! call {
                                ($rows:literal) => {
                                    match vectors {
                                        $(
                                            $vectors => $tile::<$rows, $vectors, SQUARED>(
                                                c, columns, a, row_stride, column_stride, b, here, mask,
                                            ),
                                        )*
                                        _ => {}
                                    }
                                };
                            }
                            match end - row {
                                1 => call!(1),
                                2 => call!(2),
                                3 => call!(3),
                                4 => call!(4),
                                5 => call!(5),
                                _ => call!(6),
                            }
                        }
                    }
                    column += width;
                }
            }
        }

        /// One tile over one run of terms.
        ///
        /// # Safety
        ///
        /// As for the product, for the rows, terms and columns of the tile.
        #[target_feature(enable = $features)]
        #[inline]
        #[allow(clippy::too_many_arguments, clippy::needless_range_loop, clippy::indexing_slicing)]
        unsafe fn $tile<const ROWS: usize, const VECTORS: usize, const SQUARED: bool>(
            c: *mut $float,
            columns: usize,
            a: *const $float,
            row_stride: usize,
            column_stride: usize,
            b: *const $float,
            terms: usize,
            mask: $mask,
        ) {
            let mut sums = [[$zero(); VECTORS]; ROWS];
            let rows: [usize; ROWS] = core::array::from_fn(|row| row * row_stride);
            let (mut a, mut b) = (a, b);
            for _ in 0..terms {
                let mut lanes = [$zero(); VECTORS];
                for vector in 0..VECTORS {
                    // SAFETY: the caller vouches for these columns of this row of B.
                    lanes[vector] = unsafe {
                        let b = b.add(vector * $lanes);
                        if vector + 1 == VECTORS { $load_masked(b, mask) } else { $load(b) }
                    };
                    if SQUARED {
                        lanes[vector] = $mul(lanes[vector], lanes[vector]);
                    }
                }
                for row in 0..ROWS {
                    // SAFETY: the caller vouches for this element of A.
                    let factor = $set(unsafe { *a.add(rows[row]) });
                    for vector in 0..VECTORS {
                        sums[row][vector] = $multiply_add(factor, lanes[vector], sums[row][vector]);
                    }
                }
                // Past the last term these point outside, and are not read.
                (a, b) = (a.wrapping_add(column_stride), b.wrapping_add(columns));
            }
            for row in 0..ROWS {
                for vector in 0..VECTORS {
                    // SAFETY: the caller vouches for these columns of row `row` of C.
                    unsafe {
                        let c = c.add(row * columns + vector * $lanes);
                        let mask = if vector + 1 == VECTORS { mask } else { $mask_of($lanes) };
                        $store_masked(c, mask, $add($load_masked(c, mask), sums[row][vector]));
                    }
                }
            }
        }
    };
}
use products;

#[cfg(test)]
mod tests {
    use super::{Matrix, fits};

    /// One element less, and the product is left to the safe code.
    #[test]
    fn what_fits_is_counted_to_the_element() {
        let (a, b, c) = ([0.0_f32; 12], [0.0_f32; 20], [0.0_f32; 15]);
        // 3 × 5 from 3 × 4 and 4 × 5.
        for (row_stride, column_stride) in [(4, 1), (1, 3)] {
            let of = |len: usize| Matrix { data: &a[..len], row_stride, column_stride };
            assert!(fits(&c, &of(12), &b, 4, 5));
            assert!(!fits(&c, &of(11), &b, 4, 5));
            assert!(!fits(&c, &of(12), &b[..19], 4, 5));
            assert!(!fits(&c[..14], &of(12), &b, 4, 5));
            assert!(!fits(&c[..0], &of(12), &b, 4, 5));
            assert!(!fits(&c, &Matrix { row_stride: usize::MAX, ..of(12) }, &b, 4, 5));
        }
    }
}

//! The products, the transpose and the arithmetic of vectors on x86-64 with AVX2 and FMA, or AVX-512, chosen at run
//! time.
//!
//! This is the only module with `unsafe` code. Each block rests on two facts: the processor has the instructions
//! ([`instructions`]), and every element that is touched lies inside its slice. The length checks of [`product`] and
//! [`transpose`], in safe code just above the calls, say so of a tile; of a vector that is loaded or stored in part, its
//! mask, which has no lane beyond the slice.

#![allow(unsafe_code)]

mod avx2;
mod avx512;
mod products;
mod simd;
mod transposed;

use core::any::TypeId;
use std::sync::OnceLock;

use products::Strides;
use simd::{Avx2, Avx512};

use super::vector::Portable;
use super::{Accum, Matrix, Panels, Rows, RowsMut, Size, Task};
use crate::{Instructions, Real};

/// The best instructions of this processor, or less where the environment asks for less; looked up once.
pub(super) fn instructions() -> Instructions {
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
        found.min(Instructions::asked().unwrap_or(found))
    })
}

/// `slice` as a slice of `U`, where `U` is `T`.
#[inline(always)]
fn cast<T: 'static, U: 'static>(slice: &[T]) -> Option<&[U]> {
    // SAFETY: both are the same type.
    (TypeId::of::<T>() == TypeId::of::<U>())
        .then(|| unsafe { core::slice::from_raw_parts(slice.as_ptr().cast(), slice.len()) })
}

/// `slice` as a mutable slice of `U`, where `U` is `T`.
#[inline(always)]
fn cast_mut<T: 'static, U: 'static>(slice: &mut [T]) -> Option<&mut [U]> {
    // SAFETY: both are the same type, and the borrow is passed on.
    (TypeId::of::<T>() == TypeId::of::<U>())
        .then(|| unsafe { core::slice::from_raw_parts_mut(slice.as_mut_ptr().cast(), slice.len()) })
}

/// [`super::product`] for `f32` and `f64`; gives C back, with nothing done, for other scalars, on other processors,
/// and where a slice is too short.
pub(super) fn product<'a, T: Real, const SQUARED: bool>(
    accum: Accum,
    c: RowsMut<'a, T>,
    a: Matrix<'_, T>,
    b: Panels<'_, T>,
    size: Size,
    prefetch: &[T],
) -> Option<RowsMut<'a, T>> {
    let level = instructions();
    if level == Instructions::Portable || !super::fits(&c, &a, &b, size) {
        return Some(c);
    }
    let strides =
        Strides { c: c.stride, row: a.row_stride, column: a.column_stride, b: b.stride, panel: b.width };
    macro_rules! of {
        ($float:ty, $product:ident) => {
            if let (Some(a), Some(b), Some(c)) =
                (cast::<T, $float>(a.data), cast::<T, $float>(b.data), cast_mut::<T, $float>(c.data))
            {
                let (c, a, b) = (c.as_mut_ptr(), a.as_ptr(), b.as_ptr());
                let prefetch = prefetch.as_ptr_range();
                let prefetch = prefetch.start.cast::<u8>()..prefetch.end.cast::<u8>();
                // SAFETY: the processor has the instructions, and `fits` has checked all lengths.
                unsafe {
                    if level == Instructions::Avx512 {
                        avx512::$product::<SQUARED>(accum, c, a, b, strides, size, prefetch);
                    } else {
                        avx2::$product::<SQUARED>(accum, c, a, b, strides, size, prefetch);
                    }
                }
                return None;
            }
        };
    }
    of!(f32, product_f32);
    of!(f64, product_f64);
    Some(c)
}

/// [`super::transpose`] for `f32` and `f64`; gives `to` back, with nothing done, as for [`product`], and where rows
/// of `to` are not a multiple of 8 elements apart.
pub(super) fn transpose<'a, T: Real>(
    from: Rows<'_, T>,
    to: RowsMut<'a, T>,
    rows: usize,
    columns: usize,
) -> Option<RowsMut<'a, T>> {
    let inside = |len: usize, lines: usize, stride: usize, width: usize| {
        (lines - 1).checked_mul(stride).and_then(|last| last.checked_add(width)).is_some_and(|end| end <= len)
    };
    let fits = to.stride.is_multiple_of(8)
        && inside(from.data.len(), rows, from.stride, columns)
        && inside(to.data.len(), columns, to.stride, to.stride);
    if instructions() == Instructions::Portable || !fits {
        return Some(to);
    }
    let strides = (from.stride, to.stride);
    if let (Some(from), Some(to)) = (cast::<T, f32>(from.data), cast_mut::<T, f32>(to.data)) {
        // SAFETY: the processor has AVX2, and all rows lie in their slices, those of `to` with their rest.
        unsafe { transposed::transpose_f32(from.as_ptr(), to.as_mut_ptr(), strides, rows, columns) };
        return None;
    }
    if let (Some(from), Some(to)) = (cast::<T, f64>(from.data), cast_mut::<T, f64>(to.data)) {
        // SAFETY: as above.
        unsafe { transposed::transpose_f64(from.as_ptr(), to.as_mut_ptr(), strides, rows, columns) };
        return None;
    }
    Some(to)
}

/// [`super::dispatch`].
#[inline(always)]
pub(super) fn dispatch<A, W: Task<A>>(task: W, arguments: A) -> W::Output {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn with_avx512<A, W: Task<A>>(task: W, arguments: A) -> W::Output {
        // SAFETY: this function is called where there is AVX-512.
        task.run(unsafe { Avx512::new() }, arguments)
    }
    #[target_feature(enable = "avx2")]
    fn with_avx2<A, W: Task<A>>(task: W, arguments: A) -> W::Output {
        // SAFETY: this function is called where there is AVX2.
        task.run(unsafe { Avx2::new() }, arguments)
    }
    match instructions() {
        // SAFETY: the processor has the instructions.
        Instructions::Avx512 => unsafe { with_avx512(task, arguments) },
        // SAFETY: the processor has the instructions.
        Instructions::Avx2 => unsafe { with_avx2(task, arguments) },
        Instructions::Portable => task.run(Portable, arguments),
    }
}

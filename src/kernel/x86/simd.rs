//! The arithmetic of vectors with 256 and 512 bits.

use core::any::TypeId;
use core::arch::x86_64::*;
use core::mem::{transmute, transmute_copy};

use super::super::vector::{Portable, Simd, Vector};
use super::{cast, cast_mut};
use crate::Real;
use crate::kernel::LANES;

/// Leave to use AVX2.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

/// Leave to use AVX-512.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(());

impl Avx2 {
    /// # Safety
    ///
    /// The processor has AVX2.
    pub(super) const unsafe fn new() -> Self {
        Self(())
    }
}

impl Avx512 {
    /// # Safety
    ///
    /// The processor has AVX-512 with its extension for double words.
    pub(super) const unsafe fn new() -> Self {
        Self(())
    }
}

/// A vector of `T` as one of `U`, where they are the same.
#[inline(always)]
fn same<T: 'static, U: 'static>(vector: &Vector<T>) -> Option<Vector<U>> {
    // SAFETY: both are the same type, which is copied.
    (TypeId::of::<T>() == TypeId::of::<U>()).then(|| unsafe { transmute_copy(vector) })
}

/// A bit for each of the first lanes, as many as there are elements in a part: [`LANES`] at most.
#[inline(always)]
fn first_bits(len: usize) -> u16 {
    ((1_u32 << len.min(LANES)) - 1) as u16
}

/// Ones for the first lanes, as many as there are elements in a part: [`LANES`] at most.
#[inline(always)]
fn first_lanes<T>(ones: &'static [T; 2 * LANES], len: usize) -> *const T {
    ones.as_ptr().wrapping_add(LANES - len.min(LANES))
}

/// As many lanes with all bits as without.
static ONES_OF_32_BITS: [i32; 2 * LANES] = [
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0,
];

/// The same for numbers of twice the length.
static ONES_OF_64_BITS: [i64; 2 * LANES] = [
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0,
];

/// Makes each operation that of every register which a [`Vector`] fills.
macro_rules! operations {
    (
        $token:ident, $vectors:literal,
        $f32:ty, $f64:ty, $count_f32:literal, $count_f64:literal,
        [$($name:ident: $single:expr, $double:expr;)*],
        splat: $splat_f32:ident, $splat_f64:ident,
        sqrt: $sqrt_f32:ident, $sqrt_f64:ident,
        down: $down_f32:expr, $down_f64:expr,
        in_part: { $($in_part:tt)* }
    ) => {
        impl Simd for $token {
            const VECTORS: usize = $vectors;

            #[inline(always)]
            fn splat<T: Real>(self, value: T) -> Vector<T> {
                let portable = Vector([value; LANES]);
                // SAFETY: the token stands for the instructions; types of one size, any bits of which are valid.
                unsafe {
                    if let Some(Vector([value, ..])) = same::<T, f32>(&portable) {
                        return transmute_copy(&[$splat_f32(value); $count_f32]);
                    }
                    if let Some(Vector([value, ..])) = same::<T, f64>(&portable) {
                        return transmute_copy(&[$splat_f64(value); $count_f64]);
                    }
                }
                portable
            }

            #[inline(always)]
            fn sqrt<T: Real>(self, a: Vector<T>) -> Vector<T> {
                // SAFETY: as above.
                unsafe {
                    if let Some(a) = same::<T, f32>(&a) {
                        let mut a = transmute::<Vector<f32>, [$f32; $count_f32]>(a);
                        for a in &mut a {
                            *a = $sqrt_f32(*a);
                        }
                        return transmute_copy(&a);
                    }
                    if let Some(a) = same::<T, f64>(&a) {
                        let mut a = transmute::<Vector<f64>, [$f64; $count_f64]>(a);
                        for a in &mut a {
                            *a = $sqrt_f64(*a);
                        }
                        return transmute_copy(&a);
                    }
                }
                Portable.sqrt(a)
            }

            #[inline(always)]
            fn down<const WIDTH: usize, T: Real>(self, a: Vector<T>) -> Vector<T> {
                // SAFETY: as above.
                unsafe {
                    if let Some(a) = same::<T, f32>(&a) {
                        return transmute_copy(&$down_f32(WIDTH, transmute::<Vector<f32>, [$f32; $count_f32]>(a)));
                    }
                    if let Some(a) = same::<T, f64>(&a) {
                        return transmute_copy(&$down_f64(WIDTH, transmute::<Vector<f64>, [$f64; $count_f64]>(a)));
                    }
                }
                Portable.down::<WIDTH, T>(a)
            }

            $($in_part)*

            $(
                #[inline(always)]
                fn $name<T: Real>(self, a: Vector<T>, b: Vector<T>) -> Vector<T> {
                    // SAFETY: as above.
                    unsafe {
                        if let (Some(a), Some(b)) = (same::<T, f32>(&a), same::<T, f32>(&b)) {
                            let mut a = transmute::<Vector<f32>, [$f32; $count_f32]>(a);
                            let b = transmute::<Vector<f32>, [$f32; $count_f32]>(b);
                            for (a, b) in a.iter_mut().zip(b) {
                                *a = $single(*a, b);
                            }
                            return transmute_copy(&a);
                        }
                        if let (Some(a), Some(b)) = (same::<T, f64>(&a), same::<T, f64>(&b)) {
                            let mut a = transmute::<Vector<f64>, [$f64; $count_f64]>(a);
                            let b = transmute::<Vector<f64>, [$f64; $count_f64]>(b);
                            for (a, b) in a.iter_mut().zip(b) {
                                *a = $double(*a, b);
                            }
                            return transmute_copy(&a);
                        }
                    }
                    Portable.$name(a, b)
                }
            )*
        }
    };
}

// Without their sign, numbers are ordered as their bits are, and NaN is above all: an integer maximum keeps it.
operations!(
    Avx2, 8, __m256, __m256d, 2, 4,
    [
        add: |a, b| _mm256_add_ps(a, b), |a, b| _mm256_add_pd(a, b);
        sub: |a, b| _mm256_sub_ps(a, b), |a, b| _mm256_sub_pd(a, b);
        mul: |a, b| _mm256_mul_ps(a, b), |a, b| _mm256_mul_pd(a, b);
        larger_size:
            |a, b| {
                let b = _mm256_andnot_ps(_mm256_set1_ps(-0.0), b);
                _mm256_castsi256_ps(_mm256_max_epu32(_mm256_castps_si256(a), _mm256_castps_si256(b)))
            },
            |a, b| {
                let b = _mm256_andnot_pd(_mm256_set1_pd(-0.0), b);
                // The maximum is its second operand where one is NaN.
                _mm256_blendv_pd(_mm256_max_pd(b, a), b, _mm256_cmp_pd::<_CMP_UNORD_Q>(b, b))
            };
    ],
    splat: _mm256_set1_ps, _mm256_set1_pd,
    sqrt: _mm256_sqrt_ps, _mm256_sqrt_pd,
    down: |width, [a, b]: [__m256; 2]| match width {
        16 => [b, b],
        8 => [_mm256_permute2f128_ps::<0x01>(a, a), b],
        4 => [_mm256_permute_ps::<0x0e>(a), b],
        _ => [_mm256_permute_ps::<0x01>(a), b],
    },
    |width, [a, b, c, d]: [__m256d; 4]| match width {
        16 => [c, d, c, d],
        8 => [b, b, c, d],
        4 => [_mm256_permute2f128_pd::<0x01>(a, a), b, c, d],
        _ => [_mm256_permute_pd::<0x05>(a), b, c, d],
    },
    in_part: {
        // To store under a mask would take longer than the copy of the portable code.
        #[inline(always)]
        fn load_part<T: Real>(self, part: &[T]) -> Vector<T> {
            // SAFETY: the token stands for the instructions; the masks lie within their table, and have no lane beyond
            // the elements of `part`: no others are read.
            unsafe {
                if let Some(part) = cast::<T, f32>(part) {
                    let (from, mask) = (part.as_ptr(), first_lanes(&ONES_OF_32_BITS, part.len()));
                    return transmute_copy(&[
                        _mm256_maskload_ps(from, _mm256_loadu_si256(mask.cast())),
                        _mm256_maskload_ps(from.wrapping_add(8), _mm256_loadu_si256(mask.add(8).cast())),
                    ]);
                }
                if let Some(part) = cast::<T, f64>(part) {
                    let (from, mask) = (part.as_ptr(), first_lanes(&ONES_OF_64_BITS, part.len()));
                    return transmute_copy(&[
                        _mm256_maskload_pd(from, _mm256_loadu_si256(mask.cast())),
                        _mm256_maskload_pd(from.wrapping_add(4), _mm256_loadu_si256(mask.add(4).cast())),
                        _mm256_maskload_pd(from.wrapping_add(8), _mm256_loadu_si256(mask.add(8).cast())),
                        _mm256_maskload_pd(from.wrapping_add(12), _mm256_loadu_si256(mask.add(12).cast())),
                    ]);
                }
            }
            Portable.load_part(part)
        }
    }
);

operations!(
    Avx512, 32, __m512, __m512d, 1, 2,
    [
        add: |a, b| _mm512_add_ps(a, b), |a, b| _mm512_add_pd(a, b);
        sub: |a, b| _mm512_sub_ps(a, b), |a, b| _mm512_sub_pd(a, b);
        mul: |a, b| _mm512_mul_ps(a, b), |a, b| _mm512_mul_pd(a, b);
        larger_size:
            |a, b| {
                let (a, b) = (_mm512_castps_si512(a), _mm512_castps_si512(_mm512_abs_ps(b)));
                _mm512_castsi512_ps(_mm512_max_epu32(a, b))
            },
            |a, b| {
                let (a, b) = (_mm512_castpd_si512(a), _mm512_castpd_si512(_mm512_abs_pd(b)));
                _mm512_castsi512_pd(_mm512_max_epu64(a, b))
            };
    ],
    splat: _mm512_set1_ps, _mm512_set1_pd,
    sqrt: _mm512_sqrt_ps, _mm512_sqrt_pd,
    down: |width, [a]: [__m512; 1]| match width {
        16 => [_mm512_shuffle_f32x4::<0xee>(a, a)],
        8 => [_mm512_shuffle_f32x4::<0x01>(a, a)],
        4 => [_mm512_permute_ps::<0x0e>(a)],
        _ => [_mm512_permute_ps::<0x01>(a)],
    },
    |width, [a, b]: [__m512d; 2]| match width {
        16 => [b, b],
        8 => [_mm512_shuffle_f64x2::<0xee>(a, a), b],
        4 => [_mm512_shuffle_f64x2::<0x01>(a, a), b],
        _ => [_mm512_permute_pd::<0x55>(a), b],
    },
    in_part: {
        #[inline(always)]
        fn load_part<T: Real>(self, part: &[T]) -> Vector<T> {
            // SAFETY: the token stands for the instructions; the masks have no bit beyond the elements of `part`: no
            // others are read.
            unsafe {
                if let Some(part) = cast::<T, f32>(part) {
                    return transmute_copy(&_mm512_maskz_loadu_ps(first_bits(part.len()), part.as_ptr()));
                }
                if let Some(part) = cast::<T, f64>(part) {
                    let ([low, high], from) = (first_bits(part.len()).to_le_bytes(), part.as_ptr());
                    return transmute_copy(&[
                        _mm512_maskz_loadu_pd(low, from),
                        _mm512_maskz_loadu_pd(high, from.wrapping_add(8)),
                    ]);
                }
            }
            Portable.load_part(part)
        }

        #[inline(always)]
        fn store_part<T: Real>(self, part: &mut [T], lanes: Vector<T>) {
            // SAFETY: the token stands for the instructions; the masks have no bit beyond the elements of `part`: no
            // others are written.
            unsafe {
                if let (Some(part), Some(lanes)) = (cast_mut::<T, f32>(part), same::<T, f32>(&lanes)) {
                    let lanes = transmute::<Vector<f32>, __m512>(lanes);
                    return _mm512_mask_storeu_ps(part.as_mut_ptr(), first_bits(part.len()), lanes);
                }
                if let (Some(part), Some(lanes)) = (cast_mut::<T, f64>(part), same::<T, f64>(&lanes)) {
                    let [first, second] = transmute::<Vector<f64>, [__m512d; 2]>(lanes);
                    let ([low, high], to) = (first_bits(part.len()).to_le_bytes(), part.as_mut_ptr());
                    _mm512_mask_storeu_pd(to, low, first);
                    return _mm512_mask_storeu_pd(to.wrapping_add(8), high, second);
                }
            }
            Portable.store_part(part, lanes);
        }
    }
);

#[cfg(test)]
mod tests {
    use super::{Avx2, Avx512, Portable, Simd, Vector};
    use crate::Real;
    use crate::kernel::{LANES, Task};

    /// Every operation on numbers of all kinds, as bits of the results.
    fn results<T: Real, S: Simd>(simd: S) -> Vec<f64> {
        let kinds =
            [0.0, -0.0, 1.0, -1.5, 3e-39, -7e30, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.1, 1e-45];
        let mut results = Vec::new();
        for shift in 0..kinds.len() {
            let row = |step: usize| -> [T; LANES] {
                core::array::from_fn(|i| T::from_f64(kinds[(i * step + shift) % kinds.len()]))
            };
            let (a, b) =
                (simd.load::<false, T>(&row(1), 0).unwrap(), simd.load::<true, T>(&row(3), 0).unwrap());
            let splat = simd.splat(T::from_f64(kinds[shift]));
            let size = |step| simd.load::<true, T>(&row(step).map(|x| x.abs()), 0).unwrap();
            let all = [
                splat,
                simd.add(a, b),
                simd.sub(a, b),
                simd.mul(a, b),
                simd.sqrt(a),
                simd.larger_size(size(2), b),
                simd.mul_add(a, b, splat),
            ];
            for Vector(lanes) in all {
                results.extend(lanes.map(T::to_f64));
            }
            results.extend([simd.sum(a), simd.largest(size(1))].map(T::to_f64));
            for (len, at) in (0..=3 * LANES).flat_map(|len| (0..=4).map(move |at| (len, at))) {
                let mut written: [T; 4 * LANES] = core::array::from_fn(|i| row(1)[i % LANES]);
                let loaded = simd.load::<false, T>(&written[..len], at);
                results.extend(loaded.map_or([T::from_f64(7.0); LANES], |lanes| lanes.0).map(T::to_f64));
                simd.store::<false, T>(&mut written[..len], at, b);
                results.extend(written.map(T::to_f64));
            }
        }
        results
    }

    struct Results;

    impl Task<()> for Results {
        type Output = [Vec<f64>; 2];

        #[inline(always)]
        fn run<S: Simd>(self, simd: S, (): ()) -> [Vec<f64>; 2] {
            [results::<f32, S>(simd), results::<f64, S>(simd)]
        }
    }

    #[test]
    fn every_operation_gives_the_bits_of_the_portable_one() {
        let want = Results.run(Portable, ());
        let same = |got: [Vec<f64>; 2], name: &str| {
            for (got, want) in got.iter().flatten().zip(want.iter().flatten()) {
                assert!(
                    got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                    "{name}: {got} {want}"
                );
            }
        };
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            same(Results.run(unsafe { Avx2::new() }, ()), "AVX2");
        }
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
            // SAFETY: the processor has AVX-512.
            same(Results.run(unsafe { Avx512::new() }, ()), "AVX-512");
        }
    }
}

//! What the machine can do: multiply-adds in registers, and reads from each level of memory.

#![allow(unsafe_code)] // calls of functions for instructions that were just found

use std::hint::black_box;
use std::time::Instant;

use serde::Serialize;

/// The machine, as measured on one thread.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    /// The instructions that were measured.
    pub(crate) isa: &'static str,
    /// Multiply-adds in `f32`, two operations each.
    pub(crate) peak_gflops: f64,
    /// Reads of 16 KiB, in GB/s.
    pub(crate) l1_gbs: f64,
    /// Reads of 1 MiB, in GB/s.
    pub(crate) l2_gbs: f64,
    /// Reads of 256 MiB, in GB/s.
    pub(crate) memory_gbs: f64,
}

impl Machine {
    /// Measures for the instructions that the layer uses: see `GMLAYER_INSTRUCTIONS`.
    pub(crate) fn measure() -> Self {
        let (isa, peak_gflops) = peak();
        let bandwidth = |bytes: usize| {
            let numbers = vec![1.0_f32; bytes / 4];
            let repeats = (1 << 28) / bytes;
            best(
                || {
                    for _ in 0..repeats {
                        black_box(sum(black_box(&numbers)));
                    }
                },
                (repeats * bytes) as f64,
            ) / 1e9
        };
        Self {
            isa,
            peak_gflops,
            l1_gbs: bandwidth(1 << 14),
            l2_gbs: bandwidth(1 << 20),
            memory_gbs: bandwidth(1 << 28),
        }
    }
}

/// The best rate of several runs: a peak is what is reached when nothing disturbs.
fn best(mut run: impl FnMut(), amount: f64) -> f64 {
    (0..20).fold(0.0, |best: f64, _| {
        let start = Instant::now();
        run();
        best.max(amount / start.elapsed().as_secs_f64())
    })
}

/// Sums in 64 lanes, so that reading is all that takes time.
fn sum(numbers: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has the instructions.
        return unsafe { sum_avx512(numbers) };
    }
    lanes(numbers)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn sum_avx512(numbers: &[f32]) -> f32 {
    lanes(numbers)
}

#[inline(always)]
fn lanes(numbers: &[f32]) -> f32 {
    let mut sums = [0.0; 64];
    for chunk in numbers.as_chunks::<64>().0 {
        for (sum, number) in sums.iter_mut().zip(chunk) {
            *sum += number;
        }
    }
    sums.iter().sum()
}

/// Repetitions of the loops below.
const REPEATS: usize = 2_000_000;

#[cfg(target_arch = "x86_64")]
fn peak() -> (&'static str, f64) {
    let asked = std::env::var("GMLAYER_INSTRUCTIONS").unwrap_or_default();
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    // Twelve independent chains of multiply-adds, two operations a lane.
    let gflops = |seconds_of: &mut dyn FnMut(), lanes: usize| {
        best(seconds_of, (REPEATS * 12 * lanes * 2) as f64) / 1e9
    };
    if asked == "portable" || !avx2 {
        (
            "portable",
            gflops(
                &mut || {
                    black_box(chains_portable(black_box(0.5)));
                },
                4,
            ),
        )
    } else if asked == "avx2" || !is_x86_feature_detected!("avx512f") {
        (
            "avx2",
            gflops(
                &mut || {
                    // SAFETY: the processor has the instructions.
                    black_box(unsafe { chains_avx2(black_box(0.5)) });
                },
                8,
            ),
        )
    } else {
        (
            "avx512",
            gflops(
                &mut || {
                    // SAFETY: the processor has the instructions.
                    black_box(unsafe { chains_avx512(black_box(0.5)) });
                },
                16,
            ),
        )
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn peak() -> (&'static str, f64) {
    let run = || {
        black_box(chains_portable(black_box(0.5)));
    };
    ("portable", best(run, (REPEATS * 12 * 4 * 2) as f64) / 1e9)
}

/// Twelve chains of four lanes, multiply and add apart.
#[cfg(target_arch = "x86_64")]
fn chains_portable(factor: f32) -> f32 {
    use core::arch::x86_64::{_mm_add_ps, _mm_cvtss_f32, _mm_mul_ps, _mm_set1_ps};
    // SAFETY: every x86-64 processor has these instructions.
    unsafe {
        let factor = _mm_set1_ps(factor);
        let mut chains = [factor; 12];
        for _ in 0..REPEATS {
            for chain in &mut chains {
                *chain = _mm_add_ps(_mm_mul_ps(*chain, factor), factor);
            }
        }
        chains.into_iter().map(|chain| _mm_cvtss_f32(chain)).sum()
    }
}

/// Forty-eight chains of one lane, multiply and add apart: as the compiler puts them in vectors.
#[cfg(not(target_arch = "x86_64"))]
fn chains_portable(factor: f32) -> f32 {
    let mut chains = [factor; 48];
    for _ in 0..REPEATS {
        for chain in &mut chains {
            *chain = *chain * factor + factor;
        }
    }
    chains.iter().sum()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn chains_avx2(factor: f32) -> f32 {
    use core::arch::x86_64::{_mm256_cvtss_f32, _mm256_fmadd_ps, _mm256_set1_ps};
    let factor = _mm256_set1_ps(factor);
    let mut chains = [factor; 12];
    for _ in 0..REPEATS {
        for chain in &mut chains {
            *chain = _mm256_fmadd_ps(*chain, factor, factor);
        }
    }
    chains.into_iter().map(|chain| _mm256_cvtss_f32(chain)).sum()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn chains_avx512(factor: f32) -> f32 {
    use core::arch::x86_64::{_mm512_cvtss_f32, _mm512_fmadd_ps, _mm512_set1_ps};
    let factor = _mm512_set1_ps(factor);
    let mut chains = [factor; 12];
    for _ in 0..REPEATS {
        for chain in &mut chains {
            *chain = _mm512_fmadd_ps(*chain, factor, factor);
        }
    }
    chains.into_iter().map(|chain| _mm512_cvtss_f32(chain)).sum()
}

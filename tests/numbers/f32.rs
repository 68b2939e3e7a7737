//! `f32` on a dense sample of all bit patterns; the example `exhaustive` takes every one.

use crate::reference_f32::{ulp, values};
use crate::{Worst, scalar, slices};

/// Holds the scalar forms and the slices, which must agree to the bit, to the reference.
fn hold(what: &str, arguments: &[f32]) {
    let mut worst = Worst::default();
    for block in arguments.chunks(4096) {
        let along = slices(block);
        for (i, &t) in block.iter().enumerate() {
            let want = values(t);
            for (function, got) in scalar(t).into_iter().enumerate() {
                assert_eq!(got.to_bits(), along[function][i].to_bits(), "scalar and slice at {t:e}");
                worst.see(function, ulp(got, want[function]), f64::from(t));
            }
        }
    }
    worst.hold(what, |line| line.f32);
}

#[test]
fn every_997th_bit_pattern() {
    let patterns = (0..=u32::MAX).step_by(997).map(f32::from_bits);
    let arguments: Vec<f32> = patterns.filter(|t| !t.is_nan()).collect();
    assert!(arguments.len() > 4_000_000);
    hold("f32 sample", &arguments);
}

#[test]
fn around_the_switches() {
    // Multiples of 1/512 (where the argument's head changes), ±1, the ends, the exponents' ends, and
    // where the exponential goes over to the next power of two.
    let mut centres: Vec<f32> = (0..=15 * 512).map(|i| i as f32 / 512.0).collect();
    centres.extend([f32::MAX, f32::MIN_POSITIVE, 13.0, 14.1, 14.2]);
    centres.extend((1..=254_u32).map(|exponent| f32::from_bits(exponent << 23)));
    let power = |k: u32| (2.0 * ((f64::from(k) + 0.5) * 2.0_f64.ln() - 0.918_938_533_204_672_7)).sqrt();
    centres.extend((1..165).map(|k| power(k) as f32));
    let mut arguments = Vec::new();
    for centre in centres {
        let bits = centre.to_bits();
        for near in bits.saturating_sub(64)..=bits + 64 {
            arguments.extend([f32::from_bits(near), -f32::from_bits(near)]);
        }
    }
    arguments.retain(|t| !t.is_nan());
    hold("f32 switches", &arguments);
}

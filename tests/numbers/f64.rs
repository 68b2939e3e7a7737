//! `f64` against the table of tests/data, and at ten million points against [`Reference`], which is itself
//! held to that table.

use std::thread;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::data::{table, ulp};
use crate::reference::{Reference, SCALE};
use crate::{Worst, reference_f32, scalar, slices};

#[test]
fn the_table_of_forty_digits() {
    let rows = table();
    assert!(rows.len() > 3000);
    let mut worst = Worst::default();
    let arguments: Vec<f64> = rows.iter().map(|row| row.0).collect();
    let along = slices(&arguments);
    for (i, (t, want)) in rows.iter().enumerate() {
        for (function, got) in scalar(*t).into_iter().enumerate() {
            assert_eq!(got.to_bits(), along[function][i].to_bits(), "scalar and slice at {t:e}");
            worst.see(function, ulp(got, want[function]), *t);
        }
    }
    worst.hold("f64 table", |line| line.f64);
}

#[test]
fn the_reference_agrees_with_the_table() {
    let reference = Reference::new();
    let mut worst = 0.0_f64;
    for (t, want) in table().iter().filter(|row| row.0.abs() <= 40.0) {
        for (got, want) in reference.at(*t).iter().zip(want) {
            let error = ((got.high - want.high) + (got.low - want.low)).abs();
            let relative = if want.high == 0.0 { error } else { error / want.high.abs() };
            worst = worst.max(relative);
        }
    }
    println!("reference: {:.1} bits", -worst.log2());
    assert!(worst < 2.0_f64.powi(-76), "2^{:.1}", worst.log2());
}

#[test]
fn the_reference_for_f32_agrees_with_this_one() {
    let reference = Reference::new();
    let mut worst = 0.0_f64;
    for i in -150_000..=150_000 {
        let t = i as f32 / 10_000.0;
        let long = reference.at(f64::from(t));
        for (got, want) in reference_f32::values(t).iter().zip(long) {
            let error = (got - want.high / SCALE).abs() / reference_f32::unit(*got);
            worst = worst.max(error);
        }
    }
    println!("reference for f32: 2^{:.1} ULP", worst.log2());
    assert!(worst < 2.0_f64.powi(-12), "2^{:.1} ULP", worst.log2());
}

/// A number in [0, 1) with 53 digits.
fn uniform(random: &mut Pcg64) -> f64 {
    (random.next_u64() >> 11) as f64 * 2.0_f64.powi(-53)
}

/// An argument of the kind that a block is for: the whole range, the middle, near 0, near ±1, the tail of
/// subnormal results, the switches of the argument's head and of the power of two.
fn argument(kind: usize, random: &mut Pcg64) -> f64 {
    let x = uniform(random);
    let size = match kind % 8 {
        0 => 40.0 * x,
        1 => 9.0 * x,
        2 => 3.0 * x,
        3 => (-60.0 * x).exp2(),
        4 => 1.0 + (x - 0.5) * (-50.0 * uniform(random)).exp2(),
        5 => 37.4 + 1.3 * x,
        6 => {
            let switch = (2.0 * (x * f64::from(1 << 24)).floor() + 1.0) * 2.0_f64.powi(-21);
            switch * (1.0 + (uniform(random) - 0.5) * 2.0_f64.powi(-40))
        }
        _ => {
            let k = (x * 1100.0).floor() + 1.5;
            let switch = (2.0 * (k * core::f64::consts::LN_2 - 0.918_938_533_204_672_7)).sqrt();
            switch * (1.0 + (uniform(random) - 0.5) * 2.0_f64.powi(-40))
        }
    };
    if random.next_u32() & 1 == 0 { size } else { -size }
}

#[test]
fn ten_million_points() {
    const THREADS: usize = 2;
    const BLOCK: usize = 1024;
    const BLOCKS: usize = 10_000_000 / BLOCK / THREADS + 1;
    let reference = Reference::new();
    let part = |thread: usize| {
        let mut random = Pcg64::seed_from_u64(thread as u64);
        let mut worst = Worst::default();
        for block in 0..BLOCKS {
            let arguments: Vec<f64> = (0..BLOCK).map(|_| argument(block, &mut random)).collect();
            let got = slices(&arguments);
            for (i, &t) in arguments.iter().enumerate() {
                let want = reference.at(t);
                for function in 0..4 {
                    worst.see(function, ulp(got[function][i], want[function]), t);
                }
            }
        }
        worst
    };
    let mut worst = Worst::default();
    thread::scope(|scope| {
        let parts: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || part(thread))).collect();
        for part in parts {
            worst.merge(&part.join().expect("no thread fails"));
        }
    });
    worst.hold("f64 ten million", |line| line.f64);
}

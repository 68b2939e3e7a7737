//! What people use today, at the arguments of tests/data/normal.txt.

use core::f64::consts::FRAC_1_SQRT_2;

use gmlayer::normal;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::data::{table, ulp};
use crate::reference_f32;

/// A way to compute one function.
pub(crate) struct Method<T> {
    pub(crate) name: &'static str,
    pub(crate) function: fn(T) -> T,
}

const fn method<T>(name: &'static str, function: fn(T) -> T) -> Method<T> {
    Method { name, function }
}

const NORM: f64 = 0.398_942_280_401_432_7;

fn erfc_f64(t: f64) -> f64 {
    0.5 * libm::erfc(-t * FRAC_1_SQRT_2)
}

fn density_f64(t: f64) -> f64 {
    libm::exp(-0.5 * t * t) * NORM
}

fn erfc_f32(t: f32) -> f32 {
    0.5 * libm::erfcf(-t * FRAC_1_SQRT_2 as f32)
}

fn density_f32(t: f32) -> f32 {
    libm::expf(-0.5 * t * t) * NORM as f32
}

fn statrs_cdf(t: f64) -> f64 {
    Normal::standard().cdf(t)
}

/// Φ.
pub(crate) const CUMULATIVE_F64: [Method<f64>; 4] = [
    method("this crate", normal::cumulative),
    method("0.5 erfc(−t/√2), libm", erfc_f64),
    method("0.5 (1 + erf(t/√2)), libm", |t| 0.5 * (1.0 + libm::erf(t * FRAC_1_SQRT_2))),
    method("statrs, Normal::cdf", statrs_cdf),
];

const CUMULATIVE_F32: [Method<f32>; 3] = [
    method("this crate", normal::cumulative),
    method("0.5 erfc(−t/√2), libm", erfc_f32),
    method("0.5 (1 + erf(t/√2)), libm", |t| 0.5 * (1.0 + libm::erff(t * FRAC_1_SQRT_2 as f32))),
];

/// φ, ψ and tφ, each here and by the textbook.
const REST_F64: [(usize, [Method<f64>; 2]); 3] = [
    (0, [method("φ, this crate", normal::density), method("φ, exp(−t²/2)/√(2π), libm", density_f64)]),
    (
        2,
        [
            method("ψ, this crate", normal::ramp),
            method("ψ, t Φ + φ, libm", |t| t * erfc_f64(t) + density_f64(t)),
        ],
    ),
    (3, [method("tφ, this crate", normal::density_moment), method("tφ, t φ, libm", |t| t * density_f64(t))]),
];

const REST_F32: [(usize, [Method<f32>; 2]); 3] = [
    (0, [method("φ, this crate", normal::density), method("φ, exp(−t²/2)/√(2π), libm", density_f32)]),
    (
        2,
        [
            method("ψ, this crate", normal::ramp),
            method("ψ, t Φ + φ, libm", |t| t * erfc_f32(t) + density_f32(t)),
        ],
    ),
    (3, [method("tφ, this crate", normal::density_moment), method("tφ, t φ, libm", |t| t * density_f32(t))]),
];

/// The largest error for t < −8, −8 to −2, −2 to 2 and above 2.
fn regions(errors: impl Iterator<Item = (f64, f64)>) -> [f64; 4] {
    let mut worst = [0.0_f64; 4];
    for (t, error) in errors {
        let region = usize::from(t >= -8.0) + usize::from(t >= -2.0) + usize::from(t > 2.0);
        // What is not a number counts as infinite.
        worst[region] = worst[region].max(if error.is_nan() { f64::INFINITY } else { error });
    }
    worst
}

fn print_row(name: &str, worst: [f64; 4]) {
    print!("| {name} |");
    for error in worst {
        if error < 1000.0 { print!(" {error:.2} |") } else { print!(" {error:.1e} |") }
    }
    println!();
}

fn print_head(title: &str) {
    println!("\n| {title} | t < −8 | −8 to −2 | −2 to 2 | t > 2 |\n|---|---|---|---|---|");
}

/// SciPy's ndtr at the arguments of the table, in both formats.
fn scipy() -> Vec<(f64, f32)> {
    let text = include_str!("../../tests/data/normal_scipy.txt");
    let rows = text.lines().filter_map(|line| line.split_once(' ')).filter_map(|(double, single)| {
        let double = u64::from_str_radix(double, 16).ok()?;
        let single = u32::from_str_radix(single, 16).ok()?;
        Some((f64::from_bits(double), f32::from_bits(single)))
    });
    rows.collect()
}

/// The comparison tables of docs/ACCURACY.md.
pub(crate) fn print_tables() {
    let rows = table();
    let scipy = scipy();
    assert_eq!(rows.len(), scipy.len());
    let double = |function: fn(f64) -> f64, place: usize| {
        regions(rows.iter().map(|(t, want)| (*t, ulp(function(*t), want[place]))))
    };
    let single = |function: fn(f32) -> f32, place: usize| {
        let error = |t: f32| reference_f32::ulp(function(t), reference_f32::values(t)[place]);
        regions(rows.iter().map(|(t, _)| (*t, error(*t as f32))))
    };

    print_head("Φ in f64, largest error in ULP");
    for method in &CUMULATIVE_F64 {
        print_row(method.name, double(method.function, 1));
    }
    let errors = rows.iter().zip(&scipy).map(|((t, want), got)| (*t, ulp(got.0, want[1])));
    print_row("SciPy, ndtr", regions(errors));

    print_head("Φ in f32, largest error in ULP");
    for method in &CUMULATIVE_F32 {
        print_row(method.name, single(method.function, 1));
    }
    let errors = rows
        .iter()
        .zip(&scipy)
        .map(|((t, _), got)| (*t, reference_f32::ulp(got.1, reference_f32::values(*t as f32)[1])));
    print_row("SciPy, ndtr", regions(errors));

    print_head("φ, ψ, tφ in f64, largest error in ULP");
    for (place, methods) in &REST_F64 {
        for method in methods {
            print_row(method.name, double(method.function, *place));
        }
    }
    print_head("φ, ψ, tφ in f32, largest error in ULP");
    for (place, methods) in &REST_F32 {
        for method in methods {
            print_row(method.name, single(method.function, *place));
        }
    }
}

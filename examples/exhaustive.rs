//! Φ, φ, ψ and tφ in `f32` at every one of the 2³² bit patterns, on all cores:
//!
//! ```text
//! cargo run --release --example exhaustive
//! ```
//!
//! The scalar forms and the slices, which the compiler vectorises, are each held against the reference, and
//! must agree to the bit. The reference is computed in
//! `f64` on libm and is good to about 2⁻¹² ULP of `f32`. Prints, for each function, the largest error in
//! ULP, where it is and how many results are not correctly rounded; then the largest step back of Φ from an
//! argument to the next. Fails when an error exceeds 4 ULP, when scalar and slice forms differ, when NaN
//! does not give NaN, or when a limit at ±∞ is wrong.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use gmlayer::normal;
use indicatif::{ProgressBar, ProgressStyle};

#[path = "../tests/numbers/reference_f32.rs"]
mod reference_f32;

use reference_f32::{ulp, unit, values};

const NAMES: [&str; 4] = ["density φ", "cumulative Φ", "ramp ψ", "density_moment tφ"];

/// The ways to evaluate a function.
const FORMS: [&str; 2] = ["one at a time", "along a slice"];

/// The largest error that is allowed, in ULP.
const BAR: f64 = 4.0;

/// Arguments of one sign that are evaluated together.
const BLOCK: u32 = 1 << 12;

/// The bit patterns of one sign, of which the last 2²³ − 1 are NaN.
const PATTERNS: u32 = 1 << 31;

/// What is known of one form of one function.
#[derive(Default, Clone, Copy)]
struct Errors {
    worst: f64,
    at: f32,
    not_correctly_rounded: u64,
}

/// What a thread has seen.
#[derive(Default)]
struct Tally {
    errors: [[Errors; 4]; 2],
    arguments: u64,
    nans: u64,
    wrong_nans: u64,
    scalar_differs: u64,
    steps_back: u64,
    step_back: f64,
    step_back_at: f32,
}

impl Tally {
    /// The four functions at `t`, in both forms.
    fn see(&mut self, t: f32, got: [[f32; 4]; 2]) {
        let [one, slice] = got;
        self.scalar_differs += u64::from(one.map(f32::to_bits) != slice.map(f32::to_bits));
        if t.is_nan() {
            self.nans += 1;
            self.wrong_nans += u64::from(!got.iter().flatten().all(|x| x.is_nan()));
            return;
        }
        self.arguments += 1;
        let want = values(t);
        let results = got.iter().flat_map(|got| got.iter().zip(&want));
        for (errors, (&got, &want)) in self.errors.iter_mut().flatten().zip(results) {
            let error = ulp(got, want);
            let error = if error.is_nan() { f64::INFINITY } else { error };
            if error > errors.worst {
                errors.worst = error;
                errors.at = t;
            }
            errors.not_correctly_rounded += u64::from(got != want as f32);
        }
    }

    /// Φ at neighbouring arguments, `t` the larger.
    fn see_step(&mut self, t: f32, before: f32, after: f32) {
        if after < before {
            let step = f64::from(before - after) / unit(f64::from(after));
            self.steps_back += 1;
            if step > self.step_back {
                self.step_back = step;
                self.step_back_at = t;
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        for (errors, other) in self.errors.iter_mut().flatten().zip(other.errors.iter().flatten()) {
            if other.worst > errors.worst {
                errors.worst = other.worst;
                errors.at = other.at;
            }
            errors.not_correctly_rounded += other.not_correctly_rounded;
        }
        self.arguments += other.arguments;
        self.nans += other.nans;
        self.wrong_nans += other.wrong_nans;
        self.scalar_differs += other.scalar_differs;
        self.steps_back += other.steps_back;
        if other.step_back > self.step_back {
            self.step_back = other.step_back;
            self.step_back_at = other.step_back_at;
        }
    }
}

/// The scalar forms, never inlined into a loop that the compiler could turn into the other form.
#[inline(never)]
fn scalar(t: f32) -> [f32; 4] {
    [normal::density(t), normal::cumulative(t), normal::ramp(t), normal::density_moment(t)]
}

/// Evaluates the patterns from `first` on, with both signs.
fn block(
    first: u32,
    tally: &mut Tally,
    t: &mut [f32],
    out: &mut [Vec<f32>; 4],
) -> Result<(), gmlayer::Error> {
    for sign in [0, 1 << 31] {
        for (t, pattern) in t.iter_mut().zip(first..) {
            *t = f32::from_bits(sign | pattern);
        }
        let [density, cumulative, ramp, moment] = out;
        normal::density_slice(t, density)?;
        normal::cumulative_slice(t, cumulative)?;
        normal::ramp_slice(t, ramp)?;
        normal::density_moment_slice(t, moment)?;
        let mut last = first.checked_sub(1).map(|before| normal::cumulative(f32::from_bits(sign | before)));
        for (i, &t) in t.iter().enumerate() {
            let got = [density[i], cumulative[i], ramp[i], moment[i]];
            tally.see(t, [scalar(t), got]);
            match last {
                Some(last) if sign == 0 => tally.see_step(t, last, got[1]),
                Some(last) => tally.see_step(t, got[1], last),
                None => {}
            }
            last = Some(got[1]);
        }
    }
    Ok(())
}

/// Takes blocks until none is left.
fn work(next: &AtomicU32, bar: &ProgressBar) -> Result<Tally, gmlayer::Error> {
    let mut tally = Tally::default();
    let mut t = vec![0.0; BLOCK as usize];
    let mut out = [(); 4].map(|()| vec![0.0; BLOCK as usize]);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= PATTERNS / BLOCK {
            return Ok(tally);
        }
        block(number * BLOCK, &mut tally, &mut t, &mut out)?;
        bar.inc(2 * u64::from(BLOCK));
    }
}

fn limits_hold() -> bool {
    let infinity = f32::INFINITY;
    scalar(infinity) == [0.0, 1.0, infinity, 0.0] && scalar(-infinity) == [0.0; 4]
}

fn main() -> Result<ExitCode, gmlayer::Error> {
    let start = Instant::now();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let bar = ProgressBar::new(1 << 32);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent} %, {eta} left") {
        bar.set_style(style);
    }
    let next = AtomicU32::new(0);
    let mut tally = Tally::default();
    let parts: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&next, &bar))).collect();
        threads.into_iter().map(|thread| thread.join()).collect()
    });
    for part in parts {
        match part {
            Ok(part) => tally.merge(&part?),
            Err(_) => return Ok(ExitCode::FAILURE),
        }
    }
    bar.finish_and_clear();

    println!("| function | form | largest error, ULP | at t | not correctly rounded |");
    println!("|---|---|---|---|---|");
    for (function, name) in NAMES.iter().enumerate() {
        for (form, errors) in FORMS.iter().zip(&tally.errors) {
            let Errors { worst, at, not_correctly_rounded } = errors[function];
            let share = not_correctly_rounded as f64 / tally.arguments as f64 * 100.0;
            println!("| {name} | {form} | {worst:.4} | {at:e} | {not_correctly_rounded} ({share:.2} %) |");
        }
    }
    println!();
    println!("arguments that are numbers: {}; NaN: {}", tally.arguments, tally.nans);
    println!("NaN in and something else out: {}", tally.wrong_nans);
    println!("limits at ±∞ hold: {}", limits_hold());
    println!("arguments where scalar and slice forms differ: {}", tally.scalar_differs);
    println!(
        "steps back of Φ over neighbouring arguments: {}, the largest {} ULP, to t = {:e}",
        tally.steps_back, tally.step_back, tally.step_back_at
    );
    println!("{threads} threads, {:.0} s", start.elapsed().as_secs_f64());

    let good = tally.errors.iter().flatten().all(|errors| errors.worst <= BAR)
        && tally.wrong_nans == 0
        && tally.scalar_differs == 0
        && limits_hold();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

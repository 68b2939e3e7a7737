//! Measures this machine and the layer in one run: multiply-add peak, cache bandwidth, and the time of every
//! configuration as microseconds, GFLOP/s and share of that peak, medians of interleaved rounds.
//!
//! ```sh
//! cargo run --release --features threads --example speed            # a table
//! cargo run --release --features threads --example speed -- J       # configurations whose names begin so
//! cargo run --release --features threads --example speed -- cost    # the time on unusual inputs and parameters, 3 minutes
//! cargo run --release --features threads --example speed -- --json  # one JSON object
//! GMLAYER_INSTRUCTIONS=avx2 cargo run --release --features threads --example speed  # or portable
//! ```

mod cases;
mod costs;
mod descent;
mod diagonal;
mod joint;
mod machine;
mod numbers;

use std::error::Error;
use std::time::Instant;

use serde::Serialize;

use cases::Case;
use gmlayer::Threads;
use machine::Machine;

/// Rounds of all cases.
const ROUNDS: usize = 15;
/// The least time of one measurement in seconds: a case is repeated until it takes as long.
const LEAST: f64 = 1e-2;
/// Threads of the cases on several.
const THREADS: usize = 2;

/// One measured case.
#[derive(Debug, Serialize)]
struct Row {
    config: &'static str,
    batch: usize,
    what: &'static str,
    threads: usize,
    us: f64,
    gflops: f64,
    peak_share: f64,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    machine: Machine,
    rows: Vec<Row>,
    costs: Vec<costs::Row>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let json = std::env::args().any(|argument| argument == "--json");
    let machine = Machine::measure();
    // One pool for the whole program.
    let threads: &'static Threads = Box::leak(Box::new(Threads::new(THREADS)?));
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).unwrap_or_default();
    let mut cases = cases::all(threads)?;
    cases.retain(|case| case.config.starts_with(&wanted));
    let seconds = |case: &mut Case, repeats: usize| match case.threads {
        1 => seconds(case, repeats),
        _ => threads.run(|| seconds(case, repeats)),
    };
    let repeats = |case: &mut Case| {
        let mut repeats = 1;
        while seconds(case, repeats) * (repeats as f64) < LEAST {
            repeats *= 2;
        }
        repeats
    };
    let repeats: Vec<usize> = cases.iter_mut().map(repeats).collect();
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for ((case, times), &repeats) in cases.iter_mut().zip(&mut times).zip(&repeats) {
            times.push(seconds(case, repeats));
        }
    }
    let rows = cases.iter().zip(times).map(|(case, times)| {
        let seconds = median(times);
        let gflops = case.flop / seconds / 1e9;
        Row {
            config: case.config,
            batch: case.batch,
            what: case.what,
            threads: case.threads,
            us: seconds * 1e6,
            gflops,
            peak_share: gflops / machine.peak_gflops,
        }
    });
    let rows = rows.collect();
    let costs = if costs::CONFIG.starts_with(&wanted) { costs::measure()? } else { Vec::new() };
    let report = Report { machine, rows, costs };
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

/// Seconds of one run, averaged over some after one that fills the caches.
fn seconds(case: &mut Case, repeats: usize) -> f64 {
    (case.run)();
    let start = Instant::now();
    for _ in 0..repeats {
        (case.run)();
    }
    start.elapsed().as_secs_f64() / repeats as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn print(report: &Report) {
    let Machine { isa, peak_gflops, l1_gbs, l2_gbs, memory_gbs } = &report.machine;
    println!("{isa}: {peak_gflops:.0} GFLOP/s peak in f32, one thread");
    println!("reads: {l1_gbs:.0} GB/s of 16 KiB, {l2_gbs:.0} GB/s of 1 MiB, {memory_gbs:.0} GB/s of 256 MiB");
    if !report.rows.is_empty() {
        print_rows(&report.rows);
    }
    if !report.costs.is_empty() {
        costs::print(&report.costs);
    }
}

fn print_rows(rows: &[Row]) {
    println!(
        "\n{:<8} {:>5}  {:<16} {:>7} {:>10} {:>9} {:>8}",
        "config", "batch", "what", "threads", "µs", "GFLOP/s", "of peak"
    );
    for Row { config, batch, what, threads, us, gflops, peak_share } in rows {
        let percent = 100.0 * peak_share;
        println!("{config:<8} {batch:>5}  {what:<16} {threads:>7} {us:>10.2} {gflops:>9.1} {percent:>6.0} %");
    }
}

//! Batches of equal rows: the gradients of a row times the number of rows, within the accuracy rule.

use super::budget::BAR;
use super::judge::{Precision, worst};
use super::layer::MixtureLayer;
use super::tables::{Entry, Exact, table};

for_each_layer! {
    tests: gradients_of_equal_rows_in_f32, gradients_of_equal_rows_in_f64;
}

/// Powers of two, by which the exact values of a row are multiplied without rounding.
const BATCHES: [usize; 3] = [64, 4_096, 65_536];

/// The exact values of so many equal rows, added up.
fn times(exact: &Exact, rows: usize) -> Exact {
    let all = |values: &[f64]| values.iter().map(|value| value * rows as f64).collect();
    Exact { hi: all(&exact.hi), lo: all(&exact.lo), scale: all(&exact.scale), floor: all(&exact.floor) }
}

/// Judges every single row with every number of rows, and names all that fail.
fn judge<L: MixtureLayer, T: Precision>(entries: &[Entry<L>]) {
    let mut failures = Vec::new();
    for (Entry { name, case, exact, .. }, rows) in
        entries.iter().flat_map(|entry| BATCHES.map(|rows| (entry, rows)))
    {
        let mut batch = case.convert(T::from_f64);
        (batch.x, batch.g) = (batch.x.repeat(rows), batch.g.repeat(rows));
        for (output, (exact, got)) in exact.iter().zip(batch.outputs()).enumerate() {
            // Of h and ∂x there is one for each row.
            let ratio = match output {
                0 | 5 => got.chunks(exact.hi.len()).map(|row| worst(row, exact).0).fold(0.0, f64::max),
                _ => worst(&got, &times(exact, rows)).0,
            };
            let line = format!("{} {name}, {rows} rows, output {output}: {ratio:.2}", T::NAME);
            println!("{line}");
            if ratio > BAR {
                failures.push(line);
            }
        }
    }
    assert!(failures.is_empty(), "more than {BAR} budgets:\n{}", failures.join("\n"));
}

fn gradients_of_equal_rows_in_f32<L: MixtureLayer>() {
    judge::<L, f32>(&table("rows").into_iter().filter(|entry| entry.f32).collect::<Vec<_>>());
}

fn gradients_of_equal_rows_in_f64<L: MixtureLayer>() {
    judge::<L, f64>(&table("rows"));
}

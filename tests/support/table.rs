//! The tables of exact values in `tests/data`, written by `scripts/diagonal_table.py`.

use std::path::PathBuf;

use serde::Deserialize;

/// The tables of the diagonal layer.
pub const DIAGONAL: [&str; 6] = ["ordinary", "tails", "degenerate", "extreme", "wide", "rows"];

/// One layer with one batch, and what it must give.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    pub name: String,
    /// Whether the inputs are `f32` numbers and the outputs fit that type.
    pub f32: bool,
    pub inputs: usize,
    pub outputs: usize,
    pub components: usize,
    pub batch: usize,
    pub mu: Vec<f64>,
    pub sigma: Vec<f64>,
    pub u: Vec<f64>,
    pub v: Vec<f64>,
    pub x: Vec<f64>,
    /// The cotangent of h.
    pub g: Vec<f64>,
    pub h: Exact,
    pub dmu: Exact,
    pub dsigma: Exact,
    pub du: Exact,
    pub dv: Exact,
    pub dx: Exact,
}

/// The exact values of one output, with the error budget of each entry.
#[derive(Debug, Clone, Deserialize)]
pub struct Exact {
    /// The nearest doubles.
    pub hi: Vec<f64>,
    /// What `hi` leaves of the exact values.
    pub lo: Vec<f64>,
    /// The sum of the absolute values of all terms, with the first-order error of every factor.
    pub scale: Vec<f64>,
    /// What products below the normal numbers may lose, in smallest subnormal numbers.
    pub floor: Vec<f64>,
}

impl Case {
    /// The outputs by name.
    #[must_use]
    pub fn exact(&self) -> [(&'static str, &Exact); 6] {
        [
            ("h", &self.h),
            ("dmu", &self.dmu),
            ("dsigma", &self.dsigma),
            ("du", &self.du),
            ("dv", &self.dv),
            ("dx", &self.dx),
        ]
    }
}

/// Gives the inputs of an `f32` case the exact values that their decimals stand for.
pub fn through_f32(inputs: [&mut Vec<f64>; 6]) {
    for value in inputs.into_iter().flatten() {
        *value = f64::from(*value as f32);
    }
}

/// The cases of a file in `tests/data`.
///
/// # Panics
///
/// When the file is missing or damaged.
#[must_use]
pub fn read<T: serde::de::DeserializeOwned>(file: &str) -> Vec<T> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The cases of one table of the diagonal layer.
///
/// # Panics
///
/// When the file is missing or damaged.
#[must_use]
pub fn diagonal(name: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = read(&format!("diagonal_{name}.json"));
    for case in cases.iter_mut().filter(|case| case.f32) {
        let Case { mu, sigma, u, v, x, g, .. } = case;
        through_f32([mu, sigma, u, v, x, g]);
    }
    cases
}

/// The cases of all tables of the diagonal layer.
#[must_use]
pub fn all_diagonal() -> Vec<Case> {
    DIAGONAL.iter().flat_map(|name| diagonal(name)).collect()
}

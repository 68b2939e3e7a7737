//! Batches of equal rows: the gradients of a row times the number of rows, within the accuracy rule.
#![allow(missing_docs)]

mod support;

use gmlayer::joint::{Joint, JointShape};
use gmlayer::{Diagonal, Shape, diagonal, joint};
use support::budget::BAR;
use support::joint::{JointCase, joint as joint_table};
use support::judge::{Precision, worst};
use support::table::{Case, Exact, diagonal as diagonal_table};

/// Powers of two, by which the exact values of a row are multiplied without rounding.
const BATCHES: [usize; 3] = [64, 4_096, 65_536];

/// A single row of a layer from the tables.
trait SingleRow {
    fn name(&self) -> &str;
    /// h, the gradients of the parameters and ∂x by name.
    fn exact(&self) -> [(&'static str, &Exact); 6];
    /// The outputs of so many such rows in the order of `exact`.
    fn run<T: Precision>(&self, rows: usize) -> [Vec<T>; 6];
}

fn numbers<T: Precision>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&value| T::from_f64(value)).collect()
}

fn nans<T: Precision>(len: usize) -> Vec<T> {
    vec![T::from_f64(f64::NAN); len]
}

impl SingleRow for Case {
    fn name(&self) -> &str {
        &self.name
    }

    fn exact(&self) -> [(&'static str, &Exact); 6] {
        Self::exact(self)
    }

    fn run<T: Precision>(&self, rows: usize) -> [Vec<T>; 6] {
        let [mu, sigma, u, v] = [&self.mu, &self.sigma, &self.u, &self.v].map(|block| numbers::<T>(block));
        let [x, g] = [&self.x, &self.g].map(|row| numbers::<T>(row).repeat(rows));
        let shape = Shape::new(self.inputs, self.outputs, self.components).unwrap();
        let parameters = diagonal::Parameters { mu: &mu, sigma: &sigma, u: &u, v: &v };
        let layer = Diagonal::new(shape, parameters).unwrap();
        let [mut saved, mut scratch] =
            [layer.saved_len(rows), layer.scratch_len(rows)].map(|len| nans(len.unwrap()));
        let (mut h, mut dx) = (nans(g.len()), nans(x.len()));
        let [mut dmu, mut dsigma, mut du, mut dv] =
            [&mu, &sigma, &u, &v].map(|block| vec![T::zero(); block.len()]);
        layer.forward(&x, &mut h, &mut saved, &mut scratch).unwrap();
        let gradients = diagonal::Gradients {
            mu: Some(&mut dmu),
            sigma: Some(&mut dsigma),
            u: Some(&mut du),
            v: Some(&mut dv),
        };
        layer.backward(&x, &g, &saved, gradients, Some(&mut dx), &mut scratch).unwrap();
        [h, dmu, dsigma, du, dv, dx]
    }
}

impl SingleRow for JointCase {
    fn name(&self) -> &str {
        &self.name
    }

    fn exact(&self) -> [(&'static str, &Exact); 6] {
        Self::exact(self)
    }

    fn run<T: Precision>(&self, rows: usize) -> [Vec<T>; 6] {
        let [mu_w, mu_b, c_w, c_b] =
            [&self.mu_w, &self.mu_b, &self.c_w, &self.c_b].map(|block| numbers::<T>(block));
        let [x, g] = [&self.x, &self.g].map(|row| numbers::<T>(row).repeat(rows));
        let shape = JointShape::new(self.inputs, self.outputs, self.components, self.rank).unwrap();
        let parameters = joint::Parameters { mu_w: &mu_w, mu_b: &mu_b, c_w: &c_w, c_b: &c_b };
        let layer = Joint::new(shape, parameters).unwrap();
        let [mut saved, mut scratch] =
            [layer.saved_len(rows), layer.scratch_len(rows)].map(|len| nans(len.unwrap()));
        let (mut h, mut dx) = (nans(g.len()), nans(x.len()));
        let [mut dmu_w, mut dmu_b, mut dc_w, mut dc_b] =
            [&mu_w, &mu_b, &c_w, &c_b].map(|block| vec![T::zero(); block.len()]);
        layer.forward(&x, &mut h, &mut saved, &mut scratch).unwrap();
        let gradients = joint::Gradients {
            mu_w: Some(&mut dmu_w),
            mu_b: Some(&mut dmu_b),
            c_w: Some(&mut dc_w),
            c_b: Some(&mut dc_b),
        };
        layer.backward(&x, &g, &saved, gradients, Some(&mut dx), &mut scratch).unwrap();
        [h, dmu_w, dmu_b, dc_w, dc_b, dx]
    }
}

/// The exact values of so many equal rows, added up.
fn times(exact: &Exact, rows: usize) -> Exact {
    let all = |values: &[f64]| values.iter().map(|value| value * rows as f64).collect();
    Exact { hi: all(&exact.hi), lo: all(&exact.lo), scale: all(&exact.scale), floor: all(&exact.floor) }
}

/// Judges every case with every number of rows, and names all that fail.
fn judge<T: Precision>(cases: &[impl SingleRow]) {
    let mut failures = Vec::new();
    for (case, rows) in cases.iter().flat_map(|case| BATCHES.map(|rows| (case, rows))) {
        for ((block, exact), got) in case.exact().into_iter().zip(case.run::<T>(rows)) {
            // Of h and ∂x there is one for each row.
            let ratio = match block {
                "h" | "dx" => got.chunks(exact.hi.len()).map(|row| worst(row, exact).0).fold(0.0, f64::max),
                _ => worst(&got, &times(exact, rows)).0,
            };
            println!("{} {}, {rows} rows, {block}: {ratio:.2}", T::NAME, case.name());
            if ratio > BAR {
                failures.push(format!("{} {}, {rows} rows, {block}: {ratio:.1}", T::NAME, case.name()));
            }
        }
    }
    assert!(failures.is_empty(), "more than {BAR} budgets:\n{}", failures.join("\n"));
}

#[test]
fn diagonal_gradients_of_equal_rows_in_f32() {
    let cases: Vec<Case> = diagonal_table("rows").into_iter().filter(|case| case.f32).collect();
    judge::<f32>(&cases);
}

#[test]
fn diagonal_gradients_of_equal_rows_in_f64() {
    judge::<f64>(&diagonal_table("rows"));
}

#[test]
fn joint_gradients_of_equal_rows_in_f32() {
    let cases: Vec<JointCase> = joint_table("rows").into_iter().filter(|case| case.f32).collect();
    judge::<f32>(&cases);
}

#[test]
fn joint_gradients_of_equal_rows_in_f64() {
    judge::<f64>(&joint_table("rows"));
}

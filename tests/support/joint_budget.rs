//! The formulas of the joint layer in `f64`, each value beside its budget, by the rule of `budget.rs`.

use gmlayer::joint::JointShape;

use super::budget::{Budget, Deviation, Rectify, Scalar, entries, factors, largest, product, total};

/// A layer with a batch and a cotangent.
#[derive(Debug, Clone, Copy)]
pub struct JointProblem<'a> {
    pub shape: JointShape,
    pub scalar: Scalar,
    /// What each component counts: 1/K or 1.
    pub share: f64,
    pub mu_w: &'a [f64],
    pub mu_b: &'a [f64],
    pub c_w: &'a [f64],
    pub c_b: &'a [f64],
    pub x: &'a [f64],
    pub g: &'a [f64],
}

/// h and the gradients.
#[derive(Debug, Clone)]
pub struct JointBudgets {
    pub h: Vec<Budget>,
    pub mu_w: Vec<Budget>,
    pub mu_b: Vec<Budget>,
    pub c_w: Vec<Budget>,
    pub c_b: Vec<Budget>,
    pub x: Vec<Budget>,
}

/// A number with the floor that other products give it.
fn floored(number: Budget, other: Budget) -> Budget {
    Budget { floor: other.floor, unit: other.unit, ..number }
}

/// h and the gradients by the formulas for single rows.
#[allow(clippy::needless_range_loop)] // rows and columns of several matrices
#[must_use]
pub fn joint_budgets(problem: &JointProblem<'_>, rectify: Rectify) -> JointBudgets {
    let &JointProblem { shape, scalar, .. } = problem;
    let (d, outputs, rank) = (shape.inputs(), shape.outputs(), shape.rank());
    let sums = |len: usize| vec![Budget::OUTPUT; len];
    let mut all = JointBudgets {
        h: sums(problem.g.len()),
        mu_w: sums(problem.mu_w.len()),
        mu_b: sums(problem.mu_b.len()),
        c_w: sums(problem.c_w.len()),
        c_b: sums(problem.c_b.len()),
        x: sums(problem.x.len()),
    };
    let weight = Budget::exact(problem.share);
    for k in 0..shape.components() {
        let (mu_b, c_b) = (&problem.mu_b[k * d..][..d], &problem.c_b[k * d * rank..][..d * rank]);
        let mu_w = &problem.mu_w[k * outputs..][..outputs];
        let c_w = &problem.c_w[k * outputs * rank..][..outputs * rank];
        let largest_of_beta = largest(&[mu_b, c_b]);
        let [mu_b, c_b] = [mu_b, c_b].map(|block| entries(block, largest_of_beta));
        let [mu_w, c_w] = [mu_w, c_w].map(|block| entries(block, largest(&[mu_w, c_w])));
        for b in 0..problem.x.len() / d {
            let (x, g) = (&problem.x[b * d..][..d], &problem.g[b * outputs..][..outputs]);
            let least = scalar.limit * largest_of_beta * largest(&[x]);
            let [x, g] = [x, g].map(|row| entries(row, largest(&[row])));
            let q: Vec<Budget> = (0..rank).map(|r| total((0..d).map(|i| c_b[r * d + i] * x[i]))).collect();
            let s = q.iter().map(|q| q.value * q.value).sum::<f64>().sqrt();
            let over_s = |value: f64| if s == 0.0 { 0.0 } else { value / s };
            let ds = over_s(q.iter().map(|q| q.value.abs() * q.scale).sum());
            let deviation = Deviation { value: s, scale: ds, least };
            let [r, p, phi, moment, inverse] = factors(rectify, product(&mu_b, &x), deviation, scalar);
            let y: Vec<Budget> = q
                .iter()
                .map(|q| {
                    let size = over_s(q.value.abs());
                    let scale = size + over_s(q.scale + size * ds);
                    Budget { scale, ..Budget::exact(over_s(q.value)) }
                })
                .collect();

            let e: Vec<Budget> =
                (0..rank).map(|r| total((0..outputs).map(|l| c_w[r * outputs + l] * g[l]))).collect();
            let rho = product(&g, &mu_w);
            let pi_over_s = floored(product(&e, &y), product(&e, &q) * inverse);
            let d_m = (rho * p + pi_over_s * phi) * weight;
            let d_s = (rho * phi - pi_over_s * moment) * weight;
            let (r, p) = (r * weight, p * weight);
            let d_q: Vec<Budget> =
                (0..rank).map(|r| floored(d_s * y[r], d_s * inverse * q[r]) + p * e[r]).collect();
            for l in 0..outputs {
                let stein = total((0..rank).map(|r| c_w[r * outputs + l] * q[r]));
                all.h[b * outputs + l] += mu_w[l] * r + stein * p;
                all.mu_w[k * outputs + l] += g[l] * r;
                for column in 0..rank {
                    all.c_w[(k * rank + column) * outputs + l] += g[l] * q[column] * p;
                }
            }
            for i in 0..d {
                all.mu_b[k * d + i] += x[i] * d_m;
                all.x[b * d + i] += mu_b[i] * d_m + total((0..rank).map(|r| c_b[r * d + i] * d_q[r]));
                for column in 0..rank {
                    all.c_b[(k * rank + column) * d + i] += x[i] * d_q[column];
                }
            }
        }
    }
    all
}

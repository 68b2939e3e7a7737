//! The formulas of the joint layer in `f64`, each value beside its budget, by the rule of `budget.rs`.

use super::JointLayer;
use crate::budget::{Budget, Deviation, Scalar, entries, factors, largest, norm, product, total};
use crate::case::Case;
use crate::layer::MixtureLayer;
use crate::textbook::rectify;

/// A number with the floor that other products give it.
fn floored(number: Budget, other: Budget) -> Budget {
    Budget { floor: other.floor, unit: other.unit, ..number }
}

/// h and the gradients by the formulas for single rows.
#[allow(clippy::needless_range_loop)] // rows and columns of several matrices
pub fn budgets(case: &Case<JointLayer, f64>, scalar: Scalar) -> [Vec<Budget>; 6] {
    let layer = case.layer;
    let (d, outputs, rank) = (layer.inputs(), layer.outputs(), layer.shape.rank());
    let mut h = vec![Budget::OUTPUT; case.g.len()];
    let [mut gradients @ .., mut d_x] = case.blocks().map(|block| vec![Budget::OUTPUT; block.len()]);
    for k in 0..layer.components() {
        let [mu_w, c_w, mu_b, c_b] = layer.of_component(&case.parameters, k);
        let largest_of_beta = largest(&[mu_b, c_b]);
        let [mu_b, c_b] = [mu_b, c_b].map(|block| entries(block, largest_of_beta));
        let [mu_w, c_w] = [mu_w, c_w].map(|block| entries(block, largest(&[mu_w, c_w])));
        let [d_mu_w, d_c_w, d_mu_b, d_c_b] = layer.of_component_mut(&mut gradients, k);
        for (b, (x, g)) in case.rows().enumerate() {
            let least = scalar.limit * largest_of_beta * largest(&[x]);
            let [x, g] = [x, g].map(|row| entries(row, largest(&[row])));
            let g: Vec<Budget> = g.into_iter().map(|g| g.shared(layer.share())).collect();
            let q: Vec<Budget> = (0..rank).map(|r| total((0..d).map(|i| c_b[r * d + i] * x[i]))).collect();
            let s = norm(q.iter().map(|q| q.value));
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
            let d_m = rho * p + pi_over_s * phi;
            let d_s = rho * phi - pi_over_s * moment;
            let d_q: Vec<Budget> =
                (0..rank).map(|r| floored(d_s * y[r], d_s * inverse * q[r]) + p * e[r]).collect();
            for l in 0..outputs {
                let stein = total((0..rank).map(|r| c_w[r * outputs + l] * q[r]));
                h[b * outputs + l] += (mu_w[l] * r + stein * p).shared(layer.share());
                d_mu_w[l] += g[l] * r;
                for column in 0..rank {
                    d_c_w[column * outputs + l] += g[l] * q[column] * p;
                }
            }
            for i in 0..d {
                d_mu_b[i] += x[i] * d_m;
                d_x[b * d + i] += mu_b[i] * d_m + total((0..rank).map(|r| c_b[r * d + i] * d_q[r]));
                for column in 0..rank {
                    d_c_b[column * d + i] += x[i] * d_q[column];
                }
            }
        }
    }
    let [d_mu_w, d_c_w, d_mu_b, d_c_b] = gradients;
    [h, d_mu_w, d_c_w, d_mu_b, d_c_b, d_x]
}

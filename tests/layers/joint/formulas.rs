//! The formulas of the joint layer as the textbook writes them, in `f64`: one loop for each sum.

use rand_pcg::Pcg64;

use super::JointLayer;
use crate::case::{Case, normal, product};
use crate::layer::{Component, MixtureLayer};
use crate::textbook::{Mistake, Row};

pub fn component(case: &Case<JointLayer, f64>, k: usize, x: &[f64]) -> Component {
    let layer = case.layer;
    let [mu_w, c_w, mu_b, c_b] = layer.of_component(&case.parameters, k);
    let q: Vec<f64> = c_b.chunks(layer.inputs()).map(|c| product(c, x)).collect();
    let along = |l: usize| c_w.chunks(layer.outputs()).zip(&q).map(|(c, q)| c[l] * q).sum();
    Component {
        m: product(mu_b, x),
        s: product(&q, &q).sqrt(),
        a: mu_w.to_vec(),
        w: (0..layer.outputs()).map(along).collect(),
    }
}

pub fn majorant(case: &Case<JointLayer, f64>) -> f64 {
    let (layer, sizes) = (case.layer, case.convert(f64::abs));
    let norm = |a: &[f64]| product(a, a).sqrt();
    let mut sum = 0.0;
    for ((signed_x, _), (x, g)) in case.rows().zip(sizes.rows()) {
        for k in 0..layer.components() {
            let [mu_w, c_w, mu_b, c_b] = layer.of_component(&sizes.parameters, k);
            let s = component(case, k, signed_x).s;
            let sizes_of_q: Vec<f64> = c_b.chunks(layer.inputs()).map(|c| product(c, x)).collect();
            let e: Vec<f64> = c_w.chunks(layer.outputs()).map(|c| product(c, g)).collect();
            let spread = product(mu_b, x) + norm(&sizes_of_q);
            let along = product(&e, &sizes_of_q) + norm(&e) * spread;
            sum += 4.0 * product(g, mu_w) * spread
                + 4.0 * along * (1.0 + if s > 0.0 { spread / s } else { 0.0 });
        }
    }
    sum * layer.share()
}

/// Of E[ω ReLU(⟨β, x⟩)].
pub fn sample(case: &Case<JointLayer, f64>, random: &mut Pcg64) -> [Vec<f64>; 6] {
    let layer = case.layer;
    let (d, outputs, rank, share) = (layer.inputs(), layer.outputs(), layer.shape.rank(), layer.share());
    let [mut gradients @ .., mut d_x] = case.zeros();
    let mut h = vec![0.0; case.g.len()];
    for k in 0..layer.components() {
        let noise: Vec<f64> = (0..rank).map(|_| normal(random)).collect();
        let draw = |mean: usize, factors: usize| -> Vec<f64> {
            let mean = &case.parameters[mean][layer.range(mean, k)];
            let factors = &case.parameters[factors][layer.range(factors, k)];
            let mut drawn = mean.to_vec();
            for (c, noise) in factors.chunks(mean.len()).zip(&noise) {
                drawn.iter_mut().zip(c).for_each(|(drawn, c)| *drawn += c * noise);
            }
            drawn
        };
        let (beta, omega) = (draw(2, 3), draw(0, 1));
        let [d_mu_w, d_c_w, d_mu_b, d_c_b] = layer.of_component_mut(&mut gradients, k);
        for (b, (x, g)) in case.rows().enumerate() {
            let z = product(&beta, x);
            let (relu, step) = (z.max(0.0) * share, if z > 0.0 { share } else { 0.0 });
            let g_omega = product(g, &omega);
            for l in 0..outputs {
                h[b * outputs + l] += omega[l] * relu;
                d_mu_w[l] += g[l] * relu;
                for (r, noise) in noise.iter().enumerate() {
                    d_c_w[r * outputs + l] += g[l] * relu * noise;
                }
            }
            for i in 0..d {
                d_mu_b[i] += g_omega * step * x[i];
                d_x[b * d + i] += g_omega * step * beta[i];
                for (r, noise) in noise.iter().enumerate() {
                    d_c_b[r * d + i] += g_omega * step * x[i] * noise;
                }
            }
        }
    }
    let [d_mu_w, d_c_w, d_mu_b, d_c_b] = gradients;
    [h, d_mu_w, d_c_w, d_mu_b, d_c_b, d_x]
}

/// ∂m = A p + ⟨e, y⟩ φ and ∂s = A φ − ⟨e, y⟩ tφ with A = ⟨g, μ_ω⟩, e = C_ωᵀg and y = q/s, ∂q = ∂s y + p e, and from
/// them everything.
pub fn pull_back(row: &Row<'_, JointLayer>, mistake: Mistake, gradients: &mut [Vec<f64>; 4], dx: &mut [f64]) {
    use Mistake as M;
    let &Row { case, component: k, x, g, s, factors: [r, p, phi, moment] } = row;
    let layer = case.layer;
    let (d, outputs, rank) = (layer.inputs(), layer.outputs(), layer.shape.rank());
    let [mu_w, c_w, mu_b, c_b] = layer.of_component(&case.parameters, k);
    let c_w =
        |l: usize, r: usize| c_w[if mistake == M::TransposedCw { l * rank + r } else { r * outputs + l }];
    let c_b_in_x =
        |i: usize, r: usize| c_b[if mistake == M::TransposedCb { i * rank + r } else { r * d + i }];
    let q: Vec<f64> = c_b.chunks(d).map(|c| product(c, x)).collect();
    let y: Vec<f64> = match mistake {
        M::LengthForUnit => q.clone(),
        _ => q.iter().map(|q| if s > 0.0 { q / s } else { 0.0 }).collect(),
    };
    let e: Vec<f64> = (0..rank).map(|r| (0..outputs).map(|l| c_w(l, r) * g[l]).sum()).collect();
    let (a, along) = (product(g, mu_w), product(&e, &y));
    let d_m = a * p + if mistake == M::DroppedDensityInMuB { 0.0 } else { along * phi };
    let d_s = if mistake == M::DroppedSpreadInQ { 0.0 } else { a * phi - along * moment };
    let stein = if mistake == M::DroppedSteinInQ { 0.0 } else { p };
    let d_q: Vec<f64> = y.iter().zip(&e).map(|(y, e)| d_s * y + stein * e).collect();
    let columns = rank - usize::from(mistake == M::SkipsLastColumn);
    let p = if mistake == M::DroppedProbabilityInCw { 1.0 } else { p };
    let [d_mu_w, d_c_w, d_mu_b, d_c_b] = layer.of_component_mut(gradients, k);
    for (l, g) in g.iter().enumerate() {
        d_mu_w[l] += g * r;
        for column in 0..columns {
            d_c_w[column * outputs + l] += g * q[column] * p;
        }
    }
    for i in 0..d {
        d_mu_b[i] += d_m * x[i];
        dx[i] += if mistake == M::DroppedMeanInX { 0.0 } else { d_m * mu_b[i] };
        for column in 0..columns {
            d_c_b[column * d + i] += x[i] * d_q[column];
            dx[i] += if mistake == M::DroppedFactorInX { 0.0 } else { c_b_in_x(i, column) * d_q[column] };
        }
    }
}

pub fn sizes_of_sums([mu_w, c_w, mu_b, c_b, x, g]: [f64; 6]) -> [Vec<f64>; 2] {
    let (beta, omega) = (mu_b.max(c_b), mu_w.max(c_w));
    let outputs_and_gradients = vec![
        beta + x,             // m, q, s, r
        omega + beta + x,     // h
        omega + g,            // A, e, ∂m, ∂q
        g + beta + x,         // ∂μ_ω, ∂C_ω
        omega + g + x,        // ∂μ_β, ∂C_β
        omega + g + beta,     // ∂x
        omega + g + beta + x, // ⟨e, q⟩
    ];
    [outputs_and_gradients, Vec::new()]
}

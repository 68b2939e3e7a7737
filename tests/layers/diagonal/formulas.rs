//! The formulas of the diagonal layer as the textbook writes them, in `f64`: one loop for each sum.

use rand_pcg::Pcg64;

use super::DiagonalLayer;
use crate::budget::{self, Budget, Problem, Scalar};
use crate::case::{Case, normal, product};
use crate::layer::{Component, MixtureLayer};
use crate::textbook::{Mistake, Row, rectify};

pub fn component(case: &Case<DiagonalLayer, f64>, k: usize, x: &[f64]) -> Component {
    let layer = case.layer;
    let [mu, sigma, u, v] = layer.of_component(&case.parameters, k);
    let spread: Vec<f64> = sigma.iter().zip(x).map(|(sigma, x)| sigma * x).collect();
    let variance: Vec<f64> = sigma.iter().zip(&spread).map(|(sigma, spread)| sigma * spread).collect();
    let rows = || u.chunks(layer.inputs());
    Component {
        m: product(mu, x),
        s: product(&spread, &spread).sqrt(),
        a: rows().zip(v).map(|(u, v)| layer.through_mean() * product(u, mu) + v).collect(),
        w: rows().map(|u| product(u, &variance)).collect(),
    }
}

pub fn majorant(case: &Case<DiagonalLayer, f64>) -> f64 {
    let case = case.convert(f64::abs);
    let (layer, inputs, outputs) = (case.layer, case.layer.inputs(), case.layer.outputs());
    let mut sum = 0.0;
    for (x, g) in case.rows() {
        for k in 0..layer.components() {
            let [mu, sigma, u, v] = layer.of_component(&case.parameters, k);
            let c: Vec<f64> =
                (0..inputs).map(|i| (0..outputs).map(|l| g[l] * u[l * inputs + i]).sum()).collect();
            let m = product(mu, x);
            let s = (0..inputs).map(|i| (sigma[i] * x[i]).powi(2)).sum::<f64>().sqrt();
            let a = layer.through_mean() * product(&c, mu) + product(g, v);
            let c_sigma = product(&c, sigma);
            let stein: f64 = (0..inputs).map(|i| c[i] * sigma[i] * sigma[i] * x[i]).sum();
            // Every factor is at most 1, and so is its sensitivity but for dt ≤ |m|/s, which the
            // densities outweigh: φ, |tφ|, t²φ, |t³|φ are all below 1.
            sum += a * (4.0 * m + 3.0 * s) + 4.0 * c_sigma * (m.min(s * 40.0) + s) + 4.0 * stein;
            // Cancellation in m moves t by Σ|μᵢxᵢ|/s.
            if s > 0.0 {
                sum += c_sigma * m + stein * m / s;
            }
        }
    }
    sum * layer.share()
}

pub fn budgets(case: &Case<DiagonalLayer, f64>, scalar: Scalar) -> [Vec<Budget>; 6] {
    let Case { layer, parameters: [mu, sigma, u, v], x, g } = case;
    let (inputs, outputs, components) = (layer.inputs(), layer.outputs(), layer.components());
    let (share, through_mean) = (layer.share(), layer.through_mean());
    let problem = Problem { inputs, outputs, components, scalar, share, through_mean, mu, sigma, u, v, x, g };
    let all = budget::budgets(&problem, rectify);
    [all.h, all.mu, all.sigma, all.u, all.v, all.x]
}

/// Of E[(Uβ + v) ReLU(⟨β, x⟩)], or in centred coordinates of E[(U(β − μ) + v) ReLU(⟨β, x⟩)].
pub fn sample(case: &Case<DiagonalLayer, f64>, random: &mut Pcg64) -> [Vec<f64>; 6] {
    let layer = case.layer;
    let (d, outputs) = (layer.inputs(), layer.outputs());
    let (share, through_mean) = (layer.share(), layer.through_mean());
    let noise: Vec<f64> = case.parameters[0].iter().map(|_| normal(random)).collect();
    let [mut gradients @ .., mut d_x] = case.zeros();
    let mut h = vec![0.0; case.g.len()];
    for (b, (x, g)) in case.rows().enumerate() {
        for k in 0..layer.components() {
            let ([mu, sigma, u, v], noise) = (layer.of_component(&case.parameters, k), &noise[k * d..][..d]);
            let [d_mu, d_sigma, d_u, d_v] = layer.of_component_mut(&mut gradients, k);
            let beta: Vec<f64> = (0..d).map(|i| mu[i] + sigma[i] * noise[i]).collect();
            // What U acts on, and below its derivative by β where β moves with μ.
            let centred: Vec<f64> = (0..d).map(|i| beta[i] - (1.0 - through_mean) * mu[i]).collect();
            let z = product(&beta, x);
            let (relu, step) = (z.max(0.0) * share, if z > 0.0 { share } else { 0.0 });
            let mut g_omega = 0.0;
            for l in 0..outputs {
                let u = &u[l * d..][..d];
                let omega = product(u, &centred) + v[l];
                h[b * outputs + l] += omega * relu;
                g_omega += g[l] * omega;
                d_v[l] += g[l] * relu;
                for i in 0..d {
                    d_u[l * d + i] += g[l] * centred[i] * relu;
                    let of_beta = g[l] * u[i] * relu;
                    d_mu[i] += through_mean * of_beta;
                    d_sigma[i] += of_beta * noise[i];
                }
            }
            for i in 0..d {
                d_mu[i] += g_omega * step * x[i];
                d_sigma[i] += g_omega * step * x[i] * noise[i];
                d_x[b * d + i] += g_omega * step * beta[i];
            }
        }
    }
    let [d_mu, d_sigma, d_u, d_v] = gradients;
    [h, d_mu, d_sigma, d_u, d_v, d_x]
}

/// ∂m = A p + ⟨c, σ²x⟩ φ/s and ∂s = A φ − ⟨c, σ²x⟩ tφ/s with c = Uᵀg and A = ⟨g, Uμ + v⟩, and from them everything.
pub fn pull_back(
    row: &Row<'_, DiagonalLayer>,
    mistake: Mistake,
    gradients: &mut [Vec<f64>; 4],
    dx: &mut [f64],
) {
    use Mistake as M;
    let &Row { case, component: k, x, g, s, factors: [r, p, phi, moment] } = row;
    let layer = case.layer;
    let (d, outputs) = (layer.inputs(), layer.outputs());
    let [mu, sigma, u, v] = layer.of_component(&case.parameters, k);
    let u = |l: usize, i: usize| u[if mistake == M::TransposedU { i * outputs + l } else { l * d + i }];
    let c: Vec<f64> = (0..d).map(|i| (0..outputs).map(|l| g[l] * u(l, i)).sum()).collect();
    let other_if = |wrong: M, mean: f64| if mistake == wrong { 1.0 - mean } else { mean };
    let through_mean = other_if(M::OtherCoordinates, layer.through_mean());
    let mut a = through_mean * product(&c, mu);
    if mistake != M::DroppedOffsetInA {
        a += product(g, v);
    }
    let y: Vec<f64> = (0..d).map(|i| if s > 0.0 { sigma[i] * x[i] / s } else { 0.0 }).collect();
    let along: f64 = (0..d).map(|i| c[i] * sigma[i] * y[i]).sum();
    let d_m = a * p + if mistake == M::SignOfDensityInMu { -along * phi } else { along * phi };
    let d_s = a * phi - along * moment;
    let [d_mu, d_sigma, d_u, d_v] = layer.of_component_mut(gradients, k);
    for i in 0..d {
        let variance = sigma[i] * sigma[i];
        let stein = match mistake {
            M::DroppedSteinInU => 0.0,
            M::SigmaForVarianceInU => sigma[i] * x[i] * p,
            _ => variance * x[i] * p,
        };
        for (l, g) in g.iter().enumerate() {
            let of_mean = other_if(M::OtherMeanInU, through_mean);
            d_u[l * d + i] += g * (of_mean * mu[i] * r + stein);
        }
        let shifted = if mistake == M::ShiftedIndexInMu { (i + 1) % d } else { i };
        d_mu[shifted] += other_if(M::OtherMeanInMu, through_mean) * c[i] * r + x[i] * d_m;
        let twice = if mistake == M::HalfOfSigma { 1.0 } else { 2.0 };
        let factor = if mistake == M::VarianceForSigmaInSigma { variance } else { sigma[i] };
        d_sigma[i] += x[i] * (d_s * y[i] + twice * p * c[i] * factor);
        let spread = if mistake == M::DroppedDensityInX { 0.0 } else { d_s * y[i] };
        let stein = match mistake {
            M::DroppedSteinInX => 0.0,
            M::SigmaForVarianceInX => p * c[i],
            _ => p * c[i] * sigma[i],
        };
        dx[i] += mu[i] * d_m + sigma[i] * (spread + stein);
    }
    for (l, g) in g.iter().enumerate() {
        d_v[l] += g * r;
    }
}

pub fn sizes_of_sums([mu, sigma, u, v, x, g]: [f64; 6]) -> [Vec<f64>; 2] {
    let spread = mu.max(sigma);
    let slope = (u + mu).max(v); // Uμ + v
    let outputs_and_gradients = vec![
        slope + spread + x,      // h, a r
        u + 2.0 * sigma + x,     // W x
        u + g,                   // c
        u + g + spread,          // A, b
        g + slope,               // A
        g + spread + x + spread, // ∂U
        g + spread + x,          // ∂v
        u + g + spread + x,      // ∂μ, ∂σ
        g + slope + x,           // ∂μ, ∂σ
        u + g + 2.0 * spread,    // ∂x
        g + slope + spread,      // ∂x
        spread + x,              // m, s, r
        2.0 * spread + x,        // E[β ReLU(z)]
        2.0 * spread,            // σ²
    ];
    [outputs_and_gradients, vec![slope, u + 2.0 * sigma, 2.0 * sigma]]
}

//! Gradient descent on (μ, C) is the discretised Gaussian mixture gradient flow (Theorem 1), for one component.
//!
//! F(ρ) = ½ Σ_b |h_b − target_b|² with h_b = E[ω ReLU(⟨β, x_b⟩)] has the first variation
//! V(ω, β) = Σ_b ⟨g_b, ω⟩ ReLU(⟨β, x_b⟩), g = h − target. Its Wasserstein gradient flow among Gaussians is
//!
//! ```text
//! dμ/dt = −E[∇V],   dΣ/dt = −(H Σ + Σ H),   H = E[∇²V]
//! ```
//!
//! Here h, E[∇V] and H are written out from (μ, Σ) alone, by the distribution of ⟨β, x⟩ and of ω given ⟨β, x⟩ = 0;
//! no factor C and no derivative of the crate enters them.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

use super::JointLayer;
use crate::case::{Case, Recipe};

const OUTPUTS: usize = 2;
const INPUTS: usize = 3;
const SIZE: usize = OUTPUTS + INPUTS;

type Vector = [f64; SIZE];
type Matrix = [Vector; SIZE];

/// The rows of C, whose columns are the factors.
fn rows(rank: usize, c_w: &[f64], c_b: &[f64]) -> Vec<Vec<f64>> {
    let of = |block: &[f64], i: usize| (0..rank).map(|r| block[r * (block.len() / rank) + i]).collect();
    (0..OUTPUTS).map(|l| of(c_w, l)).chain((0..INPUTS).map(|i| of(c_b, i))).collect()
}

/// A Gaussian of (ω, β).
#[derive(Debug, Clone, Copy)]
struct Gaussian {
    mean: Vector,
    covariance: Matrix,
}

impl Gaussian {
    fn of(case: &Case<JointLayer, f64>) -> Self {
        let [mu_w, c_w, mu_b, c_b] = &case.parameters;
        let (mut mean, mut covariance) = ([0.0; SIZE], [[0.0; SIZE]; SIZE]);
        mean[..OUTPUTS].copy_from_slice(mu_w);
        mean[OUTPUTS..].copy_from_slice(mu_b);
        let rows = rows(case.layer.shape.rank(), c_w, c_b);
        for i in 0..SIZE {
            for j in 0..SIZE {
                covariance[i][j] = rows[i].iter().zip(&rows[j]).map(|(a, b)| a * b).sum();
            }
        }
        Self { mean, covariance }
    }

    fn plus(mut self, step: f64, velocity: &Self) -> Self {
        for i in 0..SIZE {
            self.mean[i] += step * velocity.mean[i];
            for j in 0..SIZE {
                self.covariance[i][j] += step * velocity.covariance[i][j];
            }
        }
        self
    }

    /// The largest difference of an entry, of the mean and of the covariance.
    fn distance(&self, other: &Self) -> [f64; 2] {
        let largest = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        [
            largest(&self.mean, &other.mean),
            largest(self.covariance.as_flattened(), other.covariance.as_flattened()),
        ]
    }

    /// The velocity of the Wasserstein gradient flow of F.
    fn velocity(&self, data: &Case<JointLayer, f64>, target: &[f64]) -> Self {
        let (mut gradient, mut hessian) = ([0.0; SIZE], [[0.0; SIZE]; SIZE]);
        for (x, target) in data.x.chunks(INPUTS).zip(target.chunks(OUTPUTS)) {
            // Covariances of z = ⟨β, x⟩ with ω and β.
            let along: Vector =
                std::array::from_fn(|i| (0..INPUTS).map(|j| self.covariance[i][OUTPUTS + j] * x[j]).sum());
            let m: f64 = (0..INPUTS).map(|j| self.mean[OUTPUTS + j] * x[j]).sum();
            let s = (0..INPUTS).map(|j| along[OUTPUTS + j] * x[j]).sum::<f64>().sqrt();
            let t = m / s;
            let p = libm::erfc(-t * FRAC_1_SQRT_2) / 2.0;
            let density = libm::exp(-t * t / 2.0) / (TAU.sqrt() * s);
            let r = m * p + s * s * density;
            let g: Vec<f64> = (0..OUTPUTS).map(|l| self.mean[l] * r + along[l] * p - target[l]).collect();
            // E[⟨g, ω⟩; z > 0], and E[⟨g, ω⟩ | z = 0] times the density of z at 0.
            let above: f64 = (0..OUTPUTS).map(|l| g[l] * (self.mean[l] * p + along[l] * density)).sum();
            let kink: f64 =
                (0..OUTPUTS).map(|l| g[l] * (self.mean[l] - along[l] * m / (s * s))).sum::<f64>() * density;
            for l in 0..OUTPUTS {
                gradient[l] += g[l] * r;
                for j in 0..INPUTS {
                    hessian[l][OUTPUTS + j] += g[l] * x[j] * p;
                    hessian[OUTPUTS + j][l] += g[l] * x[j] * p;
                }
            }
            for i in 0..INPUTS {
                gradient[OUTPUTS + i] += above * x[i];
                for j in 0..INPUTS {
                    hessian[OUTPUTS + i][OUTPUTS + j] += kink * x[i] * x[j];
                }
            }
        }
        let product =
            |i: usize, j: usize| -> f64 { (0..SIZE).map(|k| hessian[i][k] * self.covariance[k][j]).sum() };
        Self {
            mean: gradient.map(|gradient| -gradient),
            covariance: std::array::from_fn(|i| std::array::from_fn(|j| -product(i, j) - product(j, i))),
        }
    }

    /// The flow after some time, by many steps of Runge and Kutta.
    fn flow(mut self, time: f64, data: &Case<JointLayer, f64>, target: &[f64]) -> Self {
        let steps = 64;
        let step = time / f64::from(steps);
        for _ in 0..steps {
            let first = self.velocity(data, target);
            let second = self.plus(step / 2.0, &first).velocity(data, target);
            let third = self.plus(step / 2.0, &second).velocity(data, target);
            let fourth = self.plus(step, &third).velocity(data, target);
            for (weight, velocity) in [(1.0, first), (2.0, second), (2.0, third), (1.0, fourth)] {
                self = self.plus(weight * step / 6.0, &velocity);
            }
        }
        self
    }
}

/// A layer of one component and rank R, five rows and their targets.
fn problem(rank: usize, seed: u64) -> (Case<JointLayer, f64>, Vec<f64>) {
    let mut case = Recipe::<JointLayer>::plain([INPUTS, OUTPUTS, 1, rank, 5], seed);
    let target = case.g.clone();
    case.g = case.forward().iter().zip(&target).map(|(y, target)| y - target).collect();
    (case, target)
}

/// dμ/dt and dΣ/dt = −(∂C Cᵀ + C ∂Cᵀ) of the Euclidean gradient are those of the Wasserstein gradient.
#[test]
fn the_euclidean_gradient_moves_the_gaussian_as_the_wasserstein_gradient() {
    for rank in 1..=SIZE {
        for seed in 0..5 {
            let (case, target) = problem(rank, seed);
            let ([_, c_w, _, c_b], [d_mu_w, d_c_w, d_mu_b, d_c_b, _]) = (&case.parameters, case.backward());
            let (c, d_c) = (rows(rank, c_w, c_b), rows(rank, &d_c_w, &d_c_b));
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let d_mean: Vec<f64> = [d_mu_w, d_mu_b].concat();
            let euclidean = Gaussian {
                mean: std::array::from_fn(|i| -d_mean[i]),
                covariance: std::array::from_fn(|i| {
                    std::array::from_fn(|j| -dot(&d_c[i], &c[j]) - dot(&c[i], &d_c[j]))
                }),
            };
            let wasserstein = Gaussian::of(&case).velocity(&case, &target);
            let still = Gaussian { mean: [0.0; SIZE], covariance: [[0.0; SIZE]; SIZE] };
            let sizes = euclidean.distance(&still);
            for (difference, size) in euclidean.distance(&wasserstein).into_iter().zip(sizes) {
                assert!(difference < 1e-11 * size, "rank {rank}, seed {seed}: {difference:e} of {size:e}");
            }
        }
    }
}

/// One joined step of rate τ ends within O(τ²) of the flow after the time τ: halving τ quarters the distance.
#[test]
fn a_step_follows_the_flow_to_first_order() {
    for rank in [1, 2, SIZE] {
        let (case, target) = problem(rank, 7);
        let start = Gaussian::of(&case);
        let distances: Vec<[f64; 2]> = [0.004, 0.002, 0.001, 0.0005]
            .into_iter()
            .map(|rate| {
                let (parameters, _) = case.descend([Some(rate); 4], false, None);
                let stepped = Case { parameters, ..case.clone() };
                Gaussian::of(&stepped).distance(&start.flow(rate, &case, &target))
            })
            .collect();
        for pair in distances.windows(2) {
            for (coarse, fine) in pair[0].iter().zip(pair[1]) {
                let order = (coarse / fine).log2();
                assert!((1.8..2.2).contains(&order), "rank {rank}: {distances:?}");
            }
        }
    }
}

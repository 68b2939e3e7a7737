//! The definition itself, sampled: E[ω ReLU(⟨β, x⟩)] and the gradients of that expectation.

use gmlayer::Scale;
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::joints::{All, Case, Recipe};
use super::layers::normal;

const SAMPLES: usize = 40_000;

/// Sums and sums of squares of independent samples of some quantities.
#[derive(Clone, Default)]
struct Moments {
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    fn add(&mut self, samples: &[f64]) {
        self.sums.resize(samples.len(), 0.0);
        self.squares.resize(samples.len(), 0.0);
        for ((sum, square), sample) in self.sums.iter_mut().zip(&mut self.squares).zip(samples) {
            *sum += sample;
            *square += sample * sample;
        }
    }

    /// How many standard errors each exact value lies from its mean.
    fn deviations(&self, exact: &[f64]) -> Vec<f64> {
        let n = SAMPLES as f64;
        let each = self.sums.iter().zip(&self.squares).zip(exact);
        each.map(|((sum, squares), exact)| {
            let mean = sum / n;
            let standard_error = ((squares / n - mean * mean).max(0.0) / n).sqrt();
            if mean == *exact { 0.0 } else { (mean - exact) / standard_error }
        })
        .collect()
    }
}

/// One sample of h and, along its path, of all derivatives.
fn sample(case: &Case<f64>, random: &mut Pcg64) -> (Vec<f64>, All<f64>) {
    let (d, outputs, rank) = (case.shape.inputs(), case.shape.outputs(), case.shape.rank());
    let components = case.shape.components();
    let share = match case.scale {
        Scale::Mean => 1.0 / components as f64,
        Scale::Sum => 1.0,
    };
    let (mut h, mut all) = (vec![0.0; case.g.len()], All::zeros(case));
    for k in 0..components {
        let noise: Vec<f64> = (0..rank).map(|_| normal(random)).collect();
        let draw = |mu: &[f64], c: &[f64]| -> Vec<f64> {
            let each = mu.len() / components;
            let entry = |i: usize| (0..rank).map(|r| c[(k * rank + r) * each + i] * noise[r]).sum::<f64>();
            (0..each).map(|i| mu[k * each + i] + entry(i)).collect()
        };
        let (beta, omega) = (draw(&case.mu_b, &case.c_b), draw(&case.mu_w, &case.c_w));
        for (b, (x, g)) in case.x.chunks(d).zip(case.g.chunks(outputs)).enumerate() {
            let z: f64 = beta.iter().zip(x).map(|(beta, x)| beta * x).sum();
            let (relu, step) = (z.max(0.0) * share, if z > 0.0 { share } else { 0.0 });
            let g_omega: f64 = g.iter().zip(&omega).map(|(g, omega)| g * omega).sum();
            for l in 0..outputs {
                h[b * outputs + l] += omega[l] * relu;
                all.mu_w[k * outputs + l] += g[l] * relu;
                for (r, noise) in noise.iter().enumerate() {
                    all.c_w[(k * rank + r) * outputs + l] += g[l] * relu * noise;
                }
            }
            for i in 0..d {
                all.mu_b[k * d + i] += g_omega * step * x[i];
                all.x[b * d + i] += g_omega * step * beta[i];
                for (r, noise) in noise.iter().enumerate() {
                    all.c_b[(k * rank + r) * d + i] += g_omega * step * x[i] * noise;
                }
            }
        }
    }
    (h, all)
}

/// How far the exact values lie from the sampled ones.
fn deviations(case: &Case<f64>, exact_h: &[f64], exact: &All<f64>, seed: u64) -> Vec<f64> {
    let mut random = Pcg64::seed_from_u64(seed);
    let (mut h_moments, mut moments_of_all) = (Moments::default(), vec![Moments::default(); 5]);
    for _ in 0..SAMPLES {
        let (h, all) = sample(case, &mut random);
        h_moments.add(&h);
        for (moments, (_, samples)) in moments_of_all.iter_mut().zip(all.blocks()) {
            moments.add(samples);
        }
    }
    let mut deviations = h_moments.deviations(exact_h);
    for (moments, (_, exact)) in moments_of_all.iter().zip(exact.blocks()) {
        deviations.extend(moments.deviations(exact));
    }
    deviations
}

#[test]
fn samples_of_the_definition_agree_within_five_standard_errors() {
    let mut all = Vec::new();
    for seed in 0..8 {
        let size = seed as usize;
        let case = Recipe::plain([1 + size % 4, 1 + size % 3, 1 + size % 2, 2 + size % 2, 2], seed);
        all.extend(deviations(&case, &case.forward(), &case.backward(), 1000 + seed));
    }
    let worst = all.iter().fold(0.0_f64, |worst, z| worst.max(z.abs()));
    let root_mean_square = (all.iter().map(|z| z * z).sum::<f64>() / all.len() as f64).sqrt();
    println!(
        "{} quantities, worst {worst:.2} standard errors, root mean square {root_mean_square:.2}",
        all.len()
    );
    assert!(worst <= 5.0, "worst deviation {worst} standard errors");
    assert!((0.7..1.3).contains(&root_mean_square), "root mean square {root_mean_square}");
}

/// A share of 1/(K + 1) in the place of 1/K lies far outside the bound.
#[test]
fn a_wrong_share_is_seen() {
    let case = Recipe::plain([3, 2, 2, 2, 1], 4);
    let mut wrong = case.clone();
    wrong.mu_w.iter_mut().chain(&mut wrong.c_w).for_each(|weight| *weight *= 2.0 / 3.0);
    let deviations = deviations(&case, &wrong.forward(), &case.backward(), 7);
    assert!(deviations.iter().any(|z| z.abs() > 5.0));
}

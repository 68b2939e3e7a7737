//! The definition itself, sampled: E[(Uβ + v) ReLU(⟨β, x⟩)] and the gradients of that expectation.

use gmlayer::diagonal::Form;
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::layers::{All, Case, FORMS, Recipe, normal};

const SAMPLES: usize = 40_000;

/// Sums and sums of squares of independent samples of one quantity.
#[derive(Clone, Copy, Default)]
struct Moments {
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, sample: f64) {
        self.sum += sample;
        self.squares += sample * sample;
    }

    /// How many standard errors `exact` lies from the mean.
    fn deviation(self, exact: f64) -> f64 {
        let n = SAMPLES as f64;
        let mean = self.sum / n;
        let variance = (self.squares / n - mean * mean).max(0.0);
        let standard_error = (variance / n).sqrt();
        if standard_error == 0.0 {
            if mean == exact { 0.0 } else { f64::INFINITY }
        } else {
            (mean - exact) / standard_error
        }
    }
}

/// Samples h and, along each sampled path, its derivatives: how far the exact values lie from them.
fn deviations(case: &Case<f64>, exact_h: &[f64], exact: &All<f64>, seed: u64) -> Vec<f64> {
    let (d, outputs, components) = (case.shape.inputs(), case.shape.outputs(), case.shape.components());
    let mut random = Pcg64::seed_from_u64(seed);
    let zeros = |len: usize| vec![Moments::default(); len];
    let mut h = zeros(case.batch() * outputs);
    let mut all = All {
        mu: zeros(case.mu.len()),
        sigma: zeros(case.sigma.len()),
        u: zeros(case.u.len()),
        v: zeros(case.v.len()),
        x: zeros(case.x.len()),
    };
    let (share, through_mean) = (case.share(), case.through_mean());
    for _ in 0..SAMPLES {
        let noise: Vec<f64> = (0..components * d).map(|_| normal(&mut random)).collect();
        let beta: Vec<f64> = (0..components * d).map(|i| case.mu[i] + case.sigma[i] * noise[i]).collect();
        let mut sample = All {
            mu: vec![0.0; case.mu.len()],
            sigma: vec![0.0; case.sigma.len()],
            u: vec![0.0; case.u.len()],
            v: vec![0.0; case.v.len()],
            x: vec![0.0; case.x.len()],
        };
        for (b, (x, g)) in case.x.chunks(d).zip(case.g.chunks(outputs)).enumerate() {
            let mut row = vec![0.0; outputs];
            for k in 0..components {
                let beta = &beta[k * d..][..d];
                let z: f64 = beta.iter().zip(x).map(|(beta, x)| beta * x).sum();
                let relu = z.max(0.0) * share;
                let step = if z > 0.0 { share } else { 0.0 };
                let mut g_omega = 0.0;
                for l in 0..outputs {
                    let u = &case.u[(k * outputs + l) * d..][..d];
                    // What U acts on, and its derivative by β where β moves with μ.
                    let centred: Vec<f64> =
                        (0..d).map(|i| beta[i] - (1.0 - through_mean) * case.mu[k * d + i]).collect();
                    let omega: f64 = u.iter().zip(&centred).map(|(u, beta)| u * beta).sum::<f64>()
                        + case.v[k * outputs + l];
                    row[l] += omega * relu;
                    g_omega += g[l] * omega;
                    sample.v[k * outputs + l] += g[l] * relu;
                    for i in 0..d {
                        sample.u[(k * outputs + l) * d + i] += g[l] * centred[i] * relu;
                        let of_beta = g[l] * u[i] * relu;
                        sample.mu[k * d + i] += through_mean * of_beta;
                        sample.sigma[k * d + i] += of_beta * noise[k * d + i];
                    }
                }
                for i in 0..d {
                    sample.mu[k * d + i] += g_omega * step * x[i];
                    sample.sigma[k * d + i] += g_omega * step * x[i] * noise[k * d + i];
                    sample.x[b * d + i] += g_omega * step * beta[i];
                }
            }
            for (h, row) in h[b * outputs..].iter_mut().zip(row) {
                h.add(row);
            }
        }
        for (moments, sample) in [
            (&mut all.mu, sample.mu),
            (&mut all.sigma, sample.sigma),
            (&mut all.u, sample.u),
            (&mut all.v, sample.v),
            (&mut all.x, sample.x),
        ] {
            for (moments, sample) in moments.iter_mut().zip(sample) {
                moments.add(sample);
            }
        }
    }
    let mut deviations: Vec<f64> = h.iter().zip(exact_h).map(|(h, &exact)| h.deviation(exact)).collect();
    for ((_, moments), (_, exact)) in all.blocks().into_iter().zip(exact.blocks()) {
        deviations.extend(moments.iter().zip(exact).map(|(moments, &exact)| moments.deviation(exact)));
    }
    deviations
}

#[test]
fn samples_of_the_definition_agree_within_five_standard_errors() {
    let mut all = Vec::new();
    for seed in 0..8 {
        let case = Recipe {
            inputs: 1 + seed as usize % 4,
            outputs: 1 + seed as usize % 3,
            components: 1 + seed as usize % 2,
            batch: 2,
            seed,
            exponents: [0.0; 6],
            zeros: 0.0,
            form: FORMS[seed as usize % 4],
        }
        .build();
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
    let case = Recipe {
        inputs: 3,
        outputs: 2,
        components: 2,
        batch: 1,
        seed: 3,
        exponents: [0.0; 6],
        zeros: 0.0,
        form: Form::default(),
    }
    .build();
    let mut wrong = case.clone();
    wrong.u.iter_mut().chain(&mut wrong.v).for_each(|weight| *weight *= 2.0 / 3.0);
    let deviations = deviations(&case, &wrong.forward(), &case.backward(), 7);
    assert!(deviations.iter().any(|z| z.abs() > 5.0));
}

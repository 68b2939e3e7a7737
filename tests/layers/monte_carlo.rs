//! The definition itself, sampled: E[ω ReLU(⟨β, x⟩)] and the gradients of that expectation.

use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::case::{Case, Recipe};
use super::layer::MixtureLayer;

for_each_layer! {
    tests: samples_of_the_definition_agree_within_five_standard_errors, a_wrong_share_is_seen;
}

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
        let standard_error = ((self.squares / n - mean * mean).max(0.0) / n).sqrt();
        if mean == exact { 0.0 } else { (mean - exact) / standard_error }
    }
}

/// Samples h and, along each sampled path, its derivatives: how far the exact values lie from them.
fn deviations<L: MixtureLayer>(case: &Case<L, f64>, exact: &[Vec<f64>; 6], seed: u64) -> Vec<f64> {
    let mut random = Pcg64::seed_from_u64(seed);
    let mut moments = vec![Moments::default(); exact.iter().map(Vec::len).sum()];
    for _ in 0..SAMPLES {
        let sample = L::sample(case, &mut random);
        moments.iter_mut().zip(sample.iter().flatten()).for_each(|(moments, &sample)| moments.add(sample));
    }
    moments.iter().zip(exact.iter().flatten()).map(|(moments, &exact)| moments.deviation(exact)).collect()
}

fn samples_of_the_definition_agree_within_five_standard_errors<L: MixtureLayer>() {
    let mut all = Vec::new();
    for seed in 0..8 {
        let size = seed as usize;
        // Every form with one component and with two.
        let sizes = [1 + size % 4, 1 + size % 3, 1 + size / L::FORMS % 2, 2 + size % 2];
        let case = Recipe::new(L::new(sizes, size % L::FORMS), 2, seed).build();
        all.extend(deviations(&case, &case.outputs(), 1000 + seed));
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
fn a_wrong_share_is_seen<L: MixtureLayer>() {
    let case = Recipe::<L>::plain([3, 2, 2, 2, 1], 4);
    let mut wrong = case.clone();
    for block in L::OMEGA {
        wrong.parameters[block].iter_mut().for_each(|weight| *weight *= 2.0 / 3.0);
    }
    let mut exact = case.outputs();
    exact[0] = wrong.forward();
    assert!(deviations(&case, &exact, 7).iter().any(|z| z.abs() > 5.0));
}

//! Wasserstein distances against closed forms that share no code with them.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use gmlayer::Error;
use gmlayer::random::{StandardNormal, uniform};
use gmlayer::wasserstein::{scratch_len, squared, squared_diagonal};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

fn numbers(random: &mut Pcg64, len: usize) -> Vec<f64> {
    let mut normal = StandardNormal::new();
    (0..len).map(|_| normal.sample(random)).collect()
}

fn general(a: &[f64], c: &[f64], b: &[f64], d: &[f64]) -> f64 {
    let len = scratch_len(c.len() / a.len(), d.len() / a.len()).unwrap();
    squared(a, c, b, d, &mut vec![f64::NAN; len]).unwrap()
}

/// Diagonal factors: the closed form of each coordinate by itself.
#[test]
fn diagonal_covariances_agree() {
    let mut random = Pcg64::seed_from_u64(1);
    for dimensions in [1, 2, 5, 17] {
        let [a, b, s, t] = [(); 4].map(|()| numbers(&mut random, dimensions));
        let diagonal = |sigma: &[f64]| -> Vec<f64> {
            (0..dimensions * dimensions)
                .map(|i| if i % (dimensions + 1) == 0 { sigma[i / (dimensions + 1)] } else { 0.0 })
                .collect()
        };
        let want = squared_diagonal(&a, &s, &b, &t).unwrap();
        let got = general(&a, &diagonal(&s), &b, &diagonal(&t));
        assert_abs_diff_eq!(got, want, epsilon = 1e-13 * (1.0 + want));
    }
}

/// In one dimension the optimal map is by quantiles: the mean over equally likely quantiles of (x − y)².
#[test]
fn one_dimension_by_quantiles() {
    // z of the midpoints of equal probabilities, by bisection of the distribution function.
    let quantile = |p: f64| {
        let (mut low, mut high) = (-10.0_f64, 10.0_f64);
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            let below = 0.5 * libm::erfc(-middle / std::f64::consts::SQRT_2);
            if below < p { low = middle } else { high = middle }
        }
        low
    };
    let count = 20_000;
    let z: Vec<f64> = (0..count).map(|i| quantile((f64::from(i) + 0.5) / f64::from(count))).collect();
    for (a, s, b, t) in [(0.0, 1.0, 1.0, 2.0), (-1.0, 0.5, 2.0, -0.7), (0.3, 0.0, 0.1, 1.5)] {
        let moved = |z: f64| (a + f64::abs(s) * z - b - f64::abs(t) * z).powi(2);
        let want = z.iter().map(|&z| moved(z)).sum::<f64>() / f64::from(count);
        let got = squared_diagonal(&[a], &[s], &[b], &[t]).unwrap();
        assert_abs_diff_eq!(got, want, epsilon = 1e-3);
    }
}

/// In two dimensions tr √M = √(tr M + 2 √det M), and Σ₁^½ Σ₂ Σ₁^½ has the trace and determinant of Σ₁Σ₂.
#[test]
fn two_dimensions_by_trace_and_determinant() {
    let mut random = Pcg64::seed_from_u64(2);
    for (first, second) in [(2, 2), (1, 2), (3, 1), (5, 4), (1, 1)] {
        let (a, b) = (numbers(&mut random, 2), numbers(&mut random, 2));
        let (c, d) = (numbers(&mut random, 2 * first), numbers(&mut random, 2 * second));
        let covariance = |c: &[f64]| {
            let (x, y) = c.split_at(c.len() / 2);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            [dot(x, x), dot(x, y), dot(y, y)]
        };
        let ([p, q, r], [s, t, u]) = (covariance(&c), covariance(&d));
        let trace = p * s + 2.0 * q * t + r * u;
        let determinant = ((p * r - q * q) * (s * u - t * t)).max(0.0);
        let mean: f64 = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum();
        let want = mean + p + r + s + u - 2.0 * (trace + 2.0 * determinant.sqrt()).sqrt();
        let got = general(&a, &c, &b, &d);
        assert_abs_diff_eq!(got, want, epsilon = 1e-6 * (mean + p + r + s + u));
    }
}

/// Zero to itself, symmetric, the triangle inequality, and deaf to a rotation of a factor's columns.
#[test]
fn it_is_a_distance() {
    let mut random = Pcg64::seed_from_u64(3);
    for _ in 0..50 {
        let dimensions = 1 + (8.0 * uniform(&mut random)) as usize;
        let mut gaussian = || (numbers(&mut random, dimensions), numbers(&mut random, dimensions * 3));
        let [x, y, z] = [(); 3].map(|()| gaussian());
        let between =
            |x: &(Vec<f64>, Vec<f64>), y: &(Vec<f64>, Vec<f64>)| general(&x.0, &x.1, &y.0, &y.1).sqrt();
        assert!(between(&x, &x) < 1e-6);
        assert_relative_eq!(between(&x, &y), between(&y, &x), epsilon = 0.0, max_relative = 1e-12);
        assert!(between(&x, &z) <= between(&x, &y) + between(&y, &z) + 1e-12);
        let mut turned = y.clone();
        for row in turned.1.chunks_mut(3) {
            (row[0], row[1]) = (0.6 * row[0] - 0.8 * row[1], 0.8 * row[0] + 0.6 * row[1]);
        }
        assert_relative_eq!(between(&x, &turned), between(&x, &y), epsilon = 0.0, max_relative = 1e-12);
    }
}

#[test]
fn wrong_lengths_are_named() {
    let length = |argument, expected, got| Err(Error::Length { argument, expected, got });
    assert_eq!(squared_diagonal::<f64>(&[], &[], &[], &[]), Err(Error::Zero { argument: "first_mean" }));
    assert_eq!(squared_diagonal(&[1.0], &[], &[1.0], &[1.0]), length("first_sigma", 1, 0));
    assert_eq!(squared(&[1.0], &[1.0], &[1.0, 2.0], &[1.0], &mut [0.0]), length("second_mean", 1, 2));
    let rows = Error::Rows { argument: "second_factor", row: 2, got: 3 };
    assert_eq!(squared(&[1.0; 2], &[1.0; 2], &[1.0; 2], &[1.0; 3], &mut [0.0; 9]), Err(rows));
    let short = Error::Buffer { argument: "scratch", expected: 2, got: 1 };
    assert_eq!(squared(&[1.0], &[1.0; 2], &[1.0], &[1.0], &mut [0.0]), Err(short));
}

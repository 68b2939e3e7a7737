//! Losses and the dense layer in `f32` against textbook formulas in `f64`, in budgets.

use gmlayer::nn::{Dense, Layer, cross_entropy, squared};
use gmlayer::random::StandardNormal;
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

/// Half an ULP of 1 in `f32`.
const ROUNDOFF: f64 = f32::EPSILON as f64 / 2.0;

fn normals(random: &mut Pcg64, len: usize, scale: f64) -> Vec<f32> {
    let mut normal = StandardNormal::new();
    (0..len).map(|_| (scale * normal.sample(random)) as f32).collect()
}

/// The error in budgets u·scale, with a subnormal number to spare.
fn budgets(got: f32, want: f64, scale: f64) -> f64 {
    (f64::from(got) - want).abs() / (ROUNDOFF * scale + 1.5e-45)
}

#[test]
fn cross_entropy_is_within_eight_budgets() {
    let mut random = Pcg64::seed_from_u64(1);
    let mut worst = 0.0_f64;
    for case in 0..4000_usize {
        let (classes, rows) = (1 + case % 12, [1, 2, 7, 70][case % 4]);
        let logits = normals(&mut random, rows * classes, [0.1, 1.0, 10.0, 100.0][case / 4 % 4]);
        let labels: Vec<usize> = (0..rows).map(|row| (row * 3 + case) % classes).collect();
        let mut gradient = vec![0.0; logits.len()];
        let loss = cross_entropy(&logits, classes, &labels, Some(&mut gradient)).unwrap();

        let (mut want, mut scale) = (0.0, 0.0);
        for ((logits, gradient), &label) in logits.chunks(classes).zip(gradient.chunks(classes)).zip(&labels)
        {
            let logits: Vec<f64> = logits.iter().map(|&x| f64::from(x)).collect();
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let shares: Vec<f64> = logits.iter().map(|x| (x - largest).exp()).collect();
            let total: f64 = shares.iter().sum();
            // What the rounding of the differences to the largest logit may cost the shares.
            let distances = || logits.iter().map(|x| 1.0 + (x - largest).abs());
            let spread =
                distances().zip(&shares).map(|(distance, share)| distance * share).sum::<f64>() / total;
            want += largest - logits[label] + total.ln();
            scale += largest - logits[label] + total.ln() + spread;
            let rows = rows as f64;
            for (class, distance) in distances().enumerate() {
                let others = total - shares[label];
                let others_spread: f64 = distances()
                    .zip(&shares)
                    .enumerate()
                    .filter(|(j, _)| *j != label)
                    .map(|(_, (d, s))| d * s)
                    .sum();
                let (value, size) = if class == label {
                    let exact: f64 =
                        shares.iter().enumerate().filter(|(j, _)| *j != label).map(|(_, s)| s).sum();
                    assert!((exact - others).abs() <= 1e-15 * total);
                    (-exact / total / rows, (others_spread + exact * spread) / total / rows)
                } else {
                    let share = shares[class] / total / rows;
                    (share, share * (distance + spread))
                };
                worst = worst.max(budgets(gradient[class], value, size));
            }
        }
        worst = worst.max(budgets(loss, want / rows as f64, scale / rows as f64));
    }
    println!("cross_entropy: {worst:.2} budgets in f32");
    assert!(worst <= 8.0, "{worst}");
}

#[test]
fn squared_is_within_eight_budgets() {
    let mut random = Pcg64::seed_from_u64(2);
    let mut worst = 0.0_f64;
    for case in 0..4000_usize {
        let (outputs, rows) = (1 + case % 12, [1, 2, 7, 70][case % 4]);
        let y = normals(&mut random, rows * outputs, 1.0);
        let targets = normals(&mut random, rows * outputs, [1e-3, 1.0, 1e3][case % 3]);
        let mut gradient = vec![0.0; y.len()];
        let loss = squared(&y, outputs, &targets, Some(&mut gradient)).unwrap();
        let rows = rows as f64;
        let mut want = 0.0;
        for ((&y, &target), &gradient) in y.iter().zip(&targets).zip(&gradient) {
            let difference = f64::from(y) - f64::from(target);
            want += difference * difference / 2.0 / rows;
            worst = worst.max(budgets(gradient, difference / rows, difference.abs() / rows));
        }
        worst = worst.max(budgets(loss, want, want));
    }
    println!("squared: {worst:.2} budgets in f32");
    assert!(worst <= 8.0, "{worst}");
}

#[test]
fn dense_layers_are_within_eight_budgets() {
    let mut random = Pcg64::seed_from_u64(3);
    let mut worst = 0.0_f64;
    for case in 0..60_usize {
        let (inputs, outputs, rows) = ([5, 784, 1000][case % 3], 1 + case % 7, [1, 64, 70][case % 3]);
        let layer = Dense::new(inputs, outputs, true).unwrap();
        let parameters = normals(&mut random, outputs * (inputs + 1), 1.0);
        // Of one sign too: the worst for a sum.
        let mut x = normals(&mut random, rows * inputs, 1.0);
        if case % 2 == 0 {
            x.iter_mut().for_each(|x| *x = x.abs());
        }
        let mut y = vec![0.0; rows * outputs];
        let mut scratch = vec![0.0; Layer::<f32>::scratch_len(&layer, rows).unwrap()];
        layer.forward(&parameters, &x, &mut y, &mut [], &mut scratch).unwrap();
        let (weight, bias) = parameters.split_at(outputs * inputs);
        for (x, y) in x.chunks(inputs).zip(y.chunks(outputs)) {
            for ((weight, &bias), &y) in weight.chunks(inputs).zip(bias).zip(y) {
                let terms = weight.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x));
                let want = f64::from(bias) + terms.clone().sum::<f64>();
                let scale = f64::from(bias).abs() + terms.map(f64::abs).sum::<f64>();
                worst = worst.max(budgets(y, want, scale));
            }
        }
    }
    println!("Dense: {worst:.2} budgets in f32");
    assert!(worst <= 8.0, "{worst}");
}

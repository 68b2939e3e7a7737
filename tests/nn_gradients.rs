//! Layers, losses and whole networks against central differences in `f64`.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used)]

use gmlayer::nn::{Dense, Layer, Mixture, Network, Relu, cross_entropy, squared};
use gmlayer::{Error, Shape, random};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

/// Values of N(0, 1).
fn normals(seed: u64, len: usize) -> Vec<f64> {
    let mut generator = Pcg64::seed_from_u64(seed);
    let mut normal = random::StandardNormal::new();
    (0..len).map(|_| normal.sample(&mut generator)).collect()
}

/// The central difference of `f` by each element of `at`.
fn central_differences(at: &[f64], mut f: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-5;
    let mut at = at.to_vec();
    (0..at.len())
        .map(|i| {
            let middle = at[i];
            at[i] = middle + step;
            let above = f(&at);
            at[i] = middle - step;
            let below = f(&at);
            at[i] = middle;
            (above - below) / (2.0 * step)
        })
        .collect()
}

/// Within `tolerance` of the largest value: the error of a central difference.
#[track_caller]
fn assert_close(got: &[f64], want: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), want.len());
    let scale = want.iter().fold(1.0_f64, |scale, want| scale.max(want.abs()));
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= tolerance * scale, "{what}[{i}]: got {got}, want {want}");
    }
}

/// Checks ∂parameters and ∂x of one layer, and that gradients are added to what is there.
fn check_layer(layer: &dyn Layer<f64>, rows: usize, tolerance: f64, seed: u64) {
    let parameter_count = layer.blocks().iter().map(|block| block.len()).sum();
    let parameters = normals(seed, parameter_count);
    // No difference reaches across the kink of a rectifier.
    let x: Vec<f64> =
        normals(seed + 1, rows * layer.inputs()).iter().map(|x| x + 1e-3_f64.copysign(*x)).collect();
    let g = normals(seed + 2, rows * layer.outputs());
    let mut work = vec![f64::NAN; layer.workspace_len(rows).unwrap()];
    let mut value = |parameters: &[f64], x: &[f64]| {
        let mut y = vec![f64::NAN; g.len()];
        layer.forward(parameters, x, &mut y, &mut work).unwrap();
        y.iter().zip(&g).map(|(y, g)| y * g).sum::<f64>()
    };
    let by_parameters = central_differences(&parameters, |parameters| value(parameters, &x));
    let by_x = central_differences(&x, |x| value(&parameters, x));
    value(&parameters, &x);

    let start = normals(seed + 3, parameter_count);
    let mut gradients = start.clone();
    let mut dx = vec![f64::NAN; x.len()];
    let frozen = vec![false; layer.blocks().len()];
    layer.backward(&parameters, &x, &g, &frozen, &mut gradients, Some(&mut dx), &mut work).unwrap();
    let added: Vec<f64> = gradients.iter().zip(&start).map(|(end, start)| end - start).collect();
    assert_close(&added, &by_parameters, tolerance, "parameters");
    assert_close(&dx, &by_x, tolerance, "x");

    // Each block frozen by itself, and then all of them.
    let blocks = layer.blocks().len();
    for frozen in
        (0..blocks).map(|block| (0..blocks).map(|other| other == block).collect()).chain([vec![true; blocks]])
    {
        let mut partial = start.clone();
        layer.backward(&parameters, &x, &g, &frozen, &mut partial, None, &mut work).unwrap();
        let mut first = 0;
        for (block, frozen) in layer.blocks().iter().zip(frozen) {
            let range = first..first + block.len();
            let want = if frozen { &start } else { &gradients };
            assert_eq!(partial[range.clone()], want[range], "{} frozen: {frozen}", block.name);
            first += block.len();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn dense_layers(inputs in 1_usize..9, outputs in 1_usize..9, rows in 1_usize..9, bias: bool, seed in 0..1000_u64) {
        check_layer(&Dense::new(inputs, outputs, bias).unwrap(), rows, 1e-8, seed);
    }

    #[test]
    fn rectifiers(width in 1_usize..9, rows in 1_usize..9, seed in 0..1000_u64) {
        check_layer(&Relu::new(width).unwrap(), rows, 1e-8, seed);
    }

    #[test]
    fn mixture_layers(inputs in 1_usize..6, outputs in 1_usize..4, components in 1_usize..4, rows in 1_usize..5, seed in 0..1000_u64) {
        let shape = Shape::new(inputs, outputs, components).unwrap();
        // A small standard deviation bends the layer sharply, and the differences are off by as much.
        check_layer(&Mixture::new(shape, 0.5), rows, 1e-4, seed);
    }

    #[test]
    fn cross_entropy_gradient(classes in 1_usize..8, rows in 1_usize..6, scale in 0.1..5.0, seed in 0..1000_u64) {
        let logits: Vec<f64> = normals(seed, rows * classes).iter().map(|value| scale * value).collect();
        let labels: Vec<usize> = (0..rows).map(|row| (row * 5 + seed as usize) % classes).collect();
        let mut gradient = vec![f64::NAN; logits.len()];
        cross_entropy(&logits, classes, &labels, Some(&mut gradient)).unwrap();
        let want = central_differences(&logits, |logits| cross_entropy(logits, classes, &labels, None).unwrap());
        assert_close(&gradient, &want, 1e-8, "logits");
        for row in gradient.chunks(classes) {
            prop_assert!(row.iter().sum::<f64>().abs() < 1e-15, "the shares of a row sum to 1");
        }
    }

    #[test]
    fn squared_gradient(outputs in 1_usize..8, rows in 1_usize..6, seed in 0..1000_u64) {
        let (y, targets) = (normals(seed, rows * outputs), normals(seed + 1, rows * outputs));
        let mut gradient = vec![f64::NAN; y.len()];
        squared(&y, outputs, &targets, Some(&mut gradient)).unwrap();
        let want = central_differences(&y, |y| squared(y, outputs, &targets, None).unwrap());
        assert_close(&gradient, &want, 1e-8, "y");
    }
}

/// A large batch goes through the dense layer in several chunks, with the same bits as row by row.
#[test]
fn a_dense_batch_equals_its_rows() {
    let layer = Dense::new(5, 3, true).unwrap();
    let rows = 150;
    let parameters = normals(1, 18);
    let x = normals(2, rows * 5);
    let forward = |x: &[f64]| {
        let rows = x.len() / 5;
        let mut y = vec![f64::NAN; rows * 3];
        let mut work = vec![f64::NAN; Layer::<f64>::workspace_len(&layer, rows).unwrap()];
        layer.forward(&parameters, x, &mut y, &mut work).unwrap();
        y
    };
    let one_by_one: Vec<f64> = x.chunks(5).flat_map(forward).collect();
    assert_eq!(forward(&x), one_by_one);
}

#[test]
fn a_rectifier_halves_the_gradient_at_zero() {
    let layer = Relu::new(5).unwrap();
    let x = [0.0, -0.0, f64::MIN_POSITIVE, -f64::MIN_POSITIVE, f64::NAN];
    let mut dx = [9.0; 5];
    layer.backward(&[], &x, &[3.0; 5], &[], &mut [], Some(&mut dx), &mut []).unwrap();
    assert_eq!(dx[..4], [1.5, 1.5, 3.0, 0.0]);
    assert!(dx[4].is_nan());
}

/// Two dense layers, two mixture layers and a rectifier, through the loss.
#[test]
fn a_whole_network() {
    let shapes = [Shape::new(4, 3, 2).unwrap(), Shape::new(5, 3, 2).unwrap()];
    let layers: Vec<Box<dyn Layer<f64>>> = vec![
        Box::new(Mixture::new(shapes[0], 0.5)),
        Box::new(Dense::new(3, 6, false).unwrap()),
        Box::new(Relu::new(6).unwrap()),
        Box::new(Dense::new(6, 5, true).unwrap()),
        Box::new(Mixture::new(shapes[1], 0.5)),
    ];
    let mut network = Network::new(layers, 9).unwrap();
    network
        .parameters_mut()
        .copy_from_slice(&normals(3, shapes[0].parameter_count() + 18 + 35 + shapes[1].parameter_count()));
    for rows in [9, 4] {
        let x = normals(4, rows * 4);
        let labels: Vec<usize> = (0..rows).map(|row| row % 3).collect();
        let parameters = network.parameters().to_vec();
        let want = central_differences(&parameters, |parameters| {
            network.parameters_mut().copy_from_slice(parameters);
            cross_entropy(network.forward(&x).unwrap(), 3, &labels, None).unwrap()
        });
        network.parameters_mut().copy_from_slice(&parameters);
        let mut g = vec![f64::NAN; rows * 3];
        cross_entropy(network.forward(&x).unwrap(), 3, &labels, Some(&mut g)).unwrap();
        let before = network.gradients().to_vec();
        network.backward(&x, &g).unwrap();
        let added: Vec<f64> =
            network.gradients().iter().zip(&before).map(|(end, start)| end - start).collect();
        assert_close(&added, &want, 1e-8, "parameters");
    }
}

/// A row of logits ±10³⁰, in both precisions: right to the last digit, and no NaN.
#[test]
fn cross_entropy_of_huge_logits() {
    let mut gradient = [f64::NAN; 6];
    let loss =
        cross_entropy(&[1e30, -1e30, 0.0, -1e30, 1e30, 1e30], 3, &[1, 2], Some(&mut gradient)).unwrap();
    assert_eq!(loss, 1e30 + 0.5 * 2.0_f64.ln());
    assert_eq!(gradient, [0.5, -0.5, 0.0, 0.0, 0.25, -0.25]);

    let mut gradient = [f32::NAN; 3];
    let loss = cross_entropy(&[-1e30_f32, 1e30, -1e30], 3, &[1], Some(&mut gradient)).unwrap();
    assert_eq!((loss, gradient), (0.0, [0.0; 3]));
}

/// The label's gradient keeps its digits where the textbook's p − 1 has none left.
#[test]
fn cross_entropy_of_a_certain_network() {
    let mut gradient = [f32::NAN; 2];
    cross_entropy(&[50.0_f32, 0.0], 2, &[0], Some(&mut gradient)).unwrap();
    let want = (-50.0_f64).exp();
    assert!((f64::from(gradient[0]) + want).abs() < 1e-6 * want, "{gradient:?}");
    assert!((f64::from(gradient[1]) - want).abs() < 1e-6 * want, "{gradient:?}");
}

#[test]
fn nan_stays_in_its_row() {
    let mut gradient = [0.0; 4];
    let loss = cross_entropy(&[f64::NAN, 1.0, 2.0, 1.0], 2, &[1, 0], Some(&mut gradient)).unwrap();
    assert!(loss.is_nan() && gradient[..2].iter().all(|value| value.is_nan()));
    assert!(gradient[2..].iter().all(|value| value.is_finite()));
}

#[test]
fn losses_refuse_what_does_not_fit() {
    let mut gradient = [0.0; 3];
    let too_large = Error::Range { argument: "labels", largest: 1, got: 2 };
    assert_eq!(cross_entropy(&[0.0; 4], 2, &[1, 2], None), Err(too_large));
    assert_eq!(cross_entropy::<f64>(&[], 2, &[], None), Err(Error::Zero { argument: "logits" }));
    assert_eq!(cross_entropy(&[0.0; 4], 0, &[], None), Err(Error::Zero { argument: "classes" }));
    assert_eq!(
        cross_entropy(&[0.0; 5], 2, &[0, 0], None),
        Err(Error::Rows { argument: "logits", row: 2, got: 5 })
    );
    let length = |argument, expected, got| Err(Error::Length { argument, expected, got });
    assert_eq!(cross_entropy(&[0.0; 4], 2, &[0], None), length("labels", 2, 1));
    assert_eq!(cross_entropy(&[0.0; 4], 2, &[0, 0], Some(&mut gradient)), length("gradient", 4, 3));
    assert_eq!(squared(&[0.0; 4], 2, &[0.0; 3], None), length("targets", 4, 3));
    assert_eq!(squared(&[0.0; 4], 2, &[0.0; 4], Some(&mut gradient)), length("gradient", 4, 3));
    assert_eq!(squared(&[0.0; 4], 0, &[0.0; 4], None), Err(Error::Zero { argument: "outputs" }));
}

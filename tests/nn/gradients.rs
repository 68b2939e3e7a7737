//! Layers, losses and whole networks under the crate's own gradient checker, in `f64`.

use std::cell::RefCell;
use std::fmt::Debug;

use approx::assert_abs_diff_eq;
use gmlayer::gradcheck::{Block, Check, Verdict};
use gmlayer::joint::JointShape;
use gmlayer::nn::{Dense, Diagonal, Joint, JointStart, Layer, Network, Relu, cross_entropy, squared};
use gmlayer::{Error, Real, Shape, random};
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

/// Everything that the checker knows, for a function of one flat slice; `roundoff` is the backward pass's.
#[track_caller]
fn check<'a, B: AsRef<[Block<'a>]> + AsMut<[Block<'a>]> + Clone + Debug>(
    blocks: B,
    outputs: usize,
    roundoff: f64,
    theta: &[f64],
    forward: impl FnMut(&[f64], &mut [f64]),
    backward: impl FnMut(&[f64], &[f64], &mut [f64]),
) {
    let check = Check::new(blocks, outputs).unwrap().backward_roundoff(roundoff);
    let mut scratch = vec![0.0; check.scratch_len()];
    let report = check.run(forward, backward, theta, &mut scratch).unwrap();
    report.into_result().unwrap_or_else(|report| panic!("\n{report}"));
}

/// The unit roundoffs of the two precisions.
const DOUBLE: f64 = f64::EPSILON / 2.0;
const SINGLE: f64 = f32::EPSILON as f64 / 2.0;

/// Checks ∂parameters and ∂x of one layer as a function of both: in `f64`, and the `f32` backward pass
/// against the same `f64` function.
fn check_layer<L: Layer<f64> + Layer<f32>>(layer: &L, rows: usize, seed: u64) {
    let parameter_count: usize = Layer::<f64>::blocks(layer).iter().map(|block| block.len()).sum();
    let x_len = rows * Layer::<f64>::inputs(layer);
    let outputs = rows * Layer::<f64>::outputs(layer);
    let mut theta = normals(seed, parameter_count + x_len);
    let mut first = 0;
    for block in Layer::<f64>::blocks(layer) {
        if block.name == "sigma" {
            // No deep tails: there `f32` has lost t² roundings before the backward pass begins.
            theta[first..][..block.len()].iter_mut().for_each(|sigma| *sigma += 2.0_f64.copysign(*sigma));
        }
        first += block.len();
    }
    // Numbers that both precisions hold.
    theta.iter_mut().for_each(|x| *x = f64::from(*x as f32));
    let blocks = [Block::new("parameters", parameter_count), Block::new("x", x_len)];
    let forward = |theta: &[f64], y: &mut [f64]| {
        let (parameters, x) = theta.split_at(parameter_count);
        let [mut saved, mut scratch] = buffers::<f64, L>(layer, rows);
        layer.forward(parameters, x, y, &mut saved, &mut scratch).unwrap();
    };
    check(blocks, outputs, DOUBLE, &theta, forward, |theta, g, gradient| {
        add_gradient(layer, theta, g, gradient, parameter_count);
    });
    check(blocks, outputs, SINGLE, &theta, forward, |theta, g, gradient| {
        let single = |numbers: &[f64]| numbers.iter().map(|&x| x as f32).collect::<Vec<f32>>();
        let mut of_theta = vec![0.0_f32; gradient.len()];
        add_gradient(layer, &single(theta), &single(g), &mut of_theta, parameter_count);
        gradient.iter_mut().zip(of_theta).for_each(|(sum, x)| *sum += f64::from(x));
    });
}

/// Room for what a layer saves, and scratch, in which every number is NaN.
fn buffers<T: Real, L: Layer<T>>(layer: &L, rows: usize) -> [Vec<T>; 2] {
    [layer.saved_len(rows).unwrap(), layer.scratch_len(rows).unwrap()]
        .map(|len| vec![T::from_f64(f64::NAN); len])
}

/// Runs both passes at θ = (parameters, x) and adds ∂θ; frozen blocks must stay as they are.
fn add_gradient<T: Real, L: Layer<T>>(
    layer: &L,
    theta: &[T],
    g: &[T],
    gradient: &mut [T],
    parameters: usize,
) {
    let (parameters, x) = theta.split_at(parameters);
    let rows = x.len() / layer.inputs();
    let [mut saved, mut scratch] = buffers(layer, rows);
    let mut y = vec![T::from_f64(f64::NAN); g.len()];
    layer.forward(parameters, x, &mut y, &mut saved, &mut scratch).unwrap();

    let (gradients, of_x) = gradient.split_at_mut(parameters.len());
    let start = gradients.to_vec();
    let mut dx = vec![T::from_f64(f64::NAN); x.len()];
    let blocks = layer.blocks().len();
    scratch.fill(T::from_f64(f64::NAN));
    layer
        .backward(parameters, x, g, &saved, &vec![false; blocks], gradients, Some(&mut dx), &mut scratch)
        .unwrap();
    of_x.iter_mut().zip(dx).for_each(|(sum, dx)| *sum += dx);

    // Each block frozen by itself, and then all of them.
    for frozen in
        (0..blocks).map(|block| (0..blocks).map(|other| other == block).collect()).chain([vec![true; blocks]])
    {
        let mut partial = start.clone();
        scratch.fill(T::from_f64(f64::NAN));
        layer.backward(parameters, x, g, &saved, &frozen, &mut partial, None, &mut scratch).unwrap();
        let mut first = 0;
        for (block, frozen) in layer.blocks().iter().zip(frozen) {
            let range = first..first + block.len();
            let want = if frozen { &start[range.clone()] } else { &gradients[range.clone()] };
            assert_eq!(&partial[range], want, "{} frozen: {frozen}", block.name);
            first += block.len();
        }
    }
}

/// Checks a loss and its gradient as a function of one block.
fn check_loss(at: &[f64], loss: impl Fn(&[f64], Option<&mut [f64]>) -> f64) {
    let backward = |at: &[f64], g: &[f64], gradient: &mut [f64]| {
        let mut of_loss = vec![f64::NAN; at.len()];
        loss(at, Some(&mut of_loss));
        gradient.iter_mut().zip(of_loss).for_each(|(sum, of_loss)| *sum += g[0] * of_loss);
    };
    check([Block::new("outputs", at.len())], 1, DOUBLE, at, |at, y| y[0] = loss(at, None), backward);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn dense_layers(inputs in 1_usize..9, outputs in 1_usize..9, rows in 1_usize..9, bias: bool, seed in 0..1000_u64) {
        check_layer(&Dense::new(inputs, outputs, bias).unwrap(), rows, seed);
    }

    #[test]
    fn rectifiers(width in 1_usize..9, rows in 1_usize..9, seed in 0..1000_u64) {
        check_layer(&Relu::new(width).unwrap(), rows, seed);
    }

    #[test]
    fn mixture_layers(inputs in 1_usize..5, outputs in 1_usize..4, components in 1_usize..3, rows in 1_usize..12, seed in 0..1000_u64) {
        check_layer(&Diagonal::new(Shape::new(inputs, outputs, components).unwrap(), 0.5), rows, seed);
    }

    #[test]
    fn joint_layers(inputs in 1_usize..5, outputs in 1_usize..4, components in 1_usize..3, rows in 1_usize..12, seed in 0..1000_u64) {
        // Ranks at which q does not nearly cancel.
        let shape = JointShape::new(inputs, outputs, components, (inputs + outputs).max(2)).unwrap();
        check_layer(&Joint::new(shape, JointStart { gamma: 0.5, output_gamma: 0.5 }), rows, seed);
    }

    #[test]
    fn cross_entropy_gradient(classes in 1_usize..8, rows in 1_usize..6, scale in 0.1..5.0, seed in 0..1000_u64) {
        let logits: Vec<f64> = normals(seed, rows * classes).iter().map(|value| scale * value).collect();
        let labels: Vec<usize> = (0..rows).map(|row| (row * 5 + seed as usize) % classes).collect();
        check_loss(&logits, |logits, gradient| cross_entropy(logits, classes, &labels, gradient).unwrap());
        let mut gradient = vec![f64::NAN; logits.len()];
        cross_entropy(&logits, classes, &labels, Some(&mut gradient)).unwrap();
        for row in gradient.chunks(classes) {
            prop_assert!(row.iter().sum::<f64>().abs() < 1e-15, "the shares of a row sum to 1");
        }
    }

    #[test]
    fn squared_gradient(outputs in 1_usize..8, rows in 1_usize..6, seed in 0..1000_u64) {
        let (y, targets) = (normals(seed, rows * outputs), normals(seed + 1, rows * outputs));
        check_loss(&y, |y, gradient| squared(y, outputs, &targets, gradient).unwrap());
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
        let mut scratch = vec![f64::NAN; Layer::<f64>::scratch_len(&layer, rows).unwrap()];
        layer.forward(&parameters, x, &mut y, &mut [], &mut scratch).unwrap();
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
    layer.backward(&[], &x, &[3.0; 5], &[], &[], &mut [], Some(&mut dx), &mut []).unwrap();
    assert_eq!(dx[..4], [1.5, 1.5, 3.0, 0.0]);
    assert!(dx[4].is_nan());
}

/// Two dense layers, two mixture layers, a joint one and a rectifier, through the loss.
#[test]
fn a_whole_network() {
    let shapes = [Shape::new(4, 3, 2).unwrap(), Shape::new(5, 3, 2).unwrap()];
    let layers: Vec<Box<dyn Layer<f64>>> = vec![
        Box::new(Diagonal::new(shapes[0], 0.5)),
        Box::new(Dense::new(3, 6, false).unwrap()),
        Box::new(Relu::new(6).unwrap()),
        Box::new(Dense::new(6, 5, true).unwrap()),
        Box::new(Joint::new(
            JointShape::new(5, 5, 2, 3).unwrap(),
            JointStart { gamma: 0.5, output_gamma: 0.5 },
        )),
        Box::new(Diagonal::new(shapes[1], 0.5)),
    ];
    let network = RefCell::new(Network::new(layers, 9).unwrap());
    let parameters = normals(3, network.borrow().parameters().len());
    let named = network.borrow().blocks().to_vec();
    for rows in [9, 4] {
        let x = normals(4, rows * 4);
        let labels: Vec<usize> = (0..rows).map(|row| row % 3).collect();
        let forward = |parameters: &[f64], y: &mut [f64]| {
            let mut network = network.borrow_mut();
            network.parameters_mut().copy_from_slice(parameters);
            y[0] = cross_entropy(network.forward(&x).unwrap(), 3, &labels, None).unwrap();
        };
        let backward = |parameters: &[f64], g: &[f64], gradient: &mut [f64]| {
            let mut network = network.borrow_mut();
            network.parameters_mut().copy_from_slice(parameters);
            let mut of_y = vec![f64::NAN; rows * 3];
            cross_entropy(network.forward(&x).unwrap(), 3, &labels, Some(&mut of_y)).unwrap();
            of_y.iter_mut().for_each(|of_y| *of_y *= g[0]);
            network.clear_gradients();
            network.backward(&x, &of_y).unwrap();
            gradient.iter_mut().zip(network.gradients()).for_each(|(sum, of_loss)| *sum += of_loss);
        };
        let blocks: Vec<Block<'_>> = named.iter().map(Block::from).collect();
        check(blocks, 1, DOUBLE, &parameters, forward, backward);
    }
}

/// A freshly started layer in `f32`: 3 → 10, weights of 10⁻⁴ and less, under cross-entropy. Its right gradient never
/// differs, and one that is too large by half or twice too large never agrees.
#[test]
fn a_layer_of_small_weights_hides_nothing() {
    let layer = Dense::new(3, 10, false).unwrap();
    let x: Vec<f32> = normals(5, 12).iter().map(|&x| x as f32).collect();
    let labels = [3, 1, 4, 9];
    let mut scratch = vec![0.0_f32; Layer::<f32>::scratch_len(&layer, 4).unwrap()];
    let loss = |weights: &[f32], gradient: Option<&mut [f32]>, scratch: &mut [f32]| {
        let mut y = [f32::NAN; 40];
        layer.forward(weights, &x, &mut y, &mut [], scratch).unwrap();
        cross_entropy(&y, 10, &labels, gradient).unwrap()
    };
    for (size, factor) in
        [1e-2_f64, 1e-3, 1e-4, 1e-6].iter().flat_map(|size| [1.0_f32, 1.5, 2.0].map(|f| (size, f)))
    {
        let weights: Vec<f32> = normals(6, 30).iter().map(|weight| (size * weight) as f32).collect();
        let mut other = scratch.clone();
        let forward = |weights: &[f32], y: &mut [f32]| y[0] = loss(weights, None, &mut other);
        let backward = |weights: &[f32], g: &[f32], gradient: &mut [f32]| {
            let mut of_y = [f32::NAN; 40];
            loss(weights, Some(&mut of_y), &mut scratch);
            of_y.iter_mut().for_each(|of_y| *of_y *= factor * g[0]);
            layer.backward(weights, &x, &of_y, &[], &[false], gradient, None, &mut scratch).unwrap();
        };
        let check = Check::new([Block::new("weight", 30)], 1).unwrap();
        let mut own = vec![0.0_f32; check.scratch_len()];
        let report = check.run(forward, backward, &weights, &mut own).unwrap();
        if factor == 1.0 {
            assert_ne!(report.verdict(), Verdict::Differs, "{size}: {report}");
        } else {
            assert!(!report.verdict().passes(), "{size}, {factor}: {report}");
        }
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
    assert_abs_diff_eq!(&gradient.map(f64::from)[..], &[-want, want][..], epsilon = 1e-6 * want);
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

//! Right gradients pass: ten thousand random layers, kinks among them, in `f64` and in `f32`.

use gmlayer::diagonal::Form;
use gmlayer::gradcheck::{Block, Check, Verdict};

use super::layers::{Case, FORMS, Recipe};
use super::textbook::{adjoint_holds, at, backward, blocks, flat, forward, layer, report};

/// A layer of moderate scales; one in eight has inputs or deviations that are 0.
fn moderate(seed: u64) -> Case<f64> {
    let pick =
        |shift: u32, range: u64| ((seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) % range) as usize;
    Recipe {
        inputs: 1 + pick(8, 4),
        outputs: 1 + pick(16, 3),
        components: 1 + pick(24, 3),
        batch: 1 + pick(32, 2),
        seed,
        exponents: [0.0; 6],
        zeros: [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 1.0][pick(40, 8)],
        form: FORMS[pick(48, 4)],
    }
    .build()
}

#[test]
fn ten_thousand_random_layers() {
    for seed in 0..10_000 {
        let case = moderate(seed);
        let report = report(&case, backward(layer(&case)), seed);
        assert!(report.verdict().passes(), "layer {seed}: {case:?}\n{report}");
    }
}

#[test]
fn adjoint_identity_on_a_thousand_layers() {
    for seed in 0..1000 {
        let case = moderate(seed);
        assert!(adjoint_holds(&case, backward(layer(&case))), "layer {seed}: {case:?}");
    }
}

/// The `f32` backward pass against the `f64` function.
#[test]
fn single_precision_against_double() {
    for seed in 0..200 {
        let case = Recipe { zeros: 0.0, ..recipe(seed) }.build().convert(|x| f64::from(x as f32));
        let (shape, layer) = (case.shape, layer(&case));
        let single = |theta: &[f64], g: &[f64], gradient: &mut [f64]| {
            let mut case = at(layer, theta).convert(|x| x as f32);
            case.g = g.iter().map(|&g| g as f32).collect();
            let all = case.backward();
            let flat = [&all.mu[..], &all.sigma, &all.u, &all.v, &all.x].concat();
            gradient.iter_mut().zip(flat).for_each(|(sum, x)| *sum += f64::from(x));
        };
        let outputs = case.batch() * shape.outputs();
        let check =
            Check::new(blocks(&case), outputs).unwrap().seed(seed).backward_roundoff(2.0_f64.powi(-24));
        let mut scratch = vec![0.0; check.scratch_len()];
        let report = check.run(forward(layer), single, &flat(&case), &mut scratch).unwrap();
        assert!(report.verdict().passes(), "layer {seed}:\n{report}");
    }
}

/// The checker itself in `f32`, as a microcontroller runs it: never a wrong verdict, and differences that
/// `f32` is too coarse for in one layer of a hundred at most.
#[test]
fn all_in_single_precision() {
    let mut unreliable = 0;
    for seed in 0..200 {
        let case = Recipe { zeros: 0.0, ..recipe(seed) }.build().convert(|x| x as f32);
        let (shape, layer) = (case.shape, layer(&case));
        let backward = |theta: &[f32], g: &[f32], gradient: &mut [f32]| {
            let mut case = at(layer, theta);
            case.g.copy_from_slice(g);
            let all = case.backward();
            let flat = [&all.mu[..], &all.sigma, &all.u, &all.v, &all.x].concat();
            gradient.iter_mut().zip(flat).for_each(|(sum, x)| *sum += x);
        };
        let theta = flat(&case);
        let names = [Block::new("all", theta.len())];
        let check = Check::new(names, case.batch() * shape.outputs()).unwrap().seed(seed);
        let mut scratch = vec![0.0_f32; check.scratch_len()];
        let report = check.run(forward(layer), backward, &theta, &mut scratch).unwrap();
        assert_ne!(report.verdict(), Verdict::Differs, "layer {seed}:\n{report}");
        unreliable += usize::from(report.verdict() == Verdict::Unreliable);
    }
    assert!(unreliable <= 2, "{unreliable} of 200");
}

fn recipe(seed: u64) -> Recipe {
    Recipe {
        inputs: 3,
        outputs: 2,
        components: 2,
        batch: 2,
        seed,
        exponents: [0.0; 6],
        zeros: 0.0,
        form: Form::default(),
    }
}

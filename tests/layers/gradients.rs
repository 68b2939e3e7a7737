//! The layers' own backward passes under the gradient checker: thousands of random layers, kinks among them, in `f64`
//! and in `f32`.

use gmlayer::gradcheck::{Block, Check, Verdict};

use super::case::{Case, Recipe};
use super::layer::MixtureLayer;
use super::mutants::{adjoint_holds, blocks, forward, report};

for_each_layer! {
    tests:
        ten_thousand_random_layers,
        four_hundred_larger_layers,
        adjoint_identity_on_a_thousand_layers,
        single_precision_against_double,
        all_in_single_precision;
}

/// The backward pass as a function of the parameters, x and g; it adds.
fn backward<L: MixtureLayer>(case: &Case<L, f64>) -> impl Fn(&[f64], &[f64], &mut [f64]) {
    move |theta, g, gradient| {
        let all = Case { g: g.to_vec(), ..case.at(theta) }.backward().concat();
        gradient.iter_mut().zip(all).for_each(|(sum, x)| *sum += x);
    }
}

/// A number from 1 to `range` out of a seed.
fn pick(seed: u64, shift: u32, range: u64) -> usize {
    1 + ((seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) % range) as usize
}

/// A layer of moderate scales; one in four has inputs or spreads that are 0.
fn moderate<L: MixtureLayer>(seed: u64) -> Case<L, f64> {
    let pick = |shift: u32, range: u64| pick(seed, shift, range);
    let sizes = [pick(8, 4), pick(16, 3), pick(24, 3), pick(28, 5)];
    let recipe = Recipe::new(L::new(sizes, pick(48, 4) % L::FORMS), pick(32, 2), seed);
    Recipe { zeros: [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 1.0][pick(40, 8) - 1], ..recipe }.build()
}

/// One with more inputs, fewer components and as many rows as go in chunks.
fn larger<L: MixtureLayer>(seed: u64) -> Case<L, f64> {
    let pick = |shift: u32, range: u64| pick(seed, shift, range);
    let sizes = [pick(8, 6), pick(16, 3), pick(24, 2), pick(28, 5)];
    let recipe = Recipe::new(L::new(sizes, pick(48, 4) % L::FORMS), [1, 2, 9][pick(32, 3) - 1], seed);
    Recipe { zeros: [0.0, 0.0, 0.0, 0.3, 1.0][pick(40, 5) - 1], ..recipe }.build()
}

/// The remainder falls with order 2 along random directions of every block, or in a few of a thousand layers finite
/// differences are too coarse to tell.
fn all_agree<L: MixtureLayer>(cases: usize, case: impl Fn(u64) -> Case<L, f64>) {
    let mut unreliable = 0;
    for seed in 0..cases as u64 {
        let case = case(seed);
        let report = report(&case, backward(&case), seed);
        let verdict = report.verdict();
        assert!(verdict.passes() || verdict == Verdict::Unreliable, "layer {seed}: {case:?}\n{report}");
        unreliable += usize::from(verdict == Verdict::Unreliable);
    }
    println!("{unreliable} of {cases} are unreliable");
    assert!(1000 * unreliable <= L::UNRELIABLE * cases, "{unreliable} of {cases}");
}

fn ten_thousand_random_layers<L: MixtureLayer>() {
    all_agree(10_000, moderate::<L>);
}

fn four_hundred_larger_layers<L: MixtureLayer>() {
    all_agree(400, larger::<L>);
}

/// Where a derivative is a sum that nearly cancels, the checker does not see the size of its terms: `dual.rs` does.
fn adjoint_identity_on_a_thousand_layers<L: MixtureLayer>() {
    let holds = |seed: &u64| {
        let case = moderate::<L>(*seed);
        adjoint_holds(&case, backward(&case))
    };
    let failures: Vec<u64> = (0..1000).filter(|seed| !holds(seed)).collect();
    assert!(failures.len() <= L::UNRELIABLE, "layers {failures:?}");
}

fn small<L: MixtureLayer>(seed: u64) -> Case<L, f64> {
    Recipe::<L>::plain([3, 2, 2, 5, 2], seed)
}

/// The `f32` backward pass against the `f64` function.
fn single_precision_against_double<L: MixtureLayer>() {
    for seed in 0..200 {
        let case = small::<L>(seed).convert(|x| f64::from(x as f32));
        let single = |theta: &[f64], g: &[f64], gradient: &mut [f64]| {
            let all = Case { g: g.to_vec(), ..case.at(theta) }.convert(|x| x as f32).backward().concat();
            gradient.iter_mut().zip(all).for_each(|(sum, x)| *sum += f64::from(x));
        };
        let check = Check::new(blocks(&case), case.g.len()).unwrap();
        let check = check.seed(seed).backward_roundoff(f64::from(f32::EPSILON) / 2.0);
        let mut scratch = vec![0.0; check.scratch_len()];
        let report = check.run(forward(&case), single, &case.flat(), &mut scratch).unwrap();
        assert!(report.verdict().passes(), "layer {seed}:\n{report}");
    }
}

/// The checker itself in `f32`, as a microcontroller runs it: never a wrong verdict, and differences that
/// `f32` is too coarse for in one layer of a hundred at most.
fn all_in_single_precision<L: MixtureLayer>() {
    let mut unreliable = 0;
    for seed in 0..200 {
        let case = small::<L>(seed).convert(|x| x as f32);
        let backward = |theta: &[f32], g: &[f32], gradient: &mut [f32]| {
            let all = Case { g: g.to_vec(), ..case.at(theta) }.backward().concat();
            gradient.iter_mut().zip(all).for_each(|(sum, x)| *sum += x);
        };
        let theta = case.flat();
        let check = Check::new([Block::new("all", theta.len())], case.g.len()).unwrap().seed(seed);
        let mut scratch = vec![0.0_f32; check.scratch_len()];
        let report = check.run(forward(&case), backward, &theta, &mut scratch).unwrap();
        assert_ne!(report.verdict(), Verdict::Differs, "layer {seed}:\n{report}");
        unreliable += usize::from(report.verdict() == Verdict::Unreliable);
    }
    assert!(unreliable <= 2, "{unreliable} of 200");
}

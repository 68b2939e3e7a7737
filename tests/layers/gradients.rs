//! The layers' own backward passes under the gradient checker: thousands of random layers, kinks among them, in `f64`
//! and in `f32`. A right gradient never differs, and finite differences are too coarse for few.

use gmlayer::Real;
use gmlayer::gradcheck::{Check, Verdict};

use super::case::{Case, Recipe};
use super::layer::MixtureLayer;
use super::mutants::{adjoint, blocks, forward, report};

for_each_layer! {
    tests:
        ten_thousand_random_layers,
        ten_thousand_random_layers_in_f32,
        four_hundred_larger_layers,
        numbers_of_very_different_sizes,
        adjoint_identity_on_a_thousand_layers,
        single_precision_against_double;
}

/// The backward pass as a function of the parameters, x and g; it adds.
fn backward<L: MixtureLayer, T: Real>(case: &Case<L, T>) -> impl Fn(&[T], &[T], &mut [T]) {
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

/// Numbers of 10⁻⁶ to 10⁶ beside each other, in every block.
pub fn spread<L: MixtureLayer>(seed: u64) -> Case<L, f64> {
    let pick = |shift: u32, range: u64| pick(seed, shift, range);
    let sizes = [pick(8, 4), pick(16, 3), pick(24, 3), pick(28, 5)];
    let mut case = Recipe::new(L::new(sizes, pick(48, 4) % L::FORMS), pick(32, 2), seed).build();
    let mut index = seed;
    let mut times = |x: &mut f64| {
        index += 1;
        *x *= 10.0_f64.powi(self::pick(index, 20, 13) as i32 - 7);
    };
    case.parameters.iter_mut().flatten().for_each(&mut times);
    case.x.iter_mut().for_each(&mut times);
    case
}

/// The reports of right gradients in precision `T`: never a wrong verdict. Returns how many are unreliable.
fn unreliable<L: MixtureLayer, T: Real>(cases: u64, case: impl Fn(u64) -> Case<L, f64>) -> usize {
    let unreliable = |seed: &u64| {
        let case = case(*seed).convert(T::from_f64);
        let report = report(&case, backward(&case), *seed);
        let verdict = report.verdict();
        assert!(verdict.passes() || verdict == Verdict::Unreliable, "layer {seed}: {case:?}\n{report}");
        verdict == Verdict::Unreliable
    };
    (0..cases).filter(unreliable).count()
}

/// One in a hundred at most.
fn few<L: MixtureLayer, T: Real>(cases: u64, case: impl Fn(u64) -> Case<L, f64>) {
    let unreliable = unreliable::<L, T>(cases, case);
    println!("{unreliable} of {cases} are unreliable");
    assert!(100 * unreliable as u64 <= cases, "{unreliable} of {cases}");
}

fn ten_thousand_random_layers<L: MixtureLayer>() {
    few::<L, f64>(10_000, moderate::<L>);
}

fn ten_thousand_random_layers_in_f32<L: MixtureLayer>() {
    few::<L, f32>(10_000, moderate::<L>);
}

fn four_hundred_larger_layers<L: MixtureLayer>() {
    few::<L, f64>(400, larger::<L>);
    println!("{} of 400 are unreliable in f32", unreliable::<L, f32>(400, larger::<L>));
}

fn numbers_of_very_different_sizes<L: MixtureLayer>() {
    println!("{} of 1000 are unreliable in f64", unreliable::<L, f64>(1000, spread::<L>));
    println!("{} of 1000 are unreliable in f32", unreliable::<L, f32>(1000, spread::<L>));
}

fn adjoint_identity_on_a_thousand_layers<L: MixtureLayer>() {
    let fails = |seed: &u64| {
        let case = moderate::<L>(*seed);
        let verdict = adjoint(&case, backward(&case));
        assert_ne!(verdict, Verdict::Differs, "layer {seed}: {case:?}");
        !verdict.passes()
    };
    let failures: Vec<u64> = (0..1000).filter(fails).collect();
    assert!(failures.len() <= 10, "layers {failures:?}");
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

//! Training one sample at a time against gradients that are kept and plain gradient descent.

use approx::assert_abs_diff_eq;
use gmlayer::Real;
use gmlayer::loss::cross_entropy;
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::case::{Case, nans, uniform};
use super::layer::MixtureLayer;

for_each_layer! {
    tests: steps_are_those_of_kept_gradients, blocks_without_a_rate_stay_as_they_are;
}

/// Numbers from −1 to 1.
fn numbers<T: Real>(random: &mut Pcg64, len: usize) -> Vec<T> {
    (0..len).map(|_| T::from_f64(2.0 * uniform(random) - 1.0)).collect()
}

/// A layer and one row.
fn case<L: MixtureLayer, T: Real>(layer: L, random: &mut Pcg64) -> Case<L, T> {
    let parameters = layer.lengths().map(|len| numbers(random, len));
    Case { layer, parameters, x: numbers(random, layer.inputs()), g: numbers(random, layer.outputs()) }
}

/// The same steps by `backward` into zeroed gradients: of a diagonal layer to the bit with the portable instructions,
/// which `.ci/run` runs this with too.
fn same_steps<L: MixtureLayer, T: Real>(tolerance: f64) {
    let portable = std::env::var("GMLAYER_INSTRUCTIONS").is_ok_and(|value| value == "portable");
    for ([inputs, outputs, components], form) in [[1, 2, 1], [5, 3, 2], [64, 10, 4], [33, 4, 3]]
        .into_iter()
        .flat_map(|sizes| (0..L::FORMS).map(move |form| (sizes, form)))
    {
        let layer = L::new([inputs, outputs, components, 3], form);
        // A sum over the components diverges where a mean does not.
        let rates = [0.1, 0.3, 0.05, 0.02].map(|rate| T::from_f64(rate * if form == 0 { 1.0 } else { 0.1 }));
        let mut random = Pcg64::seed_from_u64(inputs as u64);
        let mut apart = case::<L, T>(layer, &mut random);
        let mut together = apart.flat_parameters();
        let mut work = nans(layer.online_scratch_len::<T>());
        let (mut y, mut g) = (vec![T::zero(); outputs], vec![T::zero(); outputs]);
        for step in 0..50 {
            apart.x = numbers(&mut random, inputs);
            match step % 5 {
                0 => apart.x.fill(T::zero()),
                1 => apart.x.iter_mut().for_each(|x| *x *= T::from_f64(1e-20)),
                _ => (),
            }
            let label = step % outputs;
            layer.online_forward(&mut together, &apart.x, &mut y, &mut work).unwrap();
            cross_entropy(&y, outputs, &[label], Some(&mut g)).unwrap();
            layer.online_step(&mut together, &apart.x, &g, rates.map(Some), &mut work).unwrap();

            cross_entropy(&apart.forward(), outputs, &[label], Some(&mut apart.g)).unwrap();
            let [gradients @ .., _] = apart.backward();
            for ((block, gradient), rate) in apart.parameters.iter_mut().zip(gradients).zip(rates) {
                block.iter_mut().zip(gradient).for_each(|(value, gradient)| *value -= rate * gradient);
            }
            for (got, want) in together.iter().zip(apart.flat_parameters()) {
                let (got, want) = (got.to_f64(), want.to_f64());
                if portable && L::ONLINE_BITS {
                    assert_eq!(got.to_bits(), want.to_bits(), "{layer:?}, step {step}");
                }
                assert_abs_diff_eq!(got, want, epsilon = tolerance);
            }
        }
    }
}

fn steps_are_those_of_kept_gradients<L: MixtureLayer>() {
    same_steps::<L, f32>(1e-4);
    same_steps::<L, f64>(1e-12);
}

fn blocks_without_a_rate_stay_as_they_are<L: MixtureLayer>() {
    let case = case::<L, f64>(L::new([5, 3, 2, 3], 0), &mut Pcg64::seed_from_u64(1));
    let mut work = vec![0.0; case.layer.online_scratch_len::<f64>()];
    for trained in 0..4 {
        let mut flat = case.flat_parameters();
        let rates = [0, 1, 2, 3].map(|block| (block == trained).then_some(0.1));
        case.layer.online_step(&mut flat, &case.x, &case.g, rates, &mut work).unwrap();
        let after = case.at(&[flat, case.x.clone()].concat());
        for (block, (after, before)) in after.parameters.iter().zip(&case.parameters).enumerate() {
            assert_eq!(after != before, block == trained, "{} with {trained}", L::NAMES[block]);
        }
    }
}

//! Neurons drawn from a layer, and a layer fitted to neurons.
#![allow(missing_docs)]

#[path = "common/layers.rs"]
#[allow(dead_code)]
mod layers;

use gmlayer::Error;
use gmlayer::diagonal::{Diagonal, Form, Parameters, ParametersMut};
use gmlayer::nn::{fit_neurons, sample_neurons};
use layers::{Case, FORMS, Recipe};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

fn case(form: Form) -> Case<f64> {
    let sizes = Recipe {
        inputs: 6,
        outputs: 3,
        components: 4,
        batch: 8,
        seed: 5,
        exponents: [0.0; 6],
        zeros: 0.0,
        form,
    };
    sizes.build()
}

/// The root mean square of the error of networks of `count` neurons a component, over some draws.
fn error(case: &Case<f64>, count: usize) -> f64 {
    let (want, draws) = (case.forward(), 40);
    let mut squares = 0.0;
    for seed in 0..draws {
        let mut random = Pcg64::seed_from_u64(1000 * count as u64 + seed);
        let mut network = sample_neurons(&case.layer(), count, 8, &mut random).unwrap();
        let got = network.forward(&case.x).unwrap();
        squares += got.iter().zip(&want).map(|(got, want)| (got - want).powi(2)).sum::<f64>();
    }
    (squares / (draws as f64 * want.len() as f64)).sqrt()
}

#[test]
fn neurons_converge_as_the_root_of_their_number() {
    for form in FORMS {
        let case = case(form);
        let errors = [16, 256, 4096].map(|count| error(&case, count));
        for pair in errors.windows(2) {
            let ratio = pair[0] / pair[1];
            assert!((3.0..5.3).contains(&ratio), "a factor of √16: {errors:?}");
        }
    }
}

/// Clusters far apart, each a Gaussian with a linear ω: the fit finds them and stands for the same function.
#[test]
fn a_fit_to_drawn_neurons_gives_the_layer_back() {
    for form in FORMS {
        let mut case = case(form);
        for (component, mu) in case.mu.chunks_mut(6).enumerate() {
            mu.fill(0.0);
            mu[component] = 6.0;
        }
        case.sigma.fill(0.3);
        // Alike in the length of ω, so that balancing the neurons leaves the clusters as they are.
        case.u.iter_mut().for_each(|u| *u *= 0.05);
        case.v.iter_mut().for_each(|v| *v = v.signum());
        let mut network = sample_neurons(&case.layer(), 4000, 8, &mut Pcg64::seed_from_u64(1)).unwrap();
        let (hidden, last) = (network.block("0.weight").unwrap(), network.block("2.weight").unwrap());
        let [mut mu, mut sigma, mut u, mut v] = [vec![0.0; 24], vec![0.0; 24], vec![0.0; 72], vec![0.0; 12]];
        let parameters = ParametersMut { mu: &mut mu, sigma: &mut sigma, u: &mut u, v: &mut v };
        fit_neurons(case.shape, form, hidden, last, parameters, &mut Pcg64::seed_from_u64(2)).unwrap();
        let parameters = Parameters { mu: &mu, sigma: &sigma, u: &u, v: &v };
        let layer = Diagonal::new(case.shape, parameters).unwrap().with_form(form);
        let mut y = vec![0.0; 24];
        let [mut saved, mut scratch] =
            [layer.saved_len(8).unwrap(), layer.scratch_len(8).unwrap()].map(|len| vec![0.0; len]);
        layer.forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
        let want = network.forward(&case.x).unwrap();
        let size = (want.iter().map(|y| y * y).sum::<f64>() / want.len() as f64).sqrt();
        for (got, want) in y.iter().zip(want) {
            assert!((got - want).abs() < 0.05 * size, "{form:?}: {got} against {want}, of size {size}");
        }
    }
}

#[test]
fn wrong_sizes_are_named() {
    let case = case(Form::default());
    let mut random = Pcg64::seed_from_u64(1);
    assert!(sample_neurons(&case.layer(), 0, 8, &mut random).is_err());
    assert!(sample_neurons(&case.layer(), 1, 0, &mut random).is_err());
    let [mut mu, mut sigma, mut u, mut v] = [vec![9.0; 24], vec![9.0; 24], vec![9.0; 72], vec![9.0; 12]];
    let mut fit = |hidden: usize, last: usize| {
        let parameters = ParametersMut { mu: &mut mu, sigma: &mut sigma, u: &mut u, v: &mut v };
        let (hidden, last) = (vec![1.0; hidden], vec![1.0; last]);
        fit_neurons(case.shape, Form::default(), &hidden, &last, parameters, &mut random).unwrap_err()
    };
    assert_eq!(fit(17, 9), Error::Rows { argument: "hidden", row: 6, got: 17 });
    assert_eq!(fit(30, 14), Error::Length { argument: "last", expected: 15, got: 14 });
    assert_eq!(fit(18, 9), Error::Range { argument: "components", largest: 3, got: 4 });
    assert!([mu, sigma, u, v].concat().iter().all(|&value| value == 9.0));
}

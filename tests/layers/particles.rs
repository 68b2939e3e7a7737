//! Neurons drawn from a layer, and a layer fitted to neurons.

use gmlayer::Error;
use gmlayer::diagonal::{Form, ParametersMut};
use gmlayer::nn::{fit_neurons, sample_neurons};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::case::{Case, Recipe};
use super::diagonal::{DiagonalLayer, FORMS};
use super::layer::MixtureLayer;

fn case(form: Form) -> Case<DiagonalLayer, f64> {
    let layer = DiagonalLayer { form, ..DiagonalLayer::new([6, 3, 4, 1], 0) };
    Recipe::new(layer, 8, 5).build()
}

/// The root mean square of the error of networks of `count` neurons a component, over some draws.
fn error(case: &Case<DiagonalLayer, f64>, count: usize) -> f64 {
    let (want, draws) = (case.forward(), 40);
    let mut squares = 0.0;
    for seed in 0..draws {
        let mut random = Pcg64::seed_from_u64(1000 * count as u64 + seed);
        let mut network = sample_neurons(&case.passes(), count, 8, &mut random).unwrap();
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
        let [mu, sigma, u, v] = &mut case.parameters;
        for (component, mu) in mu.chunks_mut(6).enumerate() {
            mu.fill(0.0);
            mu[component] = 6.0;
        }
        sigma.fill(0.3);
        // Alike in the length of ω, so that balancing the neurons leaves the clusters as they are.
        u.iter_mut().for_each(|u| *u *= 0.05);
        v.iter_mut().for_each(|v| *v = v.signum());
        let mut network = sample_neurons(&case.passes(), 4000, 8, &mut Pcg64::seed_from_u64(1)).unwrap();
        let (hidden, last) = (network.block("0.weight").unwrap(), network.block("2.weight").unwrap());
        let [mut mu, mut sigma, mut u, mut v] = [vec![0.0; 24], vec![0.0; 24], vec![0.0; 72], vec![0.0; 12]];
        let parameters = ParametersMut { mu: &mut mu, sigma: &mut sigma, u: &mut u, v: &mut v };
        fit_neurons(case.layer.shape, form, hidden, last, parameters, &mut Pcg64::seed_from_u64(2)).unwrap();
        let y = Case { parameters: [mu, sigma, u, v], ..case.clone() }.forward();
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
    assert!(sample_neurons(&case.passes(), 0, 8, &mut random).is_err());
    assert!(sample_neurons(&case.passes(), 1, 0, &mut random).is_err());
    let [mut mu, mut sigma, mut u, mut v] = [vec![9.0; 24], vec![9.0; 24], vec![9.0; 72], vec![9.0; 12]];
    let mut fit = |hidden: usize, last: usize| {
        let parameters = ParametersMut { mu: &mut mu, sigma: &mut sigma, u: &mut u, v: &mut v };
        let (hidden, last) = (vec![1.0; hidden], vec![1.0; last]);
        fit_neurons(case.layer.shape, Form::default(), &hidden, &last, parameters, &mut random).unwrap_err()
    };
    assert_eq!(fit(17, 9), Error::Rows { argument: "hidden", row: 6, got: 17 });
    assert_eq!(fit(30, 14), Error::Length { argument: "last", expected: 15, got: 14 });
    assert_eq!(fit(18, 9), Error::Range { argument: "components", largest: 3, got: 4 });
    assert!([mu, sigma, u, v].concat().iter().all(|&value| value == 9.0));
}

//! Optimisers and schedules: hand-worked steps, settings at their limits.

use approx::assert_abs_diff_eq;
use gmlayer::nn::{Adam, AdamSettings, Cosine, Dense, Network, Optimizer, ParameterBlock, Sgd};

/// One weight, steps worked out by hand.
fn one_weight(
    optimizer: impl FnOnce(&Network<f64>) -> Box<dyn Optimizer<f64>>,
    gradients: &[f64],
) -> Vec<f64> {
    let mut network = Network::new(vec![Box::new(Dense::new(1, 1, false).unwrap())], 1).unwrap();
    network.parameters_mut()[0] = 1.0;
    let mut optimizer = optimizer(&network);
    let blocks = network.blocks().to_vec();
    gradients
        .iter()
        .map(|&gradient| {
            optimizer.step(&blocks, network.parameters_mut(), &mut [gradient]).unwrap();
            network.parameters()[0]
        })
        .collect()
}

#[test]
fn steps_of_gradient_descent_by_hand() {
    let path = one_weight(|network| Box::new(Sgd::new(network.blocks(), |_| 0.5)), &[1.0, -2.0]);
    assert_eq!(path, [0.5, 1.5]);
    // w: 1, then 0.5·1 − 2 = −1.5, then 0.5·(−1.5) + 0 = −0.75.
    let path =
        one_weight(|network| Box::new(Sgd::with_momentum(network.blocks(), |_| 0.5, 0.5)), &[1.0, -2.0, 0.0]);
    assert_eq!(path, [0.5, 1.25, 1.625]);
}

#[test]
fn steps_of_adam_by_hand() {
    // Decays 1/2 and 3/4, rate 1. Gradient 2: m = 1, w = 1; corrected 2 and 4: θ = 1 − 2/2 = 0.
    // Gradient 0: m = 1/2, w = 3/4; corrected by 3/4 and 7/16: 2/3 and 12/7: θ = −(2/3)/√(12/7).
    let settings = AdamSettings { mean_decay: 0.5, square_decay: 0.75, epsilon: 0.0 };
    let path = one_weight(|network| Box::new(Adam::new(network.blocks(), |_| 1.0, settings)), &[2.0, 0.0]);
    assert_eq!(path[0], 0.0);
    assert_abs_diff_eq!(path[1], -(2.0 / 3.0) / (12.0_f64 / 7.0).sqrt(), epsilon = 1e-15);
    // ε is added to the root: 1 − 2/(2 + 2).
    let settings = AdamSettings { epsilon: 2.0, ..settings };
    let path = one_weight(|network| Box::new(Adam::new(network.blocks(), |_| 1.0, settings)), &[2.0]);
    assert_eq!(path, [0.5]);
}

/// 400 steps without gradient would bring the moments of `f32` into the denormal range.
#[test]
fn moments_of_adam_stay_normal() {
    let mut network = Network::<f32>::new(vec![Box::new(Dense::new(2, 1, false).unwrap())], 1).unwrap();
    let blocks = network.blocks().to_vec();
    let mut adam = Adam::new(&blocks, |_| 0.1, AdamSettings { square_decay: 0.5, ..Default::default() });
    for step in 0..2000 {
        let mut gradients = if step == 0 { [1.0, 1e-30] } else { [0.0, 1e-30] };
        adam.step(&blocks, network.parameters_mut(), &mut gradients).unwrap();
        let text = format!("{adam:?}");
        let denormal = text
            .split(|c: char| !(c.is_ascii_digit() || ".e-".contains(c)))
            .filter_map(|number| number.parse::<f32>().ok())
            .any(|number| number.is_subnormal());
        assert!(!denormal, "step {step}: {text}");
    }
    assert!(network.parameters().iter().all(|parameter| parameter.is_finite()));
}

/// One block of two numbers.
fn pair() -> [ParameterBlock; 1] {
    [ParameterBlock { name: "0.w".into(), kind: "w", dimensions: vec![2], range: 0..2, frozen: false }]
}

/// An ε that is 0 in the scalar's type, and decays at the ends of their ranges: a parameter without a gradient stays, and
/// all are finite, however many steps have been taken.
#[test]
fn settings_of_adam_that_round_to_nothing_are_harmless() {
    let blocks = pair();
    for epsilon in [0.0, 1e-300, 1e-50, 1e-45, 1e-38, 1e30] {
        for (mean_decay, square_decay) in [(0.9, 0.999), (0.0, 0.0), (1.0 - 1e-16, 0.5), (0.5, 1.0 - 1e-16)] {
            for steps in [0, 1 << 40, u64::MAX] {
                let settings = AdamSettings { mean_decay, square_decay, epsilon };
                let mut adam = Adam::new(&blocks, |_| 0.1_f32, settings);
                adam.restore(&[steps], &[&[0.0; 2], &[0.0; 2]]).unwrap();
                let mut parameters = [0.5_f32, 0.5];
                for gradient in [1.0, 1e-20, 0.0, -1e15] {
                    adam.step(&blocks, &mut parameters, &mut [0.0, gradient]).unwrap();
                    assert!(
                        parameters[1].is_finite() && parameters[0] == 0.5,
                        "{settings:?}: {parameters:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn settings_of_optimizers_without_sense_are_refused() {
    let blocks = pair();
    let refused = |mut optimizer: Box<dyn Optimizer<f32>>, argument: &str| {
        let (mut parameters, mut gradients) = ([0.5_f32, 0.25], [0.0, 1.0]);
        let error = optimizer.step(&blocks, &mut parameters, &mut gradients).expect_err(argument);
        assert!(error.to_string().starts_with(&format!("`{argument}` must be ")), "{error}");
        assert_eq!((parameters, gradients), ([0.5, 0.25], [0.0, 1.0]), "{argument}: nothing is written");
        assert!(optimizer.state().memory.iter().all(|(_, values)| values.iter().all(|&value| value == 0.0)));
        assert!(optimizer.state().counts.iter().all(|&(_, count)| count == 0));
    };
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    let normal = AdamSettings::default();
    for epsilon in [nan, infinity, -1e-8, -1e-50, 1e39] {
        refused(Box::new(Adam::new(&blocks, |_| 0.1, AdamSettings { epsilon, ..normal })), "epsilon");
    }
    for decay in [nan, infinity, -0.1, 1.0, 1.5] {
        let mean = AdamSettings { mean_decay: decay, ..normal };
        refused(Box::new(Adam::new(&blocks, |_| 0.1, mean)), "mean_decay");
        let square = AdamSettings { square_decay: decay, ..normal };
        refused(Box::new(Adam::new(&blocks, |_| 0.1, square)), "square_decay");
    }
    for momentum in [f32::NAN, f32::INFINITY, -0.5, 1.0, 0.999_999_99] {
        refused(Box::new(Sgd::with_momentum(&blocks, |_| 0.1, momentum)), "momentum");
    }
    for rate in [f32::NAN, f32::INFINITY, -f32::INFINITY] {
        refused(Box::new(Sgd::new(&blocks, |_| rate)), "rate");
        refused(Box::new(Sgd::with_momentum(&blocks, |_| rate, 0.5)), "rate");
        refused(Box::new(Adam::new(&blocks, |_| rate, normal)), "rate");
        let mut sgd = Sgd::new(&blocks, |_| 0.1);
        sgd.set_rate_factor(rate);
        refused(Box::new(sgd), "rate");
        let mut adam = Adam::new(&blocks, |_| 0.1, normal);
        adam.set_rate_factor(rate);
        refused(Box::new(adam), "rate");
        refused(Box::new(Cosine::new(Adam::new(&blocks, |_| rate, normal), 3)), "rate");
    }
    // Divided by what the mean of the gradients is short of, a rate leaves the range of f32.
    refused(Box::new(Adam::new(&blocks, |_| 1e38, normal)), "rate");

    // A fused step takes the same rates.
    let mut network = Network::<f32>::new(vec![Box::new(Dense::new(2, 1, false).unwrap())], 1).unwrap();
    let mut sgd = Sgd::new(network.blocks(), |_| f32::NAN);
    network.forward(&[1.0, 1.0]).unwrap();
    assert!(network.learn(&[1.0, 1.0], &[1.0], &mut sgd).is_err());
    assert_eq!(network.parameters(), [0.0, 0.0]);
}

/// No step at all, or more than have been planned, on any count.
#[test]
fn schedules_at_their_limits_give_a_rate() {
    let blocks = pair();
    for steps in [0, 1, u64::MAX] {
        for done in [0, 1, u64::MAX - 1, u64::MAX] {
            let mut cosine = Cosine::new(Sgd::new(&blocks, |_| 1.0_f32), steps);
            cosine.restore(&[done], &[]).unwrap();
            let mut parameters = [0.0_f32; 2];
            for _ in 0..2 {
                cosine.step(&blocks, &mut parameters, &mut [1.0; 2]).unwrap();
            }
            assert!(parameters.iter().all(|value| (-2.0..=0.0).contains(value)), "{steps}: {parameters:?}");
        }
    }
}

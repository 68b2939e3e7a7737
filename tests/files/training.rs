//! The training loop and evaluation.

use core::ops::ControlFlow;

use approx::assert_abs_diff_eq;
use gmlayer::Error;
use gmlayer::data::{Dataset, Samples};
use gmlayer::nn::{Dense, Layer, Network, Relu, Sgd};
use gmlayer::train::{self, Evaluation, Event, History, Regularisation, Settings, TrainError, evaluate};

const SETTINGS: Settings =
    Settings { epochs: 3, batch_size: 8, seed: 5, regularisation: Regularisation::NONE };

/// Four pixels, three classes: the brightest of the first three pixels.
fn samples(count: usize, seed: u64) -> Samples {
    let mut generator = train::generator(seed, 0);
    let mut images = Vec::new();
    let mut labels = Vec::new();
    for _ in 0..count {
        let pixels = [(); 4].map(|()| gmlayer::random::below(&mut generator, 256) as u8);
        images.extend(pixels);
        labels.push((0..3).max_by_key(|&place| pixels[place]).unwrap() as u8);
    }
    Samples::new(images, labels, 4).unwrap()
}

fn data() -> Dataset {
    Dataset::new("brightest", samples(203, 1), samples(101, 2)).unwrap()
}

fn network(seed: u64) -> Network<f32> {
    let layers: Vec<Box<dyn Layer<f32>>> = vec![
        Box::new(Dense::new(4, 16, true).unwrap()),
        Box::new(Relu::new(16).unwrap()),
        Box::new(Dense::new(16, 3, true).unwrap()),
    ];
    let mut network = Network::new(layers, 8).unwrap();
    network.initialise(&mut train::generator(seed, 0)).unwrap();
    network
}

fn run(network: &mut Network<f32>, settings: &Settings) -> History {
    let mut optimizer = Sgd::new(network.blocks(), |_| 0.1);
    train::train(network, &mut optimizer, &data(), settings, |_| ControlFlow::Continue(())).unwrap()
}

fn bits(network: &Network<f32>) -> Vec<u32> {
    network.parameters().iter().map(|parameter| parameter.to_bits()).collect()
}

#[test]
fn training_learns() {
    let mut network = network(0);
    let before = evaluate(&mut network, &data().test).unwrap().total();
    let history = run(&mut network, &Settings { epochs: 30, ..SETTINGS });
    assert!(before.error() > Some(0.4), "{before:?}");
    assert!(history.records[29].test_error < 0.1, "{history:?}");
    assert!(history.records[29].train_loss < 0.5 * history.records[0].train_loss, "{history:?}");
    assert!(!history.interrupted);
    assert_eq!(history.evaluation, evaluate(&mut network, &data().test).unwrap());
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_one_does_not() {
    let (mut first, mut second, mut other) = (network(0), network(0), network(0));
    assert_eq!(run(&mut first, &SETTINGS), run(&mut second, &SETTINGS));
    assert_eq!(bits(&first), bits(&second));
    run(&mut other, &Settings { seed: 6, ..SETTINGS });
    assert_ne!(bits(&first), bits(&other), "the order of the samples is drawn from the seed");
}

/// What is left out comes from the seed as well; the smoothing changes the gradient and not the loss that is told.
#[test]
fn regularised_training_is_repeatable_and_another_one() {
    let run_with = |regularisation| {
        let mut network = network(0);
        let history = run(&mut network, &Settings { epochs: 1, regularisation, ..SETTINGS });
        (bits(&network), history)
    };
    let dropout = Regularisation { input_dropout: 0.2, ..Regularisation::NONE };
    let smoothing = Regularisation { label_smoothing: 0.2, ..Regularisation::NONE };
    let plain = run_with(Regularisation::NONE);
    for regularisation in [dropout, smoothing] {
        let first = run_with(regularisation);
        assert_eq!(first, run_with(regularisation));
        assert_ne!(first.0, plain.0, "{regularisation:?}");
    }
    // One step: nothing has been learnt yet, so that the loss is that of the plain labels.
    let one = Dataset::new("one", samples(8, 1), samples(8, 2)).unwrap();
    let loss = |regularisation| {
        let mut network = network(0);
        let mut optimizer = Sgd::new(network.blocks(), |_| 0.1);
        let settings = Settings { epochs: 1, regularisation, ..SETTINGS };
        let history =
            train::train(&mut network, &mut optimizer, &one, &settings, |_| ControlFlow::Continue(()));
        history.unwrap().records[0].train_loss
    };
    assert_eq!(loss(smoothing), loss(Regularisation::NONE));
    assert_ne!(loss(dropout), loss(Regularisation::NONE));
}

/// 203 samples in batches of 8: 26 steps, the last one of 3 samples; every sample once an epoch.
#[test]
fn the_observer_sees_every_step_and_epoch() {
    let mut network = network(0);
    let mut optimizer = Sgd::new(network.blocks(), |_| 0.5);
    let mut seen = Vec::new();
    let mut losses = Vec::new();
    let history = train::train(&mut network, &mut optimizer, &data(), &SETTINGS, |event| {
        match event {
            Event::Step { epoch, step, steps, samples, loss, .. } => {
                assert_eq!(steps, 26);
                losses.push(loss);
                seen.push((epoch, step, samples));
            }
            Event::Epoch { record, state } => {
                assert_eq!(state.network.outputs(), 3);
                assert_eq!(record.train_loss, *losses.last().unwrap());
                seen.push((record.epoch, record.steps, 0));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    let want: Vec<(usize, usize, usize)> = (1..=3)
        .flat_map(|epoch| {
            let steps = (1..=26).map(move |step| (epoch, step, if step == 26 { 3 } else { 8 }));
            steps.chain([(epoch, 26, 0)])
        })
        .collect();
    assert_eq!(seen, want);
    assert_eq!(history.records.len(), 3);
}

/// With a learning rate of 0 an epoch's loss is the loss of the whole training set, however it is cut.
#[test]
fn the_loss_of_an_epoch_weighs_samples_alike() {
    let mut losses = Vec::new();
    for batch_size in [8, 7] {
        let mut network = network(0);
        let mut optimizer = Sgd::new(network.blocks(), |_| 0.0);
        let settings = Settings { epochs: 1, batch_size, seed: 0, ..SETTINGS };
        let history =
            train::train(&mut network, &mut optimizer, &data(), &settings, |_| ControlFlow::Continue(()));
        losses.push(history.unwrap().records[0].train_loss);
    }
    assert_abs_diff_eq!(losses[0], losses[1], epsilon = 1e-6);
}

/// Stops where `stop` says and returns the history and the number of steps.
fn stopped(stop: impl Fn(&Event<'_, f32>) -> bool) -> (History, usize) {
    let mut network = network(0);
    let mut optimizer = Sgd::new(network.blocks(), |_| 0.5);
    let mut steps = 0;
    let history = train::train(&mut network, &mut optimizer, &data(), &SETTINGS, |event| {
        steps += usize::from(matches!(event, Event::Step { .. }));
        if stop(&event) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (history.unwrap(), steps)
}

#[test]
fn training_stops_after_the_step() {
    let (history, steps) = stopped(|event| matches!(event, Event::Step { epoch: 2, step: 4, .. }));
    assert_eq!(steps, 30);
    assert!(history.interrupted);
    assert_eq!(history.records.len(), 2);
    assert_eq!((history.records[1].epoch, history.records[1].steps), (2, 4));
    assert_eq!(history.evaluation.total().samples, 101);

    let (history, steps) = stopped(|event| matches!(event, Event::Epoch { record, .. } if record.epoch == 1));
    assert_eq!((steps, history.records.len(), history.interrupted), (26, 1, true));

    let (history, _) = stopped(|event| matches!(event, Event::Epoch { record, .. } if record.epoch == 3));
    assert_eq!((history.records.len(), history.interrupted), (3, false));
}

#[test]
fn classes_are_counted_one_by_one() {
    // One weight a class and pixel: the class is the place of the brightest pixel, the first of several.
    let mut network = Network::<f32>::new(vec![Box::new(Dense::new(3, 3, false).unwrap())], 2).unwrap();
    network.parameters_mut().copy_from_slice(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let images = vec![9, 0, 0, 0, 9, 0, 0, 0, 9, 9, 9, 0, 0, 9, 9];
    let samples = Samples::new(images, vec![0, 1, 0, 0, 2], 3).unwrap();
    let evaluation = evaluate(&mut network, &samples).unwrap();
    let counts: Vec<(usize, usize)> =
        evaluation.classes.iter().map(|class| (class.samples, class.errors)).collect();
    assert_eq!(counts, [(3, 1), (1, 0), (1, 1)]);
    assert_eq!(evaluation.total().error(), Some(0.4));
    let errors =
        |evaluation: &Evaluation| evaluation.classes.iter().map(|class| class.error()).collect::<Vec<_>>();
    assert_eq!(errors(&evaluation), [Some(1.0 / 3.0), Some(0.0), Some(1.0)]);

    // An output that is infinite or NaN is of no class, the first one neither.
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        network.parameters_mut().copy_from_slice(&[value, value, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        let bright = Samples::new(vec![255, 255, 0, 255, 255, 1], vec![0, 0], 3).unwrap();
        let evaluation = evaluate(&mut network, &bright).unwrap();
        assert_eq!((evaluation.total().error(), evaluation.unclassified), (Some(1.0), 2), "{value}");
        assert_eq!(errors(&evaluation), [Some(1.0), None, None], "a class without samples has no error");
    }
}

#[test]
fn the_last_errors_are_averaged() {
    let mut history = run(&mut network(0), &SETTINGS);
    assert_eq!(History::default().last_test_errors(5), None);
    assert_eq!(History::default().best_test_error(), None);
    for (record, error) in history.records.iter_mut().zip([0.5, 0.2, 0.4]) {
        record.test_error = error;
    }
    assert_eq!(history.best_test_error(), Some(0.2));
    assert_abs_diff_eq!(history.last_test_errors(2).unwrap(), 0.3, epsilon = 1e-15);
    assert_abs_diff_eq!(history.last_test_errors(5).unwrap(), 1.1 / 3.0, epsilon = 1e-15);
}

fn error_of(network: &mut Network<f32>, rate: f32, data: &Dataset, settings: Settings) -> TrainError {
    let mut optimizer = Sgd::new(network.blocks(), |_| rate);
    train::train(network, &mut optimizer, data, &settings, |_| ControlFlow::Continue(())).unwrap_err()
}

#[test]
fn divergence_is_named() {
    let error = error_of(&mut network(0), 1e30, &data(), SETTINGS);
    let named = |block: &str| ["0.weight", "0.bias", "2.weight", "2.bias"].contains(&block);
    match &error {
        TrainError::Loss { epoch: 1, step: 2.., block }
        | TrainError::Parameter { epoch: 1, step: 1.., block } => {
            assert!(named(block), "{error}");
        }
        _ => panic!("{error:?}"),
    }
    assert!(error.to_string().contains("diverged"), "{error}");

    // A single step, so that no later loss can show it.
    let data = Dataset::new("one", samples(8, 1), samples(8, 2)).unwrap();
    let once = Settings { epochs: 1, ..SETTINGS };
    let mut steep = network(0);
    steep.parameters_mut().iter_mut().for_each(|weight| *weight *= 100.0);
    let error = error_of(&mut steep, f32::MAX, &data, once);
    assert!(
        matches!(&error, TrainError::Parameter { epoch: 1, step: 1, block } if block == "0.weight" || block == "2.weight"),
        "{error:?}"
    );
    let error = error_of(&mut network(0), f32::INFINITY, &data, once);
    assert!(matches!(error, TrainError::Size(Error::Setting { argument: "rate", .. })), "{error:?}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let data = data();
    let mut network = network(0);
    let refused = |settings| error_of(&mut network, 0.1, &data, settings);
    let results = [
        Settings { epochs: 0, ..SETTINGS },
        Settings { batch_size: 0, ..SETTINGS },
        Settings { batch_size: 9, ..SETTINGS },
        Settings {
            regularisation: Regularisation { label_smoothing: 1.0, ..Regularisation::NONE },
            ..SETTINGS
        },
    ]
    .map(refused);
    assert_eq!(results[0], Error::Zero { argument: "epochs" }.into());
    assert_eq!(results[1], Error::Zero { argument: "batch_size" }.into());
    assert_eq!(results[2], Error::Range { argument: "batch_size", largest: 8, got: 9 }.into());

    assert_eq!(results[3], TrainError::Share { setting: "label_smoothing", got: 1.0 });

    let mut narrow = Network::new(vec![Box::new(Dense::new(3, 3, false).unwrap())], 8).unwrap();
    let error = error_of(&mut narrow, 0.1, &data, SETTINGS);
    assert_eq!(error, TrainError::Inputs { network: 3, data: 4 });
    let mut few = Network::new(vec![Box::new(Dense::new(4, 2, false).unwrap())], 8).unwrap();
    let error = error_of(&mut few, 0.1, &data, SETTINGS);
    assert_eq!(error, TrainError::Classes { network: 2, data: 3 });
    assert_eq!(evaluate(&mut few, &data.test), Err(TrainError::Classes { network: 2, data: 3 }));
}

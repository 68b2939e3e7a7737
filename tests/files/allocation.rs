//! A step of training allocates nothing.

use core::ops::ControlFlow;

use gmlayer::Shape;
use gmlayer::data::{Dataset, Samples};
use gmlayer::joint::JointShape;
use gmlayer::nn::{
    Adam, AdamSettings, Dense, Diagonal, Joint, JointStart, Layer, Network, Optimizer, Relu, Sgd,
};
use gmlayer::train::{self, Regularisation, Settings};

/// The allocations of one epoch over this many samples.
fn allocations(samples: usize, optimizer: impl Fn(&Network<f32>) -> Box<dyn Optimizer<f32>>) -> u64 {
    let part = |count: usize| {
        let images = (0..count * 6).map(|i| (i * 37 % 251) as u8).collect();
        Samples::new(images, (0..count).map(|i| (i % 3) as u8).collect(), 6).unwrap()
    };
    let data = Dataset::new("data", part(samples), part(10)).unwrap();
    let layers: Vec<Box<dyn Layer<f32>>> = vec![
        Box::new(Diagonal::new(Shape::new(6, 5, 2).unwrap(), 0.5)),
        Box::new(Dense::new(5, 4, true).unwrap()),
        Box::new(Relu::new(4).unwrap()),
        Box::new(Joint::new(
            JointShape::new(4, 5, 2, 3).unwrap(),
            JointStart { gamma: 0.5, output_gamma: 0.5 },
        )),
        Box::new(Diagonal::new(Shape::new(5, 3, 2).unwrap(), 0.5)),
    ];
    let mut network = Network::new(layers, 8).unwrap();
    network.initialise(&mut train::generator(0, 0)).unwrap();
    let mut optimizer = optimizer(&network);
    let regularisation = Regularisation { input_dropout: 0.1, label_smoothing: 0.1 };
    let settings = Settings { epochs: 1, batch_size: 8, seed: 0, regularisation };
    allocation_counter::measure(|| {
        train::train(&mut network, &mut *optimizer, &data, &settings, |_| ControlFlow::Continue(())).unwrap();
    })
    .count_total
}

#[test]
fn more_steps_allocate_nothing_more() {
    let plain = |network: &Network<f32>| -> Box<dyn Optimizer<f32>> {
        Box::new(Sgd::new(network.blocks(), |_| 0.01))
    };
    let sgd = |network: &Network<f32>| -> Box<dyn Optimizer<f32>> {
        Box::new(Sgd::with_momentum(network.blocks(), |_| 0.01, 0.9))
    };
    let adam = |network: &Network<f32>| -> Box<dyn Optimizer<f32>> {
        Box::new(Adam::new(network.blocks(), |_| 0.01, AdamSettings::default()))
    };
    assert!(allocations(8, sgd) > 0, "the counter counts");
    assert_eq!(allocations(8, plain), allocations(801, plain));
    assert_eq!(allocations(8, sgd), allocations(801, sgd));
    assert_eq!(allocations(8, adam), allocations(801, adam));
}

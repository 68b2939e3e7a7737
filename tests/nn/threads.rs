//! Optimisers on several threads: the number of threads never changes a bit of a step.

use gmlayer::nn::{
    Adam, AdamSettings, Cosine, Diagonal, Layer, Network, Optimizer, ParameterBlock, Sgd, cross_entropy,
};
use gmlayer::{Shape, Threads};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

/// Blocks of two calls on threads, worth three of them and two; one is frozen, and hardly a length fills vectors.
fn blocks() -> Vec<ParameterBlock> {
    let mut start = 0;
    let block = |(index, len): (usize, usize)| {
        let range = start..start + len;
        start = range.end;
        let name = format!("0.{index}");
        ParameterBlock { name, kind: "w", dimensions: vec![len], range, frozen: index == 2 }
    };
    let lengths = [131_075, 17, 70_001, 70_003, 1, 3, 40, 16, 140_001, 33, 5];
    lengths.into_iter().enumerate().map(block).collect()
}

/// Numbers of the step `step`, one a parameter.
fn numbers(step: usize) -> Vec<f32> {
    let len = blocks().last().unwrap().range.end;
    (0..len).map(|index| ((index * 7 + step * 13) as f32 * 0.37).sin()).collect()
}

/// An optimiser for the blocks, on some threads.
type Make = fn(&[ParameterBlock], Option<&Threads>) -> Box<dyn Optimizer<f32>>;

const OPTIMIZERS: [Make; 3] = [
    |blocks, threads| {
        let sgd = Sgd::new(blocks, |block| 0.1 + block.range.start as f32 * 1e-6);
        Box::new(if let Some(threads) = threads { sgd.with_threads(threads.clone()) } else { sgd })
    },
    |blocks, threads| {
        let sgd = Sgd::with_momentum(blocks, |_| 0.1, 0.9);
        Box::new(if let Some(threads) = threads { sgd.with_threads(threads.clone()) } else { sgd })
    },
    |blocks, threads| {
        let adam = Adam::new(blocks, |_| 0.1, AdamSettings::default());
        let adam = if let Some(threads) = threads { adam.with_threads(threads.clone()) } else { adam };
        Box::new(Cosine::new(adam, 10))
    },
];

/// The parameters, and what the optimiser remembers, after three steps.
fn results(make: Make, threads: Option<&Threads>) -> Vec<Vec<f32>> {
    let (blocks, mut parameters) = (blocks(), numbers(0));
    let mut optimizer = make(&blocks, threads);
    for step in 1..4 {
        let mut gradients = numbers(step);
        optimizer.step(&blocks, &mut parameters, &mut gradients).unwrap();
        let frozen = blocks[2].range.clone();
        assert_eq!(gradients[frozen.clone()], numbers(step)[frozen.clone()], "a frozen block is not written");
        gradients[frozen].fill(0.0);
        assert!(gradients.iter().all(|&gradient| gradient == 0.0), "a step clears the gradients");
    }
    let memory = optimizer.state().memory.into_iter().map(|(_, values)| values.to_vec()).collect::<Vec<_>>();
    [vec![parameters], memory].concat()
}

#[test]
fn any_number_of_threads_takes_the_same_step() {
    for make in OPTIMIZERS {
        let want = results(make, None);
        for count in [1, 2, 3] {
            let threads = Threads::new(count).unwrap();
            assert!(results(make, Some(&threads)) == want, "{count} threads");
            assert!(threads.run(|| results(make, Some(&threads))) == want, "{count} threads, from inside");
        }
    }
}

/// Every parameter moves by its own gradient alone, whoever takes it along.
#[test]
fn descent_is_its_formula_on_every_parameter() {
    let threads = Threads::new(3).unwrap();
    let (start, gradients) = (numbers(0), [1, 2, 3].map(numbers));
    let plain = results(OPTIMIZERS[0], Some(&threads));
    let momentum = results(OPTIMIZERS[1], Some(&threads));
    for block in blocks() {
        let rate = 0.1 + block.range.start as f32 * 1e-6;
        for index in block.range {
            let (mut want, mut with_momentum, mut velocity) = (start[index], start[index], 0.0);
            for gradient in gradients.iter().filter(|_| !block.frozen) {
                want -= rate * gradient[index];
                velocity = 0.9 * velocity + gradient[index];
                with_momentum -= 0.1 * velocity;
            }
            assert_eq!(plain[0][index], want, "{index}");
            assert_eq!([momentum[0][index], momentum[1][index]], [with_momentum, velocity], "{index}");
        }
    }
}

/// A network whose layer and optimiser share threads learns the same parameters.
#[test]
fn any_number_of_threads_trains_the_same_network() {
    let shape = Shape::new(500, 20, 14).unwrap();
    let (rows, classes) = (40, 20);
    let x: Vec<f32> = (0..rows * 500).map(|index| (index as f32 * 0.7).sin().max(0.0)).collect();
    let labels: Vec<usize> = (0..rows).map(|row| row % classes).collect();
    let learn = |make: Make, threads: Option<&Threads>| {
        let layer = Diagonal::new(shape, 0.1);
        let layer = if let Some(threads) = threads { layer.with_threads(threads.clone()) } else { layer };
        let layers: Vec<Box<dyn Layer<f32>>> = vec![Box::new(layer)];
        let mut network = Network::new(layers, rows).unwrap();
        network.initialise(&mut Pcg64::seed_from_u64(1)).unwrap();
        let mut optimizer = make(network.blocks(), threads);
        let mut g = vec![0.0; rows * classes];
        for _ in 0..3 {
            cross_entropy(network.forward(&x).unwrap(), classes, &labels, Some(&mut g)).unwrap();
            network.learn(&x, &g, &mut *optimizer).unwrap();
        }
        network.parameters().to_vec()
    };
    for make in OPTIMIZERS {
        let want = learn(make, None);
        for count in [2, 3] {
            let threads = Threads::new(count).unwrap();
            assert!(threads.run(|| learn(make, Some(&threads))) == want, "{count} threads");
        }
    }
}

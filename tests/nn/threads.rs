//! Threads: their number never changes a bit of a step, and a panic comes back to its caller.

use core::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use gmlayer::nn::{
    Adam, AdamSettings, Cosine, Diagonal, Layer, Network, Optimizer, ParameterBlock, Sgd, cross_entropy,
};
use gmlayer::train::{Event, Regularisation, Settings, train};
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

/// Nothing that follows it hangs: the threads work as before.
fn assert_usable(threads: &Threads) {
    for _ in 0..3 {
        assert_eq!(threads.run(|| 7), 7);
    }
    assert!(results(OPTIMIZERS[0], Some(threads)) == results(OPTIMIZERS[0], None));
}

/// What a panic said.
fn panic_of<R>(task: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(task)).map(drop).expect_err("it panics");
    (*panic.downcast::<String>().expect("a message")).clone()
}

/// A panic with a message, but without the lines of the panic hook.
fn fault(place: &str) -> ! {
    resume_unwind(Box::new(format!("a fault in {place}")))
}

#[test]
fn a_panic_in_a_task_comes_back_to_the_caller() {
    for count in [1, 2, 5] {
        let threads = Threads::new(count).unwrap();
        for _ in 0..3 {
            assert_eq!(panic_of(|| threads.run(|| -> () { fault("a task") })), "a fault in a task");
            assert_usable(&threads);
        }
        // In a task in a task, one of other threads, and one after a pass on all threads.
        let inner = || threads.run(|| threads.run(|| -> () { fault("an inner task") }));
        assert_eq!(panic_of(inner), "a fault in an inner task");
        let others = Threads::new(2).unwrap();
        let of_others = || threads.run(|| others.run(|| -> () { fault("a task of others") }));
        assert_eq!(panic_of(of_others), "a fault in a task of others");
        let after_a_pass = || {
            threads.run(|| {
                results(OPTIMIZERS[2], Some(&threads));
                fault("the last line")
            })
        };
        assert_eq!(panic_of(|| -> () { after_a_pass() }), "a fault in the last line");
        assert_usable(&threads);
        assert_usable(&others);
    }
}

/// Panics that are caught inside a task leave it whole; of two callers, each has its own.
#[test]
fn panics_stay_with_their_task() {
    let threads = Threads::new(3).unwrap();
    let caught = threads.run(|| {
        let inner = panic_of(|| threads.run(|| -> () { fault("an inner task") }));
        (inner, threads.run(|| 7))
    });
    assert_eq!(caught, ("a fault in an inner task".to_owned(), 7));
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8_u32)
            .map(|caller| {
                let threads = &threads;
                scope.spawn(move || match caller % 2 {
                    0 => panic_of(|| threads.run(|| -> () { fault(&format!("caller {caller}")) })),
                    _ => threads.run(|| format!("a fault in caller {caller}")),
                })
            })
            .collect();
        for (index, caller) in callers.into_iter().enumerate() {
            assert_eq!(caller.join().unwrap(), format!("a fault in caller {index}"));
        }
    });
    assert_usable(&threads);
}

/// Training whose observer panics, after a step or an epoch: the panic comes back, the threads stay.
#[test]
fn a_panic_in_an_observer_comes_back_to_the_caller() {
    let data = gmlayer::data::digits(1, 60, 20).unwrap();
    let threads = Threads::new(2).unwrap();
    for in_step in [true, false] {
        let layer = Diagonal::new(Shape::new(data.inputs, 10, 2).unwrap(), 0.1).with_threads(threads.clone());
        let layers: Vec<Box<dyn Layer<f32>>> = vec![Box::new(layer)];
        let mut network = Network::new(layers, 20).unwrap();
        network.initialise(&mut Pcg64::seed_from_u64(1)).unwrap();
        let mut sgd = Sgd::new(network.blocks(), |_| 0.1).with_threads(threads.clone());
        let settings = Settings { epochs: 2, batch_size: 20, seed: 1, regularisation: Regularisation::NONE };
        let mut training = |observe: fn(&Event<'_, f32>, bool)| {
            train(&mut network, &mut sgd, &data, &settings, |event| {
                observe(&event, in_step);
                ControlFlow::Continue(())
            })
        };
        let observer: fn(&Event<'_, f32>, bool) = |event, in_step| {
            if matches!(event, Event::Step { .. }) == in_step {
                fault("an observer");
            }
        };
        assert_eq!(panic_of(|| threads.run(|| training(observer))), "a fault in an observer");
        assert_usable(&threads);
        assert_eq!(threads.run(|| training(|_, _| ())).unwrap().records.len(), 2);
    }
}

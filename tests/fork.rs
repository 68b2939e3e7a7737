//! Threads in a process that was forked off after they were started: it has none of them, and does the work alone.
#![cfg(unix)]
#![allow(unsafe_code)]

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use gmlayer::diagonal::{Diagonal, Parameters};
use gmlayer::nn::{self, Adam, AdamSettings, Network, Optimizer, ParameterBlock};
use gmlayer::train::{Settings, train};
use gmlayer::{Shape, Threads};

/// Seconds after which a child that hangs is ended by the signal SIGALRM.
const PATIENCE: u32 = 60;

/// Runs `task` in a forked process, and says how that ended: the status 0 where the task gave `true`.
fn in_child(task: impl FnOnce() -> bool) -> i32 {
    // SAFETY: the child has the calling thread alone. It needs nothing of the others: the allocator is glibc's, which
    // is whole after a fork, nothing is printed, and `_exit` runs no code of the test harness.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: sets a timer, which takes no memory.
            unsafe { libc::alarm(PATIENCE) };
            let right = matches!(catch_unwind(AssertUnwindSafe(task)), Ok(true));
            // SAFETY: ends the child.
            unsafe { libc::_exit(i32::from(!right)) }
        }
        child => {
            let mut status = 0;
            // SAFETY: the status is a number of this function.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            status
        }
    }
}

/// Large enough to be worth three threads.
fn outputs(threads: &Threads) -> Vec<f32> {
    let shape = Shape::new(400, 10, 14).unwrap();
    let flat: Vec<f32> = (0..shape.parameter_count()).map(|index| (index as f32 * 0.7).sin()).collect();
    let layer =
        Diagonal::new(shape, Parameters::from_flat(shape, &flat).unwrap()).unwrap().with_threads(threads);
    let x: Vec<f32> = (0..64 * 400).map(|index| (index as f32 * 0.3).cos()).collect();
    let (mut y, mut saved) = (vec![0.0; 64 * 10], vec![0.0; layer.saved_len(64).unwrap()]);
    layer.forward(&x, &mut y, &mut saved, &mut vec![0.0; layer.scratch_len(64).unwrap()]).unwrap();
    y
}

/// A step of Adam on parameters that are worth three threads.
fn step(threads: &Threads) -> Vec<f32> {
    let range = 0..400_000;
    let mut parameters = vec![0.5_f32; range.len()];
    let mut gradients: Vec<f32> = range.clone().map(|index| (index as f32 * 0.1).sin()).collect();
    let dimensions = vec![range.len()];
    let blocks = [ParameterBlock { name: "0.w".into(), kind: "w", dimensions, range, frozen: false }];
    let mut adam = Adam::new(&blocks, |_| 0.1, AdamSettings::default()).with_threads(threads.clone());
    adam.step(&blocks, &mut parameters, &mut gradients).unwrap();
    parameters
}

/// Some steps on the built-in digits.
fn trained(threads: &Threads) -> Vec<f32> {
    let data = gmlayer::data::digits(1, 60, 20).unwrap();
    let layer = nn::Diagonal::new(Shape::new(data.inputs, 10, 8).unwrap(), 0.1).with_threads(threads.clone());
    let mut network = Network::new(vec![Box::new(layer)], 30).unwrap();
    network.initialise(&mut gmlayer::train::generator(1, 0)).unwrap();
    let mut adam =
        Adam::new(network.blocks(), |_| 0.01, AdamSettings::default()).with_threads(threads.clone());
    let settings = Settings { epochs: 1, batch_size: 30, seed: 1, regularisation: Default::default() };
    train(&mut network, &mut adam, &data, &settings, |_| ControlFlow::Continue(())).unwrap();
    network.parameters().to_vec()
}

#[test]
fn a_forked_process_computes_alone_and_to_the_same_bits() {
    let threads = Threads::new(3).unwrap();
    let want = outputs(&threads);
    assert!(threads.run(|| outputs(&threads)) == want);
    assert_eq!(in_child(|| threads.run(|| 7) == 7), 0, "run");
    assert_eq!(in_child(|| threads.run(|| outputs(&threads)) == want), 0, "a pass in run");
    assert_eq!(in_child(|| outputs(&threads) == want), 0, "a pass");
    let want = step(&threads);
    assert_eq!(in_child(|| threads.run(|| step(&threads)) == want), 0, "a step of an optimiser");
    let want = trained(&threads);
    assert_eq!(in_child(|| threads.run(|| trained(&threads)) == want), 0, "training");
    assert_eq!(in_child(|| threads.count() == 3), 0, "buffers keep their lengths");
    let want = outputs(&threads);
    assert!(threads.run(|| outputs(&threads)) == want, "the first process still has its threads");
}

#[test]
fn a_process_can_be_forked_at_any_moment() {
    let unused = Threads::new(2).unwrap();
    assert_eq!(in_child(|| unused.run(|| 7) == 7), 0, "before the threads have done anything");

    // While they work for another thread.
    let threads = Threads::new(2).unwrap();
    let (running, done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let work = || {
            running.store(true, Ordering::Release);
            while !done.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
        };
        let threads = &threads;
        scope.spawn(move || threads.run(work));
        while !running.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        assert_eq!(in_child(|| threads.run(|| 7) == 7), 0, "while they work");
        done.store(true, Ordering::Release);
    });

    // A child of a child, and threads that the child starts itself.
    assert_eq!(in_child(|| in_child(|| threads.run(|| 7) == 7) == 0), 0, "twice");
    assert_eq!(in_child(|| Threads::new(2).unwrap().run(|| 7) == 7), 0, "new threads");
    let task = || {
        let own = Threads::new(2).unwrap();
        in_child(|| own.run(|| 7) == 7) == 0 && own.run(|| 8) == 8
    };
    assert_eq!(in_child(task), 0, "threads of the child, in its child");
    assert_eq!(in_child(|| threads.run(|| threads.clone().run(|| 7)) == 7), 0, "run in run");

    // What is dropped in the child, and a panic there.
    let panics = || catch_unwind(AssertUnwindSafe(|| threads.run(|| -> () { panic_quietly() }))).is_err();
    assert_eq!(in_child(panics), 0, "a panic");
    assert_eq!(in_child(move || (drop(threads), drop(unused)) == ((), ())), 0, "dropped");
    let pool = Arc::new(rayon_core::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
    let threads = Threads::from(Arc::clone(&pool));
    assert_eq!(in_child(|| threads.run(|| 7) == 7), 0, "a pool of the caller's");
    assert_eq!(threads.run(|| 7), 7);
}

/// A panic without a message: the child prints nothing.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("a fault"))
}

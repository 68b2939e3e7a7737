//! Criterion benches: every pass of the configurations A, H, C and D; joint, tied and dense layers of 79,400 parameters;
//! the dense layers 784-1000-10; the diagonal layer written plainly on the crate matrixmultiply; and how a step grows
//! with each size.
//!
//! The throughput is in operations: a multiply-add counts as two.

mod dense;
mod diagonal;
mod joint;
mod numbers;
mod plain;

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gmlayer::joint::JointShape;
use gmlayer::{Error, Shape};

use dense::Rectifying;
use diagonal::State;
use joint::JointState;
use plain::Plain;

/// So small that no number of steps leads anywhere.
const RATE: f32 = 1e-9;

/// The batches that are measured.
const BATCHES: [usize; 5] = [1, 16, 64, 256, 1024];

/// A name, inputs, outputs, components and the largest batch: the paper's layer, a hidden layer, one for a
/// microcontroller, a large one. A step of D with 1024 rows takes half a second, and is left out.
const CONFIGURATIONS: [(&str, usize, usize, usize, usize); 4] =
    [("A", 784, 10, 20, 1024), ("H", 784, 100, 20, 1024), ("C", 16, 4, 5, 1024), ("D", 4096, 64, 32, 256)];

/// A pass that fails where sizes do not fit.
type Pass<S> = fn(&mut S) -> Result<(), Error>;

/// Times something that is done again and again to a state.
fn time<S>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    flop: u64,
    state: &mut S,
    run: impl Fn(&mut S),
) {
    group.throughput(Throughput::Elements(flop));
    group.bench_function(id, |bencher| bencher.iter(|| run(state)));
}

/// A pass whose sizes are known to fit.
fn fits<S>(pass: Pass<S>) -> impl Fn(&mut S) {
    move |state| pass(state).expect("the sizes fit")
}

fn shape(inputs: usize, outputs: usize, components: usize) -> Shape {
    Shape::new(inputs, outputs, components).expect("the sizes fit")
}

/// Every pass of every configuration.
fn passes(criterion: &mut Criterion) {
    let passes: [(&str, u64, Pass<State>); 4] = [
        ("forward", 1, State::forward),
        ("backward", 1, State::backward),
        ("step", 2, State::step),
        ("fused step", 2, State::fused_step),
    ];
    for (name, inputs, outputs, components, largest) in CONFIGURATIONS {
        let mut group = criterion.benchmark_group(name);
        for batch in BATCHES.into_iter().filter(|&batch| batch <= largest) {
            let mut layer = State::new(shape(inputs, outputs, components), batch).expect("the sizes fit");
            let flop = layer.flop();
            for (what, halves, pass) in passes {
                time(&mut group, BenchmarkId::new(what, batch), halves * flop, &mut layer, fits(pass));
            }
            group.throughput(Throughput::Elements(flop));
            group.bench_function(BenchmarkId::new("inference", batch), |bencher| {
                layer.inference(bencher).expect("the sizes fit");
            });
            group.bench_function(BenchmarkId::new("inference, zeros skipped", batch), |bencher| {
                layer.sparse_inference(bencher).expect("the sizes fit");
            });
        }
        group.finish();
    }
}

/// Every pass of layers of 79,400 parameters (the tied one has 79,324): joint, tied, and dense 784-100-10, whose forward
/// pass serves for inference.
fn equal_parameters(criterion: &mut Criterion) {
    let joint = JointShape::new(784, 10, 20, 4).expect("the sizes fit");
    let tied = JointShape::new(784, 10, 70, 16).expect("the sizes fit").tied();
    let passes: [(&str, u64, Pass<JointState>); 4] = [
        ("forward", 1, JointState::forward),
        ("backward", 1, JointState::backward),
        ("step", 2, JointState::step),
        ("fused step", 2, JointState::fused_step),
    ];
    for (name, shape) in [("joint K=20 R=4", joint), ("tied K=70 R=16", tied)] {
        let mut group = criterion.benchmark_group(name);
        for batch in BATCHES {
            let mut layer = JointState::new(shape, batch).expect("the sizes fit");
            let flop = layer.flop();
            for (what, halves, pass) in passes {
                time(&mut group, BenchmarkId::new(what, batch), halves * flop, &mut layer, fits(pass));
            }
            group.throughput(Throughput::Elements(flop));
            group.bench_function(BenchmarkId::new("inference", batch), |bencher| {
                layer.inference(bencher).expect("the sizes fit");
            });
            group.bench_function(BenchmarkId::new("inference, zeros skipped", batch), |bencher| {
                layer.sparse_inference(bencher).expect("the sizes fit");
            });
        }
        group.finish();
    }
    let mut group = criterion.benchmark_group("dense 784-100-10");
    for batch in BATCHES {
        let mut network = Rectifying::new(100, batch).expect("the sizes fit");
        let [forward, step] = network.flop();
        let passes: [(&str, u64, Pass<Rectifying>); 4] = [
            ("forward", forward, Rectifying::forward),
            ("backward", step - forward, Rectifying::backward),
            ("step", step, Rectifying::step),
            ("fused step", step, Rectifying::fused_step),
        ];
        for (what, flop, pass) in passes {
            time(&mut group, BenchmarkId::new(what, batch), flop, &mut network, fits(pass));
        }
    }
    group.finish();
}

/// The dense layers at 64 rows.
fn dense(criterion: &mut Criterion) {
    let mut network = Rectifying::new(1000, 64).expect("the sizes fit");
    let [forward, step] = network.flop();
    let passes: [(&str, u64, Pass<Rectifying>); 3] = [
        ("forward", forward, Rectifying::forward),
        ("step", step, Rectifying::step),
        ("fused step", step, Rectifying::fused_step),
    ];
    let mut group = criterion.benchmark_group("dense 784-1000-10");
    for (what, flop, pass) in passes {
        time(&mut group, BenchmarkId::new(what, 64), flop, &mut network, fits(pass));
    }
    group.finish();
}

/// A on general matrix products.
fn on_matrixmultiply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("A on matrixmultiply");
    for batch in BATCHES {
        let mut layer = Plain::new(784, 10, 20, batch).expect("the sizes fit");
        let flop = layer.flop();
        time(&mut group, BenchmarkId::new("forward", batch), flop, &mut layer, Plain::forward);
        time(&mut group, BenchmarkId::new("step", batch), 2 * flop, &mut layer, Plain::step);
    }
    group.finish();
}

/// A step of A at 64 rows, and of layers that differ from it in one size.
fn growth(criterion: &mut Criterion) {
    let sizes: [(&str, [[usize; 4]; 5]); 4] = [
        ("batch", [8, 32, 64, 128, 512].map(|batch| [784, 10, 20, batch])),
        ("inputs", [98, 196, 392, 784, 1568].map(|inputs| [inputs, 10, 20, 64])),
        ("components", [5, 10, 20, 40, 80].map(|components| [784, 10, components, 64])),
        ("outputs", [5, 10, 20, 40, 80].map(|outputs| [784, outputs, 20, 64])),
    ];
    for (varied, (name, sizes)) in [3, 0, 2, 1].into_iter().zip(sizes) {
        let mut group = criterion.benchmark_group(format!("step by {name}"));
        for size in sizes {
            let [inputs, outputs, components, batch] = size;
            let mut layer = State::new(shape(inputs, outputs, components), batch).expect("the sizes fit");
            let flop = 2 * layer.flop();
            time(&mut group, BenchmarkId::from_parameter(size[varied]), flop, &mut layer, fits(State::step));
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500))
        .sample_size(20);
    targets = passes, equal_parameters, dense, on_matrixmultiply, growth
}
criterion_main!(benches);

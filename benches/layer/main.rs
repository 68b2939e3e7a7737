//! Criterion benches: forward, step, inference and ∂x of every configuration, the dense layers 784-1000-10, the
//! same layer written plainly on the crate matrixmultiply, and how the cost grows with each size.

#[allow(dead_code)] // the benches take their own sizes besides
#[path = "../../examples/speed/cases.rs"]
mod cases;
mod plain;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gmlayer::Shape;

/// Every configuration of the example `speed`.
fn configurations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("configurations");
    for mut case in cases::all().expect("the sizes fit") {
        group.throughput(Throughput::Elements(case.flop as u64));
        let name = format!("{}, {}", case.config, case.what);
        group.bench_function(BenchmarkId::new(name, case.batch), |bencher| bencher.iter(|| (case.run)()));
    }
    group.finish();
}

/// A forward pass and the two products of a backward pass, each a call of a general matrix product.
fn on_matrixmultiply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("matrixmultiply");
    for batch in [1, 16, 64, 256, 1024] {
        let mut plain = plain::Plain::new(784, 10, 20, batch);
        group.throughput(Throughput::Elements(plain.flop() as u64));
        group.bench_function(BenchmarkId::new("forward", batch), |bencher| bencher.iter(|| plain.forward()));
        group.throughput(Throughput::Elements(2 * plain.flop() as u64));
        group.bench_function(BenchmarkId::new("step", batch), |bencher| bencher.iter(|| plain.step()));
    }
    group.finish();
}

/// One size at a time away from d = 784, L = 10, K = 20, B = 64.
fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("growth");
    let sizes = [
        ("inputs", [(98, 10, 20, 64), (196, 10, 20, 64), (392, 10, 20, 64), (1568, 10, 20, 64)]),
        ("outputs", [(784, 5, 20, 64), (784, 20, 20, 64), (784, 40, 20, 64), (784, 80, 20, 64)]),
        ("components", [(784, 10, 5, 64), (784, 10, 10, 64), (784, 10, 40, 64), (784, 10, 80, 64)]),
        ("batch", [(784, 10, 20, 8), (784, 10, 20, 32), (784, 10, 20, 128), (784, 10, 20, 512)]),
    ];
    for (name, sizes) in sizes {
        for (inputs, outputs, components, batch) in sizes {
            let shape = Shape::new(inputs, outputs, components).expect("the sizes fit");
            let cases = cases::mixture("A", shape, batch).expect("the sizes fit");
            for mut case in cases.into_iter().filter(|case| case.what == "step") {
                group.throughput(Throughput::Elements(case.flop as u64));
                let id = BenchmarkId::new(name, format!("{inputs}-{outputs}-{components}, batch {batch}"));
                group.bench_function(id, |bencher| bencher.iter(|| (case.run)()));
            }
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500)).sample_size(20);
    targets = configurations, on_matrixmultiply, growth
}
criterion_main!(benches);

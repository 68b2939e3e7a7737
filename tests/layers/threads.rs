//! The number of threads never changes a bit.

use gmlayer::Threads;

use super::case::{Case, Recipe, Step};
use super::layer::{MixtureLayer, Passes};

for_each_layer! {
    tests: any_number_of_threads_gives_the_same_bits, small_work_stays_on_one_thread;
}

/// Large enough to be worth four threads.
fn large<L: MixtureLayer>(batch: usize, form: usize) -> Case<L, f32> {
    let mut recipe = Recipe::<L>::new(L::new([131, 9, 7, 11], form), batch, 5);
    (recipe.exponents[5], recipe.zeros) = (-2.0, 0.4);
    recipe.build().convert(|value| value as f32)
}

/// h, all gradients, what a joined step with ∂x leaves, the parameters after one without, and h of the prepared layer.
type Results = ([Vec<f32>; 6], Step<f32>, [Vec<f32>; 4], Vec<f32>);

fn results<L: MixtureLayer>(case: &Case<L, f32>, threads: Option<&Threads>) -> Results {
    let step = |with_dx| case.descend([Some(0.1); 4], with_dx, threads);
    (case.outputs_on(threads), step(true), step(false).0, case.prepared_forward_on(threads))
}

fn any_number_of_threads_gives_the_same_bits<L: MixtureLayer>() {
    for (batch, form) in [(64, 0), (300, 2), (1100, 1), (2300, 3)] {
        let mut case = large::<L>(batch, form);
        // A row and a cotangent of unusual size.
        case.x[131 * 3] = 1e-30;
        case.g[9 * 5] = 1e15;
        // Rows that are out of range for the last component alone.
        for block in L::BETA {
            let last = case.layer.range(block, 6);
            case.parameters[block][last].iter_mut().for_each(|value| *value *= 1e-7);
        }
        let want = results(&case, None);
        assert!(want.0.iter().chain(&want.1.0).flatten().all(|value| value.is_finite()));
        for count in [1, 2, 3, 4, 7, 9] {
            let threads = Threads::new(count).unwrap();
            assert_eq!(threads.count(), count);
            assert_eq!(results(&case, Some(&threads)), want, "{count} threads, {batch} rows");
            assert_eq!(threads.run(|| results(&case, Some(&threads))), want, "from inside");
        }
    }
}

/// Scratch grows by what each part needs, and only where there are parts.
fn small_work_stays_on_one_thread<L: MixtureLayer>() {
    let threads = Threads::new(4).unwrap();
    let len = |case: &Case<L, f32>, threads: Option<&Threads>| {
        let (passes, batch) = (case.passes_on(threads), case.batch());
        [passes.scratch_len(batch), passes.prepared_scratch_len(batch)].map(Result::unwrap)
    };
    let (small, large) = (large(8, 0), large(1100, 0));
    assert_eq!(len(&small, Some(&threads)), len(&small, None));
    for (more, less) in len(&large, Some(&threads)).into_iter().zip(len(&large, None)) {
        assert!(more > less);
    }
}

//! The number of threads never changes a bit.

use gmlayer::Threads;
use gmlayer::joint::{JointMut, ParametersMut, Rates};

use super::joints::{All, Case, Recipe};

/// Large enough to be worth four threads.
fn large(batch: usize) -> Case<f32> {
    let mut case = Recipe::plain([131, 9, 7, 11, batch], 5);
    case.g.iter_mut().for_each(|g| *g *= 0.01);
    case.convert(|value| value as f32)
}

/// y, all gradients, and the parameters after a joined step.
fn results(case: &Case<f32>, threads: Option<&Threads>) -> (Vec<f32>, All<f32>, Vec<f32>) {
    let layer = match threads {
        Some(threads) => case.layer().with_threads(threads),
        None => case.layer(),
    };
    let buffers = |saved, scratch| [saved, scratch].map(|len: Result<usize, _>| vec![f32::NAN; len.unwrap()]);
    let [mut saved, mut scratch] = buffers(layer.saved_len(case.batch()), layer.scratch_len(case.batch()));
    let mut y = vec![f32::NAN; case.g.len()];
    layer.forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
    let mut all = All::zeros(case);
    let (gradients, dx) = all.targets();
    layer.backward(&case.x, &case.g, &saved, gradients, Some(dx), &mut scratch).unwrap();

    let mut flat = case.flat();
    flat.truncate(case.shape.parameter_count());
    let layer = JointMut::new(case.shape, ParametersMut::from_flat(case.shape, &mut flat).unwrap()).unwrap();
    let mut layer = match threads {
        Some(threads) => layer.with_threads(threads),
        None => layer,
    };
    let [mut saved, mut scratch] = buffers(layer.saved_len(case.batch()), layer.scratch_len(case.batch()));
    layer.as_joint().forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
    layer.descend(&case.x, &case.g, &saved, Rates::all(0.1), None, &mut scratch).unwrap();
    (y, all, flat)
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for batch in [64, 300, 1100] {
        let mut case = large(batch);
        // A row and a cotangent of unusual size.
        case.x[131 * 3] = 1e-30;
        case.g[9 * 5] = 1e15;
        // Rows that are out of range for the last component alone.
        case.c_b[131 * 11 * 6..].iter_mut().for_each(|c| *c *= 1e-7);
        case.mu_b[131 * 6..].iter_mut().for_each(|mu| *mu *= 1e-7);
        let want = results(&case, None);
        assert!(want.0.iter().chain(&want.2).all(|value| value.is_finite()));
        for count in [1, 2, 3, 4, 7, 9] {
            let threads = Threads::new(count).unwrap();
            assert_eq!(results(&case, Some(&threads)), want, "{count} threads, {batch} rows");
            assert_eq!(threads.run(|| results(&case, Some(&threads))), want, "from inside");
        }
    }
}

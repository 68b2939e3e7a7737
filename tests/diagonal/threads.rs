//! The number of threads never changes a bit.

use gmlayer::Threads;
use gmlayer::diagonal::{Diagonal, DiagonalMut, Gradients, ParametersMut, Rates};

use super::layers::{All, Case, FORMS, Recipe};

/// Large enough to be worth four threads.
fn large(batch: usize) -> Case<f32> {
    let recipe = Recipe {
        inputs: 131,
        outputs: 9,
        components: 7,
        batch,
        seed: 5,
        exponents: [0.0, 0.0, 0.0, 0.0, 0.0, -2.0],
        zeros: 0.4,
        form: FORMS[1],
    };
    recipe.build().convert(|value| value as f32)
}

/// y, all gradients, and the parameters after a joined step.
fn results<'a>(case: &'a Case<f32>, threads: Option<&'a Threads>) -> (Vec<f32>, All<f32>, [Vec<f32>; 4]) {
    let on = |layer: Diagonal<'a, f32>| match threads {
        Some(threads) => layer.with_threads(threads),
        None => layer,
    };
    let layer = on(case.layer());
    let mut saved = vec![f32::NAN; layer.saved_len(case.batch()).unwrap()];
    let mut scratch = vec![f32::NAN; layer.scratch_len(case.batch()).unwrap()];
    let mut y = vec![f32::NAN; case.g.len()];
    layer.forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
    let zeros = |len: usize| vec![0.0; len];
    let mut all = All {
        mu: zeros(case.mu.len()),
        sigma: zeros(case.sigma.len()),
        u: zeros(case.u.len()),
        v: zeros(case.v.len()),
        x: vec![f32::NAN; case.x.len()],
    };
    let gradients = Gradients {
        mu: Some(&mut all.mu),
        sigma: Some(&mut all.sigma),
        u: Some(&mut all.u),
        v: Some(&mut all.v),
    };
    layer.backward(&case.x, &case.g, &saved, gradients, Some(&mut all.x), &mut scratch).unwrap();

    let mut blocks = [case.mu.clone(), case.sigma.clone(), case.u.clone(), case.v.clone()];
    let [mu, sigma, u, v] = &mut blocks;
    let layer = DiagonalMut::new(case.shape, ParametersMut { mu, sigma, u, v }).unwrap();
    let mut layer = match threads {
        Some(threads) => layer.with_threads(threads),
        None => layer,
    };
    let mut saved = vec![f32::NAN; layer.saved_len(case.batch()).unwrap()];
    let mut scratch = vec![f32::NAN; layer.scratch_len(case.batch()).unwrap()];
    layer.as_diagonal().forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
    layer.descend(&case.x, &case.g, &saved, Rates::all(0.1), None, &mut scratch).unwrap();
    (y, all, blocks)
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for batch in [64, 300, 1100] {
        let mut case = large(batch);
        // A row and a cotangent that go by themselves.
        case.x[131 * 3] = 1e-30;
        case.g[9 * 5] = 1e15;
        // Rows that are out of range for the last component alone.
        case.sigma[131 * 6..].iter_mut().for_each(|sigma| *sigma *= 1e-7);
        case.mu[131 * 6..].iter_mut().for_each(|mu| *mu *= 1e-7);
        let want = results(&case, None);
        assert!(want.0.iter().all(|y| y.is_finite()));
        for count in [1, 2, 3, 4, 7, 9] {
            let threads = Threads::new(count).unwrap();
            assert_eq!(threads.count(), count);
            assert_eq!(results(&case, Some(&threads)), want, "{count} threads, {batch} rows");
            assert_eq!(threads.run(|| results(&case, Some(&threads))), want, "from inside");
        }
    }
}

/// Scratch grows by what each part needs, and only where there are parts.
#[test]
fn small_work_stays_on_one_thread() {
    let threads = Threads::new(4).unwrap();
    let (small, large) = (large(8), large(1100));
    let len = |case: &Case<f32>, layer: Diagonal<'_, f32>| layer.scratch_len(case.batch()).unwrap();
    assert_eq!(len(&small, small.layer().with_threads(&threads)), len(&small, small.layer()));
    assert!(len(&large, large.layer().with_threads(&threads)) > len(&large, large.layer()));
}

//! The step that is joined with the backward pass, against the two one after the other.

use gmlayer::joint::{JointMut, Online, ParametersMut, Rates};
use gmlayer::{Error, Real};
use proptest::prelude::*;

use super::joints::{Case, Recipe, recipes};

/// The parameters after one joined step, and ∂x.
fn joined<T: Real>(case: &Case<T>, rates: Rates<T>, with_dx: bool) -> ([Vec<T>; 4], Vec<T>) {
    let mut blocks = [case.mu_w.clone(), case.c_w.clone(), case.mu_b.clone(), case.c_b.clone()];
    let [mu_w, c_w, mu_b, c_b] = &mut blocks;
    let layer = JointMut::new(case.shape, ParametersMut { mu_w, c_w, mu_b, c_b }).unwrap();
    let mut layer = layer.with_scale(case.scale);
    let buffers = [layer.saved_len(case.batch()), layer.scratch_len(case.batch())];
    let [mut saved, mut scratch] = buffers.map(|len| vec![T::from_f64(f64::NAN); len.unwrap()]);
    let mut y = vec![T::zero(); case.g.len()];
    layer.as_joint().forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
    assert_eq!(y, case.forward(), "the same forward pass");
    let mut dx = vec![T::from_f64(f64::NAN); case.x.len()];
    let wanted = with_dx.then_some(&mut dx[..]);
    layer.descend(&case.x, &case.g, &saved, rates, wanted, &mut scratch).unwrap();
    (blocks, dx)
}

/// Every parameter of the joined step is that of the two steps up to `allowed` times the size of its terms.
fn check(case: &Case<f64>, rates: Rates<f64>, allowed: f64) {
    let all = case.backward();
    let (got, dx) = joined(case, rates, true);
    assert_eq!(dx, all.x, "∂x is that of the backward pass");
    let old = [&case.mu_w, &case.c_w, &case.mu_b, &case.c_b];
    let rates_of = [rates.mu_w, rates.c_w, rates.mu_b, rates.c_b];
    for (index, (name, gradient)) in all.blocks().into_iter().take(4).enumerate() {
        let Some(rate) = rates_of[index] else {
            assert_eq!(&got[index], old[index], "{name} is frozen");
            continue;
        };
        let size = old[index].iter().chain(gradient).fold(0.0_f64, |size, x| size.max(x.abs()));
        for ((got, old), gradient) in got[index].iter().zip(old[index]).zip(gradient) {
            let want = old - rate * gradient;
            assert!((got - want).abs() <= allowed * (1.0 + rate) * size, "{name}: {got} against {want}");
        }
    }
    assert_eq!(joined(case, rates, false).0, got, "with or without ∂x");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_joined_step_is_the_two(recipe in recipes(), frozen in any::<[bool; 4]>(), rate in 0.01..2.0_f64) {
        let of = |block: usize, rate: f64| (!frozen[block]).then_some(rate);
        let rates =
            Rates { mu_w: of(0, rate), c_w: of(1, rate), mu_b: of(2, 3.0 * rate), c_b: of(3, 0.5 * rate) };
        check(&recipe.build(), rates, 1e-13);
    }
}

/// Several groups of rows, sizes that fill no vector, rows of unusual size and components that go row by row.
#[test]
fn several_groups_and_extreme_sizes() {
    for batch in [7, 61, 64, 65, 255, 256, 257, 300, 520, 1024, 1025, 1100] {
        let mut case = Recipe::plain([19, 5, 3, 4, batch], 3);
        check(&case, Rates::all(0.1), 1e-13);
        // A row of unusual size, with a cotangent that brings it back.
        let row = batch / 2;
        case.x[row * 19..][..19].iter_mut().for_each(|x| *x *= 1e60);
        case.g[row * 5..][..5].iter_mut().for_each(|g| *g *= 1e-60);
        check(&case, Rates::all(0.1), 1e-13);
        // All rows of a component by themselves.
        case.c_w[0] = 1e60;
        check(&case, Rates { c_w: None, ..Rates::all(1e-3) }, 1e-13);
    }
}

/// One sample at a time is a batch of one row, to the bit.
#[test]
fn online_is_a_batch_of_one_row() {
    for seed in 0..6 {
        let case = Recipe::plain([5, 3, 4, 2, 1], seed);
        let rates = Rates { c_w: None, ..Rates::all(0.3) };
        let mut flat = case.flat();
        flat.truncate(case.shape.parameter_count());
        let mut scratch = vec![f64::NAN; Online::<f64>::scratch_len(case.shape)];
        let mut y = vec![f64::NAN; 3];
        let mut online = Online::new(case.shape, &mut flat).unwrap().with_scale(case.scale);
        online.forward(&case.x, &mut y, &mut scratch).unwrap();
        assert_eq!(y, case.forward());
        scratch.fill(f64::NAN);
        online.step(&case.x, &case.g, &rates, &mut scratch).unwrap();
        assert_eq!(online.parameters(), joined(&case, rates, false).0.concat());

        let length = |argument, expected| Error::Length { argument, expected, got: 1 };
        assert_eq!(online.forward(&[1.0], &mut y, &mut scratch), Err(length("x", 5)));
        assert_eq!(online.step(&case.x, &[1.0], &rates, &mut scratch), Err(length("g", 3)));
        let short = online.step(&case.x, &case.g, &rates, &mut scratch[1..]);
        assert!(matches!(short, Err(Error::Buffer { argument: "scratch", .. })));
        assert!(matches!(Online::new(case.shape, &mut [0.0]), Err(Error::Length { .. })));
    }
}

#[test]
fn wrong_lengths_are_named_and_nothing_is_written() {
    let case = Recipe::plain([3, 2, 2, 2, 9], 1);
    let mut flat = case.flat();
    flat.truncate(case.shape.parameter_count());
    let before = flat.clone();
    let parameters = ParametersMut::from_flat(case.shape, &mut flat).unwrap();
    let error = JointMut::new(case.shape, ParametersMut { c_b: &mut [0.0; 11], ..parameters }).unwrap_err();
    assert_eq!(error, Error::Length { argument: "c_b", expected: 12, got: 11 });

    let parameters = ParametersMut::from_flat(case.shape, &mut flat).unwrap();
    let mut layer = JointMut::new(case.shape, parameters).unwrap();
    let (saved, len) = (vec![0.0; layer.saved_len(9).unwrap()], layer.scratch_len(9).unwrap());
    let mut scratch = vec![0.0; len];
    let mut descend = |x: &[f64], g: &[f64], dx: Option<&mut [f64]>, scratch: &mut [f64]| {
        layer.descend(x, g, &saved, Rates::all(1.0), dx, scratch).unwrap_err()
    };
    let rows = Error::Rows { argument: "x", row: 3, got: 26 };
    assert_eq!(descend(&case.x[1..], &case.g, None, &mut scratch), rows);
    let length = |argument, expected, got| Error::Length { argument, expected, got };
    assert_eq!(descend(&case.x, &case.g[1..], None, &mut scratch), length("g", 18, 17));
    assert_eq!(descend(&case.x, &case.g, Some(&mut [0.0; 26]), &mut scratch), length("dx", 27, 26));
    let short = Error::Buffer { argument: "scratch", expected: len, got: len - 1 };
    assert_eq!(descend(&case.x, &case.g, None, &mut scratch[1..]), short);
    assert_eq!(flat, before);
}

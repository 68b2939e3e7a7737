//! The step that is joined with the backward pass, against the two one after the other.

use gmlayer::diagonal::Form;
use gmlayer::diagonal::{DiagonalMut, ParametersMut, Rates};
use gmlayer::{Error, Real};
use proptest::prelude::*;

use super::layers::{Case, Recipe, recipes};

/// The parameters after one step, ∂x, and the step's largest terms of each block.
type Step<T> = ([Vec<T>; 4], Vec<T>);

/// The joined step.
fn joined<T: Real>(case: &Case<T>, rates: Rates<T>, with_dx: bool) -> Step<T> {
    let mut blocks = [case.mu.clone(), case.sigma.clone(), case.u.clone(), case.v.clone()];
    let [mu, sigma, u, v] = &mut blocks;
    let layer = DiagonalMut::new(case.shape, ParametersMut { mu, sigma, u, v }).unwrap();
    let mut layer = layer.with_form(case.form);
    let nans = |len| vec![T::from_f64(f64::NAN); len];
    let mut saved = nans(layer.saved_len(case.batch()).unwrap());
    let mut scratch = nans(layer.scratch_len(case.batch()).unwrap());
    let mut y = vec![T::zero(); case.g.len()];
    layer.as_diagonal().forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
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
    let old = [&case.mu, &case.sigma, &case.u, &case.v];
    let rates_of = [rates.mu, rates.sigma, rates.u, rates.v];
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
        let rates = Rates { mu: of(0, rate), sigma: of(1, 3.0 * rate), u: of(2, rate), v: of(3, 0.5 * rate) };
        check(&recipe.build(), rates, 1e-13);
    }
}

/// Several groups of rows, sizes that fill no vector, and rows that go by themselves among them.
#[test]
fn several_groups_and_rows_by_themselves() {
    for batch in [1, 2, 7, 61, 64, 65, 255, 256, 257, 300, 520] {
        let recipe = Recipe {
            inputs: 19,
            outputs: 5,
            components: 3,
            batch,
            seed: 3,
            exponents: [0.0; 6],
            zeros: 0.3,
            form: Form::default(),
        };
        let mut case = recipe.build();
        check(&case, Rates::all(0.1), 1e-13);
        // An input beyond the ordinary, with a cotangent that brings it back.
        let row = batch / 2;
        case.x[row * 19..][..19].iter_mut().for_each(|x| *x *= 1e60);
        case.g[row * 5..][..5].iter_mut().for_each(|g| *g *= 1e-60);
        check(&case, Rates::all(0.1), 1e-13);
        // All rows by themselves.
        case.v[0] = 1e60;
        check(&case, Rates { v: None, ..Rates::all(1e-3) }, 1e-13);
    }
}

/// A single row, whose ∂U is never written out, steps to the bits of the gradient that is: with numbers near 1, with
/// small ones and with large ones.
#[test]
fn one_row_steps_to_the_bits_of_its_gradient() {
    for (inputs, outputs, scale) in
        [(19, 5, 1.0), (64, 10, 1.0), (33, 1, 1e-70), (16, 3, 1e-150), (19, 5, 1e100)]
    {
        let recipe = Recipe {
            inputs,
            outputs,
            components: 3,
            batch: 1,
            seed: 5,
            exponents: [0.0; 6],
            zeros: 0.3,
            form: Form::default(),
        };
        let mut case = recipe.build();
        case.x.iter_mut().step_by(2).for_each(|x| *x *= scale);
        let all = case.backward();
        let old = [&case.mu, &case.sigma, &case.u, &case.v];
        for frozen in 0..16 {
            let of = |block: u32, rate: f64| (frozen & (1 << block) == 0).then_some(rate);
            let rates = Rates { mu: of(0, 0.3), sigma: of(1, 0.1), u: of(2, 0.7), v: of(3, 0.2) };
            let (got, _) = joined(&case, rates, false);
            let rates = [rates.mu, rates.sigma, rates.u, rates.v];
            for (index, (name, gradient)) in all.blocks().into_iter().take(4).enumerate() {
                let want =
                    |(&old, &gradient): (&f64, &f64)| rates[index].map_or(old, |rate| old - rate * gradient);
                let want: Vec<f64> = old[index].iter().zip(gradient).map(want).collect();
                assert_eq!(got[index], want, "{name} of {inputs} inputs times {scale}");
            }
        }
    }
}

#[test]
fn wrong_lengths_are_named_and_nothing_is_written() {
    let recipe = Recipe {
        inputs: 3,
        outputs: 2,
        components: 2,
        batch: 9,
        seed: 1,
        exponents: [0.0; 6],
        zeros: 0.0,
        form: Form::default(),
    };
    let case = recipe.build();
    let mut blocks = [case.mu.clone(), case.sigma.clone(), case.u.clone(), case.v.clone()];
    let [mu, sigma, u, v] = &mut blocks;
    let error = DiagonalMut::new(case.shape, ParametersMut { mu: &mut mu[1..], sigma, u, v }).unwrap_err();
    assert_eq!(error, Error::Length { argument: "mu", expected: 6, got: 5 });

    let mut layer = DiagonalMut::new(case.shape, ParametersMut { mu, sigma, u, v }).unwrap();
    let (saved, mut scratch) =
        (vec![0.0; layer.saved_len(9).unwrap()], vec![0.0; layer.scratch_len(9).unwrap()]);
    let short = |argument, expected| Error::Buffer { argument, expected, got: expected - 1 };
    let (saved_short, scratch_short) = (short("saved", saved.len()), short("scratch", scratch.len()));
    let mut descend = |x: &[f64], g: &[f64], dx: Option<&mut [f64]>, saved: &[f64], scratch: &mut [f64]| {
        layer.descend(x, g, saved, Rates::all(1.0), dx, scratch).unwrap_err()
    };
    assert_eq!(
        descend(&case.x[1..], &case.g, None, &saved, &mut scratch),
        Error::Rows { argument: "x", row: 3, got: 26 }
    );
    let length = |argument, expected, got| Error::Length { argument, expected, got };
    assert_eq!(descend(&case.x, &case.g[1..], None, &saved, &mut scratch), length("g", 18, 17));
    assert_eq!(descend(&case.x, &case.g, Some(&mut [0.0; 26]), &saved, &mut scratch), length("dx", 27, 26));
    assert_eq!(descend(&case.x, &case.g, None, &saved[1..], &mut scratch), saved_short);
    assert_eq!(descend(&case.x, &case.g, None, &saved, &mut scratch[1..]), scratch_short);
    assert_eq!(blocks, [case.mu, case.sigma, case.u, case.v]);
}

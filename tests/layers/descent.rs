//! The step that is joined with the backward pass, against the two one after the other.

use proptest::prelude::*;

use super::case::{Case, Recipe, recipes};
use super::layer::MixtureLayer;

for_each_layer! {
    tests: several_groups_and_rows_by_themselves;
    properties with ProptestConfig::with_cases(200) =>
        the_joined_step_is_the_two(recipe in recipes::<L>(), frozen in any::<[bool; 4]>(), rate in 0.01..2.0_f64);
}

/// Every parameter of the joined step is that of the two steps up to 10⁻¹³ times the size of its terms.
fn check<L: MixtureLayer>(case: &Case<L, f64>, rates: [Option<f64>; 4]) {
    let [gradients @ .., of_x] = case.backward();
    let (got, dx) = case.descend(rates, true, None);
    assert_eq!(dx, of_x, "∂x is that of the backward pass");
    for (block, old) in case.parameters.iter().enumerate() {
        let (got, gradient, name) = (&got[block], &gradients[block], L::NAMES[block]);
        let Some(rate) = rates[block] else {
            assert_eq!(got, old, "{name} is frozen");
            continue;
        };
        let size = old.iter().chain(gradient).fold(0.0_f64, |size, x| size.max(x.abs()));
        for ((got, old), gradient) in got.iter().zip(old).zip(gradient) {
            let want = old - rate * gradient;
            assert!((got - want).abs() <= 1e-13 * (1.0 + rate) * size, "{name}: {got} against {want}");
        }
    }
    assert_eq!(case.descend(rates, false, None).0, got, "with or without ∂x");
}

fn the_joined_step_is_the_two<L: MixtureLayer>(
    recipe: Recipe<L>,
    frozen: [bool; 4],
    rate: f64,
) -> Result<(), TestCaseError> {
    let of = |block: usize, rate: f64| (!frozen[block]).then_some(rate);
    check(&recipe.build(), [of(0, rate), of(1, 3.0 * rate), of(2, rate), of(3, 0.5 * rate)]);
    Ok(())
}

/// Several groups of rows, sizes that fill no vector, rows of unusual size and components that go row by row.
fn several_groups_and_rows_by_themselves<L: MixtureLayer>() {
    for batch in [1, 2, 7, 61, 64, 65, 255, 256, 257, 300, 520, 1024, 1025, 1100] {
        for zeros in [0.0, 0.3] {
            let recipe = Recipe::new(L::new([19, 5, 3, 4], 0), batch, 3);
            let mut case = Recipe { zeros, ..recipe }.build();
            check(&case, [Some(0.1); 4]);
            // A row of unusual size, with a cotangent that brings it back.
            let row = batch / 2;
            case.x[row * 19..][..19].iter_mut().for_each(|x| *x *= 1e60);
            case.g[row * 5..][..5].iter_mut().for_each(|g| *g *= 1e-60);
            check(&case, [Some(0.1); 4]);
            // All rows of a component by themselves.
            let large = L::OMEGA[1];
            case.parameters[large][0] = 1e60;
            let mut rates = [Some(1e-3); 4];
            rates[large] = None;
            check(&case, rates);
        }
    }
}

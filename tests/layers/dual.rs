//! Dual numbers through the same generic code: the exact Jacobian-vector product.

use approx::{assert_abs_diff_eq, assert_abs_diff_ne};
use gmlayer::{Dual, Real};
use proptest::prelude::*;

use super::case::{Case, Recipe, product, recipes};
use super::layer::MixtureLayer;

for_each_layer! {
    tests: a_wrong_gradient_is_seen, inputs_of_every_size;
    properties with ProptestConfig::with_cases(1000) =>
        adjoint_identity_for_every_block(recipe in recipes::<L>(), signs in any::<u64>());
}

/// ⟨g, J t⟩ by dual numbers for a direction t in one block alone.
fn along<L: MixtureLayer>(case: &Case<L, f64>, block: usize, direction: &[f64]) -> f64 {
    let mut dual = case.convert(Dual::constant);
    for (value, &rate) in dual.block_mut(block).iter_mut().zip(direction) {
        value.derivative = rate;
    }
    dual.forward().iter().zip(&case.g).map(|(y, g)| y.derivative * g).sum()
}

fn adjoint_identity_for_every_block<L: MixtureLayer>(
    recipe: Recipe<L>,
    signs: u64,
) -> Result<(), TestCaseError> {
    let case = recipe.build();
    let allowed = L::ADJOINT_ROUNDINGS * f64::EPSILON * case.majorant();
    for (block, gradient) in case.backward().iter().enumerate() {
        // Directions of the block's own entries, with signs: then the majorant bounds every term.
        let entries = case.blocks()[block].iter().enumerate();
        let direction: Vec<f64> =
            entries.map(|(i, value)| if (signs >> (i % 64)) & 1 == 1 { -value } else { *value }).collect();
        let (there, back) = (along(&case, block, &direction), product(gradient, &direction));
        prop_assert!(
            (there - back).abs() <= allowed,
            "{}: ⟨g, Jt⟩ = {there}, ⟨t, Jᵀg⟩ = {back}, allowed {allowed}",
            L::NAMES[block]
        );
    }
    Ok(())
}

/// The witness is no tautology: a gradient with a sign turned fails it.
fn a_wrong_gradient_is_seen<L: MixtureLayer>() {
    let case = Recipe::<L>::plain([5, 3, 2, 3, 2], 1);
    for (block, mut gradient) in case.backward().into_iter().enumerate() {
        let direction = case.blocks()[block];
        let there = along(&case, block, direction);
        assert_abs_diff_eq!(there, product(&gradient, direction), epsilon = 1e-12);
        gradient[0] = -gradient[0];
        assert_abs_diff_ne!(there, product(&gradient, direction), epsilon = 1e-6);
    }
}

/// h(λx) = λh(x) for λ > 0, so that ∂x is the same at inputs of every size.
fn inputs_of_every_size<L: MixtureLayer>() {
    for (inputs, batch) in [(1, 1), (3, 1), (9, 2), (3, 9)] {
        let case = Recipe::<L>::plain([inputs, 2, 2, 3, batch], 3);
        let [.., want] = case.backward();
        for power in (-120..=100).step_by(20) {
            let mut dual = case.convert(|value| Dual::constant(value as f32));
            dual.x.iter_mut().for_each(|x| *x = x.times_power_of_two(power));
            for (i, want) in want.iter().enumerate() {
                dual.x[i].derivative = 1.0;
                let products =
                    dual.forward().into_iter().zip(&case.g).map(|(h, g)| f64::from(h.derivative) * g);
                let got: f64 = products.sum();
                assert!((got - want).abs() < 1e-5, "{inputs} × {batch}, 2^{power}: {got} against {want}");
                dual.x[i].derivative = 0.0;
            }
        }
    }
}

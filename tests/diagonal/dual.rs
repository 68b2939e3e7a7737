//! Dual numbers through the same generic code: the exact Jacobian-vector product.

use gmlayer::diagonal::Form;
use gmlayer::{Dual, Real};
use proptest::prelude::*;

use super::layers::{Case, recipes};
use super::majorant::majorant;

/// One block of a case, by name.
type Block = (&'static str, fn(&mut Case<Dual<f64>>) -> &mut Vec<Dual<f64>>);

/// ⟨g, J t⟩ by dual numbers for a direction t in one block alone; and ⟨t, Jᵀg⟩ from the backward pass.
fn both_sides(case: &Case<f64>, block: Block, of_block: &[f64], direction: &[f64]) -> (f64, f64) {
    let mut dual = case.convert(Dual::constant);
    for (value, &rate) in block.1(&mut dual).iter_mut().zip(direction) {
        value.derivative = rate;
    }
    let forward: f64 = dual.forward().iter().zip(&case.g).map(|(y, g)| y.derivative * g).sum();
    let backward = of_block.iter().zip(direction).map(|(a, b)| a * b).sum();
    (forward, backward)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn adjoint_identity_for_every_block(recipe in recipes(), turn in any::<u64>()) {
        let case = recipe.build();
        let all = case.backward();
        let blocks: [Block; 5] = [
            ("mu", |case| &mut case.mu),
            ("sigma", |case| &mut case.sigma),
            ("u", |case| &mut case.u),
            ("v", |case| &mut case.v),
            ("x", |case| &mut case.x),
        ];
        for (block, (name, of_block)) in blocks.into_iter().zip(all.blocks()) {
            // Directions of the block's own entries, with signs: then the majorant bounds every term.
            let mut dual = case.convert(Dual::constant);
            let direction: Vec<f64> = block.1(&mut dual)
                .iter()
                .enumerate()
                .map(|(i, value)| if (turn >> (i % 64)) & 1 == 1 { -value.value } else { value.value })
                .collect();
            let (forward, backward) = both_sides(&case, block, of_block, &direction);
            let allowed = 32.0 * f64::EPSILON * majorant(&case);
            prop_assert!(
                (forward - backward).abs() <= allowed,
                "{name}: ⟨g, Jt⟩ = {forward}, ⟨t, Jᵀg⟩ = {backward}, allowed {allowed}"
            );
        }
    }
}

/// The witness is no tautology: a gradient with a sign turned fails it.
#[test]
fn a_wrong_gradient_is_seen() {
    let recipe = super::layers::Recipe {
        inputs: 5,
        outputs: 3,
        components: 2,
        batch: 2,
        seed: 1,
        exponents: [0.0; 6],
        zeros: 0.0,
        form: Form::default(),
    };
    let case = recipe.build();
    let mut of_sigma = case.backward().sigma;
    let (forward, backward) = both_sides(&case, ("sigma", |case| &mut case.sigma), &of_sigma, &case.sigma);
    assert!((forward - backward).abs() < 1e-12);
    of_sigma[0] = -of_sigma[0];
    let (forward, backward) = both_sides(&case, ("sigma", |case| &mut case.sigma), &of_sigma, &case.sigma);
    assert!((forward - backward).abs() > 1e-6);
    assert!(Dual::constant(1.0).value.is_finite());
}

//! Dual numbers through the same generic code: the exact Jacobian-vector product.

use gmlayer::{Dual, Real};
use proptest::prelude::*;

use super::joints::{Case, Recipe, majorant, product, recipes};

/// One block of a case, by name.
type Block = (&'static str, fn(&mut Case<Dual<f64>>) -> &mut Vec<Dual<f64>>);

const BLOCKS: [Block; 5] = [
    ("mu_w", |case| &mut case.mu_w),
    ("c_w", |case| &mut case.c_w),
    ("mu_b", |case| &mut case.mu_b),
    ("c_b", |case| &mut case.c_b),
    ("x", |case| &mut case.x),
];

/// ⟨g, J t⟩ by dual numbers for a direction t in one block alone.
fn forward(case: &Case<f64>, block: Block, direction: &[f64]) -> f64 {
    let mut dual = case.convert(Dual::constant);
    for (value, &rate) in block.1(&mut dual).iter_mut().zip(direction) {
        value.derivative = rate;
    }
    dual.forward().iter().zip(&case.g).map(|(y, g)| y.derivative * g).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(700))]

    #[test]
    fn adjoint_identity_for_every_block(recipe in recipes(), signs in any::<u64>()) {
        let case = recipe.build();
        let all = case.backward();
        for (block, (name, gradient)) in BLOCKS.into_iter().zip(all.blocks()) {
            // Directions of the block's own entries, with signs: then the majorant bounds every term.
            let mut dual = case.convert(Dual::constant);
            let direction: Vec<f64> = block.1(&mut dual)
                .iter()
                .enumerate()
                .map(|(i, value)| if (signs >> (i % 64)) & 1 == 1 { -value.value } else { value.value })
                .collect();
            let (there, back) = (forward(&case, block, &direction), product(gradient, &direction));
            // Such a direction may move q far where q itself cancels: |δq| is bounded by Σ|c x| alone.
            let allowed = 64.0 * f64::EPSILON * majorant(&case);
            prop_assert!((there - back).abs() <= allowed, "{name}: {there} against {back}, allowed {allowed}");
        }
    }
}

/// The witness is no tautology: a gradient with a sign turned fails it.
#[test]
fn a_wrong_gradient_is_seen() {
    let case = Recipe::plain([5, 3, 2, 3, 2], 1);
    let mut d_c_b = case.backward().c_b;
    let there = forward(&case, BLOCKS[3], &case.c_b);
    assert!((there - product(&d_c_b, &case.c_b)).abs() < 1e-12);
    d_c_b[0] = -d_c_b[0];
    assert!((there - product(&d_c_b, &case.c_b)).abs() > 1e-6);
}

/// h(λx) = λh(x) for λ > 0, so that ∂x is the same at inputs of every size.
#[test]
fn inputs_of_every_size() {
    for (inputs, batch) in [(1, 1), (3, 1), (9, 2), (3, 9)] {
        let case = Recipe::plain([inputs, 2, 2, 3, batch], 3);
        let want = case.backward().x;
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

//! Dual numbers through the same generic code: the exact Jacobian-vector product.

use gmlayer::diagonal::Form;
use gmlayer::{Dual, Real, Shape};
use proptest::prelude::*;

use super::layers::{Case, Recipe, recipes};
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
    let recipe = Recipe {
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

/// d = L = K = 1, U = σ = 1.
fn one_by_one<T: Real>(mu: f64, x: f64, v: f64) -> Case<T> {
    let one = |value| vec![T::from_f64(value)];
    let shape = Shape::new(1, 1, 1).unwrap();
    let form = Form::default();
    Case { shape, form, mu: one(mu), sigma: one(1.0), u: one(1.0), v: one(v), x: one(x), g: one(1.0) }
}

/// h = μ r + σ²x p at μ = 0, σ = x = 1: ∂h/∂μ = r + μ p + x φ = 2φ(0).
#[test]
fn a_mean_of_zero() {
    let mut case = one_by_one::<Dual<f64>>(0.0, 1.0, 0.0);
    case.mu[0].derivative = 1.0;
    let of_mu = case.forward()[0].derivative;
    assert!((of_mu - 0.797_884_560_802_865_4).abs() < 1e-15, "{of_mu}");
    assert_eq!(of_mu, one_by_one::<f64>(0.0, 1.0, 0.0).backward().mu[0]);
}

/// h is linear in x > 0 here, with the slope μ(μΦ(μ) + φ(μ)) + Φ(μ) + v(μΦ(μ) + φ(μ)) at μ = 1/2.
#[test]
fn inputs_of_ten_to_the_minus_twenty() {
    let mut case = one_by_one::<Dual<f32>>(0.5, 1e-20, 0.25);
    case.x[0].derivative = 1.0;
    let of_x = f64::from(case.forward()[0].derivative);
    assert!((of_x / 1.214_809_879_324_992_6 - 1.0).abs() < 1e-6, "{of_x}");
}

/// h(λx) = λh(x) for λ > 0, so that ∂x is the same at inputs of every size.
#[test]
fn inputs_of_every_size() {
    let exponents = [0.0; 6];
    for (inputs, batch) in [(1, 1), (3, 1), (9, 2), (3, 9)] {
        let form = Form::default();
        let recipe =
            Recipe { inputs, outputs: 2, components: 2, batch, seed: 3, exponents, zeros: 0.0, form };
        let case = recipe.build();
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

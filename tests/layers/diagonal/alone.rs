//! What holds for the diagonal layer alone.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use gmlayer::{Dual, Real};

use super::DiagonalLayer;
use crate::budget::BAR;
use crate::case::{Case, Recipe};
use crate::layer::MixtureLayer;

/// d = L = K = 1, U = σ = 1.
fn one_by_one<T: Real>(mu: f64, x: f64, v: f64) -> Case<DiagonalLayer, T> {
    let one = |value| vec![T::from_f64(value)];
    let parameters = [one(mu), one(1.0), one(1.0), one(v)];
    Case { layer: DiagonalLayer::new([1; 4], 0), parameters, x: one(x), g: one(1.0) }
}

/// h = μ r + σ²x p at μ = 0, σ = x = 1: ∂h/∂μ = r + μ p + x φ = 2φ(0).
#[test]
fn a_mean_of_zero() {
    let mut case = one_by_one::<Dual<f64>>(0.0, 1.0, 0.0);
    case.parameters[0][0].derivative = 1.0;
    let of_mu = case.forward()[0].derivative;
    assert_abs_diff_eq!(of_mu, 0.797_884_560_802_865_4, epsilon = 1e-15);
    assert_eq!(of_mu, one_by_one::<f64>(0.0, 1.0, 0.0).backward()[0][0]);
}

/// h is linear in x > 0 here, with the slope μ(μΦ(μ) + φ(μ)) + Φ(μ) + v(μΦ(μ) + φ(μ)) at μ = 1/2.
#[test]
fn inputs_of_ten_to_the_minus_twenty() {
    let mut case = one_by_one::<Dual<f32>>(0.5, 1e-20, 0.25);
    case.x[0].derivative = 1.0;
    let of_x = f64::from(case.forward()[0].derivative);
    assert_relative_eq!(of_x, 1.214_809_879_324_992_6, epsilon = 0.0, max_relative = 1e-6);
}

/// σ² and s² of different sizes and a large cotangent: no product on the way to ∂x overflows.
#[test]
fn products_of_deviations_stay_in_range() {
    let mut case = Recipe::<DiagonalLayer>::plain([2, 16, 1, 1, 8], 0).convert(|x| x as f32);
    let large = 2.0_f32.powi(19);
    let [mu, sigma, u, v] = &mut case.parameters;
    mu.fill(0.0);
    sigma.copy_from_slice(&[large, 1.0]);
    u.fill(0.0);
    v.fill(large);
    case.g.fill(8000.0);
    for x in case.x.chunks_mut(2) {
        x.copy_from_slice(&[2.0_f32.powi(-40), 1.0]);
    }
    case.is_within(BAR).expect("every output is in range");
}

/// A single row, whose ∂U is never written out, steps to the bits of the gradient that is: with numbers near 1, with
/// small ones and with large ones.
#[test]
fn one_row_steps_to_the_bits_of_its_gradient() {
    for (inputs, outputs, scale) in
        [(19, 5, 1.0), (64, 10, 1.0), (33, 1, 1e-70), (16, 3, 1e-150), (19, 5, 1e100)]
    {
        let recipe = Recipe::new(DiagonalLayer::new([inputs, outputs, 3, 1], 0), 1, 5);
        let mut case = Recipe { zeros: 0.3, ..recipe }.build();
        case.x.iter_mut().step_by(2).for_each(|x| *x *= scale);
        let gradients = case.backward();
        for frozen in 0..16 {
            let of = |block: u32, rate: f64| (frozen & (1 << block) == 0).then_some(rate);
            let rates = [of(0, 0.3), of(1, 0.1), of(2, 0.7), of(3, 0.2)];
            let (got, _) = case.descend(rates, false, None);
            for (block, old) in case.parameters.iter().enumerate() {
                let step = |(&old, &gradient): (&f64, &f64)| match rates[block] {
                    Some(rate) => old - rate * gradient,
                    None => old,
                };
                let want: Vec<f64> = old.iter().zip(&gradients[block]).map(step).collect();
                assert_eq!(
                    got[block],
                    want,
                    "{} of {inputs} inputs times {scale}",
                    DiagonalLayer::NAMES[block]
                );
            }
        }
    }
}

//! The diagonal layer is a joint layer whose factors are built from (σ, U).

use proptest::prelude::*;

use super::case::{Case, recipes};
use super::diagonal::DiagonalLayer;
use super::joint::JointLayer;
use super::layer::MixtureLayer;

/// C = [U diag σ, N; diag σ, 0], μ_ω = Uμ + v (v in centred coordinates), μ_β = μ: a layer of rank d + L. The part N
/// of ω that is independent of β does nothing.
fn joint_of(case: &Case<DiagonalLayer, f64>) -> Case<JointLayer, f64> {
    let (d, outputs) = (case.layer.inputs(), case.layer.outputs());
    let (components, rank) = (case.layer.components(), d + outputs);
    let form = usize::from(case.layer.share() == 1.0);
    let layer = JointLayer::new([d, outputs, components, rank], form);
    let [mu, sigma, u, v] = &case.parameters;
    let [_, c_w_len, _, c_b_len] = layer.lengths();
    let (mut mu_w, mut c_w, mut c_b) = (v.clone(), vec![0.0; c_w_len], vec![0.0; c_b_len]);
    for k in 0..components {
        for i in 0..d {
            c_b[(k * rank + i) * d + i] = sigma[k * d + i];
        }
        for l in 0..outputs {
            let row = k * outputs + l;
            for i in 0..d {
                c_w[(k * rank + i) * outputs + l] = u[row * d + i] * sigma[k * d + i];
                mu_w[row] += case.layer.through_mean() * u[row * d + i] * mu[k * d + i];
            }
            for noise in d..rank {
                c_w[(k * rank + noise) * outputs + l] = v[row] + 0.5;
            }
        }
    }
    Case { layer, parameters: [mu_w, c_w, mu.clone(), c_b], x: case.x.clone(), g: case.g.clone() }
}

/// The gradients of the diagonal layer from those of its joint form, by the chain rule.
fn through(case: &Case<DiagonalLayer, f64>, gradients: [Vec<f64>; 5]) -> [Vec<f64>; 5] {
    let (d, outputs) = (case.layer.inputs(), case.layer.outputs());
    let rank = d + outputs;
    let [mu, sigma, u, _] = &case.parameters;
    let [d_mu_w, d_c_w, mut d_mu, d_c_b, d_x] = gradients;
    let (mut d_sigma, mut d_u) = (vec![0.0; sigma.len()], vec![0.0; u.len()]);
    for k in 0..case.layer.components() {
        for i in 0..d {
            d_sigma[k * d + i] = d_c_b[(k * rank + i) * d + i];
            for l in 0..outputs {
                let row = k * outputs + l;
                let of_factor = d_c_w[(k * rank + i) * outputs + l];
                let of_mean = case.layer.through_mean() * d_mu_w[row];
                d_u[row * d + i] = of_factor * sigma[k * d + i] + of_mean * mu[k * d + i];
                d_mu[k * d + i] += u[row * d + i] * of_mean;
                d_sigma[k * d + i] += u[row * d + i] * of_factor;
            }
        }
    }
    [d_mu, d_sigma, d_u, d_mu_w, d_x]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_joint_layer_of_a_diagonal_one_is_that_layer(recipe in recipes::<DiagonalLayer>()) {
        let case = recipe.build();
        let joint = joint_of(&case);
        let allowed = 16.0 * f64::EPSILON * case.majorant();
        let (got, want) = (joint.loss(), case.loss());
        prop_assert!((got - want).abs() <= allowed, "{got} against {want}, allowed {allowed}");
        let (got, want) = (through(&case, joint.backward()), case.backward());
        for (((name, got), want), block) in DiagonalLayer::NAMES.iter().zip(&got).zip(&want).zip(case.blocks()) {
            prop_assert_eq!(got.len(), want.len());
            for ((got, want), value) in got.iter().zip(want).zip(block) {
                // Each entry in units of its own share of the loss.
                let difference = ((got - want) * value).abs();
                prop_assert!(difference <= allowed, "{name}: {got} against {want}, allowed {allowed}");
            }
        }
    }
}

//! The diagonal layer is a joint layer whose factors are built from (σ, U).

use gmlayer::joint::JointShape;
use proptest::prelude::*;

use super::joints::{All, Case};
use super::layers::{self, recipes};
use super::majorant::majorant;

/// C = [U diag σ, N; diag σ, 0], μ_ω = Uμ + v (v in centred coordinates), μ_β = μ: a layer of rank d + L. The part N of ω that is independent
/// of β does nothing.
fn joint_of(case: &layers::Case<f64>) -> Case<f64> {
    let (d, outputs, components) = (case.shape.inputs(), case.shape.outputs(), case.shape.components());
    let rank = d + outputs;
    let shape = JointShape::new(d, outputs, components, rank).unwrap();
    let (mut mu_w, mut c_w, mut c_b) =
        (case.v.clone(), vec![0.0; shape.c_w_len()], vec![0.0; shape.c_b_len()]);
    for k in 0..components {
        for i in 0..d {
            c_b[(k * rank + i) * d + i] = case.sigma[k * d + i];
        }
        for l in 0..outputs {
            let row = k * outputs + l;
            for i in 0..d {
                let u = case.u[row * d + i];
                c_w[(k * rank + i) * outputs + l] = u * case.sigma[k * d + i];
                mu_w[row] += case.through_mean() * u * case.mu[k * d + i];
            }
            for noise in d..rank {
                c_w[(k * rank + noise) * outputs + l] = case.v[row] + 0.5;
            }
        }
    }
    let (mu_b, x, g) = (case.mu.clone(), case.x.clone(), case.g.clone());
    Case { shape, scale: case.form.scale, mu_w, c_w, mu_b, c_b, x, g }
}

/// The gradients of the diagonal layer from those of its joint form, by the chain rule.
fn through(case: &layers::Case<f64>, all: &All<f64>) -> layers::All<f64> {
    let (d, outputs, components) = (case.shape.inputs(), case.shape.outputs(), case.shape.components());
    let rank = d + outputs;
    let (mut mu, mut sigma, mut u) = (all.mu_b.clone(), vec![0.0; case.sigma.len()], vec![0.0; case.u.len()]);
    for k in 0..components {
        for i in 0..d {
            sigma[k * d + i] = all.c_b[(k * rank + i) * d + i];
            for l in 0..outputs {
                let row = k * outputs + l;
                let (d_mu_w, d_c_w) = (all.mu_w[row], all.c_w[(k * rank + i) * outputs + l]);
                let d_mean = case.through_mean() * d_mu_w;
                u[row * d + i] = d_c_w * case.sigma[k * d + i] + d_mean * case.mu[k * d + i];
                mu[k * d + i] += case.u[row * d + i] * d_mean;
                sigma[k * d + i] += case.u[row * d + i] * d_c_w;
            }
        }
    }
    layers::All { mu, sigma, u, v: all.mu_w.clone(), x: all.x.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_joint_layer_of_a_diagonal_one_is_that_layer(recipe in recipes()) {
        let case = recipe.build();
        let joint = joint_of(&case);
        let majorant = majorant(&case);
        let allowed = 16.0 * f64::EPSILON * majorant;
        let (got, want) = (joint.loss(), case.loss());
        prop_assert!((got - want).abs() <= allowed, "{got} against {want}, allowed {allowed}");
        let (got, want) = (through(&case, &joint.backward()), case.backward());
        let parameters = [&case.mu, &case.sigma, &case.u, &case.v, &case.x];
        for (((name, got), (_, want)), parameters) in got.blocks().into_iter().zip(want.blocks()).zip(parameters) {
            for ((got, want), parameter) in got.iter().zip(want).zip(parameters) {
                // Each entry in units of its own share of the loss.
                let difference = ((got - want) * parameter).abs();
                prop_assert!(difference <= allowed, "{name}: {got} against {want}, allowed {allowed}");
            }
        }
    }
}

//! The exact identities: they hold to rounding for every shape, scale and pattern of zeros.

use gmlayer::{Real, Scale};
use proptest::prelude::*;

use super::joints::{Case, majorant, product, recipes};

/// The identities that tie the gradients to ℓ, with `unit` the rounding unit of T.
fn gradients_reproduce_the_loss<T: Real>(case: &Case<T>, unit: f64) -> Result<(), TestCaseError> {
    let (loss, all) = (case.loss(), case.backward());
    let allowed = 8.0 * unit * majorant(case);
    for (name, got) in [
        ("⟨x, ∂x⟩", product(&case.x, &all.x)),
        ("⟨μ_ω, ∂μ_ω⟩ + ⟨C_ω, ∂C_ω⟩", product(&case.mu_w, &all.mu_w) + product(&case.c_w, &all.c_w)),
        ("⟨μ_β, ∂μ_β⟩ + ⟨C_β, ∂C_β⟩", product(&case.mu_b, &all.mu_b) + product(&case.c_b, &all.c_b)),
    ] {
        prop_assert!((got - loss).abs() <= allowed, "{name} = {got}, ℓ = {loss}, allowed {allowed}");
    }
    Ok(())
}

/// (CQ)(CQ)ᵀ = CCᵀ for every rotation Q, so that Cᵀ∂C is symmetric in each component.
fn rotations_change_nothing<T: Real>(case: &Case<T>, unit: f64) -> Result<(), TestCaseError> {
    let all = case.backward();
    let allowed = 32.0 * unit * majorant(case);
    let rank = case.shape.rank();
    for k in 0..case.shape.components() {
        // ⟨column a of C, column b of ∂C⟩.
        let along = |a: usize, b: usize| -> f64 {
            let of = |c: &[T], d_c: &[T]| -> f64 {
                let each = c.len() / case.shape.components() / rank;
                product(&c[(k * rank + a) * each..][..each], &d_c[(k * rank + b) * each..][..each])
            };
            of(&case.c_w, &all.c_w) + of(&case.c_b, &all.c_b)
        };
        for a in 0..rank {
            for b in 0..a {
                let (one, other) = (along(a, b), along(b, a));
                prop_assert!((one - other).abs() <= allowed, "{k}: {one} against {other}, allowed {allowed}");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn gradients_reproduce_the_loss_in_f64(recipe in recipes()) {
        gradients_reproduce_the_loss(&recipe.build(), f64::EPSILON / 2.0)?;
    }

    #[test]
    fn gradients_reproduce_the_loss_in_f32(recipe in recipes()) {
        gradients_reproduce_the_loss(&recipe.build().convert(|x| x as f32), f64::from(f32::EPSILON) / 2.0)?;
    }

    #[test]
    fn rotations_change_nothing_in_f64(recipe in recipes()) {
        rotations_change_nothing(&recipe.build(), f64::EPSILON / 2.0)?;
    }

    /// ReLU(z) = z/2 + |z|/2, so the odd part of h is linear: 1/K Σ [μ_ω m + C_ω q].
    #[test]
    fn odd_part_is_linear(recipe in recipes()) {
        let case = recipe.build();
        let mut mirrored = case.clone();
        mirrored.x.iter_mut().for_each(|x| *x = -*x);
        let (d, outputs, rank) = (case.shape.inputs(), case.shape.outputs(), case.shape.rank());
        let mut linear = 0.0;
        for (x, g) in case.x.chunks(d).zip(case.g.chunks(outputs)) {
            for k in 0..case.shape.components() {
                let m = product(&case.mu_b[k * d..][..d], x);
                linear += m * product(&case.mu_w[k * outputs..][..outputs], g);
                for r in 0..rank {
                    let q: f64 = (0..d).map(|i| case.c_b[(k * rank + r) * d + i] * x[i]).sum();
                    let e: f64 = (0..outputs).map(|l| case.c_w[(k * rank + r) * outputs + l] * g[l]).sum();
                    linear += q * e;
                }
            }
        }
        if case.scale == Scale::Mean {
            linear /= case.shape.components() as f64;
        }
        let odd = case.loss() - mirrored.loss();
        let allowed = 8.0 * f64::EPSILON * majorant(&case);
        prop_assert!((odd - linear).abs() <= allowed, "{odd} against {linear}, allowed {allowed}");
    }

    /// C_β = 0 gives a network of K ReLU neurons with outputs μ_ω.
    #[test]
    fn without_spread_it_is_a_relu_network(recipe in recipes()) {
        let mut case = recipe.build();
        case.c_b.fill(0.0);
        let (d, outputs) = (case.shape.inputs(), case.shape.outputs());
        let mut want = 0.0;
        for (x, g) in case.x.chunks(d).zip(case.g.chunks(outputs)) {
            for (mu_b, mu_w) in case.mu_b.chunks(d).zip(case.mu_w.chunks(outputs)) {
                want += product(mu_w, g) * product(mu_b, x).max(0.0);
            }
        }
        if case.scale == Scale::Mean {
            want /= case.shape.components() as f64;
        }
        let (got, allowed) = (case.loss(), 8.0 * f64::EPSILON * majorant(&case));
        prop_assert!((got - want).abs() <= allowed, "{got} against {want}, allowed {allowed}");
    }
}

/// m at 0 with q = 0: p = 1/2, y = 0, so that every gradient is the limit of central differences.
#[test]
fn degenerate_rows_take_the_central_limit() {
    for batch in [1, 9] {
        let mut case = Case {
            shape: gmlayer::joint::JointShape::new(2, 1, 1, 1).unwrap(),
            scale: Scale::Mean,
            mu_w: vec![9.0],
            mu_b: vec![0.0, 1.0],
            c_w: vec![5.0],
            c_b: vec![0.0, 3.0],
            x: vec![0.0; 2 * batch],
            g: vec![0.0; batch],
        };
        case.x[0] = 4.0;
        case.g[0] = 1.0;
        assert_eq!(case.forward()[0], 0.0);
        let all = case.backward();
        // A = 9, e = 5, ∂m = 9/2, ∂q = 5/2.
        assert_eq!((&all.mu_w[..], &all.c_w[..]), (&[0.0][..], &[0.0][..]));
        assert_eq!(all.mu_b, [18.0, 0.0]);
        assert_eq!(all.c_b, [10.0, 0.0]);
        assert_eq!(all.x[..2], [0.0, 4.5 + 7.5]);
    }
}

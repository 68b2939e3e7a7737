//! The exact identities: they hold to rounding for every shape, scale and pattern of zeros.

use gmlayer::diagonal::Form;
use gmlayer::{Real, Rectified, Shape};
use proptest::prelude::*;

use super::layers::{Case, recipes};
use super::majorant::majorant;

fn product<T: Real>(a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum()
}

/// The three identities that tie the gradients to ℓ, with `unit` the rounding unit of T.
fn gradients_reproduce_the_loss<T: Real>(case: &Case<T>, unit: f64) -> Result<(), TestCaseError> {
    let (loss, all) = (case.loss(), case.backward());
    let mu = product(&case.mu, &all.mu);
    let sigma = product(&case.sigma, &all.sigma);
    let u = product(&case.u, &all.u);
    let v = product(&case.v, &all.v);
    let x = product(&case.x, &all.x);
    let allowed = 8.0 * unit * majorant(case);
    prop_assert!((x - loss).abs() <= allowed, "⟨x, ∂x⟩ = {x}, ℓ = {loss}, allowed {allowed}");
    prop_assert!((u + v - loss).abs() <= allowed, "⟨U, ∂U⟩ + ⟨v, ∂v⟩ = {}, ℓ = {loss}", u + v);
    let scaled = mu + sigma - u;
    prop_assert!((scaled - loss).abs() <= allowed, "⟨μ, ∂μ⟩ + ⟨σ, ∂σ⟩ − ⟨U, ∂U⟩ = {scaled}, ℓ = {loss}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn gradients_reproduce_the_loss_in_f64(recipe in recipes()) {
        gradients_reproduce_the_loss(&recipe.build(), f64::EPSILON / 2.0)?;
    }

    #[test]
    fn gradients_reproduce_the_loss_in_f32(recipe in recipes()) {
        gradients_reproduce_the_loss(&recipe.build().convert(|x| x as f32), f64::from(f32::EPSILON) / 2.0)?;
    }

    /// ReLU(z) = z/2 + |z|/2, so the odd part of h is linear: 1/K Σ [a m + W x].
    #[test]
    fn odd_part_is_linear(recipe in recipes()) {
        let case = recipe.build();
        let mut mirrored = case.clone();
        mirrored.x.iter_mut().for_each(|x| *x = -*x);
        let (d, outputs) = (case.shape.inputs(), case.shape.outputs());
        let mut linear = 0.0;
        for (x, g) in case.x.chunks(d).zip(case.g.chunks(outputs)) {
            for k in 0..case.shape.components() {
                let mu = &case.mu[k * d..][..d];
                let sigma = &case.sigma[k * d..][..d];
                let m: f64 = mu.iter().zip(x).map(|(mu, x)| mu * x).sum();
                for (l, g) in g.iter().enumerate() {
                    let u = &case.u[(k * outputs + l) * d..][..d];
                    let slope: f64 = u.iter().zip(mu).map(|(u, mu)| u * mu).sum();
                    let a = case.through_mean() * slope + case.v[k * outputs + l];
                    let wx: f64 = (0..d).map(|i| u[i] * sigma[i] * sigma[i] * x[i]).sum();
                    linear += g * (a * m + wx);
                }
            }
        }
        linear *= case.share();
        let odd = case.loss() - mirrored.loss();
        let allowed = 8.0 * f64::EPSILON * majorant(&case);
        prop_assert!((odd - linear).abs() <= allowed, "{odd} against {linear}, allowed {allowed}");
    }

    /// σ = 0 gives a network of K ReLU neurons with outputs a = Uμ + v.
    #[test]
    fn without_spread_it_is_a_relu_network(recipe in recipes()) {
        let mut case = recipe.build();
        case.sigma.fill(0.0);
        let (d, outputs, components) = (case.shape.inputs(), case.shape.outputs(), case.shape.components());
        let y = case.forward();
        for (x, y) in case.x.chunks(d).zip(y.chunks(outputs)) {
            for (l, &y) in y.iter().enumerate() {
                let (mut sum, mut size) = (0.0, 0.0);
                for k in 0..components {
                    let mu = &case.mu[k * d..][..d];
                    let u = &case.u[(k * outputs + l) * d..][..d];
                    let v = case.v[k * outputs + l];
                    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                    let size_of = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a * b).abs()).sum::<f64>();
                    sum += (case.through_mean() * dot(u, mu) + v) * dot(mu, x).max(0.0);
                    size += (size_of(u, mu) + v.abs()) * size_of(mu, x);
                }
                let want = sum * case.share();
                prop_assert!((y - want).abs() <= 16.0 * f64::EPSILON * size * case.share(), "{y}, {want}");
            }
        }
    }

    /// The bounds and reflections of the scalars.
    #[test]
    fn rectified_scalars(m in magnitudes(), s in magnitudes().prop_map(f64::abs)) {
        let (here, there) = (Rectified::new(m, s), Rectified::new(-m, s));
        prop_assert!(here.mean >= m.max(0.0));
        prop_assert!((0.0..=1.0).contains(&here.probability));
        prop_assert!((here.probability + there.probability - 1.0).abs() <= f64::EPSILON);
        prop_assert!((here.mean - there.mean - m).abs() <= 2.0 * f64::EPSILON * (m.abs() + here.mean));
        prop_assert_eq!(here.density, there.density);
        prop_assert_eq!(here.density_moment, -there.density_moment);
        prop_assert!((0.0..0.4).contains(&here.density) && here.density_moment.abs() < 0.25);
    }
}

/// Numbers of every size, zeros among them.
fn magnitudes() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(-0.0),
        -10.0..10.0_f64,
        (-300.0..300.0_f64, any::<bool>()).prop_map(|(exponent, negative)| {
            let size = 10.0_f64.powf(exponent);
            if negative { -size } else { size }
        }),
    ]
}

/// m above, at and below 0 with no spread, and the same with an input that the spread does not see.
#[test]
fn degenerate_rows_take_the_central_limit() {
    for (m, mean, probability) in [(2.0, 2.0, 1.0), (0.0, 0.0, 0.5), (-0.0, 0.0, 0.5), (-2.0, 0.0, 0.0)] {
        let z = Rectified::new(m, 0.0);
        assert_eq!(
            (z.mean, z.probability, z.density, z.density_moment),
            (mean, probability, 0.0, 0.0),
            "{m}"
        );
    }
    let case = Case {
        shape: Shape::new(2, 1, 1).unwrap(),
        form: Form::default(),
        mu: vec![0.0, 1.0],
        sigma: vec![0.0, 3.0],
        u: vec![5.0, 7.0],
        v: vec![2.0],
        x: vec![4.0, 0.0],
        g: vec![1.0],
    };
    assert_eq!(case.forward(), [0.0]);
    let all = case.backward();
    // c = U, A = 7·1 + 2 = 9, ∂m = 9/2, y = 0.
    assert_eq!(all.mu, [18.0, 0.0]);
    assert_eq!(all.sigma, [0.0, 0.0]);
    assert_eq!(all.u, [0.0, 0.0]);
    assert_eq!(all.v, [0.0]);
    assert_eq!(all.x, [0.0, 4.5 + 3.0 * 0.5 * 21.0]);
}

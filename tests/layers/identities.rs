//! The exact identities: they hold to rounding for every shape, scale and pattern of zeros.

use gmlayer::Real;
use proptest::prelude::*;

use super::case::{Case, Recipe, product, recipes};
use super::layer::{Component, MixtureLayer};

for_each_layer! {
    tests: degenerate_rows_take_the_central_limit;
    properties with ProptestConfig::with_cases(2000) =>
        gradients_reproduce_the_loss_in_f64(recipe in recipes::<L>()),
        gradients_reproduce_the_loss_in_f32(recipe in recipes::<L>()),
        odd_part_is_linear(recipe in recipes::<L>()),
        without_spread_it_is_a_relu_network(recipe in recipes::<L>());
}

type Tested = Result<(), TestCaseError>;

/// The three identities that tie the gradients to ℓ.
fn gradients_reproduce_the_loss<L: MixtureLayer, T: Real>(case: &Case<L, T>) -> Tested {
    let (loss, gradients) = (case.loss(), case.backward());
    let mut products = case.blocks().into_iter().zip(&gradients).map(|(block, of)| product(block, of));
    let parameters = [(); 4].map(|()| products.next().unwrap());
    let (of_x, [one, other]) = (products.next().unwrap(), L::losses(parameters));
    let allowed = 8.0 * T::UNIT_ROUNDOFF * case.majorant();
    for got in [of_x, one, other] {
        prop_assert!(
            (got - loss).abs() <= allowed,
            "{:?} against {loss}, allowed {allowed}",
            [of_x, one, other]
        );
    }
    Ok(())
}

fn gradients_reproduce_the_loss_in_f64<L: MixtureLayer>(recipe: Recipe<L>) -> Tested {
    gradients_reproduce_the_loss(&recipe.build())
}

fn gradients_reproduce_the_loss_in_f32<L: MixtureLayer>(recipe: Recipe<L>) -> Tested {
    gradients_reproduce_the_loss(&recipe.build().convert(|x| x as f32))
}

/// ReLU(z) = z/2 + |z|/2, so the odd part of h is linear: 1/K Σ [a m + w].
fn odd_part_is_linear<L: MixtureLayer>(recipe: Recipe<L>) -> Tested {
    let case = recipe.build();
    let mut mirrored = case.clone();
    mirrored.x.iter_mut().for_each(|x| *x = -*x);
    let mut linear = 0.0;
    for (x, g) in case.rows() {
        for k in 0..case.layer.components() {
            let Component { m, a, w, .. } = L::component(&case, k, x);
            linear += case.layer.share() * (m * product(g, &a) + product(g, &w));
        }
    }
    let odd = case.loss() - mirrored.loss();
    let allowed = 8.0 * f64::EPSILON * case.majorant();
    prop_assert!((odd - linear).abs() <= allowed, "{odd} against {linear}, allowed {allowed}");
    Ok(())
}

/// Without spread it is a network of K ReLU neurons with outputs a.
fn without_spread_it_is_a_relu_network<L: MixtureLayer>(recipe: Recipe<L>) -> Tested {
    let mut case = recipe.build();
    case.parameters[L::BETA[1]].fill(0.0);
    let (y, sizes) = (case.forward(), case.convert(f64::abs));
    let rows = case.rows().zip(sizes.rows()).zip(y.chunks(case.layer.outputs()));
    for (((x, _), (size_of_x, _)), y) in rows {
        let components = || (0..case.layer.components()).map(|k| L::component(&case, k, x));
        let sizes = || (0..case.layer.components()).map(|k| L::component(&sizes, k, size_of_x));
        for (l, &y) in y.iter().enumerate() {
            let want = case.layer.share() * components().map(|of| of.a[l] * of.m.max(0.0)).sum::<f64>();
            let size = case.layer.share() * sizes().map(|of| of.a[l] * of.m).sum::<f64>();
            prop_assert!((y - want).abs() <= 16.0 * f64::EPSILON * size, "{y}, {want}");
        }
    }
    Ok(())
}

/// At m = 0 and s = 0 every gradient is the limit of central differences: p = 1/2 and r = 0.
fn degenerate_rows_take_the_central_limit<L: MixtureLayer>() {
    let (case, want) = L::without_mean_and_spread();
    for batch in [1, 9] {
        let mut case = case.clone();
        case.x.resize(2 * batch, 0.0);
        case.g.resize(batch, 0.0);
        assert_eq!(case.forward()[0], 0.0);
        let mut got = case.backward();
        got[4].truncate(2);
        assert_eq!(got, want, "{batch} rows");
    }
}

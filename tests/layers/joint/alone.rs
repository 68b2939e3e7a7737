//! What holds for the joint layer alone.

use proptest::prelude::*;

use super::JointLayer;
use crate::case::{Recipe, nans, product, recipes};
use crate::layer::MixtureLayer;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// (CQ)(CQ)ᵀ = CCᵀ for every rotation Q, so that Cᵀ∂C is symmetric in each component, and in the sum over those that
    /// share C_β.
    #[test]
    fn rotations_change_nothing(recipe in recipes::<JointLayer>()) {
        let case = recipe.build();
        let (layer, gradients) = (case.layer, case.backward());
        let allowed = 32.0 * f64::EPSILON / 2.0 * case.majorant();
        let members = if layer.shape.is_tied() { layer.components() } else { 1 };
        for k in (0..layer.components()).step_by(members) {
            // ⟨column a of C, column b of ∂C⟩.
            let along = |a: usize, b: usize| -> f64 {
                let of = |block: usize, k: usize| {
                    let each = layer.columns()[block];
                    let column = |block: &[f64], column: usize| block[column * each..][..each].to_vec();
                    let range = layer.range(block, k);
                    let (c, d_c) = (&case.parameters[block][range.clone()], &gradients[block][range]);
                    product(&column(c, a), &column(d_c, b))
                };
                (k..k + members).map(|k| of(1, k)).sum::<f64>() + of(3, k)
            };
            for (a, b) in (0..layer.shape.rank()).flat_map(|a| (0..a).map(move |b| (a, b))) {
                let (one, other) = (along(a, b), along(b, a));
                prop_assert!((one - other).abs() <= allowed, "{k}: {one} against {other}, allowed {allowed}");
            }
        }
    }
}

/// One sample at a time is a batch of one row, to the bit with any instructions.
#[test]
fn online_is_a_batch_of_one_row() {
    for (seed, form) in (0..6).flat_map(|seed| [(seed, 0), (seed, 1)]) {
        let case = Recipe::new(JointLayer::new([5, 3, 4, 2], form), 1, seed).build();
        let rates = [Some(0.3), None, Some(0.3), Some(0.3)];
        let (mut flat, mut y) = (case.flat_parameters(), vec![f64::NAN; 3]);
        let mut scratch = nans(case.layer.online_scratch_len::<f64>());
        case.layer.online_forward(&mut flat, &case.x, &mut y, &mut scratch).unwrap();
        assert_eq!(y, case.forward());
        scratch.fill(f64::NAN);
        case.layer.online_step(&mut flat, &case.x, &case.g, rates, &mut scratch).unwrap();
        assert_eq!(flat, case.descend(rates, false, None).0.concat());
    }
}

//! The layer in `f32` at numbers of every size, against the formulas in `f64` with the budget of every value.

use gmlayer::{Rectified, Scale};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::budget::{BAR, Scalar};
use super::joint_budget::{JointBudgets, JointProblem, joint_budgets};
use super::joints::{Case, Recipe};
use super::wild::{Wild, wild};

/// The formulas in `f64` at the crate's own normal distribution, which other tests hold to its tables.
fn exact(case: &Case<f64>) -> JointBudgets {
    let Case { shape, scale, mu_w, mu_b, c_w, c_b, x, g } = case;
    let share = if *scale == Scale::Mean { 1.0 / shape.components() as f64 } else { 1.0 };
    let problem =
        JointProblem { shape: *shape, scalar: Scalar::of::<f32>(), share, mu_w, mu_b, c_w, c_b, x, g };
    joint_budgets(&problem, |m, s| {
        let z = Rectified::new(m, s);
        [z.mean, z.probability, z.density, z.density_moment]
    })
}

/// Makes one block wild, up to the powers of two that carry no output beyond the range of `f32`.
fn apply(wild: Wild, case: &mut Case<f32>, random: &mut Pcg64) {
    let (inputs, outputs) = (case.shape.inputs(), case.shape.outputs());
    let (most, columns, block) = match wild.block {
        0 => (90.0, outputs, &mut case.mu_w),
        1 => (90.0, inputs, &mut case.mu_b),
        2 => (90.0, outputs, &mut case.c_w),
        3 => (90.0, inputs, &mut case.c_b),
        4 => (90.0, inputs, &mut case.x),
        _ => (90.0, outputs, &mut case.g),
    };
    wild.apply(block, columns, most, random);
}

/// Layers of numbers near 1 and zeros, but for one block of any size.
fn cases() -> impl Strategy<Value = Case<f32>> {
    let batch = prop::sample::select(&[1_usize, 3, 8, 17, 65][..]);
    let sizes = (1_usize..12, 1_usize..4, 1_usize..4, 1_usize..6, batch);
    (sizes, wild(-140.0..100.0), any::<u64>()).prop_map(|(sizes, wild, seed)| {
        let (inputs, outputs, components, rank, batch) = sizes;
        let rank = rank.min(inputs + outputs);
        let recipe =
            Recipe { inputs, outputs, components, rank, batch, seed, exponents: [0.0; 6], zeros: 0.2 };
        let mut case = recipe.build().convert(|x| x as f32);
        apply(wild, &mut case, &mut Pcg64::seed_from_u64(seed));
        case
    })
}

proptest! {
    // Always the same cases.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(20_000) })]

    #[test]
    fn numbers_of_every_size_are_within_eight_budgets(case in cases()) {
        let want = exact(&case.convert(f64::from));
        let (h, got) = (case.forward(), case.backward());
        for (name, got, want) in [
            ("h", &h, &want.h),
            ("mu_w", &got.mu_w, &want.mu_w),
            ("mu_b", &got.mu_b, &want.mu_b),
            ("c_w", &got.c_w, &want.c_w),
            ("c_b", &got.c_b, &want.c_b),
            ("x", &got.x, &want.x),
        ] {
            for (index, (&got, want)) in got.iter().zip(want).enumerate() {
                let ratio = want.ratio(got.into(), Scalar::of::<f32>());
                prop_assert!(ratio <= BAR, "{name}[{index}]: {got:e} against {want:?}: {ratio}");
            }
        }
    }
}

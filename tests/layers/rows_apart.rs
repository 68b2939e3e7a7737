//! Batches whose rows, and whose entries within a row, are of sizes far apart.
//!
//! h is homogeneous in x, and the gradients are linear in g. So the formulas are evaluated row by row near size 1, where
//! no product of them leaves the range, and what they give is taken to size by powers of two. Only rows of x that the
//! layer reads as they are keep their size: how much underflows on the way depends on it.

use std::ops::RangeInclusive;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use super::budget::{BAR, Budget, Scalar, largest};
use super::case::{Case, Recipe, uniform};
use super::judge::Precision;
use super::layer::MixtureLayer;

for_each_layer! {
    properties with always_the_same() =>
        rows_far_apart_in_f32(apart in apart::<L>(100, 60)),
        rows_far_apart_in_f64(apart in apart::<L>(1000, 600));
}

fn always_the_same() -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(3_000) }
}

fn rows_far_apart_in_f32<L: MixtureLayer>(apart: Apart<L>) -> Result<(), TestCaseError> {
    apart.check::<f32>(BAR)
}

/// The formulas are no more exact than the layer.
fn rows_far_apart_in_f64<L: MixtureLayer>(apart: Apart<L>) -> Result<(), TestCaseError> {
    apart.check::<f64>(2.0 * BAR)
}

/// Numbers near 1, and what they are multiplied by.
#[derive(Debug, Clone, Copy)]
struct Apart<L> {
    recipe: Recipe<L>,
    /// The power of two of the largest row, and of all products of one with a cotangent; 2⁻ᵐᵒˢᵗ is the smallest.
    most: i32,
    /// By what power of two entries of some inputs are smaller than those of the others.
    spread: i32,
    /// Whether the other inputs have no part in the spread of β, and in its mean.
    without: [bool; 2],
}

fn apart<L: MixtureLayer>(most: i32, spread: i32) -> impl Strategy<Value = Apart<L>> {
    let sizes = (1_usize..12, 1_usize..4, 1_usize..4, select(&[2_usize, 3, 8, 9, 65][..]));
    let zeros = select(&[0.0, 0.3, 0.8, 1.0][..]);
    let spread = prop_oneof![Just(0), 0..=spread];
    (sizes, L::ranks(), any::<u64>(), 0..L::FORMS, zeros, spread, any::<[bool; 2]>()).prop_map(
        move |((inputs, outputs, components, batch), rank, seed, form, zeros, spread, without)| {
            let recipe = Recipe::new(L::new([inputs, outputs, components, rank], form), batch, seed);
            Apart { recipe: Recipe { zeros, ..recipe }, most, spread, without }
        },
    )
}

/// A budget times a power of two; its floor does not fall below that of numbers near 1.
fn times(budget: Budget, power: i32, floor_power: i32) -> Budget {
    let times = |value: f64, power: i32| libm::ldexp(value, power);
    Budget {
        value: times(budget.value, power),
        scale: times(budget.scale, power),
        floor: times(budget.floor, floor_power),
        ..budget
    }
}

/// The power of two that brings the largest of some numbers to between 2 and 4 where it is not of `usual` size, and the
/// numbers times its inverse.
fn near_one(numbers: &[f64], usual: RangeInclusive<f64>) -> (i32, Vec<f64>) {
    let power = match largest(&[numbers]) {
        0.0 => 0,
        size if usual.contains(&size) => 0,
        size => libm::ilogb(size) - 1,
    };
    (power, numbers.iter().map(|&number| libm::ldexp(number, -power)).collect())
}

impl<L: MixtureLayer> Apart<L> {
    fn build<T: Precision>(&self) -> Case<L, T> {
        let Self { recipe, most, spread, without } = *self;
        let (mut case, layer) = (recipe.build(), recipe.layer);
        let mut random = Pcg64::seed_from_u64(recipe.seed ^ 1);
        let mut within =
            |least: i32, most: i32| least + (random.next_u64() % (most - least + 1) as u64) as i32;
        let [inputs, outputs] = [layer.inputs(), layer.outputs()];
        let is_large: Vec<bool> = (0..inputs).map(|_| within(0, 1) == 1).collect();
        for (x, g) in case.x.chunks_mut(inputs).zip(case.g.chunks_mut(outputs)) {
            let of_x = [0, within(-most, most)][within(0, 1) as usize];
            let of_g = [0, -of_x, within(-most, most - of_x.max(0))][within(0, 2) as usize];
            for (x, &is_large) in x.iter_mut().zip(&is_large) {
                *x = libm::ldexp(*x, if is_large { of_x } else { of_x - spread });
            }
            g.iter_mut().for_each(|g| *g = libm::ldexp(*g, of_g.min(most - of_x.max(0))));
        }
        for (block, _) in [L::BETA[1], L::BETA[0]].into_iter().zip(without).filter(|(_, without)| *without) {
            for row in case.parameters[block].chunks_mut(inputs) {
                let entries = row.iter_mut().zip(&is_large).filter(|(_, is_large)| **is_large);
                entries.for_each(|(entry, _)| *entry = 0.0);
            }
        }
        // A mean of 0 beside a deviation is where nothing vanishes.
        if uniform(&mut random) < 0.3 {
            case.parameters[L::BETA[0]].fill(0.0);
        }
        case.convert(T::from_f64)
    }

    /// h, the gradients and ∂x of all rows.
    fn budgets<T: Precision>(case: &Case<L, T>) -> [Vec<Budget>; 6] {
        let case = case.convert(T::to_f64);
        let [mut gradients @ .., mut d_x] = case.blocks().map(|block| vec![Budget::OUTPUT; block.len()]);
        d_x.clear();
        let mut h = Vec::new();
        let (least, most) = T::ROW_RANGE;
        for (x, g) in case.rows() {
            let (of_x, x) = near_one(x, least.to_f64()..=most.to_f64());
            let (of_g, g) = near_one(g, 2.0..=4.0);
            let row = Case { x, g, ..case.clone() };
            let [row_h, row_gradients @ .., row_d_x] = L::budgets(&row, Scalar::of::<T>());
            let [floor_x, floor_g] = [of_x, of_g].map(|power| power.max(0));
            h.extend(row_h.into_iter().map(|h| times(h, of_x, floor_x)));
            d_x.extend(row_d_x.into_iter().map(|d_x| times(d_x, of_g, floor_g)));
            for (gradients, row) in gradients.iter_mut().flatten().zip(row_gradients.iter().flatten()) {
                *gradients += times(*row, of_x + of_g, floor_x + floor_g);
            }
        }
        let [one, two, three, four] = gradients;
        [h, one, two, three, four, d_x]
    }

    fn check<T: Precision>(self, bar: f64) -> Result<(), TestCaseError> {
        let case = self.build::<T>();
        let (want, scalar) = (Self::budgets(&case), Scalar::of::<T>());
        let names = ["h"].into_iter().chain(L::NAMES);
        let judge = |name: &str, got: &[T], want: &[Budget]| {
            for (index, (got, want)) in got.iter().zip(want).enumerate() {
                let ratio = want.ratio(got.to_f64(), scalar);
                prop_assert!(ratio <= bar, "{name}[{index}]: {got:?} against {want:?}: {ratio}");
            }
            Ok(())
        };
        for ((name, got), want) in names.zip(case.outputs()).zip(&want) {
            judge(name, &got, want)?;
        }
        let rate = 0.5;
        let (stepped, d_x) = case.descend([Some(T::from_f64(rate)); 4], true, None);
        judge("∂x of the step", &d_x, &want[5])?;
        for (block, (got, old)) in stepped.iter().zip(&case.parameters).enumerate() {
            let gradients = want[1 + block].iter().map(|&gradient| gradient * Budget::exact(rate));
            let want: Vec<_> =
                old.iter().zip(gradients).map(|(old, step)| Budget::exact(old.to_f64()) - step).collect();
            judge(L::NAMES[block], got, &want)?;
        }
        Ok(())
    }
}

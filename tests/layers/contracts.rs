//! What a layer promises beyond its numbers: accumulation, blocks left out, batches, buffers, NaN.

use proptest::prelude::*;
use proptest::sample::Index;

use super::budget::Scalar;
use super::case::{Recipe, product, recipes};
use super::layer::{Descent, MixtureLayer, Passes};

for_each_layer! {
    tests: flat_parameters_are_the_four_blocks_in_order;
    properties with ProptestConfig::with_cases(300) =>
        gradients_accumulate(recipe in recipes::<L>()),
        blocks_left_out_change_nothing(recipe in recipes::<L>(), wanted in any::<[bool; 5]>()),
        a_batch_is_its_rows(recipe in recipes::<L>()),
        backward_repeats(recipe in recipes::<L>()),
        buffers_may_hold_anything(recipe in recipes::<L>()),
        rows_do_not_touch_each_other(recipe in recipes::<L>(), at in any::<Index>(), power in -300..300_i32),
        prepared_is_unprepared(recipe in recipes::<L>()),
        nan_stays_in_its_row(recipe in recipes::<L>(), at in any::<Index>()),
        the_same_bits_every_time(recipe in recipes::<L>()),
        powers_of_two_pass_through(recipe in recipes::<L>(), power in -500_i32..500);
}

type Tested = Result<(), TestCaseError>;

fn flat_parameters_are_the_four_blocks_in_order<L: MixtureLayer>() {
    let case = Recipe::<L>::plain([3, 2, 4, 2, 5], 10);
    let mut flat = case.flat_parameters();
    let unchanged = flat.clone();
    let layer = case.layer.passes_from_flat(&unchanged).unwrap();
    let mut y = vec![0.0; 10];
    let [mut saved, mut scratch] = case.buffers();
    layer.forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
    assert_eq!(y, case.forward());
    let mut gradient = vec![0.0; flat.len()];
    layer.backward_into_flat(&case.x, &case.g, &saved, &mut gradient, &mut scratch).unwrap();
    let [parameters @ .., _] = case.backward();
    assert_eq!(gradient, parameters.concat());

    let mut layer = case.layer.descent_from_flat(&mut flat).unwrap();
    let lengths = [layer.saved_len(5), layer.scratch_len(5)];
    let [mut saved, mut scratch] = lengths.map(|len| vec![0.0; len.unwrap()]);
    layer.forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
    layer.descend(&case.x, &case.g, &saved, [Some(0.1); 4], None, &mut scratch).unwrap();
    drop(layer);
    assert_eq!(flat, case.descend([Some(0.1); 4], false, None).0.concat());
}

fn close(got: &[f64], want: &[f64], allowed: f64) -> bool {
    let size = want.iter().fold(0.0_f64, |size, x| size.max(x.abs()));
    got.iter().zip(want).all(|(got, want)| (got - want).abs() <= allowed * size)
}

fn gradients_accumulate<L: MixtureLayer>(recipe: Recipe<L>) -> Tested {
    let case = recipe.build();
    let (once, mut buffers) = (case.backward(), case.buffers());
    case.forward_into(&mut buffers);
    let mut twice = once.clone();
    case.add_gradients(&mut buffers, &mut twice, [true; 5]);
    prop_assert_eq!(&twice[4], &once[4], "∂x is overwritten");
    for ((name, twice), once) in L::NAMES.iter().zip(&twice).zip(&once).take(4) {
        let double: Vec<f64> = once.iter().map(|x| 2.0 * x).collect();
        // Adding row by row rounds differently from adding the sum.
        prop_assert!(close(twice, &double, 1e-13), "{}", name);
    }
    Ok(())
}

fn blocks_left_out_change_nothing<L: MixtureLayer>(recipe: Recipe<L>, wanted: [bool; 5]) -> Tested {
    let case = recipe.build();
    let (all, mut some, mut buffers) = (case.backward(), case.zeros(), case.buffers());
    case.forward_into(&mut buffers);
    case.add_gradients(&mut buffers, &mut some, wanted);
    for (((name, wanted), got), all) in L::NAMES.iter().zip(wanted).zip(some).zip(all) {
        let want = if wanted { all } else { vec![0.0; all.len()] };
        prop_assert_eq!(got, want, "{}", name);
    }
    Ok(())
}

fn a_batch_is_its_rows<L: MixtureLayer>(recipe: Recipe<L>) -> Tested {
    let case = recipe.build();
    let (y, all, allowed) = (case.forward(), case.backward(), case.allowed_of_outputs());
    let mut sums = case.zeros();
    sums[4].clear();
    for b in 0..case.batch() {
        let row = case.row(b);
        for (got, want) in row.forward().iter().zip(&y[b * case.layer.outputs()..]) {
            prop_assert!((got - want).abs() <= allowed, "{} against {}", got, want);
        }
        let [parameters @ .., dx] = row.backward();
        for (sum, block) in sums.iter_mut().zip(parameters) {
            sum.iter_mut().zip(block).for_each(|(sum, x)| *sum += x);
        }
        sums[4].extend(dx);
    }
    let allowed = 16.0 * f64::EPSILON * case.majorant();
    for (((name, got), want), block) in L::NAMES.iter().zip(&sums).zip(&all).zip(case.blocks()) {
        prop_assert_eq!(got.len(), want.len());
        for ((got, want), value) in got.iter().zip(want).zip(block) {
            prop_assert!(((got - want) * value).abs() <= allowed, "{}: {} against {}", name, got, want);
        }
    }
    Ok(())
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// The backward pass runs any number of times after one forward pass, and leaves what was saved as it was.
fn backward_repeats<L: MixtureLayer>(recipe: Recipe<L>) -> Tested {
    let case = recipe.build();
    let (once, mut buffers) = (case.backward(), case.buffers());
    case.forward_into(&mut buffers);
    let before = bits(&buffers[0]);
    for fill in [0.0, f64::NAN, f64::INFINITY] {
        buffers[1].fill(fill);
        prop_assert_eq!(&case.backward_from(&mut buffers), &once);
        prop_assert_eq!(bits(&buffers[0]), &before[..]);
    }
    // With what the last pass left in scratch.
    prop_assert_eq!(case.backward_from(&mut buffers), once);
    Ok(())
}

/// What scratch and saved hold before the forward pass does not matter.
fn buffers_may_hold_anything<L: MixtureLayer>(recipe: Recipe<L>) -> Tested {
    let case = recipe.build();
    let mut buffers = case.buffers().map(|buffer| vec![1e300; buffer.len()]);
    prop_assert_eq!(case.forward_into(&mut buffers), case.forward());
    prop_assert_eq!(case.backward_from(&mut buffers), case.backward());
    Ok(())
}

/// A row of any size among ordinary ones changes no bit of theirs.
fn rows_do_not_touch_each_other<L: MixtureLayer>(recipe: Recipe<L>, at: Index, power: i32) -> Tested {
    let case = Recipe { batch: recipe.batch.max(8), zeros: 0.0, ..recipe }.build();
    let (d, outputs, row) = (case.layer.inputs(), case.layer.outputs(), at.index(case.batch()));
    let mut other = case.clone();
    other.x[row * d..][..d].iter_mut().for_each(|x| *x *= 10.0_f64.powi(power));
    let (y, want) = (other.forward(), case.forward());
    let ([.., dx], [.., want_dx]) = (other.backward(), case.backward());
    for b in (0..case.batch()).filter(|&b| b != row) {
        prop_assert_eq!(&y[b * outputs..][..outputs], &want[b * outputs..][..outputs]);
        prop_assert_eq!(&dx[b * d..][..d], &want_dx[b * d..][..d]);
    }
    Ok(())
}

fn prepared_is_unprepared<L: MixtureLayer>(recipe: Recipe<L>) -> Tested {
    let case = recipe.build();
    let allowed = case.allowed_of_outputs();
    for (got, want) in case.prepared_forward().iter().zip(case.forward()) {
        prop_assert!((got - want).abs() <= allowed, "{} against {}", got, want);
    }
    Ok(())
}

fn nan_stays_in_its_row<L: MixtureLayer>(recipe: Recipe<L>, at: Index) -> Tested {
    let mut case = recipe.build();
    let clean = case.forward();
    let (d, outputs, at) = (case.layer.inputs(), case.layer.outputs(), at.index(case.x.len()));
    case.x[at] = f64::NAN;
    for (b, (y, clean)) in case.forward().chunks(outputs).zip(clean.chunks(outputs)).enumerate() {
        if b == at / d {
            prop_assert!(y.iter().all(|y| y.is_nan()));
        } else {
            prop_assert_eq!(y, clean);
        }
    }
    let [.., dx] = case.backward();
    for (b, dx) in dx.chunks(d).enumerate() {
        prop_assert_eq!(dx.iter().any(|dx| dx.is_nan()), b == at / d);
    }
    Ok(())
}

fn the_same_bits_every_time<L: MixtureLayer>(recipe: Recipe<L>) -> Tested {
    let case = recipe.build().convert(|x| x as f32);
    prop_assert_eq!(case.forward(), case.forward());
    prop_assert_eq!(case.backward(), case.backward());
    Ok(())
}

/// h is positively homogeneous: powers of two pass through up to rounding, far out of the range of squares.
fn powers_of_two_pass_through<L: MixtureLayer>(recipe: Recipe<L>, power: i32) -> Tested {
    let case = Recipe { exponents: [0.0; 6], ..recipe }.build();
    let mut scaled = case.clone();
    scaled.x.iter_mut().for_each(|x| *x *= 2.0_f64.powi(power));
    let scalar = Scalar::of::<f64>();
    let [budgets, ..] = L::budgets(&case, scalar);
    let all = case.allowed_of_outputs();
    // The smallest subnormal number, in units of the case where that makes it larger.
    let smallest = scalar.smallest * 2.0_f64.powi(-power).max(1.0);
    for ((got, want), budget) in scaled.forward().iter().zip(case.forward()).zip(budgets) {
        let got = got * 2.0_f64.powi(-power);
        // Each within 8 budgets.
        let allowed = all.min(16.0 * scalar.roundoff * budget.scale) + 16.0 * smallest * budget.floor;
        prop_assert!((got - want).abs() <= allowed, "{} against {}, allowed {}", got, want, allowed);
    }
    let ([.., got], [.., want]) = (scaled.backward(), case.backward());
    let (got, want) = (product(&case.x, &got), product(&case.x, &want));
    prop_assert!((got - want).abs() <= 16.0 * f64::EPSILON * case.majorant(), "{} against {}", got, want);
    Ok(())
}

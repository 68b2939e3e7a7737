//! What the layer promises beyond its numbers: lengths, accumulation, blocks left out, batches, NaN.

use gmlayer::Error;
use gmlayer::joint::{Constants, Gradients, Joint, Parameters, Prepared};
use proptest::prelude::*;

use super::joints::{All, Case, Recipe, majorant, product, recipes};

#[test]
fn every_wrong_length_is_named() {
    let case = Recipe::plain([3, 2, 4, 2, 5], 9);
    let (shape, layer) = (case.shape, case.layer());
    let parameters = layer.parameters();
    for (argument, expected, wrong) in [
        ("mu_w", 8, Parameters { mu_w: &case.mu_w[1..], ..parameters }),
        ("c_w", 16, Parameters { c_w: &case.c_w[1..], ..parameters }),
        ("mu_b", 12, Parameters { mu_b: &case.mu_b[1..], ..parameters }),
        ("c_b", 24, Parameters { c_b: &case.c_b[1..], ..parameters }),
    ] {
        let error = Joint::new(shape, wrong).unwrap_err();
        assert_eq!(error, Error::Length { argument, expected, got: expected - 1 });
    }

    let (mut y, [mut saved, mut scratch]) = (vec![0.0; 10], case.buffers());
    let rows = Error::Rows { argument: "x", row: 3, got: 14 };
    assert_eq!(layer.forward(&case.x[1..], &mut y, &mut saved, &mut scratch), Err(rows));
    assert_eq!(layer.forward(&[], &mut y, &mut saved, &mut scratch), Err(Error::Zero { argument: "x" }));
    let length = Error::Length { argument: "y", expected: 10, got: 9 };
    assert_eq!(layer.forward(&case.x, &mut y[1..], &mut saved, &mut scratch), Err(length));
    let expected = layer.scratch_len(5).unwrap();
    let short = Error::Buffer { argument: "scratch", expected, got: expected - 1 };
    assert_eq!(layer.forward(&case.x, &mut y, &mut saved, &mut scratch[1..]), Err(short));

    let none = Gradients::none;
    assert_eq!(layer.backward(&case.x[1..], &case.g, &saved, none(), None, &mut scratch), Err(rows));
    let length = Error::Length { argument: "g", expected: 10, got: 9 };
    assert_eq!(layer.backward(&case.x, &case.g[1..], &saved, none(), None, &mut scratch), Err(length));
    assert_eq!(layer.backward(&case.x, &case.g, &saved, none(), None, &mut scratch[1..]), Err(short));
    let length = Error::Length { argument: "dx", expected: 15, got: 14 };
    let got = layer.backward(&case.x, &case.g, &saved, none(), Some(&mut [0.0; 14]), &mut scratch);
    assert_eq!(got, Err(length));
    let (mut wrong, mut sound) = (vec![0.0; 7], vec![0.0; 8]);
    for (argument, expected) in
        [("gradients.mu_b", 12), ("gradients.c_w", 16), ("gradients.c_b", 24), ("gradients.mu_w", 8)]
    {
        let mut gradients = Gradients { mu_w: Some(&mut sound), ..none() };
        match argument {
            "gradients.mu_w" => gradients.mu_w = Some(&mut wrong),
            "gradients.mu_b" => gradients.mu_b = Some(&mut wrong),
            "gradients.c_w" => gradients.c_w = Some(&mut wrong),
            _ => gradients.c_b = Some(&mut wrong),
        }
        let error = layer.backward(&case.x, &case.g, &saved, gradients, None, &mut scratch).unwrap_err();
        assert_eq!(error, Error::Length { argument, expected, got: 7 });
    }
    assert_eq!(sound, [0.0; 8], "nothing is written when a length is wrong");

    let large = Recipe::plain([3, 2, 4, 2, 9], 9);
    let [mut saved, mut scratch] = large.buffers();
    let expected = saved.len();
    let short = Error::Buffer { argument: "saved", expected, got: expected - 1 };
    assert_eq!(large.layer().forward(&large.x, &mut [0.0; 18], &mut saved[1..], &mut scratch), Err(short));
    let got = large.layer().backward(&large.x, &large.g, &saved[1..], none(), None, &mut scratch);
    assert_eq!(got, Err(short));
    let flat = vec![0.0; shape.parameter_count() - 1];
    assert!(matches!(Parameters::from_flat(shape, &flat), Err(Error::Length { argument: "parameters", .. })));
}

#[test]
fn prepared_lengths_are_named() {
    let case = Recipe::plain([3, 2, 4, 2, 5], 9);
    let prepared = case.layer().prepare();
    let constants = prepared.constants();
    for (argument, wrong) in [
        ("mu_w", Constants { mu_w: &constants.mu_w[1..], ..constants }),
        ("mu_b", Constants { mu_b: &constants.mu_b[1..], ..constants }),
        ("c_w", Constants { c_w: &constants.c_w[1..], ..constants }),
        ("c_b", Constants { c_b: &constants.c_b[1..], ..constants }),
    ] {
        match Prepared::new(case.shape, wrong).unwrap_err() {
            Error::Length { argument: named, .. } => assert_eq!(named, argument),
            error => panic!("{error}"),
        }
    }
    let mut scratch = vec![0.0; prepared.scratch_len(5).unwrap()];
    assert!(matches!(prepared.forward(&[], &mut [], &mut scratch), Err(Error::Zero { argument: "x" })));
    let short = prepared.forward(&case.x, &mut [0.0], &mut scratch);
    assert!(matches!(short, Err(Error::Length { argument: "y", .. })));
    assert!(matches!(prepared.forward(&case.x, &mut [0.0; 10], &mut []), Err(Error::Buffer { .. })));
}

#[test]
fn flat_parameters_are_the_four_blocks_in_order() {
    let case = Recipe::plain([3, 2, 4, 2, 5], 10);
    let flat = case.flat();
    let flat = &flat[..case.shape.parameter_count()];
    let layer = Joint::new(case.shape, Parameters::from_flat(case.shape, flat).unwrap()).unwrap();
    let mut y = vec![0.0; 10];
    let [mut saved, mut scratch] = case.buffers();
    layer.forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
    assert_eq!(y, case.forward());

    let mut gradient = vec![0.0; flat.len()];
    let gradients = Gradients::from_flat(case.shape, &mut gradient).unwrap();
    layer.backward(&case.x, &case.g, &saved, gradients, None, &mut scratch).unwrap();
    let all = case.backward();
    assert_eq!(gradient, [&all.mu_w[..], &all.c_w, &all.mu_b, &all.c_b].concat());
}

fn close(got: &[f64], want: &[f64], allowed: f64) -> bool {
    let size = want.iter().fold(0.0_f64, |size, x| size.max(x.abs()));
    got.iter().zip(want).all(|(got, want)| (got - want).abs() <= allowed * size)
}

/// What a case without cotangents allows each output to be off by.
fn allowed_of_outputs(case: &Case<f64>) -> f64 {
    16.0 * f64::EPSILON * majorant(&Case { g: vec![1.0; case.g.len()], ..case.clone() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn gradients_accumulate(recipe in recipes()) {
        let case = recipe.build();
        let once = case.backward();
        let mut twice = once.clone();
        let (gradients, dx) = twice.targets();
        let [_, mut scratch] = case.buffers();
        case.layer().backward(&case.x, &case.g, &case.saved(), gradients, Some(dx), &mut scratch).unwrap();
        prop_assert_eq!(&twice.x, &once.x, "∂x is overwritten");
        for ((name, twice), (_, once)) in twice.blocks().into_iter().zip(once.blocks()).take(4) {
            let double: Vec<f64> = once.iter().map(|x| 2.0 * x).collect();
            // Adding row by row rounds differently from adding the sum.
            prop_assert!(close(twice, &double, 1e-13), "{}", name);
        }
    }

    #[test]
    fn blocks_left_out_change_nothing(recipe in recipes(), wanted in any::<[bool; 5]>()) {
        let case = recipe.build();
        let (all, mut some) = (case.backward(), All::zeros(&case));
        let (gradients, dx) = some.targets();
        let [mu_w, c_w, mu_b, c_b, x] = wanted;
        let gradients = Gradients {
            mu_w: gradients.mu_w.filter(|_| mu_w),
            mu_b: gradients.mu_b.filter(|_| mu_b),
            c_w: gradients.c_w.filter(|_| c_w),
            c_b: gradients.c_b.filter(|_| c_b),
        };
        let [_, mut scratch] = case.buffers();
        let dx = x.then_some(dx);
        case.layer().backward(&case.x, &case.g, &case.saved(), gradients, dx, &mut scratch).unwrap();
        for ((wanted, (name, got)), (_, want)) in wanted.into_iter().zip(some.blocks()).zip(all.blocks()) {
            if wanted {
                prop_assert_eq!(got, want, "{}", name);
            } else {
                prop_assert!(got.iter().all(|&got| got == 0.0), "{}", name);
            }
        }
    }

    #[test]
    fn a_batch_is_its_rows(recipe in recipes()) {
        let case = recipe.build();
        let (y, all) = (case.forward(), case.backward());
        let outputs = case.shape.outputs();
        let allowed = allowed_of_outputs(&case);
        let mut sums = All::zeros(&case);
        for b in 0..case.batch() {
            let row = case.row(b);
            for (got, want) in row.forward().iter().zip(&y[b * outputs..]) {
                prop_assert!((got - want).abs() <= allowed, "{} against {}", got, want);
            }
            let mut row_gradients = row.backward();
            let (gradients, dx) = sums.targets();
            dx[b * case.shape.inputs()..][..case.shape.inputs()].copy_from_slice(&row_gradients.x);
            let sums = [gradients.mu_w, gradients.c_w, gradients.mu_b, gradients.c_b];
            let (gradients, _) = row_gradients.targets();
            let blocks = [gradients.mu_w, gradients.c_w, gradients.mu_b, gradients.c_b];
            for (sum, block) in sums.into_iter().flatten().zip(blocks.into_iter().flatten()) {
                sum.iter_mut().zip(block).for_each(|(sum, x)| *sum += *x);
            }
        }
        let allowed = 16.0 * f64::EPSILON * majorant(&case);
        let parameters = [&case.mu_w, &case.c_w, &case.mu_b, &case.c_b, &case.x];
        for (((name, got), (_, want)), parameters) in sums.blocks().into_iter().zip(all.blocks()).zip(parameters) {
            for ((got, want), parameter) in got.iter().zip(want).zip(parameters) {
                prop_assert!(((got - want) * parameter).abs() <= allowed, "{}: {} against {}", name, got, want);
            }
        }
    }

    /// The backward pass runs any number of times after one forward pass, and leaves what was saved as it was.
    #[test]
    fn backward_repeats(recipe in recipes()) {
        let case = recipe.build();
        let saved = case.saved();
        let once = case.backward();
        for fill in [0.0, f64::NAN, f64::INFINITY] {
            let mut all = All::zeros(&case);
            let (gradients, dx) = all.targets();
            let mut scratch = vec![fill; case.layer().scratch_len(case.batch()).unwrap()];
            case.layer().backward(&case.x, &case.g, &saved, gradients, Some(dx), &mut scratch).unwrap();
            prop_assert_eq!(&all, &once);
            prop_assert!(saved.iter().zip(case.saved()).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }

    /// What scratch and saved hold before the forward pass does not matter.
    #[test]
    fn buffers_may_hold_anything(recipe in recipes()) {
        let case = recipe.build();
        let [saved, scratch] = case.buffers().map(|buffer| vec![1e300; buffer.len()]);
        let (mut saved, mut scratch, mut y) = (saved, scratch, vec![7.0; case.g.len()]);
        case.layer().forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
        prop_assert_eq!(&y, &case.forward());
        let mut all = All::zeros(&case);
        let (gradients, dx) = all.targets();
        case.layer().backward(&case.x, &case.g, &saved, gradients, Some(dx), &mut scratch).unwrap();
        prop_assert_eq!(&all, &case.backward());
    }

    /// A row of any size among ordinary ones changes no bit of theirs.
    #[test]
    fn rows_do_not_touch_each_other(recipe in recipes(), at in any::<prop::sample::Index>(), power in -300..300_i32) {
        let case = Recipe { batch: recipe.batch.max(8), zeros: 0.0, ..recipe }.build();
        let (d, outputs) = (case.shape.inputs(), case.shape.outputs());
        let row = at.index(case.batch());
        let mut other = case.clone();
        other.x[row * d..][..d].iter_mut().for_each(|x| *x *= 10.0_f64.powi(power));
        let (y, want) = (other.forward(), case.forward());
        let (dx, want_dx) = (other.backward().x, case.backward().x);
        for b in (0..case.batch()).filter(|&b| b != row) {
            prop_assert_eq!(&y[b * outputs..][..outputs], &want[b * outputs..][..outputs]);
            prop_assert_eq!(&dx[b * d..][..d], &want_dx[b * d..][..d]);
        }
    }

    #[test]
    fn prepared_is_unprepared(recipe in recipes()) {
        let case = recipe.build();
        let prepared = case.layer().prepare();
        let mut y = vec![f64::NAN; case.g.len()];
        let mut scratch = vec![f64::NAN; prepared.scratch_len(case.batch()).unwrap()];
        prepared.forward(&case.x, &mut y, &mut scratch).unwrap();
        let allowed = allowed_of_outputs(&case);
        for (got, want) in y.iter().zip(case.forward()) {
            prop_assert!((got - want).abs() <= allowed, "{} against {}", got, want);
        }
    }

    #[test]
    fn nan_stays_in_its_row(recipe in recipes(), at in any::<prop::sample::Index>()) {
        let mut case = recipe.build();
        let clean = case.forward();
        let (d, outputs) = (case.shape.inputs(), case.shape.outputs());
        let at = at.index(case.x.len());
        case.x[at] = f64::NAN;
        for (b, (y, clean)) in case.forward().chunks(outputs).zip(clean.chunks(outputs)).enumerate() {
            if b == at / d {
                prop_assert!(y.iter().all(|y| y.is_nan()));
            } else {
                prop_assert_eq!(y, clean);
            }
        }
        for (b, dx) in case.backward().x.chunks(d).enumerate() {
            prop_assert_eq!(dx.iter().any(|dx| dx.is_nan()), b == at / d);
        }
    }

    #[test]
    fn the_same_bits_every_time(recipe in recipes()) {
        let case = recipe.build().convert(|x| x as f32);
        prop_assert_eq!(case.forward(), case.forward());
        prop_assert_eq!(case.backward(), case.backward());
    }

    /// h is positively homogeneous: powers of two pass through, far out of the range of squares.
    #[test]
    fn powers_of_two_pass_through(recipe in recipes(), power in -500_i32..500) {
        let case = Recipe { exponents: [0.0; 6], ..recipe }.build();
        let mut scaled = case.clone();
        scaled.x.iter_mut().for_each(|x| *x *= 2.0_f64.powi(power));
        let allowed = allowed_of_outputs(&case);
        for (got, want) in scaled.forward().iter().zip(case.forward()) {
            let got = got * 2.0_f64.powi(-power);
            prop_assert!((got - want).abs() <= allowed, "{} against {}", got, want);
        }
        let (got, want) = (product(&case.x, &scaled.backward().x), product(&case.x, &case.backward().x));
        prop_assert!((got - want).abs() <= 16.0 * f64::EPSILON * majorant(&case), "{} against {}", got, want);
    }
}

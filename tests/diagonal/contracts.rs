//! What the layer promises beyond its numbers: lengths, accumulation, blocks left out, batches, NaN.

use gmlayer::diagonal::{Constants, Gradients, Parameters, Prepared};
use gmlayer::{Diagonal, Error, Shape};
use proptest::prelude::*;

use super::budgets::exact;
use super::layers::{All, Case, FORMS, Recipe, recipes};
use super::majorant::majorant;

const RECIPE: Recipe = Recipe {
    inputs: 3,
    outputs: 2,
    components: 4,
    batch: 5,
    seed: 9,
    exponents: [0.0; 6],
    zeros: 0.2,
    form: FORMS[0],
};

#[test]
fn every_wrong_length_is_named() {
    let case = RECIPE.build();
    let (shape, layer) = (case.shape, case.layer());
    let parameters = layer.parameters();
    for (argument, expected, wrong) in [
        ("mu", 12, Parameters { mu: &case.mu[1..], ..parameters }),
        ("sigma", 12, Parameters { sigma: &case.sigma[1..], ..parameters }),
        ("u", 24, Parameters { u: &case.u[1..], ..parameters }),
        ("v", 8, Parameters { v: &case.v[1..], ..parameters }),
    ] {
        let error = Diagonal::new(shape, wrong).unwrap_err();
        assert_eq!(error, Error::Length { argument, expected, got: expected - 1 });
    }

    let case = Recipe { batch: 8, ..RECIPE }.build();
    let (layer, [mut saved, mut scratch], mut y) = (case.layer(), case.buffers(), vec![0.0; 16]);
    let buffers = (&mut saved[..], &mut scratch[..]);
    let rows = Error::Rows { argument: "x", row: 3, got: 23 };
    assert_eq!(layer.forward(&case.x[1..], &mut y, buffers.0, buffers.1), Err(rows));
    assert_eq!(layer.forward(&[], &mut y, buffers.0, buffers.1), Err(Error::Zero { argument: "x" }));
    let length = Error::Length { argument: "y", expected: 16, got: 15 };
    assert_eq!(layer.forward(&case.x, &mut y[1..], buffers.0, buffers.1), Err(length));
    let short = |argument, expected| Error::Buffer { argument, expected, got: expected - 1 };
    let saved_short = short("saved", layer.saved_len(8).unwrap());
    let scratch_short = short("scratch", layer.scratch_len(8).unwrap());
    assert_eq!(layer.forward(&case.x, &mut y, &mut buffers.0[1..], buffers.1), Err(saved_short));
    assert_eq!(layer.forward(&case.x, &mut y, buffers.0, &mut buffers.1[1..]), Err(scratch_short));

    let none = Gradients::none;
    assert_eq!(layer.backward(&case.x[1..], &case.g, &saved, none(), None, &mut scratch), Err(rows));
    let length = Error::Length { argument: "g", expected: 16, got: 15 };
    assert_eq!(layer.backward(&case.x, &case.g[1..], &saved, none(), None, &mut scratch), Err(length));
    assert_eq!(layer.backward(&case.x, &case.g, &saved[1..], none(), None, &mut scratch), Err(saved_short));
    assert_eq!(layer.backward(&case.x, &case.g, &saved, none(), None, &mut scratch[1..]), Err(scratch_short));
    let (length, mut dx) = (Error::Length { argument: "dx", expected: 24, got: 23 }, [0.0; 23]);
    assert_eq!(layer.backward(&case.x, &case.g, &saved, none(), Some(&mut dx), &mut scratch), Err(length));
    let (mut short_block, mut sound) = (vec![0.0; 7], vec![0.0; 8]);
    for (argument, expected) in [("mu", 12), ("sigma", 12), ("u", 24), ("v", 8)] {
        let mut gradients = Gradients { v: Some(&mut sound), ..none() };
        match argument {
            "mu" => gradients.mu = Some(&mut short_block),
            "sigma" => gradients.sigma = Some(&mut short_block),
            "u" => gradients.u = Some(&mut short_block),
            _ => gradients.v = Some(&mut short_block),
        }
        let error = layer.backward(&case.x, &case.g, &saved, gradients, None, &mut scratch).unwrap_err();
        let Error::Length { argument: named, expected: wanted, got: 7 } = error else { panic!("{error}") };
        assert_eq!((named, wanted), (format!("gradients.{argument}").as_str(), expected));
    }
    assert_eq!(sound, [0.0; 8], "nothing is written when a length is wrong");

    assert!(matches!(layer.prepare(&mut [0.0; 3]), Err(Error::Length { argument: "storage", got: 3, .. })));
    let flat = vec![0.0; shape.parameter_count() - 1];
    assert!(matches!(Parameters::from_flat(shape, &flat), Err(Error::Length { argument: "parameters", .. })));
}

#[test]
fn prepared_lengths_are_named() {
    let case = RECIPE.build();
    let layer = case.layer();
    let mut storage = vec![0.0; layer.prepared_len()];
    let prepared = layer.prepare(&mut storage).unwrap();
    let constants = prepared.constants();
    for (argument, wrong) in [
        ("a", Constants { a: &constants.a[1..], ..constants }),
        ("w", Constants { w: &constants.w[1..], ..constants }),
        ("mu", Constants { mu: &constants.mu[1..], ..constants }),
        ("variance", Constants { variance: &constants.variance[1..], ..constants }),
    ] {
        match Prepared::new(case.shape, wrong).unwrap_err() {
            Error::Length { argument: named, .. } => assert_eq!(named, argument),
            error => panic!("{error}"),
        }
    }
    let mut scratch = vec![0.0; prepared.scratch_len(5).unwrap()];
    assert!(matches!(prepared.forward(&[], &mut [], &mut scratch), Err(Error::Zero { argument: "x" })));
    assert!(matches!(
        prepared.forward(&case.x, &mut [0.0], &mut scratch),
        Err(Error::Length { argument: "y", .. })
    ));
    assert!(matches!(prepared.forward(&case.x, &mut [0.0; 10], &mut []), Err(Error::Buffer { .. })));
}

#[test]
fn messages_name_argument_expected_and_got() {
    let message = Error::Length { argument: "y", expected: 10, got: 9 }.to_string();
    assert_eq!(message, "`y` must have 10 elements, but has 9");
}

#[test]
fn flat_parameters_are_the_four_blocks_in_order() {
    let case = RECIPE.build();
    let flat: Vec<f64> = [&case.mu[..], &case.sigma, &case.u, &case.v].concat();
    let layer = Diagonal::new(case.shape, Parameters::from_flat(case.shape, &flat).unwrap()).unwrap();
    let mut y = vec![0.0; 10];
    let [mut saved, mut scratch] = case.buffers();
    layer.forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
    assert_eq!(y, case.forward());

    let mut gradient = vec![0.0; flat.len()];
    let gradients = Gradients::from_flat(case.shape, &mut gradient).unwrap();
    layer.backward(&case.x, &case.g, &saved, gradients, None, &mut scratch).unwrap();
    let all = case.backward();
    assert_eq!(gradient, [&all.mu[..], &all.sigma, &all.u, &all.v].concat());
}

fn close(got: &[f64], want: &[f64], allowed: f64) -> bool {
    let size = want.iter().fold(0.0_f64, |size, x| size.max(x.abs()));
    got.iter().zip(want).all(|(got, want)| (got - want).abs() <= allowed * size)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn gradients_accumulate(recipe in recipes()) {
        let case = recipe.build();
        let once = case.backward();
        let mut twice = once.clone();
        let gradients = Gradients {
            mu: Some(&mut twice.mu),
            sigma: Some(&mut twice.sigma),
            u: Some(&mut twice.u),
            v: Some(&mut twice.v),
        };
        let [mut saved, mut scratch] = case.buffers();
        let mut y = vec![0.0; case.g.len()];
        case.layer().forward(&case.x, &mut y, &mut saved, &mut scratch).unwrap();
        case.layer().backward(&case.x, &case.g, &saved, gradients, Some(&mut twice.x), &mut scratch).unwrap();
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
        let all = case.backward();
        let zeros = |wanted: bool, len: usize| wanted.then(|| vec![0.0; len]);
        let mut mu = zeros(wanted[0], all.mu.len());
        let mut sigma = zeros(wanted[1], all.sigma.len());
        let mut u = zeros(wanted[2], all.u.len());
        let mut v = zeros(wanted[3], all.v.len());
        let mut x = zeros(wanted[4], all.x.len());
        let gradients = Gradients {
            mu: mu.as_deref_mut(),
            sigma: sigma.as_deref_mut(),
            u: u.as_deref_mut(),
            v: v.as_deref_mut(),
        };
        let mut buffers = case.buffers();
        case.forward_into(&mut buffers);
        let [saved, scratch] = &mut buffers;
        case.layer().backward(&case.x, &case.g, saved, gradients, x.as_deref_mut(), scratch).unwrap();
        for (block, (name, want)) in [mu, sigma, u, v, x].into_iter().zip(all.blocks()) {
            if let Some(block) = block {
                prop_assert_eq!(block, want, "{}", name);
            }
        }
    }

    #[test]
    fn a_batch_is_its_rows(recipe in recipes()) {
        let case = recipe.build();
        let (y, all) = (case.forward(), case.backward());
        let (d, outputs) = (case.shape.inputs(), case.shape.outputs());
        let rounding = 16.0 * f64::EPSILON;
        let allowed = rounding * majorant(&Case { g: vec![1.0; case.g.len()], ..case.clone() });
        let mut sums = All {
            mu: vec![0.0; all.mu.len()],
            sigma: vec![0.0; all.sigma.len()],
            u: vec![0.0; all.u.len()],
            v: vec![0.0; all.v.len()],
            x: Vec::new(),
        };
        for b in 0..case.batch() {
            let mut row = case.clone();
            row.x = case.x[b * d..][..d].to_vec();
            row.g = case.g[b * outputs..][..outputs].to_vec();
            for (got, want) in row.forward().iter().zip(&y[b * outputs..]) {
                prop_assert!((got - want).abs() <= allowed, "{} against {}", got, want);
            }
            let gradients = row.backward();
            for (sum, block) in [
                (&mut sums.mu, gradients.mu),
                (&mut sums.sigma, gradients.sigma),
                (&mut sums.u, gradients.u),
                (&mut sums.v, gradients.v),
            ] {
                sum.iter_mut().zip(block).for_each(|(sum, x)| *sum += x);
            }
            sums.x.extend(gradients.x);
        }
        let allowed = rounding * majorant(&case);
        let parameters = [&case.mu, &case.sigma, &case.u, &case.v, &case.x];
        for (((name, got), (_, want)), parameters) in sums.blocks().into_iter().zip(all.blocks()).zip(parameters) {
            for ((got, want), parameter) in got.iter().zip(want).zip(parameters) {
                prop_assert!(((got - want) * parameter).abs() <= allowed, "{}: {} against {}", name, got, want);
            }
        }
    }

    /// The backward pass changes nothing of what is saved, and may run any number of times.
    #[test]
    fn one_forward_pass_serves_many_backward_passes(recipe in recipes()) {
        let case = recipe.build();
        let mut buffers = case.buffers();
        case.forward_into(&mut buffers);
        let (before, first) = (buffers[0].clone(), case.backward_from(&mut buffers));
        prop_assert_eq!(case.backward_from(&mut buffers), first);
        let bits = |saved: &[f64]| saved.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&buffers[0]), bits(&before));
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
        let layer = case.layer();
        let mut storage = vec![f64::NAN; layer.prepared_len()];
        let prepared = layer.prepare(&mut storage).unwrap();
        let mut y = vec![f64::NAN; case.batch() * case.shape.outputs()];
        let mut scratch = vec![f64::NAN; prepared.scratch_len(case.batch()).unwrap()];
        prepared.forward(&case.x, &mut y, &mut scratch).unwrap();
        let allowed = 16.0 * f64::EPSILON * majorant(&Case { g: vec![1.0; case.g.len()], ..case.clone() });
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

    /// h is positively homogeneous: powers of two pass through up to rounding, far out of the range of squares.
    #[test]
    fn powers_of_two_pass_through(recipe in recipes(), power in -500_i32..500) {
        let case = Recipe { exponents: [0.0; 6], ..recipe }.build();
        let mut scaled = case.clone();
        scaled.x.iter_mut().for_each(|x| *x *= 2.0_f64.powi(power));
        let power = 2.0_f64.powi(power);
        for ((got, want), budget) in scaled.forward().iter().zip(case.forward()).zip(exact(&case).h) {
            // Each within 8 budgets.
            let allowed = f64::EPSILON / 2.0 * budget.scale + f64::from_bits(1) * budget.floor;
            let (want, allowed) = (want * power, 16.0 * allowed * power);
            prop_assert!((got - want).abs() <= allowed, "{} against {}, allowed {}", got, want, allowed);
        }
    }
}

#[test]
fn shapes_report_their_lengths() {
    let shape = Shape::new(3, 2, 4).unwrap();
    assert_eq!((shape.inputs(), shape.outputs(), shape.components()), (3, 2, 4));
    assert_eq!((shape.mu_len(), shape.sigma_len(), shape.u_len(), shape.v_len()), (12, 12, 24, 8));
    assert_eq!(shape.parameter_count(), 56);
}

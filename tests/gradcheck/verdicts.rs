//! The verdicts themselves, on functions whose answer is known.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use gmlayer::Error;
use gmlayer::gradcheck::{Block, Check, Report, Verdict};

fn run(forward: impl Fn(f64) -> f64, derivative: impl Fn(f64) -> f64, at: f64) -> Report<1> {
    let check = Check::new([Block::new("theta", 1)], 1).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    let forward = |theta: &[f64], y: &mut [f64]| y[0] = forward(theta[0]);
    let backward = |theta: &[f64], g: &[f64], d: &mut [f64]| d[0] += g[0] * derivative(theta[0]);
    check.run(forward, backward, &[at], &mut scratch).unwrap()
}

#[test]
fn smooth_functions_show_order_two() {
    let report = run(f64::exp, f64::exp, 0.7);
    let taylor = report.blocks[0].taylor.unwrap();
    assert_eq!(report.verdict(), Verdict::Agrees);
    assert_abs_diff_eq!(taylor.order.unwrap(), 2.0, epsilon = 0.1);
    assert!(taylor.steps > 15);
    assert_relative_eq!(taylor.difference, taylor.slope, epsilon = 0.0, max_relative = 1e-5);
    assert!(report.blocks[0].worst.unwrap().relative_error() < 1e-10);
}

#[test]
fn linear_functions_show_rounding_alone() {
    let report = run(|x| 3.0 * x, |_| 3.0, 0.7);
    assert_eq!((report.verdict(), report.blocks[0].taylor.unwrap().order), (Verdict::Agrees, None));
}

#[test]
fn kinks_take_the_central_limit_or_differ() {
    let relu = |x: f64| x.max(0.0);
    assert_eq!(run(relu, |_| 0.5, 0.0).verdict(), Verdict::AgreesAtKink);
    assert_eq!(run(relu, |_| 0.0, 0.0).verdict(), Verdict::Differs);
    assert_eq!(run(relu, |_| 1.0, 0.0).verdict(), Verdict::Differs);
}

/// A staircase finer than any step: the differences do not settle.
#[test]
fn differences_that_do_not_settle_are_unreliable() {
    let rough = |x: f64| x + 1e-3 * if (x * 1e13).sin() > 0.0 { 1.0 } else { -1.0 };
    let report = run(rough, |_| 1.0, 0.7);
    assert_eq!(report.verdict(), Verdict::Unreliable, "{report}");
    assert!(report.into_result().is_err());
    assert!(report.to_string().contains("UNRELIABLE"));
}

#[test]
fn not_a_number_differs() {
    assert_eq!(run(|x| x, |_| f64::NAN, 0.7).verdict(), Verdict::Differs);
    assert_eq!(run(|x| x, |_| f64::INFINITY, 0.7).verdict(), Verdict::Differs);
}

#[test]
fn unwritten_outputs_break_a_law() {
    let check = Check::new([Block::new("theta", 1)], 2).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    let forward = |theta: &[f64], y: &mut [f64]| y[0] = theta[0];
    let backward = |_: &[f64], g: &[f64], d: &mut [f64]| d[0] += g[0];
    let report = check.run(forward, backward, &[0.5], &mut scratch).unwrap();
    assert!(!report.laws.writes_outputs);
    assert!(report.to_string().contains("BROKEN LAW: writes every output"));
}

#[test]
fn sizes_are_checked() {
    assert_eq!(Check::new([Block::new("a", 0)], 1).unwrap_err(), Error::Zero { argument: "blocks" });
    assert_eq!(Check::new([Block::new("a", 1)], 0).unwrap_err(), Error::Zero { argument: "outputs" });
    let huge = [Block::new("a", usize::MAX), Block::new("b", 1)];
    assert_eq!(Check::new(huge, 1).unwrap_err(), Error::Overflow { argument: "blocks" });
    assert_eq!(
        Check::new([Block::new("a", usize::MAX / 8)], 1).unwrap_err(),
        Error::Overflow { argument: "scratch" }
    );
    let check = Check::new([Block::new("a", 2)], 1).unwrap();
    let nothing = |_: &[f64], _: &mut [f64]| {};
    let none = |_: &[f64], _: &[f64], _: &mut [f64]| {};
    let length = Error::Length { argument: "theta", expected: 2, got: 1 };
    assert_eq!(check.run(nothing, none, &[0.0], &mut [0.0; 12]).unwrap_err(), length);
    let short = Error::Buffer { argument: "scratch", expected: 12, got: 11 };
    assert_eq!(check.run(nothing, none, &[0.0; 2], &mut [0.0; 11]).unwrap_err(), short);
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let report = || run(f64::sin, f64::cos, 1.1);
    assert_eq!(report(), report());
}

//! Where a report puts the blame: the coordinate, the block, and what one direction alone cannot see.

use gmlayer::gradcheck::{AdjointReport, Block, Check, Report, Verdict};
use gmlayer::{Dual, Real};

const SIZE: f64 = 1e-12;

/// y = 10⁻¹² (θ₀ + θ₁)³ with another gradient than its own.
fn run(gradient: impl Fn(f64) -> [f64; 2]) -> Report<1> {
    let check = Check::new([Block::new("theta", 2)], 1).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    let forward = |t: &[f64], y: &mut [f64]| y[0] = SIZE * (t[0] + t[1]).powi(3);
    let backward = |t: &[f64], g: &[f64], d: &mut [f64]| {
        let slope = SIZE * 3.0 * (t[0] + t[1]).powi(2);
        d.iter_mut().zip(gradient(slope)).for_each(|(d, own)| *d += g[0] * own);
    };
    check.run(forward, backward, &[0.5, 0.75], &mut scratch).unwrap()
}

fn slope(report: Report<1>) -> f64 {
    report.blocks[0].taylor.unwrap().slope
}

/// An error at right angles to the direction of the Taylor test, of 10⁻⁷ of the gradient.
#[test]
fn coordinates_see_what_the_direction_misses() {
    assert_eq!(run(|slope| [slope; 2]).verdict(), Verdict::Agrees);
    let (first, second) = (slope(run(|slope| [slope, 0.0])), slope(run(|slope| [0.0, slope])));
    let turn = 1e-7 / (first.abs() + second.abs());
    let report = run(|slope| [slope * (1.0 + turn * second), slope * (1.0 - turn * first)]);
    let block = report.blocks[0];
    assert_eq!(block.taylor.unwrap().verdict, Verdict::Agrees, "{report}");
    assert_eq!(report.verdict(), Verdict::Differs, "{report}");
}

#[test]
fn the_worst_coordinate_is_named() {
    for wrong in [1.0 + 1e-6, 0.5, f64::NAN] {
        assert_eq!(run(|slope| [wrong * slope, slope]).blocks[0].worst.unwrap().index, 0);
        assert_eq!(run(|slope| [slope, wrong * slope]).blocks[0].worst.unwrap().index, 1);
    }
}

#[test]
fn a_constant_function_has_no_relative_error() {
    let check = Check::new([Block::new("none", 0), Block::new("theta", 1)], 1).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    let constant = |_: &[f64], y: &mut [f64]| y[0] = 1.0;
    let report = check.run(constant, |_, _, _| {}, &[0.5], &mut scratch).unwrap();
    let [none, theta] = report.blocks;
    assert_eq!((none.verdict, theta.verdict), (Verdict::Frozen, Verdict::Agrees));
    assert_eq!(theta.worst.unwrap().relative_error(), 0.0);
}

/// A function that is not a number, or a gradient that is not, differs in the Taylor test too.
#[test]
fn not_a_number_differs_along_the_direction() {
    let check = Check::new([Block::new("theta", 1)], 1).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    for (value, gradient) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0), (1.0, f64::INFINITY)] {
        let forward = |t: &[f64], y: &mut [f64]| y[0] = value * t[0];
        let backward = |_: &[f64], g: &[f64], d: &mut [f64]| d[0] += g[0] * gradient;
        let report = check.run(forward, backward, &[0.5], &mut scratch).unwrap();
        assert_eq!(report.blocks[0].taylor.unwrap().verdict, Verdict::Differs, "{value}, {gradient}");
    }
}

/// The adjoint report of y = ab with the gradients of a and b times given factors; a may be frozen.
fn adjoint(factors: [f64; 2], frozen: bool) -> AdjointReport<2> {
    fn forward<T: Real>(t: &[T], y: &mut [T]) {
        y[0] = t[0] * t[1];
    }
    let a = Block::new("a", 1);
    let check = Check::new([if frozen { a.frozen() } else { a }, Block::new("b", 1)], 1).unwrap();
    let mut scratch = vec![f64::NAN; check.scratch_len()];
    let mut dual_scratch = vec![Dual::constant(f64::NAN); check.dual_scratch_len()];
    let backward = |t: &[f64], g: &[f64], d: &mut [f64]| {
        d[0] += factors[0] * g[0] * t[1];
        d[1] += factors[1] * g[0] * t[0];
    };
    check.adjoint(forward, backward, &[0.5, -1.5], &mut scratch, &mut dual_scratch).unwrap()
}

#[test]
fn the_adjoint_identity_blames_the_block() {
    let agrees = |report: AdjointReport<2>| report.blocks.map(|block| block.agrees());
    assert_eq!(agrees(adjoint([1.0, 1.0], false)), [true, true]);
    for wrong in [0.0, 1.0 + 1e-9, f64::NAN] {
        assert_eq!(agrees(adjoint([wrong, 1.0], false)), [false, true], "{wrong}");
        assert_eq!(agrees(adjoint([1.0, wrong], false)), [true, false], "{wrong}");
        assert!(adjoint([wrong, 1.0], false).into_result().is_err());
    }
    let [a, b] = adjoint([0.0, 1.0], true).blocks;
    assert_eq!((a.forward, a.backward, a.agrees()), (0.0, 0.0, true), "frozen");
    assert!(b.forward != 0.0 && b.agrees());
}

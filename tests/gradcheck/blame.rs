//! Where a report puts the blame: the block and the coordinate; by differences and by dual numbers.

use gmlayer::gradcheck::{Block, Check, Report, Verdict};
use gmlayer::{Dual, Real};

const SIZE: f64 = 1e-12;

/// y = 10⁻¹² (θ₀ + θ₁)³ with another gradient than its own.
fn run(gradient: impl Fn(f64) -> [f64; 2]) -> Report<[Block<'static>; 1]> {
    let check = Check::new([Block::new("theta", 2)], 1).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    let forward = |t: &[f64], y: &mut [f64]| y[0] = SIZE * (t[0] + t[1]).powi(3);
    let backward = |t: &[f64], g: &[f64], d: &mut [f64]| {
        let slope = SIZE * 3.0 * (t[0] + t[1]).powi(2);
        d.iter_mut().zip(gradient(slope)).for_each(|(d, own)| *d += g[0] * own);
    };
    check.run(forward, backward, &[0.5, 0.75], &mut scratch).unwrap()
}

#[test]
fn the_worst_coordinate_is_named() {
    assert_eq!(run(|slope| [slope; 2]).verdict(), Verdict::Agrees);
    for wrong in [1.0 + 1e-6, 0.5, f64::NAN] {
        for (report, index) in
            [(run(|slope| [wrong * slope, slope]), 0), (run(|slope| [slope, wrong * slope]), 1)]
        {
            assert_eq!(report.verdict(), Verdict::Differs, "{report}");
            assert_eq!(report.blocks[0].finding.unwrap().worst.index, index, "{report}");
        }
    }
}

/// What is printed is the gradient itself where there is one output, and else that by the cotangent that the check
/// gives away.
#[test]
fn the_report_shows_the_gradient() {
    let worst = run(|slope| [slope, 2.0 * slope]).blocks[0].finding.unwrap().worst;
    let slope = SIZE * 3.0 * 1.25 * 1.25;
    assert_eq!(worst.backward, 2.0 * slope);
    approx::assert_relative_eq!(worst.reference, slope, epsilon = 0.0, max_relative = 1e-9);

    let check = Check::new([Block::new("theta", 1)], 2).unwrap().seed(3);
    let mut scratch = vec![0.0; check.scratch_len()];
    let (mut c, mut seen) = ([0.0; 2], [0.0; 2]);
    check.cotangent(&mut c).unwrap();
    let forward = |t: &[f64], y: &mut [f64]| y.copy_from_slice(&[t[0], 3.0 * t[0]]);
    let backward = |_: &[f64], g: &[f64], d: &mut [f64]| {
        seen.copy_from_slice(g);
        d[0] += g[0] + 3.0 * g[1];
    };
    let report = check.run(forward, backward, &[0.5], &mut scratch).unwrap();
    assert_eq!((report.blocks[0].finding.unwrap().worst.backward, seen), (c[0] + 3.0 * c[1], c));
    assert!(check.cotangent(&mut [0.0]).is_err());
}

#[test]
fn a_constant_function_has_no_relative_error() {
    let check = Check::new([Block::new("none", 0), Block::new("theta", 1)], 1).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    let constant = |_: &[f64], y: &mut [f64]| y[0] = 1.0;
    let report = check.run(constant, |_, _, _| {}, &[0.5], &mut scratch).unwrap();
    let [none, theta] = report.blocks;
    assert_eq!((none.verdict(), theta.verdict()), (Verdict::Frozen, Verdict::Agrees));
    let finding = theta.finding.unwrap();
    assert_eq!(finding.worst.relative_error(), 0.0);
    assert!((1e-18..1e-12).contains(&finding.resolution), "{report}");
}

/// A gradient that is not finite differs; of a function that is not finite nothing can be said.
#[test]
fn what_is_not_finite_is_seen() {
    let check = Check::new([Block::new("theta", 1)], 1).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for (value, gradient, verdict) in
            [(bad, 1.0, Verdict::Unreliable), (1.0, bad, Verdict::Differs), (bad, bad, Verdict::Differs)]
        {
            let forward = |t: &[f64], y: &mut [f64]| y[0] = value * t[0];
            let backward = |_: &[f64], g: &[f64], d: &mut [f64]| d[0] += g[0] * gradient;
            let report = check.run(forward, backward, &[0.5], &mut scratch).unwrap();
            assert_eq!(report.blocks[0].verdict(), verdict, "{value}, {gradient}: {report}");
        }
    }
}

/// The adjoint report of y = ab with the gradients of a and b times given factors; a may be frozen.
fn adjoint(factors: [f64; 2], frozen: bool) -> Report<[Block<'static>; 2]> {
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
    use Verdict::{Agrees, Differs, Frozen};
    let verdicts = |report: Report<[Block<'static>; 2]>| report.blocks.map(|block| block.verdict());
    assert_eq!(verdicts(adjoint([1.0, 1.0], false)), [Agrees, Agrees]);
    for wrong in [0.0, 1.0 + 1e-9, f64::NAN] {
        assert_eq!(verdicts(adjoint([wrong, 1.0], false)), [Differs, Agrees], "{wrong}");
        assert_eq!(verdicts(adjoint([1.0, wrong], false)), [Agrees, Differs], "{wrong}");
        assert!(adjoint([wrong, 1.0], false).into_result().is_err());
    }
    assert_eq!(verdicts(adjoint([0.0, 1.0], true)), [Frozen, Agrees]);
}

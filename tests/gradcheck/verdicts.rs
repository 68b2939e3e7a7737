//! The verdicts themselves, on functions whose answer is known.

use approx::assert_relative_eq;
use gmlayer::gradcheck::{Block, Check, Report, Verdict, scratch_len};
use gmlayer::{Error, Real};

type OneBlock = Report<[Block<'static>; 1]>;

fn run(forward: impl Fn(f64) -> f64, derivative: impl Fn(f64) -> f64, at: f64) -> OneBlock {
    gradient(|t: &[f64]| forward(t[0]), |t| vec![derivative(t[0])], &[at])
}

/// The report of a function of several numbers in one block, with a gradient that may be wrong.
fn gradient<T: Real>(forward: impl Fn(&[T]) -> T, of: impl Fn(&[T]) -> Vec<T>, at: &[T]) -> OneBlock {
    let check = Check::new([Block::new("theta", at.len())], 1).unwrap();
    let mut scratch = vec![T::zero(); check.scratch_len()];
    let forward = |theta: &[T], y: &mut [T]| y[0] = forward(theta);
    let backward = |theta: &[T], g: &[T], d: &mut [T]| {
        d.iter_mut().zip(of(theta)).for_each(|(d, of)| *d += g[0] * of);
    };
    check.run(forward, backward, at, &mut scratch).unwrap()
}

#[test]
fn smooth_functions_agree_to_many_digits() {
    let report = run(f64::exp, f64::exp, 0.7);
    assert_eq!(report.verdict(), Verdict::Agrees);
    let finding = report.blocks[0].finding.unwrap();
    assert!(finding.resolution < 1e-8, "{report}");
    assert_relative_eq!(finding.worst.reference, f64::exp(0.7), epsilon = 0.0, max_relative = 1e-10);
    assert_eq!(run(f64::exp, |x| (1.0 + 1e-7) * x.exp(), 0.7).verdict(), Verdict::Differs);
}

#[test]
fn linear_functions_agree() {
    let report = run(|x| 3.0 * x, |_| 3.0, 0.7);
    assert_eq!(report.verdict(), Verdict::Agrees, "{report}");
    assert!(report.blocks[0].finding.unwrap().resolution < 1e-11, "{report}");
}

/// At a kink the central limit agrees, and another slope between the two is left open.
#[test]
fn kinks_take_the_central_limit() {
    let relu = |x: f64| x.max(0.0);
    assert_eq!(run(relu, |_| 0.5, 0.0).verdict(), Verdict::AgreesAtKink);
    for other in [0.0, 1.0] {
        assert_eq!(run(relu, |_| other, 0.0).verdict(), Verdict::Unreliable);
    }
    assert_eq!(run(relu, |_| 100.0, 0.0).verdict(), Verdict::Differs);
}

/// f = |a| + b: beside its kink the right slope is never refused, and no other agrees.
#[test]
fn a_kink_nearby_excuses_nothing() {
    for power in 0..=18 {
        for at in [10.0_f64.powi(-power), -10.0_f64.powi(-power)] {
            let report =
                |slope: f64| gradient(|t: &[f64]| t[0].abs() + t[1], |_| vec![slope, 1.0], &[at, 1.0]);
            let right = report(at.signum());
            assert_ne!(right.verdict(), Verdict::Differs, "{at}: {right}");
            assert!(power > 8 || right.verdict() == Verdict::Agrees, "{at}: {right}");
            for wrong in [0.0, -at.signum(), 0.98 * at.signum(), 2.0 * at.signum()] {
                assert!(!report(wrong).verdict().passes(), "{at}: {wrong}: {}", report(wrong));
            }
        }
    }
}

/// f = a + a step of some height at a distance.
#[test]
fn a_jump_nearby_excuses_nothing() {
    for distance in [0.0, 1e-12, 1e-6, 1e-3, 0.01] {
        for height in [1e-6, 1e-3, 1.0, 100.0] {
            let report =
                |slope: f64| run(|x| x + if x > 0.7 + distance { height } else { 0.0 }, move |_| slope, 0.7);
            let right = report(1.0);
            assert_ne!(right.verdict(), Verdict::Differs, "{distance}, {height}: {right}");
            for wrong in [0.0, 0.95, 1.05, 2.0, 1.0 + height] {
                let report = report(wrong);
                let seen = (wrong - 1.0).abs() < 0.01 || !report.verdict().passes();
                assert!(seen, "{distance}, {height}, {wrong}: {report}");
            }
        }
    }
}

/// A staircase finer than any step: the differences do not settle.
#[test]
fn differences_that_do_not_settle_are_unreliable() {
    let rough = |x: f64| x + 1e-3 * if (x * 1e13).sin() > 0.0 { 1.0 } else { -1.0 };
    let report = run(rough, |_| 1.0, 0.7);
    assert!(report.verdict() != Verdict::Differs, "{report}");
    let wrong = run(rough, |_| 1.1, 0.7);
    assert!(!wrong.verdict().passes(), "{wrong}");
    let hopeless = run(|x| 1e3 * rough(x) - 1e3 * x, |_| 0.0, 0.7);
    assert_eq!(hopeless.verdict(), Verdict::Unreliable, "{hopeless}");
    assert!(hopeless.into_result().is_err());
    assert!(hopeless.to_string().contains("UNRELIABLE"));
}

/// A function that is not the same twice is said to be so, however large the noise and however right the slopes.
#[test]
fn noise_drawn_anew_is_named() {
    for size in [0.1, 1e-6, 1e-15] {
        let mut word = 1_u64;
        let mut noise = || {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            size * ((word >> 11) as f64 / (1_u64 << 53) as f64 - 0.5)
        };
        for factor in [1.0, 2.0] {
            let check = Check::new([Block::new("theta", 2)], 1).unwrap();
            let mut scratch = vec![0.0; check.scratch_len()];
            let forward = |t: &[f64], y: &mut [f64]| y[0] = t[0] * t[1] + noise();
            let backward = |t: &[f64], g: &[f64], d: &mut [f64]| {
                d[0] += factor * g[0] * t[1];
                d[1] += factor * g[0] * t[0];
            };
            let report = check.run(forward, backward, &[0.5, 0.75], &mut scratch).unwrap();
            assert!(!report.laws.function_deterministic && report.into_result().is_err());
            assert_eq!(report.blocks[0].verdict(), Verdict::Unreliable);
            assert!(report.to_string().contains("BROKEN LAW: the function is deterministic"), "{report}");
        }
    }
}

/// y = 2a + b, a beside a b that is larger or smaller by powers of ten, in one block and in two; the slope of a right,
/// forgotten, off by 3 % of the larger one, or twice too large.
fn small_beside_large<T: Real>(sizes: &[f64]) {
    for (&a, &b) in sizes.iter().flat_map(|a| sizes.iter().map(move |b| (a, b))) {
        for blocks in [vec![Block::new("a", 1), Block::new("b", 1)], vec![Block::new("theta", 2)]] {
            let check = Check::new(blocks, 1).unwrap();
            let mut scratch = vec![T::zero(); check.scratch_len()];
            for slope in [2.0, 0.0, 2.06, 4.0] {
                let forward = |t: &[T], y: &mut [T]| y[0] = t[0] + t[0] + t[1];
                let backward = |_: &[T], g: &[T], d: &mut [T]| {
                    d[0] += T::from_f64(slope) * g[0];
                    d[1] += g[0];
                };
                let theta = [a, b].map(T::from_f64);
                let report = check.run(forward, backward, &theta, &mut scratch).unwrap();
                if slope == 2.0 {
                    assert_ne!(report.verdict(), Verdict::Differs, "{a:e}, {b:e}:\n{report}");
                } else {
                    // Where the block of a is zero, the report says how large an error would have been seen.
                    let stated = report.blocks[0].finding.unwrap().resolution > 2.0 && slope == 0.0;
                    assert!(!report.verdict().passes() || stated, "{slope}, {a:e}, {b:e}:\n{report}");
                }
            }
        }
    }
}

#[test]
fn small_parameters_beside_large_ones() {
    small_beside_large::<f32>(&[1e-6, 1e-5, 1e-3, 1.0, 1e3, 1e6, -1e-4]);
    small_beside_large::<f64>(&[1e-14, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e14, -1e-4]);
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
    let overflow = Error::Overflow { argument: "scratch" };
    assert_eq!(Check::new([Block::new("a", usize::MAX / 2)], 1).unwrap_err(), overflow);
    assert_eq!(scratch_len(usize::MAX, 1), Err(overflow));
    let check = Check::new([Block::new("a", 2)], 1).unwrap();
    assert_eq!(scratch_len(2, 1), Ok(check.scratch_len()));
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

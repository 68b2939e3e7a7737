//! Every law by itself: a backward pass that breaks one law alone is seen to break that one.

use gmlayer::gradcheck::{Block, Check, Laws};

/// The laws of a backward pass of y = size·θ; `backward` is given size·g.
fn laws(size: f64, mut backward: impl FnMut(&[f64], &mut [f64])) -> Laws {
    let check = Check::new([Block::new("theta", 2)], 2).unwrap();
    let mut scratch = vec![f64::NAN; check.scratch_len()];
    let scaled = |values: &[f64]| values.iter().map(|x| size * x).collect::<Vec<_>>();
    let forward = |theta: &[f64], y: &mut [f64]| y.copy_from_slice(&scaled(theta));
    let backward = |_: &[f64], g: &[f64], d: &mut [f64]| backward(&scaled(g), d);
    check.run(forward, backward, &[0.5, -0.75], &mut scratch).unwrap().laws
}

/// Adds `of(gᵢ)` to every dᵢ.
fn add(g: &[f64], d: &mut [f64], of: impl Fn(f64) -> f64) {
    d.iter_mut().zip(g).for_each(|(d, g)| *d += of(*g));
}

const ALL: Laws = Laws {
    function_deterministic: true,
    deterministic: true,
    linear: true,
    zero: true,
    accumulates: true,
    writes_outputs: true,
    leaves_frozen: true,
};

#[test]
fn a_right_backward_pass_keeps_all_laws_at_any_size() {
    for size in [1e-200, 1e-20, 1.0, 1e20, 0.0] {
        assert_eq!(laws(size, |g, d| add(g, d, |g| g)), ALL, "{size}");
    }
    // Rounding is no breach.
    assert_eq!(laws(1.0, |g, d| add(g, d, |g| g + 1e-12 * g * g)), ALL);
}

#[test]
fn each_breach_is_named() {
    let mut calls = 0.0;
    let drifting = laws(1.0, |g, d| {
        calls += 1e-13;
        add(g, d, |g| g * (1.0 + calls));
    });
    assert_eq!(drifting, Laws { deterministic: false, ..ALL });
    assert_eq!(laws(1.0, |g, d| add(g, d, |g| g + 1e-5 * g * g)), Laws { linear: false, ..ALL });
    assert_eq!(laws(1.0, |g, d| add(g, d, |g| g + 1e-12)), Laws { zero: false, ..ALL });
    for size in [1e-20, 1.0, 0.0] {
        let overwrites = laws(size, |g, d| d.copy_from_slice(g));
        assert_eq!(overwrites, Laws { accumulates: false, ..ALL }, "{size}");
    }
    let twice = laws(1e-20, |g, d| {
        let factor = if d[0] == 0.0 { 1.0 } else { 2.0 };
        add(g, d, |g| factor * g);
    });
    assert_eq!(twice, Laws { accumulates: false, ..ALL });
    let nan = laws(1.0, |_, d| d.fill(f64::NAN));
    assert!(!nan.linear && !nan.zero && !nan.accumulates);
}

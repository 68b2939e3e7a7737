//! The diagonal layer against exact values: forward and every gradient, in `f32` and `f64`.
#![allow(missing_docs)]

mod support;

use gmlayer::diagonal::{Gradients, Parameters, Sparse};
use gmlayer::{Diagonal, Error, Shape};
use support::budget::{BAR, Scalar};
use support::judge::{Precision, worst};
use support::reference;
use support::table::{Case, DIAGONAL, Exact, all_diagonal, diagonal};

/// The ways through the layer: a batch of fewer than eight rows goes row by row, a larger one in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The batch as it is.
    Whole,
    /// Each row by itself, the gradients added up.
    RowByRow,
    /// The batch with rows of zeros after it, so that it goes in chunks.
    InChunks,
    /// The forward pass alone, by the prepared layer; the gradients as [`Way::Whole`].
    Prepared,
    /// The forward pass alone, by the layer that skips zeros; the gradients as [`Way::Whole`].
    Sparse,
}

const WAYS: [Way; 5] = [Way::Whole, Way::RowByRow, Way::InChunks, Way::Prepared, Way::Sparse];

/// The outputs of the layer in the order of [`Case::exact`].
fn run<T: Precision>(case: &Case, way: Way) -> Result<[Vec<T>; 6], Error> {
    let numbers = |values: &[f64]| -> Vec<T> { values.iter().map(|&value| T::from_f64(value)).collect() };
    let zeros = |count: usize| vec![T::zero(); count];
    // What the layer overwrites starts as NaN, so that a trace of it shows.
    let nans = |count: usize| vec![T::from_f64(f64::NAN); count];
    let (mu, sigma, u, v) = (numbers(&case.mu), numbers(&case.sigma), numbers(&case.u), numbers(&case.v));
    let (mut x, mut g) = (numbers(&case.x), numbers(&case.g));
    let (x_len, g_len) = (x.len(), g.len());
    if way == Way::InChunks {
        x.resize(x_len.max(8 * case.inputs), T::zero());
        g.resize(g_len.max(8 * case.outputs), T::zero());
    }
    let rows = match way {
        Way::RowByRow => 1,
        _ => x.len() / case.inputs,
    };

    let shape = Shape::new(case.inputs, case.outputs, case.components)?;
    let layer = Diagonal::new(shape, Parameters { mu: &mu, sigma: &sigma, u: &u, v: &v })?;
    let (mut saved, mut scratch) = (nans(layer.saved_len(rows)?), nans(layer.scratch_len(rows)?));
    let (mut h, mut dx) = (nans(g.len()), nans(x.len()));
    let (mut dmu, mut dsigma, mut du, mut dv) =
        (zeros(mu.len()), zeros(sigma.len()), zeros(u.len()), zeros(v.len()));
    let batches = x.chunks(rows * case.inputs).zip(g.chunks(rows * case.outputs));
    let outputs = h.chunks_mut(rows * case.outputs).zip(dx.chunks_mut(rows * case.inputs));
    for ((x, g), (h, dx)) in batches.zip(outputs) {
        layer.forward(x, h, &mut saved, &mut scratch)?;
        let gradients =
            Gradients { mu: Some(&mut dmu), sigma: Some(&mut dsigma), u: Some(&mut du), v: Some(&mut dv) };
        layer.backward(x, g, &saved, gradients, Some(dx), &mut scratch)?;
    }
    if way == Way::Prepared {
        let mut storage = nans(layer.prepared_len());
        let prepared = layer.prepare(&mut storage)?;
        let mut scratch = nans(prepared.scratch_len(rows)?);
        prepared.forward(&x, &mut h, &mut scratch)?;
    }
    if way == Way::Sparse {
        let (mut storage, mut columns) = (nans(layer.prepared_len()), nans(Sparse::<T>::storage_len(shape)?));
        let sparse = Sparse::new(layer.prepare(&mut storage)?, &mut columns)?;
        sparse.forward(&x, &mut h, &mut nans(sparse.scratch_len()?))?;
    }
    h.truncate(g_len);
    dx.truncate(x_len);
    Ok([h, dmu, dsigma, du, dv, dx])
}

/// Whether σ² and Uσ² are normal numbers, or 0 where σ or U is: what the prepared layer asks for.
fn can_be_prepared<T: Precision>(case: &Case) -> bool {
    let normal = |value: f64| (T::SMALLEST_NORMAL..1.0 / T::SMALLEST_NORMAL).contains(&value);
    case.u.chunks(case.inputs).enumerate().all(|(row, u)| {
        let sigma = &case.sigma[row / case.outputs * case.inputs..][..case.inputs];
        u.iter().zip(sigma).all(|(u, sigma)| {
            *sigma == 0.0 || normal(sigma * sigma) && (*u == 0.0 || normal((u * sigma * sigma).abs()))
        })
    })
}

/// Judges every output of every case on every way, prints the worst error of each case, and counts the values
/// of one way.
fn judge_all<T: Precision>(cases: &[Case]) -> usize {
    let mut overall = (0.0, String::new());
    let (mut judged, mut prepared) = (0, 0);
    for case in cases {
        let mut line = [0.0_f64; 6];
        for way in WAYS {
            if matches!(way, Way::Prepared | Way::Sparse) && !can_be_prepared::<T>(case) {
                continue;
            }
            prepared += usize::from(way == Way::Prepared);
            let outputs = run::<T>(case, way).unwrap_or_else(|e| panic!("{}: {e}", case.name));
            for (((block, exact), got), most) in case.exact().into_iter().zip(&outputs).zip(&mut line) {
                let (ratio, index) = worst(got, exact);
                judged += if way == Way::Whole { got.len() } else { 0 };
                *most = most.max(ratio);
                if ratio >= overall.0 {
                    let (value, want) = (got[index], exact.hi[index]);
                    let place = format!("{}, {way:?}, {block}[{index}]", case.name);
                    overall = (ratio, format!("{place}: {value:?} against {want:e}"));
                }
            }
        }
        let [h, mu, sigma, u, v, x] = line.map(|ratio| format!("{ratio:.2}"));
        println!("{} {:36} h {h}  dmu {mu}  dsigma {sigma}  du {u}  dv {v}  dx {x}", T::NAME, case.name);
    }
    println!("{}: worst {:.2} at {}; {prepared} cases prepared", T::NAME, overall.0, overall.1);
    assert!(overall.0 < BAR, "{}: {:.2} at {}", T::NAME, overall.0, overall.1);
    assert!(2 * prepared > cases.len(), "only {prepared} cases are prepared");
    judged
}

/// The number of exact values in some cases.
fn values(cases: &[Case]) -> usize {
    cases.iter().flat_map(Case::exact).map(|(_, exact)| exact.hi.len()).sum()
}

#[test]
fn every_output_is_accurate_in_f64() {
    let cases = all_diagonal();
    assert_eq!(judge_all::<f64>(&cases), values(&cases));
}

#[test]
fn every_output_is_accurate_in_f32() {
    let cases: Vec<Case> = all_diagonal().into_iter().filter(|case| case.f32).collect();
    assert_eq!(judge_all::<f32>(&cases), values(&cases));
}

/// The tables are whole: lengths, names, inputs that are `f32` numbers, budgets that cover the values.
#[test]
fn tables_are_whole() {
    let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("diagonal_"))
        .collect();
    files.sort_unstable();
    let mut read = DIAGONAL.map(|name| format!("diagonal_{name}.json"));
    read.sort_unstable();
    assert_eq!(files, read);

    let cases = all_diagonal();
    assert_eq!(cases.len(), 66);
    assert_eq!(cases.iter().filter(|case| case.f32).count(), 50);
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len());

    for case in &cases {
        let shape = Shape::new(case.inputs, case.outputs, case.components).unwrap();
        assert_eq!(case.mu.len(), shape.mu_len());
        assert_eq!(case.sigma.len(), shape.sigma_len());
        assert_eq!(case.u.len(), shape.u_len());
        assert_eq!(case.v.len(), shape.v_len());
        assert_eq!(case.x.len(), case.batch * case.inputs);
        assert_eq!(case.g.len(), case.batch * case.outputs);
        let lengths = case.exact().map(|(_, exact)| exact.hi.len());
        let inputs = [&case.g, &case.mu, &case.sigma, &case.u, &case.v, &case.x];
        assert_eq!(lengths, inputs.map(Vec::len), "{}", case.name);
        for (block, Exact { hi, lo, scale, floor }) in case.exact() {
            assert_eq!([lo.len(), scale.len(), floor.len()], [hi.len(); 3]);
            for index in 0..hi.len() {
                assert!(lo[index].abs() <= hi[index].abs() * f64::EPSILON / 2.0, "{} {block}", case.name);
                assert!(scale[index] * 1.01 >= hi[index].abs(), "{} {block}[{index}]", case.name);
                assert!(scale[index] < f64::from(f32::MAX) || !case.f32, "{} {block}[{index}]", case.name);
                assert!(floor[index] >= 1.0 && floor[index].is_finite(), "{} {block}[{index}]", case.name);
            }
        }
    }
}

/// The textbook formulas share nothing with the tables, and agree with them where they are accurate.
#[test]
fn textbook_formulas_agree_where_they_are_accurate() {
    for case in diagonal("ordinary").iter().chain(&diagonal("wide")) {
        for ((block, exact), got) in case.exact().into_iter().zip(reference::diagonal(case).blocks()) {
            for (index, value) in got.iter().enumerate() {
                let error = ((value - exact.hi[index]) - exact.lo[index]).abs();
                assert!(error <= 1e-13 * exact.scale[index], "{} {block}[{index}]: {error:e}", case.name);
            }
        }
    }
}

/// The tables are hard: on the tails the textbook formulas miss the bar that the layer has to meet.
#[test]
fn textbook_formulas_miss_the_bar_in_the_tails() {
    let worst_of_all = diagonal("tails")
        .iter()
        .map(|case| {
            let got = reference::diagonal(case);
            let ratios =
                case.exact().into_iter().zip(got.blocks()).map(|((_, exact), got)| worst(got, exact).0);
            ratios.fold(0.0, f64::max)
        })
        .fold(0.0, f64::max);
    println!("textbook formulas, tails: {worst_of_all:.0}");
    assert!(worst_of_all > BAR);
}

/// The exact values pass the judge rounded, and fail it when one entry is off by ten budgets or not finite.
#[test]
fn the_judge_accepts_rounded_values_and_refuses_wrong_ones() {
    fn try_one<T: Precision>(exact: &Exact) {
        let good: Vec<T> = exact.hi.iter().map(|&value| T::from_f64(value)).collect();
        assert!(worst(&good, exact).0 <= 1.0 + 1e-9);
        for index in [0, good.len() / 2, good.len() - 1] {
            let budget = Scalar::of::<T>().allowed(exact.scale[index], exact.floor[index]);
            for off in [10.0 * budget, -10.0 * budget, f64::NAN, f64::INFINITY] {
                let mut bad = good.clone();
                bad[index] = T::from_f64(exact.hi[index] + off);
                let (ratio, found) = worst(&bad, exact);
                assert!(ratio > BAR, "{ratio}");
                assert_eq!(found, index);
            }
        }
    }
    for case in all_diagonal() {
        for (_, exact) in case.exact() {
            try_one::<f64>(exact);
            if case.f32 {
                try_one::<f32>(exact);
            }
        }
    }
}

//! The joint layer against exact values: forward and every gradient, in `f32` and `f64`.
#![allow(missing_docs)]

mod support;

use gmlayer::Error;
use gmlayer::joint::{Gradients, Joint, JointShape, Parameters};
use support::budget::BAR;
use support::joint::{JOINT, JointCase, all_joint};
use support::judge::{Precision, worst};
use support::table::Exact;

/// The ways through the layer: a batch of fewer than eight rows goes row by row, a larger one in chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The batch as it is.
    Whole,
    /// Each row by itself, the gradients added up.
    RowByRow,
    /// The batch with rows of zeros after it, so that it goes in chunks.
    InChunks,
    /// The forward pass alone, by the prepared layer, the batch as it is; the gradients as [`Way::Whole`].
    Prepared,
}

const WAYS: [Way; 4] = [Way::Whole, Way::RowByRow, Way::InChunks, Way::Prepared];

/// The outputs of the layer in the order of [`JointCase::exact`].
fn run<T: Precision>(case: &JointCase, way: Way) -> Result<[Vec<T>; 6], Error> {
    let numbers = |values: &[f64]| -> Vec<T> { values.iter().map(|&value| T::from_f64(value)).collect() };
    let zeros = |count: usize| vec![T::zero(); count];
    // What the layer overwrites starts as NaN, so that a trace of it shows.
    let nans = |count: usize| vec![T::from_f64(f64::NAN); count];
    let (mu_w, mu_b, c_w, c_b) =
        (numbers(&case.mu_w), numbers(&case.mu_b), numbers(&case.c_w), numbers(&case.c_b));
    let (mut x, mut g) = (numbers(&case.x), numbers(&case.g));
    let (x_len, g_len) = (x.len(), g.len());
    if way == Way::InChunks {
        x.resize(x_len.max(8 * case.inputs), T::zero());
        g.resize(g_len.max(8 * case.outputs), T::zero());
    }
    let rows = if way == Way::RowByRow { 1 } else { x.len() / case.inputs };

    let shape = JointShape::new(case.inputs, case.outputs, case.components, case.rank)?;
    let layer = Joint::new(shape, Parameters { mu_w: &mu_w, mu_b: &mu_b, c_w: &c_w, c_b: &c_b })?;
    let (mut saved, mut scratch) = (nans(layer.saved_len(rows)?), nans(layer.scratch_len(rows)?));
    let (mut h, mut dx) = (nans(g.len()), nans(x.len()));
    let (mut dmu_w, mut dmu_b, mut dc_w, mut dc_b) =
        (zeros(mu_w.len()), zeros(mu_b.len()), zeros(c_w.len()), zeros(c_b.len()));
    let batches = x.chunks(rows * case.inputs).zip(g.chunks(rows * case.outputs));
    let outputs = h.chunks_mut(rows * case.outputs).zip(dx.chunks_mut(rows * case.inputs));
    for ((x, g), (h, dx)) in batches.zip(outputs) {
        layer.forward(x, h, &mut saved, &mut scratch)?;
        let gradients = Gradients {
            mu_w: Some(&mut dmu_w),
            mu_b: Some(&mut dmu_b),
            c_w: Some(&mut dc_w),
            c_b: Some(&mut dc_b),
        };
        layer.backward(x, g, &saved, gradients, Some(dx), &mut scratch)?;
    }
    if way == Way::Prepared {
        let prepared = layer.prepare();
        prepared.forward(&x, &mut h, &mut nans(prepared.scratch_len(rows)?))?;
    }
    h.truncate(g_len);
    dx.truncate(x_len);
    Ok([h, dmu_w, dmu_b, dc_w, dc_b, dx])
}

/// Judges every output of every case on every way, prints the worst error of each case, and counts the values
/// of one way.
fn judge_all<T: Precision>(cases: &[JointCase]) -> usize {
    let mut overall = (0.0, String::new());
    let mut judged = 0;
    for case in cases {
        let mut line = [0.0_f64; 6];
        for way in WAYS {
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
        let [h, mu_w, mu_b, c_w, c_b, x] = line.map(|ratio| format!("{ratio:.2}"));
        println!(
            "{} {:36} h {h}  dmu_w {mu_w}  dmu_b {mu_b}  dc_w {c_w}  dc_b {c_b}  dx {x}",
            T::NAME,
            case.name
        );
    }
    println!("{}: worst {:.2} at {}", T::NAME, overall.0, overall.1);
    assert!(overall.0 < BAR, "{}: {:.2} at {}", T::NAME, overall.0, overall.1);
    judged
}

/// The number of exact values in some cases.
fn values(cases: &[JointCase]) -> usize {
    cases.iter().flat_map(JointCase::exact).map(|(_, exact)| exact.hi.len()).sum()
}

#[test]
fn every_output_is_accurate_in_f64() {
    let cases = all_joint();
    assert_eq!(judge_all::<f64>(&cases), values(&cases));
}

#[test]
fn every_output_is_accurate_in_f32() {
    let cases: Vec<JointCase> = all_joint().into_iter().filter(|case| case.f32).collect();
    assert_eq!(judge_all::<f32>(&cases), values(&cases));
}

/// The tables are whole: files, lengths, names, budgets that cover the values.
#[test]
fn tables_are_whole() {
    let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("joint_"))
        .collect();
    files.sort_unstable();
    let mut read = JOINT.map(|name| format!("joint_{name}.json"));
    read.sort_unstable();
    assert_eq!(files, read);

    let cases = all_joint();
    assert_eq!(cases.len(), 69);
    assert_eq!(cases.iter().filter(|case| case.f32).count(), 55);
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len());

    for case in &cases {
        let shape = JointShape::new(case.inputs, case.outputs, case.components, case.rank).unwrap();
        let lengths = [shape.mu_w_len(), shape.mu_b_len(), shape.c_w_len(), shape.c_b_len()];
        assert_eq!([&case.mu_w, &case.mu_b, &case.c_w, &case.c_b].map(Vec::len), lengths);
        assert_eq!(case.x.len(), case.batch * case.inputs);
        assert_eq!(case.g.len(), case.batch * case.outputs);
        let lengths = case.exact().map(|(_, exact)| exact.hi.len());
        let inputs = [&case.g, &case.mu_w, &case.mu_b, &case.c_w, &case.c_b, &case.x];
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

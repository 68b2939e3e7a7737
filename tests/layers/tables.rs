//! The layers against exact values: forward and every gradient, in `f32` and `f64`, by the rule of `budget.rs`. The
//! tables in `tests/data` are written by `scripts/diagonal_table.py` and `scripts/joint_table.py`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::budget::{BAR, Rectify, Scalar};
use super::case::{Case, nans};
use super::judge::{Precision, worst};
use super::layer::{MixtureLayer, Passes};
use super::textbook::{outputs, textbook_rectify};

for_each_layer! {
    tests:
        every_output_is_accurate_in_f64,
        every_output_is_accurate_in_f32,
        tables_are_whole,
        textbook_formulas_agree_where_they_are_accurate,
        textbook_formulas_miss_the_bar_in_the_tails,
        the_judge_accepts_rounded_values_and_refuses_wrong_ones;
}

const TABLES: [&str; 6] = ["ordinary", "tails", "degenerate", "extreme", "wide", "rows"];

/// The exact values of one output, with the error budget of each entry.
#[derive(Debug, Clone, Deserialize)]
pub struct Exact {
    /// The nearest doubles.
    pub hi: Vec<f64>,
    /// What `hi` leaves of the exact values.
    pub lo: Vec<f64>,
    /// The sum of the absolute values of all terms, with the first-order error of every factor.
    pub scale: Vec<f64>,
    /// What products below the normal numbers may lose, in smallest subnormal numbers.
    pub floor: Vec<f64>,
}

/// One layer with one batch, and what it must give.
#[derive(Debug, Clone)]
pub struct Entry<L> {
    pub name: String,
    /// Whether the inputs are `f32` numbers and the outputs fit that type.
    pub f32: bool,
    pub case: Case<L, f64>,
    /// h, the gradients and ∂x.
    pub exact: [Exact; 6],
}

impl<L: MixtureLayer> Entry<L> {
    fn of(value: &Value) -> Self {
        let get = |name: &str| value.get(name).unwrap_or_else(|| panic!("`{name}` is missing"));
        let size = |name: &str| value.get(name).map_or(1, |size| size.as_u64().unwrap() as usize);
        let f32 = get("f32").as_bool().unwrap();
        let block = |name: &str| -> Vec<f64> {
            let numbers = Vec::<f64>::deserialize(get(name)).unwrap();
            // The exact values that the decimals of an `f32` case stand for.
            numbers.into_iter().map(|value| if f32 { f64::from(value as f32) } else { value }).collect()
        };
        let [one, two, three, four, x] = L::NAMES;
        let sizes = ["inputs", "outputs", "components", "rank"].map(size);
        let case = Case {
            // Form 2 of a joint layer is tied.
            layer: L::new(sizes, if value.get("tied").is_some() { 2 } else { 0 }),
            parameters: [one, two, three, four].map(block),
            x: block(x),
            g: block("g"),
        };
        assert_eq!(case.parameters.each_ref().map(Vec::len), case.layer.lengths());
        assert_eq!(case.batch(), size("batch"));
        let gradient = |name: &str| Exact::deserialize(get(&format!("d{name}"))).unwrap();
        let exact = [
            Exact::deserialize(get("h")).unwrap(),
            gradient(one),
            gradient(two),
            gradient(three),
            gradient(four),
            gradient(x),
        ];
        Self { name: get("name").as_str().unwrap().into(), f32, case, exact }
    }

    fn values(&self) -> usize {
        self.exact.iter().map(|exact| exact.hi.len()).sum()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Whether the crate is a package, as for a registry, which has the small tables alone.
fn is_packaged() -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml.orig").exists()
}

/// The entries of one table; none of a table that the package lacks.
pub fn table<L: MixtureLayer>(name: &str) -> Vec<Entry<L>> {
    let path = folder().join(format!("{}_{name}.json", L::TABLES));
    if is_packaged() && !path.exists() {
        eprintln!("SKIPPED: {} is in the repository alone", path.display());
        return Vec::new();
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str::<Vec<Value>>(&text).unwrap().iter().map(Entry::of).collect()
}

fn all_tables<L: MixtureLayer>() -> Vec<Entry<L>> {
    TABLES.into_iter().flat_map(table).collect()
}

/// The ways through a layer: a batch of fewer than eight rows goes row by row, a larger one in chunks.
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

/// h, the gradients and ∂x.
fn run<L: MixtureLayer, T: Precision>(case: &Case<L, T>, way: Way) -> [Vec<T>; 6] {
    match way {
        Way::Whole => case.outputs(),
        Way::RowByRow => {
            let [mut h, mut dx] = [Vec::new(), Vec::new()];
            let mut gradients = case.zeros();
            for row in (0..case.batch()).map(|b| case.row(b)) {
                let mut buffers = row.buffers();
                h.extend(row.forward_into(&mut buffers));
                gradients[4] = nans(row.x.len());
                row.add_gradients(&mut buffers, &mut gradients, [true; 5]);
                dx.extend_from_slice(&gradients[4]);
            }
            let [one, two, three, four, _] = gradients;
            [h, one, two, three, four, dx]
        }
        Way::InChunks => {
            let mut longer = case.clone();
            longer.x.resize(case.x.len().max(8 * case.layer.inputs()), T::zero());
            longer.g.resize(case.g.len().max(8 * case.layer.outputs()), T::zero());
            let mut outputs = longer.outputs();
            outputs[0].truncate(case.g.len());
            outputs[5].truncate(case.x.len());
            outputs
        }
        Way::Prepared => {
            let mut outputs = case.outputs();
            outputs[0] = case.prepared_forward();
            outputs
        }
        Way::Sparse => {
            let mut outputs = case.outputs();
            let mut y = nans(case.g.len());
            case.passes().sparse_forward(&case.x, &mut y).unwrap();
            outputs[0] = y;
            outputs
        }
    }
}

/// Judges every output of every entry on every way, and prints the worst error of each entry.
fn judge_all<L: MixtureLayer, T: Precision>(entries: &[Entry<L>]) {
    let mut overall = (0.0, String::new());
    let (mut judged, mut prepared) = (0, 0);
    for Entry { name, case, exact, .. } in entries {
        let mut line = [0.0_f64; 6];
        for way in WAYS {
            if matches!(way, Way::Prepared | Way::Sparse) && !L::can_be_prepared(case, T::SMALLEST_NORMAL) {
                continue;
            }
            prepared += usize::from(way == Way::Prepared);
            let outputs = run(&case.convert(T::from_f64), way);
            for (output, got) in outputs.iter().enumerate() {
                let (ratio, index) = worst(got, &exact[output]);
                judged += if way == Way::Whole { got.len() } else { 0 };
                line[output] = line[output].max(ratio);
                if ratio >= overall.0 {
                    let (value, want) = (got[index], exact[output].hi[index]);
                    let place = format!("{name}, {way:?}, output {output}[{index}]");
                    overall = (ratio, format!("{place}: {value:?} against {want:e}"));
                }
            }
        }
        let line = ["h"].into_iter().chain(L::NAMES).zip(line);
        let line: Vec<String> = line.map(|(name, ratio)| format!("{name} {ratio:.2}")).collect();
        println!("{} {name:36} {}", T::NAME, line.join("  "));
    }
    println!("{}: worst {:.2} at {}; {prepared} prepared", T::NAME, overall.0, overall.1);
    assert!(overall.0 < BAR, "{}: {:.2} at {}", T::NAME, overall.0, overall.1);
    assert!(2 * prepared > entries.len(), "only {prepared} are prepared");
    assert_eq!(judged, entries.iter().map(Entry::values).sum::<usize>());
}

fn every_output_is_accurate_in_f64<L: MixtureLayer>() {
    judge_all::<L, f64>(&all_tables());
}

fn every_output_is_accurate_in_f32<L: MixtureLayer>() {
    judge_all::<L, f32>(&all_tables().into_iter().filter(|entry| entry.f32).collect::<Vec<_>>());
}

/// The tables are whole: files, names, lengths, budgets that cover the values.
fn tables_are_whole<L: MixtureLayer>() {
    if is_packaged() {
        eprintln!("SKIPPED: the package has a part of the tables");
        return;
    }
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(&format!("{}_", L::TABLES)))
        .collect();
    files.sort_unstable();
    let mut read = TABLES.map(|name| format!("{}_{name}.json", L::TABLES));
    read.sort_unstable();
    assert_eq!(files, read);

    let entries = all_tables::<L>();
    let in_f32 = entries.iter().filter(|entry| entry.f32).count();
    assert_eq!([entries.len(), in_f32], L::TABLE_ENTRIES);
    let mut names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), entries.len());

    for Entry { name, f32, case, exact } in &entries {
        let inputs = [&case.g[..]].into_iter().chain(case.blocks());
        for (output, (Exact { hi, lo, scale, floor }, input)) in exact.iter().zip(inputs).enumerate() {
            assert_eq!([hi.len(), lo.len(), scale.len(), floor.len()], [input.len(); 4], "{name}");
            for index in 0..hi.len() {
                let place = format!("{name}, output {output}[{index}]");
                assert!(lo[index].abs() <= hi[index].abs() * f64::EPSILON / 2.0, "{place}");
                assert!(scale[index] * 1.01 >= hi[index].abs(), "{place}");
                assert!(scale[index] < f64::from(f32::MAX) || !f32, "{place}");
                assert!(floor[index] >= 1.0 && floor[index].is_finite(), "{place}");
            }
        }
    }
}

/// The textbook formulas share nothing with the tables, and agree with them where they are accurate.
fn textbook_formulas_agree_where_they_are_accurate<L: MixtureLayer>() {
    for Entry { name, case, exact, .. } in table::<L>("ordinary").iter().chain(&table("wide")) {
        for (output, (got, exact)) in outputs(case, textbook_rectify).iter().zip(exact).enumerate() {
            for (index, value) in got.iter().enumerate() {
                let error = ((value - exact.hi[index]) - exact.lo[index]).abs();
                assert!(error <= 1e-13 * exact.scale[index], "{name}, output {output}[{index}]: {error:e}");
            }
        }
    }
}

/// The tables are hard: on the tails the textbook formulas miss the bar that a layer has to meet.
fn textbook_formulas_miss_the_bar_in_the_tails<L: MixtureLayer>() {
    let ratio = |Entry { case, exact, .. }: &Entry<L>| {
        let got = outputs(case, textbook_rectify as Rectify);
        got.iter().zip(exact).map(|(got, exact)| worst(got, exact).0).fold(0.0, f64::max)
    };
    let worst_of_all = table("tails").iter().map(ratio).fold(0.0, f64::max);
    println!("textbook formulas, tails: {worst_of_all:.0}");
    assert!(worst_of_all > BAR);
}

/// The exact values pass the judge rounded, and fail it when one entry is off by ten budgets or not finite.
fn the_judge_accepts_rounded_values_and_refuses_wrong_ones<L: MixtureLayer>() {
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
    for Entry { f32, exact, .. } in all_tables::<L>() {
        for exact in &exact {
            try_one::<f64>(exact);
            if f32 {
                try_one::<f32>(exact);
            }
        }
    }
}

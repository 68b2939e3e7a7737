//! The one accuracy table, and what holds the documentation to it.

use std::fs;
use std::path::Path;

/// A public numeric function and the largest error it may have, in ULP.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) f32: f64,
    pub(crate) f64: f64,
}

const fn line(name: &'static str, f32: f64, f64: f64) -> Line {
    Line { name, f32, f64 }
}

/// An ULP is the distance of neighbouring numbers at the exact value, at least the smallest subnormal.
pub(crate) const TABLE: [Line; 8] = [
    line("density", 1.0, 1.5),
    line("cumulative", 1.0, 5.0),
    line("ramp", 1.5, 6.0),
    line("density_moment", 1.5, 2.0),
    line("density_slice", 1.0, 1.5),
    line("cumulative_slice", 1.0, 5.0),
    line("ramp_slice", 1.5, 6.0),
    line("density_moment_slice", 1.5, 2.0),
];

/// The bars that the project sets itself for φ, Φ, ψ and tφ, in `f32` and `f64`.
const BARS: [Line; 4] = [
    line("density", 4.0, 2.0),
    line("cumulative", 4.0, 6.0),
    line("ramp", 4.0, 6.0),
    line("density_moment", 4.0, 3.0),
];

pub(crate) fn bound(name: &str) -> &'static Line {
    TABLE.iter().find(|line| line.name == name).expect("the function has a line in the table")
}

/// The public functions of a source text, each with the documentation above it.
pub(crate) fn public_functions(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut documentation = String::new();
    for text in source.lines().map(str::trim_start) {
        if let Some(doc) = text.strip_prefix("///") {
            documentation.push_str(doc);
            documentation.push('\n');
        } else if let Some(rest) = text.strip_prefix("pub fn ").or(text.strip_prefix("pub const fn ")) {
            let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
            found.push((name.to_string(), core::mem::take(&mut documentation)));
        } else if !text.starts_with("#[") {
            documentation.clear();
        }
    }
    found
}

/// The bound that a documentation states as a number of budgets.
pub(crate) fn stated_budgets(documentation: &str) -> Option<f64> {
    let (_, rest) = documentation.split_once("**Accuracy**: within ")?;
    rest.split_once(" budgets").or_else(|| rest.split_once("(u·scale + η·floor)"))?.0.parse().ok()
}

/// The bounds that a documentation states, in `f32` and in `f64`.
fn stated(documentation: &str) -> Option<(f64, f64)> {
    let (_, rest) = documentation.split_once("Accuracy: at most ")?;
    let (f32, rest) = rest.split_once(" ULP in `f32` and ")?;
    let (f64, _) = rest.split_once(" ULP in `f64`")?;
    Some((f32.parse().ok()?, f64.parse().ok()?))
}

#[test]
fn every_public_function_has_a_line_and_states_its_bound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/normal");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let source = fs::read_to_string(entry.expect("a file").path()).expect("a source file");
        for (name, documentation) in public_functions(&source) {
            let line = TABLE.iter().find(|line| line.name == name);
            let line = line.unwrap_or_else(|| panic!("`{name}` has no line in the accuracy table"));
            assert_eq!(stated(&documentation), Some((line.f32, line.f64)), "the docs of `{name}`");
            names.push(name);
        }
    }
    for line in &TABLE {
        assert!(names.iter().any(|name| name == line.name), "`{}` is no public function", line.name);
    }
}

#[test]
fn the_table_is_within_the_bars() {
    for bar in &BARS {
        for name in [bar.name.to_string(), format!("{}_slice", bar.name)] {
            assert!(bound(&name).f32 <= bar.f32 && bound(&name).f64 <= bar.f64, "{name}");
        }
    }
}

#[test]
fn a_function_without_docs_or_with_another_number_is_seen() {
    let documented = "/// Accuracy: at most 3 ULP in `f32` and 2.5 ULP in `f64`.\n#[inline]\npub fn f() {}\n";
    let found = public_functions(&format!("{documented}\npub fn g() {{}}\n"));
    assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["f", "g"]);
    assert_eq!(stated(&found[0].1), Some((3.0, 2.5)));
    assert_eq!(stated(&found[1].1), None);
}

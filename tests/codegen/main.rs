//! The hot loops are packed: a program that uses them all is built as a user would build it, for any x86-64, and
//! its machine code is read. No instruction of it is run.

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod machine;
mod rules;
mod work;

use std::path::{Path, PathBuf};
use std::process::Command;

use machine::Function;
use object::{Object, ObjectSection, ObjectSymbol};
use rules::{Demand, Vectors, faults};

/// A set of instructions, and what it does in one kind of float.
struct Set {
    name: &'static str,
    float: &'static str,
    vectors: Vectors,
    /// The multiply-adds of a whole tile of a product: rows times vectors.
    tile: usize,
}

/// Sixteen `f64` take four of the sixteen registers of AVX2: there, loops may put aside as much as they work on.
const SETS: [Set; 4] = [
    Set { name: "avx512", float: "f32", vectors: Vectors { bytes: 64, operations_a_spill: 16 }, tile: 6 * 4 },
    Set { name: "avx512", float: "f64", vectors: Vectors { bytes: 64, operations_a_spill: 16 }, tile: 6 * 4 },
    Set { name: "avx2", float: "f32", vectors: Vectors { bytes: 32, operations_a_spill: 16 }, tile: 6 * 2 },
    Set { name: "avx2", float: "f64", vectors: Vectors { bytes: 32, operations_a_spill: 1 }, tile: 6 * 2 },
];

/// The tasks that must be compiled for the widest vectors: what their names hold, and their loops over floats. Any
/// other task must have one.
const TASKS: [(&[&str], usize); 22] = [
    (&["::Prepare>"], 5), // σ²; the sizes of σ, μ and v; a row of W
    (&["::WriteW>"], 1),
    (&["::LargestOf>"], 1), // the sizes of inputs
    (&["::ScaleLanes>"], 1),
    (&["::Rectify>"], 1), // the special functions
    (&["::SquareRoots>"], 1),
    (&["::AddCompensated>"], 1),
    (&["::Values>"], 2),                     // over the components; the mean
    (&["diagonal::products::PullBack>"], 1), // the cotangents along the outputs
    (&["::AddOffsets>"], 1),
    (&["diagonal::row::Forward>"], 1), // one row of inputs
    (&["::sparse::ForwardRow>"], 1),   // one row of inputs, zeros skipped
    (&["::prepared::ForwardRow>"], 5), // s²; m; four rows of W; one row of W; the mean
    (&["joint::products::Squares>"], 1),
    (&["joint::products::Weigh>"], 1),
    (&["joint::products::PullBack>"], 1),
    (&["::Pass<true, true>", "; 1]"], 1),
    (&["::Pass<true, true>", "; 2]"], 1),
    (&["::Pass<false, true>", "; 1]"], 1),
    (&["::Pass<false, true>", "; 2]"], 1),
    (&["::Pass<true, false>", "; 1]"], 1),
    (&["::Pass<true, false>", "; 2]"], 1),
];

/// Builds the program of this folder into a target folder of its own, and returns its path.
fn build() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("codegen");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--locked", "--package", "gmlayer-codegen"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", &target)
        // Names with their generic arguments, and the instructions that every x86-64 has.
        .env("RUSTFLAGS", "-C symbol-mangling-version=v0")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the program does not build");
    target.join("release/gmlayer-codegen")
}

/// The functions of `gmlayer::kernel::x86`, with their names.
fn functions(program: &[u8]) -> Vec<(String, Function)> {
    let file = object::File::parse(program).expect("an object file");
    let text = file.section_by_name(".text").expect("a program has code");
    let mut functions = Vec::new();
    for symbol in file.symbols().filter(|symbol| symbol.size() > 0) {
        let name = format!("{:#}", rustc_demangle::demangle(symbol.name().expect("a name is text")));
        let code = text.data_range(symbol.address(), symbol.size()).expect("code is readable");
        if let Some((name, code)) = name.strip_prefix("gmlayer::kernel::x86::").zip(code) {
            functions.push((name.to_string(), Function::decode(code, symbol.address())));
        }
    }
    functions
}

/// Whether a name holds all parts.
fn holds(name: &str, parts: &[&str]) -> bool {
    parts.iter().all(|part| name.contains(part))
}

impl Set {
    /// What a function must have; nothing where it is none of this set that works on floats.
    fn demand(&self, name: &str) -> Option<Demand> {
        if name.starts_with(&format!("{}::product_{}", self.name, self.float)) {
            Some(Demand::Tile(self.tile))
        } else if name.starts_with(&format!("dispatch::with_{}::", self.name)) && name.contains(self.float) {
            let loops = TASKS.iter().find(|(parts, _)| holds(name, parts)).map_or(1, |(_, loops)| *loops);
            Some(Demand::Loops(loops))
        } else {
            None
        }
    }

    /// What is wrong with the functions of this set.
    fn faults(&self, functions: &[(String, Function)]) -> Vec<String> {
        let (mut names, mut found) = (Vec::new(), Vec::new());
        for (name, function) in functions {
            if let Some(demand) = self.demand(name) {
                let faults = faults(function, self.vectors, demand);
                found.extend(faults.iter().map(|fault| format!("{name}\n    {fault}")));
                names.push(name);
            }
        }
        let products = [&["::<false>"] as &[&str], &["::<true>"]];
        for parts in TASKS.iter().map(|(parts, _)| *parts).chain(products) {
            if !names.iter().any(|name| holds(name, parts)) {
                found.push(format!("{} in {}: no function named {parts:?}", self.name, self.float));
            }
        }
        found
    }
}

#[test]
fn hot_loops_are_packed() {
    let program = std::fs::read(build()).expect("the program was built");
    let functions = functions(&program);
    let faults: Vec<String> = SETS.iter().flat_map(|set| set.faults(&functions)).collect();
    assert!(faults.is_empty(), "{} faults in the machine code:\n{}", faults.len(), faults.join("\n"));
}

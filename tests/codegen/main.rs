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
use rules::{Demand, faults};

/// The sets of instructions: their name, the bytes of a vector, and the multiply-adds of a whole tile.
const INSTRUCTIONS: [(&str, usize, usize); 2] = [("avx512", 64, 6 * 4), ("avx2", 32, 6 * 2)];

/// The tasks that are compiled for the widest vectors, what their names hold besides, and their loops over floats.
/// A task that is not named here must have one.
const TASKS: [(&str, &str, usize); 14] = [
    ("Prepare", "", 5), // σ²; the sizes of σ, μ and v; a row of W
    ("Examine", "", 1), // the sizes of inputs
    ("Limit", "", 1),   // s²
    ("Lanes", "", 1),   // the special functions
    ("Sum", "", 2),     // over the components; the mean
    ("Turn", "", 2),    // ∂a; the cotangents along the outputs
    ("Several", "Written<float>; 1", 1),
    ("Several", "Written<float>; 4", 1),
    ("Several", "Descending<float>; 1", 1),
    ("Several", "Descending<float>; 4", 1),
    ("Several", "Fixed<float>; 1", 1),
    ("Several", "Fixed<float>; 4", 1),
    ("Row", "", 5),      // s²; m; four rows of W; one row of W; the mean
    ("AreUsual", "", 4), // the sizes of a, W, μ and σ²
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

/// All functions whose names hold all of `parts` meet a demand, and there are some.
fn check(
    functions: &[(String, Function)],
    parts: &[&str],
    bytes: usize,
    demand: Demand,
    found: &mut Vec<String>,
) {
    let mut named =
        functions.iter().filter(|(name, _)| parts.iter().all(|part| name.contains(part))).peekable();
    if named.peek().is_none() {
        found.push(format!("no function named {parts:?}"));
    }
    for (name, function) in named {
        let faults = faults(function, bytes, demand);
        found.extend(faults.iter().map(|fault| format!("{name}\n    {fault}")));
    }
}

/// The task that a function is compiled for: the last of its generic arguments.
fn task_of(name: &str) -> Option<&str> {
    let (_, task) = name.strip_prefix("widest::with_")?.strip_suffix('>')?.rsplit_once("::")?;
    Some(task)
}

#[test]
fn hot_loops_are_packed() {
    let program = std::fs::read(build()).expect("the program was built");
    let functions = functions(&program);
    let mut found = Vec::new();
    for (instructions, bytes, tile) in INSTRUCTIONS {
        for float in ["f32", "f64"] {
            for squared in ["false", "true"] {
                let product = format!("{instructions}::product_{float}::<{squared}>");
                check(&functions, &[&product], bytes, Demand::Tile(tile), &mut found);
            }
            for (task, besides, loops) in TASKS {
                let besides = besides.replace("float", float);
                let parts = [&format!("with_{instructions}"), float, &format!("::{task}>"), &besides];
                check(&functions, &parts, bytes, Demand::Loops(loops), &mut found);
            }
        }
        let others = functions.iter().filter(|(name, _)| name.contains(&format!("with_{instructions}::")));
        for (name, function) in others {
            if task_of(name).is_none_or(|task| TASKS.iter().all(|(known, ..)| *known != task)) {
                let faults = faults(function, bytes, Demand::Loops(1));
                found.extend(faults.iter().map(|fault| format!("{name}\n    {fault}")));
            }
        }
    }
    assert!(found.is_empty(), "{} faults in the machine code:\n{}", found.len(), found.join("\n"));
}

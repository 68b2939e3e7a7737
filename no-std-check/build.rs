//! The image is linked from the crates alone: no C library, no start files.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    let arguments: &[&str] = if linux {
        &["-nostartfiles", "-nostdlib", "-static", "-no-pie", "-Wl,--gc-sections"]
    } else {
        &["--gc-sections", "--entry=_start"]
    };
    for argument in arguments {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}

//! Chooses the memory map and passes the linker scripts, so that no configuration file is needed.

use std::env;
use std::path::PathBuf;

fn main() {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let memory = match env::var("TARGET").as_deref() {
        Ok("thumbv7em-none-eabihf") => "cortex-m4f.x",
        Ok("thumbv6m-none-eabi") => "cortex-m0.x",
        Ok("riscv32imac-unknown-none-elf") => "riscv.x",
        _ => return,
    };
    for script in [memory, "sections.x"] {
        println!("cargo:rerun-if-changed={script}");
        println!("cargo:rustc-link-arg-bins=-T{}", folder.join(script).display());
    }
    for argument in ["--gc-sections", "--nmagic"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}

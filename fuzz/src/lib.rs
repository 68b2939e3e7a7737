//! What the fuzz targets do with their bytes: each module has one function `run`, which panics where a promise of
//! the crate is broken. `fuzz_targets/` hands them the fuzzer's inputs, `tests/replay.rs` the kept ones.

pub mod blob;
#[path = "../../tests/layers/budget.rs"]
mod budget;
pub mod checkpoint;
pub mod command_line;
pub mod differential;
pub mod idx;
pub mod idx_gzip;
pub mod layer;
mod problem;

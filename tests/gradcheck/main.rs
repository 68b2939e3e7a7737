//! The gradient checker on right gradients, on wrong ones, and where differences tell nothing.

mod accepts;
mod blame;
mod laws;
#[allow(dead_code)] // shared with the tests of the layer, which use more of it
#[path = "../common/layers.rs"]
mod layers;
mod mutants;
mod textbook;
mod verdicts;

//! The gradient checker on right gradients, on wrong ones, and where differences tell nothing.

mod accepts;
#[path = "../common/layers.rs"]
mod layers;
mod mutants;
mod textbook;
mod verdicts;

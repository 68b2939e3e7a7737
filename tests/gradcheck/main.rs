//! The gradient checker on functions whose answer is known. `tests/layers` has the layers under it, and wrong ones.

mod blame;
mod laws;
mod verdicts;

//! The `gmlayer` program.
fn main() {}

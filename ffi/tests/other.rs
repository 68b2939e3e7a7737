//! A static library that a C program links beside gmlayer: with the standard library, and a panic that is caught.

/// Catches a panic; says whether it was one.
#[unsafe(no_mangle)]
pub extern "C" fn other_catches() -> i32 {
    i32::from(std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(1))).is_err())
}

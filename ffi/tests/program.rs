//! The static library in a Rust program, which catches its own panics.

// The layout is that of the header.
unsafe extern "C" {
    safe fn gmlayer_status_text(status: i32) -> *const core::ffi::c_char;
    safe fn gmlayer_version() -> *const core::ffi::c_char;
}

fn main() {
    let caught = std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(1)));
    assert!(caught.is_err() && !gmlayer_status_text(1).is_null() && !gmlayer_version().is_null());
}

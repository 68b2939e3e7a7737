//! Training (feature `std`).

//! Data sets, training and checkpoints: everything that reads and writes files, and what is between.
#![cfg(feature = "std")]

mod allocation;
#[cfg(feature = "checkpoint")]
mod checkpoints;
mod dataset;
mod digits;
#[cfg(feature = "checkpoint")]
mod hostile_checkpoints;
mod idx;
mod training;

//! Networks, their layers, losses and optimisers.
#![cfg(feature = "std")]

mod gradients;
mod network;
mod optimizers;
#[cfg(feature = "threads")]
mod threads;

//! Networks, their layers, losses and optimisers.
#![cfg(feature = "std")]

mod gradients;
mod network;
mod optimizers;
mod threads;

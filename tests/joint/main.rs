//! The joint layer against witnesses that share no code with it, and its contracts.

mod block;
mod contracts;
mod descent;
mod dual;
mod flow;
mod identities;
#[path = "../common/joints.rs"]
mod joints;
#[allow(dead_code)] // its random numbers and its diagonal layers
#[path = "../common/layers.rs"]
mod layers;
#[path = "../diagonal/majorant.rs"]
mod majorant;
mod monte_carlo;
mod mutants;
mod threads;

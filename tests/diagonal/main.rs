//! The diagonal layer against witnesses that share no code with it, and its contracts.

mod contracts;
mod dual;
mod identities;
mod layers;
mod majorant;
mod monte_carlo;

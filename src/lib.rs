//! Gaussian mixture layers.
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(feature = "std")]
pub mod data;
pub mod diagonal;
mod error;
mod kernel;
#[cfg(feature = "alloc")]
pub mod nn;
pub mod normal;
#[cfg(feature = "rand")]
pub mod random;
mod real;
mod shape;
#[cfg(feature = "std")]
pub mod train;

pub use diagonal::Diagonal;
pub use error::Error;
pub use real::Real;
pub use shape::Shape;

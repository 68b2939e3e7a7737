//! Gaussian mixture layers.
#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(feature = "std")]
pub mod data;
pub mod diagonal;
mod dual;
mod error;
pub mod gradcheck;
mod kernel;
#[cfg(feature = "alloc")]
pub mod nn;
pub mod normal;
#[cfg(feature = "rand")]
pub mod random;
mod real;
pub mod rectified;
mod shape;
#[cfg(feature = "std")]
pub mod train;

pub use diagonal::Diagonal;
pub use dual::Dual;
pub use error::Error;
pub use real::Real;
pub use rectified::Rectified;
pub use shape::Shape;

//! The Gaussian mixture layer of the paper: diagonal covariance, exact forward and backward.

#[cfg(feature = "rand")]
mod initialise;
mod layer;
mod parameters;
mod prepared;
mod row;

#[cfg(feature = "rand")]
pub use initialise::initialise;
pub use layer::Diagonal;
#[cfg(feature = "alloc")]
pub(crate) use layer::workspace_len;
pub use parameters::{Gradients, Parameters};
pub use prepared::{Constants, Prepared};

//! The Gaussian mixture layer of the paper: diagonal covariance, exact forward and backward.

mod batch;
#[cfg(feature = "rand")]
mod initialise;
mod layer;
mod online;
mod parameters;
mod passes;
mod prepare;
mod prepared;
mod row;
mod workspace;

#[cfg(feature = "rand")]
pub use initialise::initialise;
pub use layer::Diagonal;
pub use online::Online;
pub use parameters::{Gradients, Parameters, Rates};
pub use prepared::{Constants, Prepared};
pub use workspace::workspace_len;

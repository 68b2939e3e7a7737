//! The Gaussian mixture layer of the paper: diagonal covariance, exact forward and backward.

mod layer;
mod parameters;
mod prepared;
mod row;

pub use layer::Diagonal;
pub use parameters::{Gradients, Parameters};
pub use prepared::{Constants, Prepared};

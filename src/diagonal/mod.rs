//! The Gaussian mixture layer of the paper: diagonal covariance, exact forward and backward.

mod batch;
mod descent;
mod effect;
mod far;
mod form;
#[cfg(feature = "rand")]
mod initialise;
mod layer;
mod online;
mod parameters;
mod passes;
mod prepare;
mod prepared;
mod row;
mod sparse;
mod sweep;
mod usual;
mod workspace;

pub use crate::scale::Scale;
pub use descent::DiagonalMut;
pub use form::{Coordinates, Form};
#[cfg(feature = "rand")]
pub use initialise::initialise;
pub use layer::Diagonal;
pub use online::Online;
pub use parameters::{Gradients, Parameters, ParametersMut, Rates};
pub use prepared::{Constants, Prepared};
pub use sparse::Sparse;
#[cfg(feature = "alloc")]
pub(crate) use workspace::workspace_of;
pub use workspace::{descend_workspace_len, workspace_len};

//! The Gaussian mixture layer with a joint covariance of any rank: exact forward and backward.

mod batch;
mod descent;
#[cfg(feature = "rand")]
mod initialise;
mod layer;
mod parameters;
mod passes;
mod prepared;
mod row;
mod shape;
mod workspace;

pub use crate::scale::Scale;
pub use descent::JointMut;
#[cfg(feature = "rand")]
pub use initialise::initialise;
pub use layer::Joint;
pub use parameters::{Gradients, Parameters, ParametersMut, Rates};
pub use prepared::{Constants, Prepared};
pub use shape::JointShape;
pub use workspace::workspace_len;
#[cfg(feature = "alloc")]
pub(crate) use workspace::workspace_of;

//! The Gaussian mixture layer with a joint covariance of any rank: exact forward and backward.

mod batch;
mod by_rows;
mod descent;
#[cfg(feature = "rand")]
mod initialise;
mod layer;
mod layout;
#[cfg(all(feature = "alloc", feature = "rand"))]
mod neurons;
mod online;
mod parameters;
mod prepared;
mod products;
mod row;
mod row_backward;
mod sparse;
mod tied;

pub use crate::scale::Scale;
pub use crate::shape::JointShape;
pub use descent::JointMut;
#[cfg(feature = "rand")]
pub use initialise::initialise;
pub use layer::Joint;
#[cfg(feature = "alloc")]
pub(crate) use layout::scratch_len_of;
pub use layout::{descend_scratch_len, saved_len, scratch_len};
#[cfg(all(feature = "alloc", feature = "rand"))]
pub use neurons::{fit_neurons, sample_neurons};
pub use online::Online;
pub use parameters::{Gradients, Parameters, ParametersMut, Rates};
pub use prepared::{Constants, Prepared};
pub use sparse::Sparse;

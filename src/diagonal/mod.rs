//! The Gaussian mixture layer of the paper: diagonal covariance, exact forward and backward.

mod batch;
mod by_rows;
mod descent;
mod form;
#[cfg(feature = "rand")]
mod initialise;
mod layer;
mod layout;
#[cfg(all(feature = "alloc", feature = "rand"))]
mod neurons;
mod online;
mod parameters;
mod prepare;
mod prepared;
mod products;
mod row;
mod row_backward;
mod sparse;
mod update;

pub use crate::scale::Scale;
pub use descent::DiagonalMut;
pub use form::{Coordinates, Form};
#[cfg(feature = "rand")]
pub use initialise::initialise;
pub use layer::Diagonal;
#[cfg(feature = "alloc")]
pub(crate) use layout::scratch_len_of;
pub use layout::{descend_scratch_len, saved_len, scratch_len};
#[cfg(all(feature = "alloc", feature = "rand"))]
pub use neurons::{fit_neurons, sample_neurons};
pub use online::Online;
pub use parameters::{Gradients, Parameters, ParametersMut, Rates};
pub use prepared::{Constants, Prepared};
pub use sparse::Sparse;

//! The Gaussian mixture layer with a joint covariance of weights and outputs, (ω, β) ~ N(μ, CCᵀ), of any rank.
//!
//! ```text
//! h(x) = 1/K Σ_k [ μ_ω r + C_ω q p ],   q = C_βᵀx,
//! r = m Φ(t) + s φ(t),   p = Φ(t),   m = ⟨μ_β, x⟩,   s = |q|,   t = m/s
//! ```
//!
//! This is the layer to take unless there is a reason for another one. [Tied](JointShape::tied), with one C_β for all
//! components, it has the lowest error at a given number of parameters; start from a rank of 16 and a
//! [sum](Scale::Sum) over the components, or of 4 below some 10,000 parameters.
//!
//! **Parameters**, flat and row-major, for K components, rank R, d inputs and L outputs: `mu_w: [K × L]` and
//! `mu_b: [K × d]` the means of ω and β; `c_w: [K × R × L]` and `c_b: [K × R × d]`, tied `[R × d]`, the factors, which
//! are the columns of C = \[C_ω; C_β\]. They number K(R + 1)(d + L), tied K(L + RL + d) + Rd. Rank d + L is the
//! general covariance.
//!
//! | to | take | memory of the caller |
//! |---|---|---|
//! | evaluate, and get gradients to hand to an optimiser | [`Joint`] | saved and scratch, by the batch |
//! | train by plain gradient descent, the step fused with the backward pass | [`JointMut`] | the same |
//! | train on a device, one sample at a time | [`Online`] | 2(d + L) + R(K + 2) + 3K numbers |
//! | evaluate many times at the same parameters | [`Prepared`], by [`Joint::prepare`] | scratch |
//! | evaluate inputs that are mostly 0 | [`Sparse`] | the constants stored input by input, scratch |
//! | stack it with other layers | `nn::Joint` in an `nn::Network` (feature `alloc`) | none: the network owns it |
//!
//! [`initialise`] draws starting values (feature `rand`); `sample_neurons` and `fit_neurons` go to dense networks
//! and back (features `alloc` and `rand`).
//!
//! **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 4 and Theorem 1.

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

//! The Gaussian mixture layer of the paper: weights β ~ N(μ, diag σ²), outputs with E\[ω|β\] = Uβ + v.
//!
//! ```text
//! h(x) = 1/K Σ_k [ (Uμ + v) r + U (σ²⊙x) p ],   r = m Φ(t) + s φ(t),   p = Φ(t),
//! m = ⟨μ, x⟩,   s = |σ⊙x|,   t = m/s
//! ```
//!
//! Take this layer to repeat the paper, or where one standard deviation for each weight is what the model means.
//! For the lowest error with a given number of parameters take [`joint`](crate::joint), and [`Coordinates::Centred`]
//! where it has to be this one.
//!
//! **Parameters**, flat and row-major, for K components, d inputs and L outputs: `mu: [K × d]` the means of β,
//! `sigma: [K × d]` its standard deviations (of either sign: they enter squared), `u: [K × L × d]` and `v: [K × L]`
//! the mean of ω as a function of β. They number K(2d + Ld + L).
//!
//! | to | take | memory of the caller |
//! |---|---|---|
//! | evaluate, and get gradients to hand to an optimiser | [`Diagonal`] | saved and scratch, by the batch |
//! | train by plain gradient descent, the step fused with the backward pass | [`DiagonalMut`] | the same |
//! | train on a device, one sample at a time | [`Online`] | 4d + L numbers |
//! | evaluate many times at the same parameters | [`Prepared`], by [`Diagonal::prepare`] | its constants, scratch |
//! | evaluate inputs that are mostly 0 | [`Sparse`] | the constants stored input by input, scratch |
//! | evaluate from flash, in `f32`, `f16` or `i8` | [`compact`](crate::compact) | constant scratch |
//! | stack it with other layers | `nn::Diagonal` in an `nn::Network` (feature `alloc`) | none: the network owns it |
//!
//! [`initialise`] draws starting values (feature `rand`); `sample_neurons` and `fit_neurons` go to dense networks
//! and back (features `alloc` and `rand`).
//!
//! **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 5 and 6.

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

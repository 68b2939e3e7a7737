//! The **Gaussian mixture layer**: a layer of a neural network whose weights are not numbers but a distribution.
//!
//! Each of K components holds a Gaussian of weights β and outputs ω. The layer returns the *exact* expectation of a
//! ReLU network whose neurons are drawn from it, and its backward pass the exact gradient:
//!
//! ```text
//! h(x) = 1/K Σ_k E[ω ReLU(⟨β, x⟩)],   (ω, β) ~ the Gaussian of component k
//! ```
//!
//! There is no sampling and no automatic differentiation. The layer holds its own nonlinearity: it takes the place of a
//! dense layer *and* the activation after it, and stacks without one between.
//!
//! The core is `no_std`, allocates nothing, never panics and, without `std`, holds no `unsafe` code. It is generic over
//! [`Real`], so that `f32`, `f64`, [`Dual`] numbers and scalars of your own run through the same code.
//!
//! # Which layer
//!
//! | layer | covariance | take it |
//! |---|---|---|
//! | [`joint`], tied | (ω, β) jointly Gaussian, low rank; one factor C_β for all components | for the lowest error at a given number of parameters |
//! | [`joint`] | the same, each component with its own C_β | where components are to differ in their directions of spread |
//! | [`diagonal`] | β ~ N(μ, diag σ²), E\[ω\|β\] = Uβ + v | to repeat the paper |
//!
//! # Which type
//!
//! | I want to | type |
//! |---|---|
//! | build a network, train it, save it | `nn::Network`, `train`, `train::checkpoint` (features below) |
//! | put the layer into code of my own | [`Diagonal`], [`Joint`]: plain slices in, plain slices out |
//! | fuse plain gradient descent with the backward pass | [`diagonal::DiagonalMut`], [`joint::JointMut`] |
//! | learn one sample at a time in memory of constant size | [`diagonal::Online`], [`joint::Online`] |
//! | evaluate many times at the same parameters | [`diagonal::Prepared`], [`joint::Prepared`] |
//! | evaluate inputs that are mostly 0 | [`diagonal::Sparse`], [`joint::Sparse`] |
//! | run a trained layer from flash, in `f32`, `f16` or `i8` | [`compact`] |
//! | check a gradient, of this crate or of my own | [`gradcheck`] |
//! | φ, Φ and ψ with their tails; E\[max(z, 0)\] | [`normal`], [`rectified`] |
//!
//! # Example
//!
//! ```
//! use gmlayer::joint::{Gradients, Joint, JointShape, Parameters};
//!
//! let shape = JointShape::new(3, 2, 1, 1)?; // inputs, outputs, components, rank
//! let (mu_w, c_w) = ([1.0_f32, -1.0], [0.5, 0.2]); // outputs: means, factor
//! let (mu_b, c_b) = ([0.5, -1.0, 2.0], [1.0, 0.5, 0.1]); // weights: means, factor
//! let layer = Joint::new(shape, Parameters { mu_w: &mu_w, c_w: &c_w, mu_b: &mu_b, c_b: &c_b })?;
//!
//! let (x, mut y) = ([1.0, 2.0, 0.5], [0.0; 2]);
//! let (mut saved, mut scratch) = (vec![0.0; layer.saved_len(1)?], vec![0.0; layer.scratch_len(1)?]);
//! layer.forward(&x, &mut y, &mut saved, &mut scratch)?;
//!
//! let (g, mut d_mu_b, mut dx) = ([1.0, 0.0], [0.0; 3], [0.0; 3]); // g = ∂loss/∂y
//! let gradients = Gradients { mu_b: Some(&mut d_mu_b), ..Gradients::none() };
//! layer.backward(&x, &g, &saved, gradients, Some(&mut dx), &mut scratch)?;
//! let product: f32 = x.iter().zip(&dx).map(|(x, dx)| x * dx).sum();
//! assert!((product - y[0]).abs() < 1e-5); // h is homogeneous in x: ⟨x, ∂x⟩ = ⟨g, h⟩
//! # Ok::<(), gmlayer::Error>(())
//! ```
//!
//! # Features
//!
//! | feature | adds | needs |
//! |---|---|---|
//! | (none) | [`diagonal`], [`joint`], [`compact`], [`rectified`], [`normal`], [`loss`], [`wasserstein`], [`gradcheck`], [`Dual`] | libm, num-traits |
//! | `rand` | seeded starting values, a normal sampler: `random`, `diagonal::initialise` | rand_core |
//! | `alloc` | networks, optimisers: `nn` | an allocator |
//! | `std` (default) | `alloc` and `rand`; data sets, the IDX format, the training loop: `data`, `train` | flate2, rand_pcg |
//! | `threads` | `std`; passes on several threads: `Threads` | rayon-core |
//! | `checkpoint` | `std`; models as safetensors files: `train::checkpoint` | safetensors, serde, serde_json |
//!
//! # Source
//!
//! S. Chewi, P. Rigollet, Y. Yan, *Gaussian mixture layers for neural networks*, arXiv 2508.04883 (TMLR 2025).

#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Only the kernels that are chosen at run time hold unsafe code, and they need `std`.
#![cfg_attr(not(feature = "std"), forbid(unsafe_code))]
// No input makes the library panic: lengths are checked once, then slices are walked by iterators.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(feature = "alloc")]
mod aligned;
pub mod compact;
#[cfg(feature = "std")]
pub mod data;
pub mod diagonal;
mod dual;
mod error;
pub mod gradcheck;
#[cfg(feature = "std")]
mod instructions;
pub mod joint;
mod kernel;
pub mod loss;
#[cfg(feature = "std")]
mod memory;
mod mixture;
#[cfg(feature = "alloc")]
pub mod nn;
pub mod normal;
#[cfg(feature = "rand")]
pub mod random;
mod real;
pub mod rectified;
mod scale;
mod shape;
mod slices;
#[cfg(feature = "threads")]
mod threads;
#[cfg(feature = "std")]
pub mod train;
pub mod wasserstein;

#[cfg(feature = "alloc")]
pub use aligned::Aligned;
pub use diagonal::Diagonal;
pub use dual::Dual;
pub use error::Error;
#[cfg(feature = "std")]
pub use instructions::{Instructions, UnknownInstructions};
pub use joint::Joint;
pub use real::Real;
pub use rectified::Rectified;
pub use scale::Scale;
pub use shape::Shape;
#[cfg(feature = "threads")]
pub use threads::{Threads, ThreadsError};

/// The code of the README, compiled and run with the documentation tests.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;

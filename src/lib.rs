//! The **Gaussian mixture layer**: a drop-in replacement for a fully connected layer whose weights are not
//! numbers but a distribution, with the *exact* expectation forward and the exact gradient backward.
//!
//! Each of K components holds weights β ~ N(μ, diag σ²) and an output ω with E\[ω|β\] = Uβ + v. The layer
//! returns
//!
//! ```text
//! h(x) = 1/K Σ_k E[(Uβ + v) ReLU(⟨β, x⟩)]
//!      = 1/K Σ_k [ (Uμ + v) r + U (σ²⊙x) p ],
//!
//! r = E[max(z, 0)] = m Φ(t) + s φ(t),   p = P(z > 0) = Φ(t),   z ~ N(m, s²),
//! m = ⟨μ, x⟩,   s = |σ⊙x|,   t = m/s.
//! ```
//!
//! There is no sampling and no automatic differentiation. The core is `no_std`, allocates nothing, never
//! panics and, without `std`, holds no `unsafe` code; it is generic over [`Real`], so that `f32`, `f64`,
//! [`Dual`] numbers and scalars of your own run through the same code.
//!
//! # Example
//!
//! ```
//! use gmlayer::diagonal::{Diagonal, Gradients, Parameters};
//! use gmlayer::Shape;
//!
//! let shape = Shape::new(3, 2, 1)?; // inputs, outputs, components
//! let (mu, sigma) = ([0.5_f32, -1.0, 2.0], [1.0, 0.5, 0.1]);
//! let (u, v) = ([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [0.1, -0.1]);
//! let layer = Diagonal::new(shape, Parameters { mu: &mu, sigma: &sigma, u: &u, v: &v })?;
//!
//! let (x, mut y) = ([1.0, 2.0, 0.5], [0.0; 2]);
//! let (mut saved, mut scratch) = (vec![0.0; layer.saved_len(1)?], vec![0.0; layer.scratch_len(1)?]);
//! layer.forward(&x, &mut y, &mut saved, &mut scratch)?;
//!
//! let (g, mut d_mu, mut dx) = ([1.0, 0.0], [0.0; 3], [0.0; 3]); // g = ∂loss/∂y
//! let gradients = Gradients { mu: Some(&mut d_mu), ..Gradients::none() };
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
//! | `checkpoint` | `std`; models as safetensors files: `train::checkpoint` | safetensors, serde, tempfile |
//!
//! # Source
//!
//! S. Chewi, P. Rigollet, Y. Yan, *Gaussian mixture layers for neural networks*, arXiv 2508.04883 (TMLR 2025).

#![cfg_attr(not(any(feature = "std", test)), no_std)]
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

//! Networks (feature `alloc`): layers behind one trait, losses, optimisers.
//!
//! A [`Network`] stacks layers and owns every buffer that a training step needs, so that a step allocates
//! nothing:
//!
//! ```
//! use gmlayer::nn::{Dense, Network, Optimizer, Relu, Sgd, cross_entropy};
//!
//! let mut network = Network::new(
//!     vec![
//!         Box::new(Dense::new(2, 8, true)?),
//!         Box::new(Relu::new(8)?),
//!         Box::new(Dense::new(8, 2, true)?),
//!     ],
//!     4, // rows of the largest batch
//! )?;
//! # #[cfg(feature = "rand")]
//! network.initialise(&mut <rand_pcg::Pcg64 as rand_core::SeedableRng>::seed_from_u64(0))?;
//! let mut optimizer = Sgd::new(network.blocks(), |_| 0.5);
//!
//! let x = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0_f32];
//! let labels = [0, 1, 1, 0];
//! let mut g = [0.0; 8];
//! let mut loss = 0.0;
//! for _ in 0..500 {
//!     loss = cross_entropy(network.forward(&x)?, 2, &labels, Some(&mut g))?;
//!     network.backward(&x, &g)?;
//!     network.step(&mut optimizer)?;
//! }
//! # #[cfg(feature = "rand")]
//! assert!(loss < 0.1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adam;
mod dense;
mod diagonal;
mod error;
mod joint;
mod kind;
mod layer;
mod network;
#[cfg(feature = "rand")]
pub(crate) mod neurons;
mod optimizer;
mod relu;
mod schedule;
mod sgd;
mod state;
mod threads;

pub use crate::loss::{cross_entropy, squared};
pub use adam::{Adam, AdamSettings};
pub use dense::Dense;
pub use diagonal::Diagonal;
pub use error::NetworkError;
pub use joint::{Joint, JointStart};
pub use kind::LayerKind;
pub use layer::{Block, Layer};
pub use network::{BackwardPass, Network, ParameterBlock};
pub use optimizer::Optimizer;
pub use relu::Relu;
pub use schedule::Cosine;
pub use sgd::Sgd;
pub use state::OptimizerState;

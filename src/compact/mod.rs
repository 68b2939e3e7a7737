//! Inference where memory is short: a prepared layer over borrowed constants, one sample at a time.
//!
//! ```text
//! h(x) = 1/K Σ_k [ a_k r_k + W_k x p_k ],   a = Uμ + v,   W = U diag(σ²),
//! r = E[max(z, 0)],   p = P(z > 0),   z ~ N(⟨μ, x⟩, Σ σᵢ² xᵢ²)
//! ```
//!
//! | precision | type | memory, d inputs, L outputs, K components | arithmetic |
//! |---|---|---|---|
//! | `f32` | [`Floating<f32>`](Floating) | 4 K(L + (L + 2) d) bytes | `f32` |
//! | `f16` | [`Floating<u16>`](Floating) | 2 K(L + (L + 2) d) | `f32`, each row converted as it is used |
//! | `i8` | [`Quantised<i8>`](Quantised) | K(4 L + (L + 2)(d + 4)) | products and sums in 32-bit integers, the rest in `f32` |
//!
//! Nothing is allocated and nothing is copied: the constants stay where they are, in flash for example, as
//! arrays (`gmlayer export --format rust`) or as the bytes of a file ([`Blob`]). Scratch is of constant
//! size. The arithmetic is one fixed order of IEEE operations without fused multiply-add: a model gives the
//! same bits on every platform.

mod blob;
mod checksum;
mod floating;
mod number;
mod products;
mod quantised;

pub use blob::{Blob, BlobError, HEADER_LEN, MAGIC, Model, VERSION};
pub use checksum::Checksum;
pub use floating::Floating;
pub use number::{Integer, Number};
pub use quantised::{Quantised, QuantisedConstants, quantise};

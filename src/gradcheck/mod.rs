//! Gradient checks for any function of a flat slice and its backward pass.
//!
//! A [`Check`] compares a backward pass with the function itself in three ways, each of which would catch
//! what another lets through:
//!
//! | check | what it compares | passes when |
//! |---|---|---|
//! | differences | every gᵢ with an extrapolated central difference | they agree within the error that the difference shows: by its convergence, by noise, by one-sided differences that stay apart |
//! | laws | function and backward pass with themselves | deterministic, linear, adds, leaves frozen blocks alone |
//! | [adjoint](Check::adjoint) | ⟨Jt, c⟩ with ⟨t, Jᵀc⟩, J t by dual numbers | they agree to rounding: no step size |
//!
//! A block [agrees](Verdict::Agrees) only if an error of 1 % of its largest derivative would have been seen in each of
//! its derivatives, and is [unreliable](Verdict::Unreliable) otherwise; the report says which errors are seen, for a
//! block of zeros too. Steps are chosen for each coordinate by its own size. At a kink a gradient counts as right when
//! it is the limit of central differences.
//!
//! There is no tolerance to tune, no allocation, and the same seed gives the same report. A function of
//! several outputs is checked through ⟨c, f(θ)⟩ with a [cotangent](Check::cotangent) c.
//!
//! # Example
//!
//! ```
//! use gmlayer::gradcheck::{Block, Check};
//!
//! // f(θ) = (a²b, a + b) and its backward pass, which adds to the gradient.
//! let forward = |t: &[f64], y: &mut [f64]| (y[0], y[1]) = (t[0] * t[0] * t[1], t[0] + t[1]);
//! let backward = |t: &[f64], g: &[f64], d: &mut [f64]| {
//!     d[0] += g[0] * 2.0 * t[0] * t[1] + g[1];
//!     d[1] += g[0] * t[0] * t[0] + g[1];
//! };
//! let check = Check::new([Block::new("a", 1), Block::new("b", 1)], 2)?;
//! let mut scratch = vec![0.0; check.scratch_len()];
//! let report = check.run(forward, backward, &[1.5, -0.5], &mut scratch)?;
//! println!("{report}");
//! report.into_result()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod block;
mod check;
mod coordinates;
mod differences;
mod laws;
mod objective;
mod report;
mod sequence;
mod verdict;

pub use block::{Block, Entry, Finding};
pub use check::{Check, scratch_len};
pub use laws::Laws;
pub use report::Report;
pub use verdict::Verdict;

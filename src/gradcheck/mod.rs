//! Gradient checks for any function of a flat slice and its backward pass.
//!
//! A [`Check`] compares a backward pass with the function itself in four ways, each of which would catch
//! what another lets through:
//!
//! | check | what it compares | passes when |
//! |---|---|---|
//! | Taylor | f(θ ± hδ) with f(θ) ± h⟨g, δ⟩, over halving steps | the remainder falls with order 2 until rounding takes over |
//! | coordinates | every gᵢ with an extrapolated central difference | they agree within the difference's own error estimate |
//! | laws | the backward pass with itself | linear, deterministic, adds, leaves frozen blocks alone |
//! | [adjoint](Check::adjoint) | ⟨Jt, c⟩ with ⟨t, Jᵀc⟩, J t by dual numbers | they agree to rounding: no step size |
//!
//! There is no tolerance to tune, no allocation, and the same seed gives the same report. A function of
//! several outputs is checked through ⟨c, f(θ)⟩ with a random cotangent c. At a kink a gradient counts
//! as right when it is the limit of central differences.
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

mod adjoint;
mod block;
mod check;
mod coordinate;
mod laws;
mod objective;
mod report;
mod sequence;
mod taylor;
mod verdict;

pub use adjoint::{AdjointReport, BlockAdjoint};
pub use block::Block;
pub use check::Check;
pub use coordinate::Entry;
pub use laws::Laws;
pub use report::{BlockReport, Report};
pub use taylor::Taylor;
pub use verdict::Verdict;

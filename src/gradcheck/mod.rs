//! Gradient checks for any function of a flat slice and its backward pass.
//!
//! A [`Check`] tests a backward pass in three ways; each finds errors that the others miss:
//!
//! | check | what it compares | passes when |
//! |---|---|---|
//! | differences | every gᵢ with an extrapolated central difference | they agree within the error of the difference, estimated from its convergence, from noise and from the gap between one-sided differences |
//! | laws | calls of function and backward pass with each other | both are deterministic, the gradient is linear in the cotangent and added to what is there, frozen blocks stay untouched |
//! | [adjoint](Check::adjoint) | ⟨Jt, c⟩ with ⟨t, Jᵀc⟩, where J is the Jacobian and Jt comes from dual numbers | they agree to rounding; there is no step size |
//!
//! A block of parameters [agrees](Verdict::Agrees) only if an error of 1 % of its largest derivative would have been
//! seen in each of its derivatives; otherwise it is [unreliable](Verdict::Unreliable). For every block, even one whose
//! gradient is 0, the report gives the smallest error that would have been seen. The step is chosen for each parameter
//! by its own size. At a kink a gradient counts as right when it is the limit of central differences.
//!
//! There is no tolerance to tune and no allocation, and the same seed gives the same report. A function of
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

//! The check: what the caller says, and the order in which everything is done.

use super::adjoint::{self, AdjointReport};
use super::block::Block;
use super::objective::{Buffers, Objective};
use super::report::{BlockReport, Report};
use super::sequence::Sequence;
use super::verdict::Verdict;
use super::{coordinate, laws, taylor};
use crate::{Dual, Error, Real, shape};

/// A gradient check of y = f(θ), θ in `N` named blocks that lie one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Check<const N: usize> {
    blocks: [Block; N],
    inputs: usize,
    outputs: usize,
    seed: u64,
    backward_roundoff: Option<f64>,
}

impl<const N: usize> Check<N> {
    /// A check of a function with these blocks and `outputs` outputs.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] when there is no element or no output, [`Error::Overflow`] when the scratch could
    /// not be addressed.
    #[allow(clippy::indexing_slicing)] // below N: iterators are not `const`
    pub const fn new(blocks: [Block; N], outputs: usize) -> Result<Self, Error> {
        let mut inputs: usize = 0;
        let mut index = 0;
        while index < N {
            let Some(sum) = inputs.checked_add(blocks[index].len) else {
                return Err(Error::Overflow { argument: "blocks" });
            };
            inputs = sum;
            index += 1;
        }
        if inputs == 0 {
            return Err(Error::Zero { argument: "blocks" });
        }
        if outputs == 0 {
            return Err(Error::Zero { argument: "outputs" });
        }
        let Some(each) = inputs.checked_add(outputs) else {
            return Err(Error::Overflow { argument: "scratch" });
        };
        match shape::product("scratch", each, 4) {
            Ok(_) => Ok(Self { blocks, inputs, outputs, seed: 0, backward_roundoff: None }),
            Err(error) => Err(error),
        }
    }

    /// The seed of the random directions and cotangents; 0 unless set.
    #[must_use]
    pub const fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The unit roundoff in which the backward pass computes, where it is coarser than the function's:
    /// 2⁻²⁴ for an `f32` backward pass that is held against an `f64` function.
    #[must_use]
    pub const fn backward_roundoff(self, unit_roundoff: f64) -> Self {
        Self { backward_roundoff: Some(unit_roundoff), ..self }
    }

    /// The number of scratch elements: four times inputs and outputs together.
    #[must_use]
    pub const fn scratch_len(&self) -> usize {
        4 * (self.inputs + self.outputs)
    }

    /// The number of dual scratch elements that [`adjoint`](Self::adjoint) needs.
    #[must_use]
    pub const fn dual_scratch_len(&self) -> usize {
        self.inputs + self.outputs
    }

    /// Checks a backward pass by Taylor remainders, coordinates and laws.
    ///
    /// `forward(θ, y)` overwrites y; `backward(θ, g, d)` **adds** ∂⟨g, y⟩/∂θ to d. `theta`: where the
    /// gradient is checked; `scratch`: at least [`scratch_len`](Self::scratch_len) elements.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `theta` does not have the length of the blocks, [`Error::Buffer`] when
    /// `scratch` is too short. A gradient that is wrong is no error: see [`Report::into_result`].
    pub fn run<T: Real>(
        &self,
        forward: impl FnMut(&[T], &mut [T]),
        backward: impl FnMut(&[T], &[T], &mut [T]),
        theta: &[T],
        scratch: &mut [T],
    ) -> Result<Report<N>, Error> {
        shape::exact("theta", theta.len(), self.inputs)?;
        let scratch = shape::buffer("scratch", scratch, self.scratch_len())?;
        let mut sequence = Sequence::new(self.seed);
        let mut buffers = Buffers::split(scratch, self.inputs, self.outputs);
        sequence.fill(buffers.cotangent);
        let mut objective = Objective { theta, forward, backward };

        let roundoff = self.roundoff::<T>();
        let laws = laws::check(&mut objective, &mut buffers, &self.blocks, roundoff, &mut sequence);
        buffers.gradient.fill(T::zero());
        (objective.backward)(theta, buffers.cotangent, buffers.gradient);

        let mut first = 0;
        let blocks = self.blocks.map(|block| {
            let range = first..first + block.len;
            first += block.len;
            if block.frozen || block.len == 0 {
                return BlockReport { name: block.name, verdict: Verdict::Frozen, taylor: None, worst: None };
            }
            let (taylor, noise) =
                taylor::check(&mut objective, &mut buffers, range.clone(), roundoff, &mut sequence);
            let (coordinates, worst) =
                coordinate::check(&mut objective, &mut buffers, range, roundoff, noise);
            let verdict = taylor.verdict.and(coordinates);
            BlockReport { name: block.name, verdict, taylor: Some(taylor), worst }
        });
        Ok(Report { blocks, laws })
    }

    /// Checks ⟨Jt, c⟩ = ⟨t, Jᵀc⟩ block by block, with Jt by dual numbers: exact to rounding.
    ///
    /// `dual_forward` is the function in [`Dual`] numbers, as generic code gives it for free.
    /// `dual_scratch`: at least [`dual_scratch_len`](Self::dual_scratch_len) elements.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    ///
    /// # Example
    ///
    /// ```
    /// use gmlayer::gradcheck::{Block, Check};
    /// use gmlayer::{Dual, Real};
    ///
    /// fn cube<T: Real>(theta: &[T], y: &mut [T]) {
    ///     y[0] = theta[0] * theta[0] * theta[0];
    /// }
    /// let check = Check::new([Block::new("theta", 1)], 1)?;
    /// let (mut scratch, mut dual_scratch) = ([0.0; 8], [Dual::constant(0.0); 2]);
    /// let backward = |t: &[f64], g: &[f64], d: &mut [f64]| d[0] += g[0] * 3.0 * t[0] * t[0];
    /// check.adjoint(cube, backward, &[0.7], &mut scratch, &mut dual_scratch)?.into_result()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn adjoint<T: Real>(
        &self,
        dual_forward: impl FnMut(&[Dual<T>], &mut [Dual<T>]),
        backward: impl FnMut(&[T], &[T], &mut [T]),
        theta: &[T],
        scratch: &mut [T],
        dual_scratch: &mut [Dual<T>],
    ) -> Result<AdjointReport<N>, Error> {
        shape::exact("theta", theta.len(), self.inputs)?;
        let scratch = shape::buffer("scratch", scratch, self.scratch_len())?;
        let dual_scratch = shape::buffer("dual_scratch", dual_scratch, self.dual_scratch_len())?;
        let mut sequence = Sequence::new(self.seed);
        let mut buffers = Buffers::split(scratch, self.inputs, self.outputs);
        sequence.fill(buffers.cotangent);
        let roundoff = self.roundoff::<T>();
        let mut functions = adjoint::Functions { dual_forward, backward };
        Ok(adjoint::check(
            &mut functions,
            &mut buffers,
            dual_scratch,
            theta,
            &self.blocks,
            roundoff,
            &mut sequence,
        ))
    }

    /// The coarser of the function's and the backward pass's unit roundoff.
    fn roundoff<T: Real>(&self) -> f64 {
        self.backward_roundoff.unwrap_or(T::UNIT_ROUNDOFF).max(T::UNIT_ROUNDOFF)
    }
}

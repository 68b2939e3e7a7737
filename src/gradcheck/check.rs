//! The check: what the caller says, and the order in which everything is done.

use super::block::Block;
use super::coordinates::Place;
use super::laws;
use super::objective::{Buffers, Objective};
use super::report::Report;
use super::sequence::Sequence;
use crate::slices::Slice;
use crate::{Dual, Error, Real, shape};

/// The number of scratch elements of a check: 4 (inputs + outputs).
///
/// # Errors
///
/// [`Error::Overflow`] when that number cannot be addressed.
pub const fn scratch_len(inputs: usize, outputs: usize) -> Result<usize, Error> {
    match inputs.checked_add(outputs) {
        Some(each) => shape::product("scratch", each, 4),
        None => Err(Error::Overflow { argument: "scratch" }),
    }
}

/// A gradient check of y = f(θ), where the slice θ consists of named blocks.
///
/// `B` holds the blocks: an array of [`Block`], or a `Vec` where their number is not known in advance, as in a
/// network.
#[derive(Debug, Clone, Copy)]
pub struct Check<B> {
    blocks: B,
    inputs: usize,
    outputs: usize,
    seed: u64,
    backward_roundoff: Option<f64>,
}

impl<'a, B: AsRef<[Block<'a>]> + AsMut<[Block<'a>]> + Clone> Check<B> {
    /// A check of a function with these blocks and `outputs` outputs.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] when there is no element or no output, [`Error::Overflow`] when the scratch could
    /// not be addressed.
    pub fn new(blocks: B, outputs: usize) -> Result<Self, Error> {
        let inputs = blocks.as_ref().iter().try_fold(0_usize, |sum, block| sum.checked_add(block.len));
        let inputs = inputs.ok_or(Error::Overflow { argument: "blocks" })?;
        if inputs == 0 {
            return Err(Error::Zero { argument: "blocks" });
        }
        if outputs == 0 {
            return Err(Error::Zero { argument: "outputs" });
        }
        scratch_len(inputs, outputs)?;
        Ok(Self { blocks, inputs, outputs, seed: 0, backward_roundoff: None })
    }

    /// The seed of the cotangents; 0 unless set.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The unit roundoff in which the backward pass computes, where it is coarser than the function's:
    /// 2⁻²⁴ for an `f32` backward pass that is held against an `f64` function.
    #[must_use]
    pub fn backward_roundoff(self, unit_roundoff: f64) -> Self {
        Self { backward_roundoff: Some(unit_roundoff), ..self }
    }

    /// The number of scratch elements: [`scratch_len`] of inputs and outputs.
    #[must_use]
    pub fn scratch_len(&self) -> usize {
        4 * (self.inputs + self.outputs)
    }

    /// The number of dual scratch elements that [`adjoint`](Self::adjoint) needs.
    #[must_use]
    pub fn dual_scratch_len(&self) -> usize {
        self.inputs + self.outputs
    }

    /// Writes the cotangent c: what is checked is the gradient of ⟨c, f(θ)⟩. It is 1 where there is one output, and a
    /// random multiple of 1/8 from −2 to 2 for each of several.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `cotangent` does not have the length of the outputs.
    pub fn cotangent<T: Real>(&self, cotangent: &mut [T]) -> Result<(), Error> {
        shape::exact("cotangent", cotangent.len(), self.outputs)?;
        self.begin(cotangent);
        Ok(())
    }

    /// The cotangent, and the random numbers after it.
    fn begin<T: Real>(&self, cotangent: &mut [T]) -> Sequence {
        let mut sequence = Sequence::new(self.seed);
        match cotangent {
            [one] => *one = T::one(),
            several => sequence.fill(several),
        }
        sequence
    }

    /// Checks a backward pass against finite differences, coordinate by coordinate, and its laws.
    ///
    /// `forward(θ, y)` overwrites y; `backward(θ, g, d)` **adds** ∂⟨g, y⟩/∂θ to d. `theta`: where the
    /// gradient is checked; `scratch`: at least [`scratch_len`](Self::scratch_len) elements. A function that
    /// differs from itself, or whose value is not finite, leaves every block [`Verdict::Unreliable`](super::Verdict::Unreliable).
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
    ) -> Result<Report<B>, Error> {
        shape::exact("theta", theta.len(), self.inputs)?;
        let scratch = shape::buffer("scratch", scratch, self.scratch_len())?;
        let mut buffers = Buffers::split(scratch, self.inputs, self.outputs);
        let mut sequence = self.begin(buffers.cotangent);
        let mut objective = Objective { theta, forward, backward };
        let roundoff = self.roundoff::<T>();
        let blocks = self.blocks.as_ref();
        let laws = laws::check(&mut objective, &mut buffers, blocks, roundoff, &mut sequence);

        buffers.gradient.fill(T::zero());
        (objective.backward)(theta, buffers.cotangent, buffers.gradient);
        for (moved, &theta) in buffers.moved.iter_mut().zip(theta) {
            *moved = theta;
        }
        let start = objective.value(&mut buffers);
        let judged = laws.function_deterministic && start.sum.is_finite();
        let blocks = self.find(|first, len| {
            let place = Place::new(first, len, theta, &buffers, start.size, roundoff);
            place.by_differences(&mut objective, &mut buffers, judged)
        });
        Ok(Report { blocks, laws })
    }

    /// Checks ⟨Jt, c⟩ = ⟨t, Jᵀc⟩ for the unit vector t of every coordinate, with Jt by dual numbers: exact to
    /// rounding.
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
        mut dual_forward: impl FnMut(&[Dual<T>], &mut [Dual<T>]),
        backward: impl FnMut(&[T], &[T], &mut [T]),
        theta: &[T],
        scratch: &mut [T],
        dual_scratch: &mut [Dual<T>],
    ) -> Result<Report<B>, Error> {
        shape::exact("theta", theta.len(), self.inputs)?;
        let scratch = shape::buffer("scratch", scratch, self.scratch_len())?;
        let dual_scratch = shape::buffer("dual_scratch", dual_scratch, self.dual_scratch_len())?;
        let mut buffers = Buffers::split(scratch, self.inputs, self.outputs);
        let mut sequence = self.begin(buffers.cotangent);
        let (moving, outputs) = dual_scratch.divide(theta.len());
        for (moving, &theta) in moving.iter_mut().zip(theta) {
            *moving = Dual::constant(theta);
        }
        let forward = |_: &[T], y: &mut [T]| {
            dual_forward(moving, outputs);
            for (y, output) in y.iter_mut().zip(outputs.iter()) {
                *y = output.value;
            }
        };
        let roundoff = self.roundoff::<T>();
        let mut objective = Objective { theta, forward, backward };
        let blocks = self.blocks.as_ref();
        let laws = laws::check(&mut objective, &mut buffers, blocks, roundoff, &mut sequence);
        let start = objective.value(&mut buffers);

        buffers.gradient.fill(T::zero());
        (objective.backward)(theta, buffers.cotangent, buffers.gradient);
        let blocks = self.find(|first, len| {
            let place = Place::new(first, len, theta, &buffers, start.size, roundoff);
            place.by_dual_numbers(&mut dual_forward, &buffers, moving, outputs)
        });
        Ok(Report { blocks, laws })
    }

    /// The blocks, each with what `finding` says of the one that begins there and has that length.
    fn find(&self, mut finding: impl FnMut(usize, usize) -> Option<super::Finding>) -> B {
        let mut blocks = self.blocks.clone();
        let mut first = 0;
        for block in blocks.as_mut() {
            block.finding = if block.frozen { None } else { finding(first, block.len) };
            first += block.len;
        }
        blocks
    }

    /// The coarser of the function's and the backward pass's unit roundoff.
    fn roundoff<T: Real>(&self) -> f64 {
        self.backward_roundoff.unwrap_or(T::UNIT_ROUNDOFF).max(T::UNIT_ROUNDOFF)
    }
}

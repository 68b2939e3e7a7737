//! The adjoint identity ⟨Jt, c⟩ = ⟨t, Jᵀc⟩, with J t by dual numbers.

use core::fmt;

use super::block::Block;
use super::objective::{Buffers, scale};
use super::sequence::Sequence;
use crate::slices::Slice;
use crate::{Dual, Real};

/// The identity in one block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockAdjoint {
    /// The block's name.
    pub name: &'static str,
    /// ⟨Jt, c⟩ by dual numbers, for a direction t in this block alone.
    pub forward: f64,
    /// ⟨t, Jᵀc⟩ by the backward pass.
    pub backward: f64,
    /// How far rounding may take them apart.
    pub allowed: f64,
}

impl BlockAdjoint {
    /// Whether both sides agree.
    #[must_use]
    pub fn agrees(&self) -> bool {
        libm::fabs(self.forward - self.backward) <= self.allowed
    }
}

/// The adjoint identity, block by block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdjointReport<const N: usize> {
    /// One entry a block, in the order of the check; frozen blocks show zeros.
    pub blocks: [BlockAdjoint; N],
}

impl<const N: usize> AdjointReport<N> {
    /// The report itself as an error unless every block agrees.
    ///
    /// # Errors
    ///
    /// The report.
    pub fn into_result(self) -> Result<Self, Self> {
        if self.blocks.iter().all(BlockAdjoint::agrees) { Ok(self) } else { Err(self) }
    }
}

impl<const N: usize> fmt::Display for AdjointReport<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for block in &self.blocks {
            let word = if block.agrees() { "agrees" } else { "DIFFERS" };
            let BlockAdjoint { name, forward, backward, allowed } = block;
            writeln!(
                f,
                "{name:<12} {word:<8} ⟨Jt, c⟩ {forward:e}  ⟨t, Jᵀc⟩ {backward:e}  allowed {allowed:.1e}"
            )?;
        }
        Ok(())
    }
}

impl<const N: usize> core::error::Error for AdjointReport<N> {}

/// Roundings that the two sides may be apart, relative to the sizes of their terms.
const ROUNDINGS: f64 = 1024.0;

pub(super) struct Functions<D, B> {
    pub(super) dual_forward: D,
    pub(super) backward: B,
}

/// Both sides of the identity for a random direction in each block.
pub(super) fn check<T, D, B, const N: usize>(
    functions: &mut Functions<D, B>,
    buffers: &mut Buffers<'_, T>,
    dual_scratch: &mut [Dual<T>],
    theta: &[T],
    blocks: &[Block; N],
    roundoff: f64,
    sequence: &mut Sequence,
) -> AdjointReport<N>
where
    T: Real,
    D: FnMut(&[Dual<T>], &mut [Dual<T>]),
    B: FnMut(&[T], &[T], &mut [T]),
{
    buffers.gradient.fill(T::zero());
    (functions.backward)(theta, buffers.cotangent, buffers.gradient);
    let (moving, outputs) = dual_scratch.divide(theta.len());
    let mut first = 0;
    let blocks = blocks.map(|block| {
        let range = first..first + block.len;
        first += block.len;
        let (mut backward, mut size) = (0.0, 0.0);
        let unit = T::from_f64(scale(theta, range.clone()));
        for (index, ((moving, &theta), &gradient)) in
            moving.iter_mut().zip(theta).zip(buffers.gradient.iter()).enumerate()
        {
            let inside = range.contains(&index) && !block.frozen;
            let rate = if inside { sequence.short::<T>() * unit } else { T::zero() };
            *moving = Dual::new(theta, rate);
            if inside {
                let term = rate.to_f64() * gradient.to_f64();
                backward += term;
                size += libm::fabs(term);
            }
        }
        (functions.dual_forward)(moving, outputs);
        let mut forward = 0.0;
        for (y, c) in outputs.iter().zip(buffers.cotangent.iter()) {
            let term = y.derivative.to_f64() * c.to_f64();
            forward += term;
            size += libm::fabs(term);
        }
        if block.frozen {
            forward = 0.0;
        }
        BlockAdjoint { name: block.name, forward, backward, allowed: ROUNDINGS * roundoff * size }
    });
    AdjointReport { blocks }
}

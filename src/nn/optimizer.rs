//! Optimisers: how gradients change parameters.

use core::array;
use core::fmt::Debug;
use core::mem::take;

use super::{BackwardPass, OptimizerState, ParameterBlock};
use crate::kernel::{LANES, Split, Workers};
use crate::slices::Slice;
use crate::{Error, Real, shape};

/// A rule that changes parameters by their gradients.
///
/// A frozen block is neither read nor written.
pub trait Optimizer<T: Real>: Debug + Send {
    /// One step, at whose end the gradients are 0. `parameters` and `gradients` are flat slices of the same length,
    /// in which `blocks` lie one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when the optimiser was made for other blocks or the slices do not fit, [`Error::Setting`] for
    /// settings that have no sense; nothing is written then.
    fn step(
        &mut self,
        blocks: &[ParameterBlock],
        parameters: &mut [T],
        gradients: &mut [T],
    ) -> Result<(), Error>;

    /// Multiplies all learning rates by `factor` from now on, in the place of the factor before.
    fn set_rate_factor(&mut self, factor: T);

    /// A backward pass and a step: by way of the gradients, if the optimiser does not know better.
    ///
    /// # Errors
    ///
    /// As for [`Network::backward`](super::Network::backward) and [`step`](Self::step).
    fn learn(&mut self, pass: &mut BackwardPass<'_, T>) -> Result<(), Error> {
        let (blocks, parameters, gradients) = pass.accumulate()?;
        self.step(blocks, parameters, gradients)
    }

    /// Everything that the next step depends on besides its arguments: what a checkpoint keeps.
    fn state(&self) -> OptimizerState<'_, T>;

    /// Takes up the counts and the memory of a [`state`](Self::state) of an optimiser of the same kind and settings.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when they are not as many and as long as the optimiser's own; it is then as it was.
    fn restore(&mut self, counts: &[u64], memory: &[&[T]]) -> Result<(), Error>;
}

/// The multiply-adds that a parameter's step counts as: nearly all of its time goes into memory.
const WORTH_OF_A_PARAMETER: usize = 64;

/// Blocks that are dealt at once: those of two layers.
const AT_ONCE: usize = 8;

/// Calls `run` for every block that is not frozen, with its learning rate and its part of each slice, of which there
/// is none of an empty one.
///
/// Where the blocks are worth several of `workers`, each takes its share of every block: the one that the passes of a
/// layer leave in its cache. It takes them all at once, since a small block is done before another thread comes.
pub(super) fn for_each_block<T: Real, const N: usize>(
    workers: Workers<'_>,
    blocks: &[ParameterBlock],
    rates: &[T],
    mut slices: [&mut [T]; N],
    run: impl Fn(T, [&mut [T]; N]) + Sync,
) {
    for (blocks, rates) in blocks.chunks(AT_ONCE).zip(rates.chunks(AT_ONCE)) {
        let (mut rows, mut parameters) = (array::from_fn(|_| None), 0);
        for ((slot, block), &rate) in rows.iter_mut().zip(blocks).zip(rates) {
            let own = slices.each_mut().map(|slice| {
                let len = block.range.len().min(slice.len());
                let (own, others) = take(slice).divide(len);
                *slice = others;
                own
            });
            if !block.frozen {
                *slot = Some((rate, own));
                parameters += block.range.len();
            }
        }
        let parts = workers.parts(parameters, parameters.saturating_mul(WORTH_OF_A_PARAMETER));
        workers.in_parts(Share { rows, parts }, parts, parts, &|_, share| {
            share.rows.into_iter().flatten().for_each(|(rate, rows)| run(rate, rows));
        });
    }
}

/// A learning rate, and slices side by side.
type Rows<'a, T, const N: usize> = (T, [&'a mut [T]; N]);

/// Some blocks, for some parts.
struct Share<'a, T, const N: usize> {
    rows: [Option<Rows<'a, T, N>>; AT_ONCE],
    parts: usize,
}

impl<T: Copy, const N: usize> Split for Share<'_, T, N> {
    /// Divides every slice between vectors.
    fn split_at(self, parts: usize, _: usize) -> (Self, Self) {
        let Self { mut rows, parts: all } = self;
        let others = rows.each_mut().map(|slot| {
            slot.as_mut().map(|(rate, rows)| {
                let others = rows.each_mut().map(|row| {
                    let vectors = row.len().div_ceil(LANES) * parts / all;
                    let len = (vectors * LANES).min(row.len());
                    let (own, others) = take(row).divide(len);
                    *row = own;
                    others
                });
                (*rate, others)
            })
        });
        (Self { rows, parts }, Self { rows: others, parts: all - parts })
    }
}

/// Refuses learning rates that are infinite or NaN.
pub(super) fn check_rates<T: Real>(mut rates: impl Iterator<Item = T>) -> Result<(), Error> {
    match rates.all(|rate| rate.is_finite()) {
        true => Ok(()),
        false => Err(Error::Setting { argument: "rate", expected: "a finite number, with its factors too" }),
    }
}

/// Checks the lengths that every optimiser has to agree on.
pub(super) fn check<T>(
    rates: &[T],
    blocks: &[ParameterBlock],
    parameters: &[T],
    gradients: &[T],
) -> Result<(), Error> {
    shape::exact("blocks", blocks.len(), rates.len())?;
    let end = blocks.iter().try_fold(0, |end, block| {
        shape::exact("blocks", block.range.start, end)?;
        Ok(block.range.end)
    })?;
    shape::exact("parameters", parameters.len(), end)?;
    shape::exact("gradients", gradients.len(), parameters.len())
}

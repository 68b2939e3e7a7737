//! How a workspace is shared out.

use super::batch::{CHUNK, LEAST_ROWS, ordinary_constants, ordinary_parameters, scratch_len, tape_len};
use super::parameters::Parameters;
use super::prepared::Constants;
use super::row::Scratch;
use crate::kernel::widest;
use crate::{Error, Real, Shape, shape};

/// The parts of a workspace; all but `rows` are empty for a batch that goes row by row.
pub(super) struct Workspace<'a, T> {
    /// Three rows of inputs and one of outputs.
    rows: &'a mut [T],
    /// a, W and σ².
    prepared: &'a mut [T],
    /// Scratch of one chunk.
    pub(super) chunk: &'a mut [T],
    /// The tapes of all chunks.
    pub(super) record: &'a mut [T],
    /// The elements of one tape; at least 1, so that an empty record can be cut too.
    pub(super) tape_len: usize,
}

/// The number of scratch elements of a [`Diagonal`](super::Diagonal) layer of this shape for a batch; `const`,
/// so that it serves as an array size where there is no allocator.
///
/// # Errors
///
/// [`Error::Overflow`] when that number cannot be addressed.
pub const fn workspace_len(shape: Shape, batch: usize) -> Result<usize, Error> {
    let rows = match shape::product("workspace", shape.inputs(), 3) {
        Ok(inputs) => inputs.saturating_add(shape.outputs()),
        Err(error) => return Err(error),
    };
    if batch < LEAST_ROWS {
        return Ok(rows);
    }
    let chunk = match scratch_len(shape, if batch < CHUNK { batch } else { CHUNK }) {
        Ok(chunk) => chunk,
        Err(error) => return Err(error),
    };
    let record = match tape_len(shape, batch) {
        Ok(record) => record,
        Err(error) => return Err(error),
    };
    let sum = rows.saturating_add(prepared_len(shape)).saturating_add(chunk).saturating_add(record);
    shape::product("workspace", sum, 1)
}

/// The number of elements of a, W and σ².
pub(super) const fn prepared_len(shape: Shape) -> usize {
    shape.v_len() + shape.u_len() + shape.sigma_len()
}

impl<'a, T: Real> Workspace<'a, T> {
    /// Shares out a slice for a batch.
    pub(super) fn split(shape: Shape, batch: usize, work: &'a mut [T]) -> Result<Self, Error> {
        let work = shape::workspace(work, workspace_len(shape, batch)?)?;
        let (rows, rest) = work.split_at_mut(3 * shape.inputs() + shape.outputs());
        if batch < LEAST_ROWS {
            return Ok(Self { rows, prepared: &mut [], chunk: &mut [], record: &mut [], tape_len: 1 });
        }
        let (prepared, rest) = rest.split_at_mut(prepared_len(shape));
        let (chunk, record) = rest.split_at_mut(scratch_len(shape, batch.min(CHUNK))?);
        Ok(Self { rows, prepared, chunk, record, tape_len: tape_len(shape, batch.min(CHUNK))? })
    }

    /// Computes a, W and σ². Returns whether the batch may go in chunks: whether there are chunks, and the
    /// parameters are of ordinary size.
    pub(super) fn prepare(&mut self, shape: Shape, parameters: &Parameters<'_, T>) -> bool {
        if self.prepared.is_empty() {
            return false;
        }
        let (a, rest) = self.prepared.split_at_mut(shape.v_len());
        let (w, variance) = rest.split_at_mut(shape.u_len());
        let kept = widest(|| Constants::fill(shape, *parameters, a, w, variance));
        kept && ordinary_parameters(parameters)
            && ordinary_constants(&Constants { a, w, mu: parameters.mu, variance })
    }

    /// The rows of scratch, and with them one row of outputs.
    pub(super) fn scratch(&mut self, inputs: usize) -> (Scratch<'_, T>, &mut [T]) {
        let (direction, rest) = self.rows.split_at_mut(inputs);
        let (q, rest) = rest.split_at_mut(inputs);
        let (c, share) = rest.split_at_mut(inputs);
        (Scratch { direction, q, c }, share)
    }

    /// The prepared constants, the scratch of a chunk, and the tapes.
    pub(super) fn batch<'b>(
        &'b mut self,
        shape: Shape,
        parameters: &Parameters<'b, T>,
    ) -> (Constants<'b, T>, &'b mut [T], &'b mut [T]) {
        let (a, rest) = self.prepared.split_at(shape.v_len().min(self.prepared.len()));
        let (w, variance) = rest.split_at(shape.u_len().min(rest.len()));
        (Constants { a, w, mu: parameters.mu, variance }, self.chunk, self.record)
    }
}

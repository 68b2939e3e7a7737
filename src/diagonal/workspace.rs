//! How a workspace is shared out.

use super::batch::{CHUNK, LEAST_ROWS, Tape, scratch_len, tape_len};
use super::parameters::Parameters;
use super::prepare::{prepare, prepare_variance};
use super::row::Scratch;
use crate::{Error, Real, Shape, shape};

/// The parts of a workspace; all but `rows` are empty for a batch that goes row by row.
pub(super) struct Workspace<'a, T> {
    /// Three rows of inputs and one of outputs.
    rows: &'a mut [T],
    /// a, W and σ².
    prepared: &'a mut [T],
    /// Scratch of one chunk.
    chunk: &'a mut [T],
    /// The tapes of all chunks.
    record: &'a mut [T],
    /// The elements of one tape; at least 1, so that an empty record can be cut too.
    tape_len: usize,
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
        let (rows, rest) = shape::split(work, 3 * shape.inputs() + shape.outputs());
        if batch < LEAST_ROWS {
            return Ok(Self { rows, prepared: &mut [], chunk: &mut [], record: &mut [], tape_len: 1 });
        }
        let (prepared, rest) = shape::split(rest, prepared_len(shape));
        let (chunk, record) = shape::split(rest, scratch_len(shape, batch.min(CHUNK))?);
        Ok(Self { rows, prepared, chunk, record, tape_len: tape_len(shape, batch.min(CHUNK))? })
    }

    /// Computes a, W and σ². Returns whether the batch may go in chunks: whether there are chunks, and the
    /// parameters are of ordinary size.
    pub(super) fn prepare(&mut self, shape: Shape, parameters: &Parameters<'_, T>) -> bool {
        let (Chunk { a, w, variance, .. }, _) = self.chunk(shape, 0, 0);
        !a.is_empty() && prepare(shape, parameters, a, w, variance)
    }

    /// Computes σ² alone. Returns the same of μ and σ.
    pub(super) fn prepare_variance(&mut self, shape: Shape, parameters: &Parameters<'_, T>) -> bool {
        let (Chunk { a, variance, .. }, _) = self.chunk(shape, 0, 0);
        !a.is_empty() && prepare_variance(parameters, variance)
    }

    /// The rows of scratch, and with them one row of outputs.
    pub(super) fn scratch(&mut self, inputs: usize) -> (Scratch<'_, T>, &mut [T]) {
        let (direction, rest) = shape::split(self.rows, inputs);
        let (q, rest) = shape::split(rest, inputs);
        let (c, share) = shape::split(rest, inputs);
        (Scratch { direction, q, c }, share)
    }

    /// What a chunk needs besides its tape, and the tape of the chunk `index`, if there is one.
    pub(super) fn chunk(
        &mut self,
        shape: Shape,
        index: usize,
        rows: usize,
    ) -> (Chunk<'_, T>, Option<Tape<'_, T>>) {
        let (a, rest) = shape::split(self.prepared, shape.v_len().min(self.prepared.len()));
        let (w, variance) = shape::split(rest, shape.u_len().min(rest.len()));
        let record = self.record.chunks_mut(self.tape_len.max(1)).nth(index);
        let tape = record.map(|record| Tape::split(shape, rows, record));
        (Chunk { a, w, variance, scratch: self.chunk }, tape)
    }
}

/// The parts of a workspace that a chunk uses; all empty for a batch that goes row by row.
pub(super) struct Chunk<'a, T> {
    /// a of all components.
    pub(super) a: &'a mut [T],
    /// W of all components, or of one of them at the front.
    pub(super) w: &'a mut [T],
    /// σ² of all components.
    pub(super) variance: &'a mut [T],
    /// Scratch.
    pub(super) scratch: &'a mut [T],
}

#[cfg(test)]
mod tests {
    use super::super::batch::{CHUNK, LEAST_ROWS, scratch_len, tape_len};
    use super::{Workspace, prepared_len, workspace_len};
    use crate::{Error, Shape};

    /// Three rows of inputs and one of outputs, and from 8 rows on everything that chunks need, to the element.
    #[test]
    fn the_parts_fill_the_workspace() {
        for (inputs, outputs, components) in [(1, 1, 1), (5, 3, 2), (64, 10, 4)] {
            let shape = Shape::new(inputs, outputs, components).unwrap();
            for batch in [1, LEAST_ROWS - 1, LEAST_ROWS, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
                let len = workspace_len(shape, batch).unwrap();
                let mut work = vec![0.0_f64; len];
                let parts = Workspace::split(shape, batch, &mut work).unwrap();
                assert_eq!(parts.rows.len(), 3 * inputs + outputs);
                let chunked = batch >= LEAST_ROWS;
                let of = |len: usize| if chunked { len } else { 0 };
                assert_eq!(parts.prepared.len(), of(prepared_len(shape)));
                assert_eq!(parts.chunk.len(), of(scratch_len(shape, batch.min(CHUNK)).unwrap()));
                assert_eq!(parts.record.len(), of(tape_len(shape, batch).unwrap()));
                assert!(Workspace::split(shape, batch, &mut work[1..]).is_err());
            }
        }
    }

    #[test]
    fn a_workspace_that_cannot_be_addressed_is_refused() {
        let overflow = Err(Error::Overflow { argument: "workspace" });
        let small = Shape::new(2, 1, 1).unwrap();
        for batch in [usize::MAX, usize::MAX / 7, isize::MAX as usize / 8] {
            assert_eq!(workspace_len(small, batch), overflow);
        }
        for (inputs, outputs, components) in
            [((1 << 58) - 1, 1, 1), (1, (1 << 58) - 1, 1), (1, 1, (1 << 58) - 1), (1 << 28, 1 << 29, 7)]
        {
            let shape = Shape::new(inputs, outputs, components).unwrap();
            assert_eq!(workspace_len(shape, CHUNK), overflow, "{shape:?}");
            assert_eq!(workspace_len(shape, 1 << 40), overflow, "{shape:?}");
        }
    }
}

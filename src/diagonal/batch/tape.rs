//! What the forward pass of a chunk leaves for the backward pass.

use crate::{Error, Real, Shape, shape};

/// One chunk's record, every field `[.. × rows]` with the rows of the batch contiguous.
#[derive(Debug)]
pub(in crate::diagonal) struct Tape<'a, T> {
    /// 1 for a row that this path has computed, 0 for one that went row by row: `[rows]`.
    pub(super) plain: &'a mut [T],
    /// r: `[components × rows]`.
    pub(super) mean: &'a mut [T],
    /// 1/s, and 0 where s = 0: `[components × rows]`.
    pub(super) inverse: &'a mut [T],
    /// p: `[components × rows]`.
    pub(super) probability: &'a mut [T],
    /// φ: `[components × rows]`.
    pub(super) density: &'a mut [T],
    /// tφ: `[components × rows]`.
    pub(super) density_moment: &'a mut [T],
    /// W x: `[components × outputs × rows]`.
    pub(super) slope: &'a mut [T],
}

/// The number of elements that the record of `rows` rows takes.
pub(in crate::diagonal) const fn tape_len(shape: Shape, rows: usize) -> Result<usize, Error> {
    let (components, outputs) = (shape.components(), shape.outputs());
    let Some(row) = outputs.checked_add(5) else { return Err(Error::Overflow { argument: "workspace" }) };
    match shape::product("workspace", components, row) {
        Ok(fields) => shape::product("workspace", fields + 1, rows),
        Err(error) => Err(error),
    }
}

/// The number of scratch elements that a chunk of `rows` rows takes: two copies of the inputs, one of the
/// outputs, a row of limits, and the products of one pass along the parameters.
pub(in crate::diagonal) const fn scratch_len(shape: Shape, rows: usize) -> Result<usize, Error> {
    let Some(each) = (2 * shape.inputs()).checked_add(shape.outputs() + 1) else {
        return Err(Error::Overflow { argument: "workspace" });
    };
    let passes = shape.outputs() * shape.inputs() + shape.sigma_len() + shape.outputs();
    match shape::product("workspace", rows, each) {
        Ok(chunk) => match chunk.checked_add(passes) {
            Some(len) => Ok(len),
            None => Err(Error::Overflow { argument: "workspace" }),
        },
        Err(error) => Err(error),
    }
}

impl<'a, T: Real> Tape<'a, T> {
    /// Splits the front of a slice of [`tape_len`] elements or more into the fields.
    pub(in crate::diagonal) fn split(shape: Shape, rows: usize, record: &'a mut [T]) -> Self {
        let each = shape.components() * rows;
        let (plain, rest) = shape::split(record, rows);
        let (mean, rest) = shape::split(rest, each);
        let (inverse, rest) = shape::split(rest, each);
        let (probability, rest) = shape::split(rest, each);
        let (density, rest) = shape::split(rest, each);
        let (density_moment, rest) = shape::split(rest, each);
        let (slope, _) = shape::split(rest, each * shape.outputs());
        Self { plain, mean, inverse, probability, density, density_moment, slope }
    }

    /// Leaves the rows for which `keep` is false to the formulas for single rows as well.
    pub(in crate::diagonal) fn keep(&mut self, keep: impl Iterator<Item = bool>) {
        for (plain, keep) in self.plain.iter_mut().zip(keep) {
            if !keep {
                *plain = T::zero();
            }
        }
    }

    /// Leaves all rows to the formulas for single rows.
    pub(in crate::diagonal) fn clear(&mut self) {
        self.plain.fill(T::zero());
    }
}

/// The rows of a chunk that the tape holds, a bit each.
#[derive(Debug, Clone, Copy)]
pub(in crate::diagonal) struct Plain(u64);

impl Plain {
    /// No row at all.
    pub(in crate::diagonal) fn none() -> Self {
        Self(0)
    }

    /// The rows that the tape holds.
    pub(in crate::diagonal) fn of<T: Real>(tape: &Tape<'_, T>) -> Self {
        Self(tape.plain.iter().rev().fold(0, |bits, plain| (bits << 1) | u64::from(!plain.is_zero())))
    }

    /// Whether the row is held.
    pub(in crate::diagonal) fn contains(self, row: usize) -> bool {
        (self.0 >> row) & 1 == 1
    }

    /// Whether any row is.
    pub(in crate::diagonal) fn any(self) -> bool {
        self.0 != 0
    }
}

const _: () = assert!(super::CHUNK <= 64);

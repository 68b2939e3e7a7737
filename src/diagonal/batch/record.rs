//! What the forward pass of a batch leaves for the backward pass.

use crate::shape;

/// The record of some components, every field with the rows of the batch contiguous.
#[derive(Debug)]
pub(in crate::diagonal) struct Record<'a, T> {
    /// The length of a row of every field: the rows of the batch, filled up to whole vectors.
    pub(in crate::diagonal) lanes: usize,
    /// W x, then p g: `[components × outputs × lanes]`.
    pub(super) slope: &'a mut [T],
    /// m, then r: `[components × lanes]`.
    pub(super) mean: &'a mut [T],
    /// s², then 1/s, and 0 where s = 0: `[components × lanes]`.
    pub(super) inverse: &'a mut [T],
    /// p: `[components × lanes]`.
    pub(super) probability: &'a mut [T],
    /// φ, then ∂m: `[components × lanes]`.
    pub(super) density: &'a mut [T],
    /// tφ, then ∂s/s: `[components × lanes]`.
    pub(super) density_moment: &'a mut [T],
}

impl<'a, T> Record<'a, T> {
    /// Rows of a component besides those of W x.
    pub(in crate::diagonal) const ROWS: usize = 5;

    /// Cuts a slice of `components · (outputs + 5) · lanes` elements into the fields.
    pub(in crate::diagonal) fn split(lanes: usize, components: usize, record: &'a mut [T]) -> Self {
        let each = components * lanes;
        let (mean, rest) = shape::split(record, each);
        let (inverse, rest) = shape::split(rest, each);
        let (probability, rest) = shape::split(rest, each);
        let (density, rest) = shape::split(rest, each);
        let (density_moment, slope) = shape::split(rest, each);
        Self { lanes, slope, mean, inverse, probability, density, density_moment }
    }

    /// The first components, and the others.
    pub(in crate::diagonal) fn split_at(self, components: usize) -> (Self, Self) {
        let lanes = self.lanes;
        let all = self.mean.len() / lanes.max(1);
        let outputs = self.slope.len() / (all * lanes).max(1);
        let at = components * lanes;
        let (slope, mean) = (shape::split(self.slope, outputs * at), shape::split(self.mean, at));
        let (inverse, probability) = (shape::split(self.inverse, at), shape::split(self.probability, at));
        let (density, moment) = (shape::split(self.density, at), shape::split(self.density_moment, at));
        let record = |slope, mean, inverse, probability, density, density_moment| Record {
            lanes,
            slope,
            mean,
            inverse,
            probability,
            density,
            density_moment,
        };
        (
            record(slope.0, mean.0, inverse.0, probability.0, density.0, moment.0),
            record(slope.1, mean.1, inverse.1, probability.1, density.1, moment.1),
        )
    }

    /// The same for a shorter time.
    pub(in crate::diagonal) fn reborrow(&mut self) -> Record<'_, T> {
        Record {
            lanes: self.lanes,
            slope: self.slope,
            mean: self.mean,
            inverse: self.inverse,
            probability: self.probability,
            density: self.density,
            density_moment: self.density_moment,
        }
    }
}

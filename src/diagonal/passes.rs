//! Forward and backward over the chunks of a batch: what goes in chunks, and what row by row.

use super::batch::{self, LEAST_ROWS, Model, Plain, Tape, bounded};
use super::layer::Diagonal;
use super::parameters::Gradients;
use super::row::Scratch;
use super::workspace::{Chunk, Workspace};
use crate::Real;

impl<T: Real> Diagonal<'_, T> {
    /// Fills the tapes, and `y` where it is wanted.
    ///
    /// A batch of several chunks prepares W for all components first. One of a single chunk prepares it a
    /// component at a time, just before its product, while it is still in the nearest cache.
    pub(super) fn record(&self, x: &[T], mut y: Option<&mut [T]>, work: &mut Workspace<'_, T>) {
        let (shape, inputs, outputs) = (self.shape, self.shape.inputs(), self.shape.outputs());
        let (x_chunk, y_chunk) = batch::chunk_lens(shape);
        let single = x.len() <= x_chunk;
        let usual = if single {
            work.prepare_variance(shape, &self.parameters)
        } else {
            work.prepare(shape, &self.parameters)
        };
        for (index, x) in x.chunks(x_chunk).enumerate() {
            let rows = x.len() / inputs;
            let mut y = y.as_deref_mut().and_then(|y| y.chunks_mut(y_chunk).nth(index));
            let (chunk, mut tape) = work.chunk(shape, index, rows);
            if let Some(tape) = &mut tape {
                tape.clear();
                if usual && rows >= LEAST_ROWS {
                    self.record_chunk(x, y.as_deref_mut(), single, chunk, tape);
                }
            }
            let plain = tape.as_ref().map_or(Plain::none(), Plain::of);
            if let Some(y) = y {
                let (scratch, _) = work.scratch(inputs);
                for (row, (x, y)) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(outputs)).enumerate() {
                    if !plain.contains(row) {
                        self.forward_row(x, y, scratch.q);
                    }
                }
            }
        }
    }

    /// Fills the tape of one chunk, and `y` where it is wanted; leaves all rows to the caller when a parameter
    /// is not of ordinary size.
    fn record_chunk(
        &self,
        x: &[T],
        y: Option<&mut [T]>,
        single: bool,
        chunk: Chunk<'_, T>,
        tape: &mut Tape<'_, T>,
    ) {
        let (shape, inputs, outputs) = (self.shape, self.shape.inputs(), self.shape.outputs());
        let Chunk { a, w, variance, scratch } = chunk;
        let rows = x.len() / inputs;
        batch::begin(shape, self.parameters.mu, variance, x, tape, scratch);
        let mut usual = true;
        if single {
            let one = w.get_mut(..outputs * inputs).unwrap_or_default();
            let components = self.parameters.components(shape).zip(a.chunks_exact_mut(outputs));
            for (index, (component, a)) in components.enumerate() {
                usual &= component.prepare(a, one);
                batch::slopes(shape, index, one, rows, tape, scratch);
            }
        } else {
            batch::slopes(shape, 0, w, rows, tape, scratch);
        }
        batch::finish(shape, a, variance, y, rows, tape, scratch);
        if !usual {
            tape.clear();
        }
    }

    /// Runs the tapes backward.
    pub(super) fn replay(
        &self,
        x: &[T],
        g: &[T],
        mut gradients: Gradients<'_, T>,
        mut dx: Option<&mut [T]>,
        work: &mut Workspace<'_, T>,
    ) {
        let (shape, inputs, outputs) = (self.shape, self.shape.inputs(), self.shape.outputs());
        let (x_chunk, y_chunk) = batch::chunk_lens(shape);
        if dx.is_some() && x.len() <= x_chunk {
            work.prepare(shape, &self.parameters);
        }
        for (index, (x, g)) in x.chunks(x_chunk).zip(g.chunks(y_chunk)).enumerate() {
            let rows = x.len() / inputs;
            let mut dx = dx.as_deref_mut().and_then(|dx| dx.chunks_mut(x_chunk).nth(index));
            let (chunk, mut tape) = work.chunk(shape, index, rows);
            if let Some(tape) = &mut tape {
                tape.keep(g.chunks_exact(outputs).map(bounded));
            }
            let plain = tape.as_ref().map_or(Plain::none(), Plain::of);
            if let Some(tape) = &mut tape
                && plain.any()
            {
                let parameters = self.parameters;
                let model = Model { shape, parameters, a: chunk.a, w: chunk.w, variance: chunk.variance };
                batch::backward(&model, x, g, &mut gradients, dx.as_deref_mut(), tape, chunk.scratch);
            }
            let (mut scratch, share) = work.scratch(inputs);
            let mut dx = dx.map(|dx| dx.chunks_exact_mut(inputs));
            for (row, (x, g)) in x.chunks_exact(inputs).zip(g.chunks_exact(outputs)).enumerate() {
                let dx = dx.as_mut().and_then(Iterator::next);
                if !plain.contains(row) {
                    self.backward_row(x, g, &mut gradients, dx, &mut scratch, share);
                }
            }
        }
    }

    /// One row of y by itself.
    fn forward_row(&self, x: &[T], y: &mut [T], q: &mut [T]) {
        y.fill(T::zero());
        for component in self.parameters.components(self.shape) {
            component.forward(x, y, q);
        }
        let components = T::from_usize(self.shape.components());
        for y in y {
            *y /= components;
        }
    }

    /// The gradients of one row by itself; `share` is scratch for its cotangent times 1/K.
    fn backward_row(
        &self,
        x: &[T],
        g: &[T],
        gradients: &mut Gradients<'_, T>,
        mut dx: Option<&mut [T]>,
        scratch: &mut Scratch<'_, T>,
        share: &mut [T],
    ) {
        let components = T::from_usize(self.shape.components());
        for (share, &g) in share.iter_mut().zip(g) {
            *share = g / components;
        }
        if let Some(dx) = dx.as_deref_mut() {
            dx.fill(T::zero());
        }
        let blocks = gradients.reborrow().components(self.shape);
        for (component, mut gradients) in self.parameters.components(self.shape).zip(blocks) {
            component.backward(x, share, &mut gradients, dx.as_deref_mut(), scratch);
        }
    }
}

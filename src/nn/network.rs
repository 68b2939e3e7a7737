//! A stack of layers with its parameters, gradients and scratch.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Layer, NetworkError, Optimizer};
use crate::{Aligned, Error, Real, gradcheck, shape};

/// One block of a network's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterBlock {
    /// The layer's place and the block's name in it, such as `0.mu`.
    pub name: String,
    /// The block's name in its layer, such as `mu`.
    pub kind: &'static str,
    /// The sizes, row-major, the last index contiguous.
    pub dimensions: Vec<usize>,
    /// Where the block lies in the flat slice of parameters.
    pub range: Range<usize>,
    /// Whether training leaves it as it is.
    pub frozen: bool,
}

/// A block of a network as one of a gradient check.
impl<'a> From<&'a ParameterBlock> for gradcheck::Block<'a> {
    fn from(block: &'a ParameterBlock) -> Self {
        let new = Self::new(&block.name, block.range.len());
        if block.frozen { new.frozen() } else { new }
    }
}

/// A layer with its part of the flat parameters and its own buffers.
#[derive(Debug)]
struct Stage<T> {
    layer: Box<dyn Layer<T>>,
    inputs: usize,
    outputs: usize,
    parameters: Range<usize>,
    frozen: Vec<bool>,
    /// The learning rates of a fused step.
    rates: Vec<Option<T>>,
    /// The outputs of the last forward pass.
    y: Aligned<T>,
    /// The loss's derivative by the outputs; empty for the last layer, whose one is the caller's.
    g: Aligned<T>,
    saved: Aligned<T>,
    scratch: Aligned<T>,
}

impl<T: Real> Stage<T> {
    /// Makes the buffers for batches of up to `batch` rows in the place of those that there are.
    fn make_buffers(&mut self, batch: usize, is_last: bool) -> Result<(), Error> {
        shape::product("inputs", batch, self.inputs)?;
        let values = shape::product("outputs", batch, self.outputs)?;
        let lens = [
            (&mut self.y, "outputs", values),
            (&mut self.g, "outputs", if is_last { 0 } else { values }),
            (&mut self.saved, "saved", self.layer.saved_len(batch)?),
            (&mut self.scratch, "scratch", self.layer.scratch_len(batch)?),
        ];
        for (buffer, argument, len) in lens {
            *buffer = Aligned::zeros(0)?;
            *buffer = zeros(argument, len)?;
        }
        Ok(())
    }
}

/// A stack of layers, the output of each the input of the next.
///
/// All parameters lie in one flat slice, layer after layer, block after block; [`blocks`](Self::blocks)
/// says which is where. Everything that a training step needs is allocated once, for the largest batch.
#[derive(Debug)]
pub struct Network<T> {
    stages: Vec<Stage<T>>,
    blocks: Vec<ParameterBlock>,
    parameters: Aligned<T>,
    gradients: Aligned<T>,
    batch: usize,
    /// Rows of the last forward pass.
    rows: usize,
    /// Whether gradients have been added since they were last 0.
    dirty: bool,
}

impl<T: Real> Network<T> {
    /// A network of `layers`, all parameters 0, for batches of up to `batch` rows.
    ///
    /// # Errors
    ///
    /// [`NetworkError`] when there is no layer, when neighbouring layers do not fit, when `batch` is zero
    /// or when there is no memory for the buffers.
    pub fn new(layers: Vec<Box<dyn Layer<T>>>, batch: usize) -> Result<Self, NetworkError> {
        if batch == 0 {
            return Err(Error::Zero { argument: "batch" }.into());
        }
        let mut blocks: Vec<ParameterBlock> = Vec::new();
        let mut stages: Vec<Stage<T>> = Vec::with_capacity(layers.len());
        let mut start = 0;
        let last = layers.len().checked_sub(1).ok_or(NetworkError::Empty)?;
        for (index, layer) in layers.into_iter().enumerate() {
            let (inputs, outputs) = (layer.inputs(), layer.outputs());
            if let Some(previous) = stages.last()
                && previous.outputs != inputs
            {
                let previous_outputs = previous.outputs;
                return Err(NetworkError::Mismatch { layer: index, inputs, previous_outputs });
            }
            let first = start;
            let mut frozen = Vec::new();
            for block in layer.blocks() {
                let end = block.len().checked_add(start).ok_or(Error::Overflow { argument: "parameters" })?;
                blocks.push(ParameterBlock {
                    name: alloc::format!("{index}.{}", block.name),
                    kind: block.name,
                    dimensions: block.dimensions,
                    range: start..end,
                    frozen: false,
                });
                frozen.push(false);
                start = end;
            }
            let mut stage = Stage {
                inputs,
                outputs,
                parameters: first..start,
                rates: alloc::vec![None; frozen.len()],
                frozen,
                y: Aligned::zeros(0)?,
                g: Aligned::zeros(0)?,
                saved: Aligned::zeros(0)?,
                scratch: Aligned::zeros(0)?,
                layer,
            };
            stage.make_buffers(batch, index == last)?;
            stages.push(stage);
        }
        shape::product("parameters", start, 1)?;
        Ok(Self {
            stages,
            blocks,
            parameters: zeros("parameters", start)?,
            gradients: zeros("gradients", start)?,
            batch,
            rows: 0,
            dirty: false,
        })
    }

    /// The same network for batches of up to `batch` rows; what the last pass has left is gone.
    ///
    /// # Errors
    ///
    /// [`NetworkError`] when `batch` is zero or there is no memory for the buffers.
    pub fn with_batch(mut self, batch: usize) -> Result<Self, NetworkError> {
        if batch == 0 {
            return Err(Error::Zero { argument: "batch" }.into());
        }
        let last = self.stages.len().saturating_sub(1);
        for (index, stage) in self.stages.iter_mut().enumerate() {
            stage.make_buffers(batch, index == last)?;
        }
        Ok(Self { batch, rows: 0, ..self })
    }

    /// The number of inputs of a row.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.stages.first().map_or(0, |stage| stage.inputs)
    }

    /// The number of outputs of a row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.stages.last().map_or(0, |stage| stage.outputs)
    }

    /// The number of rows of the largest batch.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The layers, first to last.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &dyn Layer<T>> {
        self.stages.iter().map(|stage| &*stage.layer)
    }

    /// The blocks of the flat parameters, in their order.
    #[must_use]
    pub fn blocks(&self) -> &[ParameterBlock] {
        &self.blocks
    }

    /// All parameters.
    #[must_use]
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// All parameters, to be written.
    pub fn parameters_mut(&mut self) -> &mut [T] {
        &mut self.parameters
    }

    /// The gradients that have been added up since the last [`step`](Self::step).
    #[must_use]
    pub fn gradients(&self) -> &[T] {
        &self.gradients
    }

    /// Sets the gradients to 0, as a [`step`](Self::step) does at its end.
    pub fn clear_gradients(&mut self) {
        self.gradients.fill(T::zero());
        self.dirty = false;
    }

    /// The parameters of one block, by its full name such as `0.mu`.
    #[must_use]
    pub fn block(&self, name: &str) -> Option<&[T]> {
        let block = self.blocks.iter().find(|block| block.name == name)?;
        self.parameters.get(block.range.clone())
    }

    /// Excludes a block from training: by its full name (`0.mu`), or in every layer by its kind (`mu`).
    ///
    /// The gradients of a frozen block are not computed; what was added to them becomes 0.
    ///
    /// # Errors
    ///
    /// [`NetworkError::UnknownBlock`] when no block has that name.
    pub fn freeze(&mut self, name: &str) -> Result<(), NetworkError> {
        let mut found = false;
        for block in &mut self.blocks {
            if block.name == name || block.kind == name {
                block.frozen = true;
                part_mut(&mut self.gradients, &block.range).fill(T::zero());
                found = true;
            }
        }
        if !found {
            let mut kinds: Vec<&str> = Vec::new();
            for block in &self.blocks {
                if !kinds.contains(&block.kind) {
                    kinds.push(block.kind);
                }
            }
            return Err(NetworkError::UnknownBlock { name: name.into(), known: kinds.join(", ") });
        }
        let mut blocks = self.blocks.iter();
        for flag in self.stages.iter_mut().flat_map(|stage| &mut stage.frozen) {
            *flag = blocks.next().is_some_and(|block| block.frozen);
        }
        Ok(())
    }

    /// Draws the starting values of all layers, first to last.
    ///
    /// # Errors
    ///
    /// None that a network built by [`new`](Self::new) gives, unless a layer of the user's own does.
    #[cfg(feature = "rand")]
    pub fn initialise(&mut self, random: &mut dyn rand_core::Rng) -> Result<(), Error> {
        for stage in &self.stages {
            if let Some(parameters) = self.parameters.get_mut(stage.parameters.clone()) {
                stage.layer.initialise(parameters, random)?;
            }
        }
        Ok(())
    }

    /// The network's value at `x: [rows × inputs]`: `[rows × outputs]`, valid until the next pass.
    ///
    /// # Errors
    ///
    /// [`Error::Rows`] or [`Error::Zero`] when `x` does not hold whole rows, [`Error::Range`] when there
    /// are more of them than the largest batch.
    pub fn forward(&mut self, x: &[T]) -> Result<&[T], Error> {
        let rows = shape::rows("x", x.len(), self.inputs())?;
        if rows > self.batch {
            return Err(Error::Range { argument: "rows", largest: self.batch, got: rows });
        }
        self.rows = rows;
        let mut previous: Option<&[T]> = None;
        for stage in &mut self.stages {
            let parameters = part(&self.parameters, &stage.parameters);
            let (y, _) = stage.y.split_at_mut(rows * stage.outputs);
            let Stage { saved, scratch, .. } = stage;
            stage.layer.forward(parameters, previous.unwrap_or(x), y, saved, scratch)?;
            previous = Some(y);
        }
        Ok(previous.unwrap_or(&[]))
    }

    /// Adds to the gradients those of ⟨g, y⟩ at `x`, the rows that the last
    /// [`forward`](Self::forward) had; `g: [rows × outputs]`.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `x` or `g` does not have the rows of the last forward pass.
    pub fn backward(&mut self, x: &[T], g: &[T]) -> Result<(), Error> {
        self.dirty = true;
        self.walk_back(x, g, None).map(|_| ())
    }

    /// [`backward`](Self::backward) and [`step`](Self::step) in one, as the optimiser does it: plain gradient descent lets
    /// each layer that can join the two, and writes no gradients. The same step, to rounding, in less time.
    ///
    /// # Errors
    ///
    /// As for the two.
    pub fn learn(&mut self, x: &[T], g: &[T], optimizer: &mut dyn Optimizer<T>) -> Result<(), Error> {
        optimizer.learn(&mut BackwardPass { network: self, x, g })?;
        self.dirty = false;
        Ok(())
    }

    /// The backward pass, last layer to first. With `rates`, one a block, each layer that can takes a step of gradient
    /// descent in the place of adding to the gradients; returns whether all could.
    fn walk_back(&mut self, x: &[T], g: &[T], rates: Option<&[T]>) -> Result<bool, Error> {
        shape::exact("x", x.len(), self.rows * self.inputs())?;
        shape::exact("g", g.len(), self.rows * self.outputs())?;
        if let Some(rates) = rates {
            shape::exact("blocks", self.blocks.len(), rates.len())?;
            let mut rates =
                self.blocks.iter().zip(rates).map(|(block, &rate)| (!block.frozen).then_some(rate));
            for slot in self.stages.iter_mut().flat_map(|stage| &mut stage.rates) {
                *slot = rates.next().flatten();
            }
        }
        let mut all = true;
        let mut last_g = Some(g);
        let mut stages = self.stages.as_mut_slice();
        while let Some((stage, earlier)) = stages.split_last_mut() {
            let Stage { layer, inputs, outputs, parameters: range, frozen, rates: own, .. } = stage;
            let (g, saved, scratch) = (&stage.g, &stage.saved, &mut stage.scratch);
            let g = last_g.take().unwrap_or_else(|| head(g, self.rows * *outputs));
            let (input, mut dx) = match earlier.last_mut() {
                Some(previous) => {
                    let len = self.rows * *inputs;
                    (head(&previous.y, len), Some(previous.g.split_at_mut(len).0))
                }
                None => (x, None),
            };
            let parameters = part_mut(&mut self.parameters, range);
            let descended = rates.is_some()
                && layer.descend(parameters, input, g, saved, own, dx.as_deref_mut(), scratch)?;
            if !descended {
                let gradients = part_mut(&mut self.gradients, range);
                layer.backward(parameters, input, g, saved, frozen, gradients, dx, scratch)?;
                all &= range.start == range.end;
            }
            stages = earlier;
        }
        Ok(all)
    }

    /// Lets `optimizer` change the parameters by the gradients, and sets the gradients to 0.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when the optimiser was made for other blocks.
    pub fn step(&mut self, optimizer: &mut dyn Optimizer<T>) -> Result<(), Error> {
        optimizer.step(&self.blocks, &mut self.parameters, &mut self.gradients)?;
        self.dirty = false;
        Ok(())
    }
}

/// A backward pass that has yet to be run, for an optimiser to choose how.
#[derive(Debug)]
pub struct BackwardPass<'a, T> {
    network: &'a mut Network<T>,
    x: &'a [T],
    g: &'a [T],
}

impl<T: Real> BackwardPass<'_, T> {
    /// Adds to the network's gradients; returns its blocks, parameters and gradients.
    ///
    /// # Errors
    ///
    /// As for [`Network::backward`].
    pub fn accumulate(&mut self) -> Result<(&[ParameterBlock], &mut [T], &mut [T]), Error> {
        self.network.backward(self.x, self.g)?;
        Ok(self.slices())
    }

    /// Takes a step of plain gradient descent, with one rate a block, in every layer that can join the two, if there are
    /// no gradients from before. Returns blocks, parameters and gradients where something is left in these.
    ///
    /// # Errors
    ///
    /// As for [`Network::backward`], and [`Error::Length`] when the rates are for other blocks.
    pub fn descend(&mut self, rates: &[T]) -> Result<Option<(&[ParameterBlock], &mut [T], &mut [T])>, Error> {
        if self.network.dirty {
            return self.accumulate().map(Some);
        }
        let all = self.network.walk_back(self.x, self.g, Some(rates))?;
        Ok((!all).then(|| self.slices()))
    }

    fn slices(&mut self) -> (&[ParameterBlock], &mut [T], &mut [T]) {
        let Network { blocks, parameters, gradients, .. } = &mut *self.network;
        (blocks, parameters, gradients)
    }
}

/// A buffer of zeros, or the error that names it where there is no memory for it.
fn zeros<T: Real>(argument: &'static str, len: usize) -> Result<Aligned<T>, Error> {
    Aligned::zeros(len).map_err(|_| Error::Overflow { argument })
}

/// The first `len` elements; buffers are as long as the largest batch needs.
fn head<T>(buffer: &[T], len: usize) -> &[T] {
    buffer.split_at(len).0
}

/// A layer's part of a flat slice, which [`Network::new`] laid out.
fn part<'a, T>(flat: &'a [T], range: &Range<usize>) -> &'a [T] {
    flat.get(range.clone()).unwrap_or(&[])
}

fn part_mut<'a, T>(flat: &'a mut [T], range: &Range<usize>) -> &'a mut [T] {
    flat.get_mut(range.clone()).unwrap_or(&mut [])
}

//! The dense layer.

use alloc::vec;
use alloc::vec::Vec;

use super::{Block, Layer, LayerKind};
use crate::kernel::{Matrix, product, transpose};
use crate::{Error, Real, shape};

/// Rows of a batch that are worked on together: what the vector lanes run along.
const CHUNK: usize = 64;

/// A dense layer, with or without bias.
///
/// ```text
/// y = W x + b,   ∂W += Σ g xᵀ,   ∂b += Σ g,   ∂x = Wᵀ g      (sums over the rows of the batch)
/// ```
///
/// Blocks: `weight: [outputs × inputs]`, then `bias: [outputs]` when the layer has one.
/// `x, ∂x: [batch × inputs]`, `y, g: [batch × outputs]`.
///
/// **Accuracy**: within 8 budgets u·scale, scale being the sum of the absolute values of the terms. Measured in
/// `f32`, up to 1000 inputs, by `tests/precision`.
///
/// Every output and gradient is a sum in a fixed order, so that the bits do not depend on the size of
/// the batch around a row.
///
/// # Example
///
/// ```
/// use gmlayer::nn::{Dense, Layer};
///
/// let layer = Dense::new(2, 1, true)?;
/// let mut y = [0.0];
/// let mut work = vec![0.0; Layer::<f64>::workspace_len(&layer, 1)?];
/// layer.forward(&[3.0, -1.0, 0.5], &[2.0, 4.0], &mut y, &mut work)?; // weight 3, −1; bias 0.5
/// assert_eq!(y, [2.5]);
/// # Ok::<(), gmlayer::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dense {
    inputs: usize,
    outputs: usize,
    bias: bool,
}

impl Dense {
    /// A layer from `inputs` to `outputs` numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] when a size is zero, [`Error::Overflow`] when the parameters could not be
    /// addressed.
    pub const fn new(inputs: usize, outputs: usize, bias: bool) -> Result<Self, Error> {
        if inputs == 0 {
            return Err(Error::Zero { argument: "inputs" });
        }
        if outputs == 0 {
            return Err(Error::Zero { argument: "outputs" });
        }
        match inputs.checked_add(1) {
            Some(row) => match shape::product("parameters", outputs, row) {
                Ok(_) => Ok(Self { inputs, outputs, bias }),
                Err(error) => Err(error),
            },
            None => Err(Error::Overflow { argument: "parameters" }),
        }
    }

    const fn weight_len(&self) -> usize {
        self.inputs * self.outputs
    }

    const fn bias_len(&self) -> usize {
        if self.bias { self.outputs } else { 0 }
    }

    /// Scratch elements for a chunk of `rows` rows: xᵀ and yᵀ.
    const fn chunk_len(&self, rows: usize) -> Result<usize, Error> {
        match self.inputs.checked_add(self.outputs) {
            Some(row) => shape::product("workspace", row, rows),
            None => Err(Error::Overflow { argument: "workspace" }),
        }
    }

    /// Checks the lengths that both passes share and returns the number of rows.
    fn check<T>(&self, parameters: &[T], x: &[T], y: &[T], y_name: &'static str) -> Result<usize, Error> {
        shape::exact("parameters", parameters.len(), self.weight_len() + self.bias_len())?;
        let rows = shape::rows("x", x.len(), self.inputs)?;
        shape::exact(y_name, y.len(), shape::product(y_name, rows, self.outputs)?)?;
        Ok(rows)
    }
}

impl<T: Real> Layer<T> for Dense {
    fn kind(&self) -> LayerKind {
        LayerKind::Dense { inputs: self.inputs, outputs: self.outputs, bias: self.bias }
    }

    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn blocks(&self) -> Vec<Block> {
        let mut blocks = vec![Block { name: "weight", dimensions: vec![self.outputs, self.inputs] }];
        if self.bias {
            blocks.push(Block { name: "bias", dimensions: vec![self.outputs] });
        }
        blocks
    }

    fn workspace_len(&self, batch: usize) -> Result<usize, Error> {
        self.chunk_len(batch.min(CHUNK))
    }

    fn forward(&self, parameters: &[T], x: &[T], y: &mut [T], work: &mut [T]) -> Result<(), Error> {
        let rows = self.check(parameters, x, y, "y")?;
        let expected = self.chunk_len(rows.min(CHUNK))?;
        if work.len() < expected {
            return Err(Error::Workspace { expected, got: work.len() });
        }
        let (weight, bias) = parameters.split_at(self.weight_len());
        for (x, y) in
            x.chunks(CHUNK.saturating_mul(self.inputs)).zip(y.chunks_mut(CHUNK.saturating_mul(self.outputs)))
        {
            let rows = x.len() / self.inputs;
            let (x_transposed, rest) = work.split_at_mut(rows * self.inputs);
            let (y_transposed, _) = rest.split_at_mut(rows * self.outputs);
            transpose(x, self.inputs, x_transposed, rows);
            if self.bias {
                for (y, &bias) in y_transposed.chunks_mut(rows).zip(bias) {
                    y.fill(bias);
                }
            } else {
                y_transposed.fill(T::zero());
            }
            product(y_transposed, Matrix::rows(weight, self.inputs), x_transposed, self.inputs, rows);
            transpose(y_transposed, rows, y, self.outputs);
        }
        Ok(())
    }

    fn backward(
        &self,
        parameters: &[T],
        x: &[T],
        g: &[T],
        frozen: &[bool],
        gradients: &mut [T],
        dx: Option<&mut [T]>,
        _work: &mut [T],
    ) -> Result<(), Error> {
        let rows = self.check(parameters, x, g, "g")?;
        shape::exact("gradients", gradients.len(), parameters.len())?;
        shape::exact("frozen", frozen.len(), 1 + usize::from(self.bias))?;
        let (weight, _) = parameters.split_at(self.weight_len());
        let (weight_gradient, bias_gradient) = gradients.split_at_mut(self.weight_len());
        if frozen.first() == Some(&false) {
            product(weight_gradient, Matrix::transposed(g, self.outputs), x, rows, self.inputs);
        }
        if frozen.get(1) == Some(&false) {
            for g in g.chunks(self.outputs) {
                for (gradient, &g) in bias_gradient.iter_mut().zip(g) {
                    *gradient += g;
                }
            }
        }
        if let Some(dx) = dx {
            shape::exact("dx", dx.len(), x.len())?;
            dx.fill(T::zero());
            product(dx, Matrix::rows(g, self.outputs), weight, self.outputs, self.inputs);
        }
        Ok(())
    }

    /// Weights uniform on ±1/√inputs, bias 0.
    #[cfg(feature = "rand")]
    fn initialise(&self, parameters: &mut [T], random: &mut dyn rand_core::Rng) -> Result<(), Error> {
        shape::exact("parameters", parameters.len(), self.weight_len() + self.bias_len())?;
        let (weight, bias) = parameters.split_at_mut(self.weight_len());
        let scale = 1.0 / libm::sqrt(self.inputs as f64);
        for weight in weight {
            *weight = T::from_f64(scale * (2.0 * crate::random::uniform(random) - 1.0));
        }
        bias.fill(T::zero());
        Ok(())
    }
}

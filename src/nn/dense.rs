//! The dense layer.

use alloc::vec;
use alloc::vec::Vec;

use super::{Block, Layer, LayerKind};
use crate::kernel::{Accum, LANES, Matrix, Panels, Rows, RowsMut, Size, Terms, product, transpose};
use crate::{Error, Real, shape};

/// Rows of a batch that are worked on together: what the vector lanes run along.
const CHUNK: usize = 64;

/// Rows of a chunk, filled up to whole vectors where they fill half of one.
const fn lanes_of(rows: usize) -> usize {
    if rows < LANES / 2 { rows } else { rows.next_multiple_of(LANES) }
}

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
/// `f32`, up to 1000 inputs, by `tests/numbers`.
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
/// let mut scratch = vec![0.0; Layer::<f64>::scratch_len(&layer, 1)?];
/// layer.forward(&[3.0, -1.0, 0.5], &[2.0, 4.0], &mut y, &mut [], &mut scratch)?; // weight 3, −1; bias 0.5
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

    /// Scratch elements for a chunk of `rows` rows: xᵀ and yᵀ, or x in panels and g times a rate.
    const fn chunk_len(&self, rows: usize) -> Result<usize, Error> {
        let lanes = lanes_of(rows);
        let forward = self.inputs.saturating_add(self.outputs).saturating_mul(lanes);
        let backward =
            Panels::<f32>::len(rows, self.inputs).saturating_add(rows.saturating_mul(self.outputs));
        shape::product("scratch", if forward > backward { forward } else { backward }, 1)
    }

    /// Checks the lengths that both passes share and returns the number of rows.
    fn check<T>(&self, parameters: &[T], x: &[T], y: &[T], y_name: &'static str) -> Result<usize, Error> {
        shape::exact("parameters", parameters.len(), self.weight_len() + self.bias_len())?;
        let rows = shape::rows("x", x.len(), self.inputs)?;
        shape::exact(y_name, y.len(), shape::product(y_name, rows, self.outputs)?)?;
        Ok(rows)
    }

    /// Overwrites `dx`, of the length `len`, with Wᵀ g of each row.
    fn inputs_of<T: Real>(
        &self,
        parameters: &[T],
        g: &[T],
        dx: Option<&mut [T]>,
        len: usize,
    ) -> Result<(), Error> {
        let Some(dx) = dx else { return Ok(()) };
        shape::exact("dx", dx.len(), len)?;
        let size = Size {
            rows: g.len() / self.outputs,
            terms: self.outputs,
            columns: self.inputs,
            over: Terms::Numbers,
        };
        let (weight, _) = parameters.split_at(self.weight_len());
        let (dx, weight) =
            (RowsMut { data: dx, stride: self.inputs }, Rows { data: weight, stride: self.inputs });
        product::<T, false>(Accum::Replace, dx, Matrix::rows(g, self.outputs), weight, size, &[]);
        Ok(())
    }

    /// Adds Σ g xᵀ and Σ g, each to where it goes, times a factor.
    fn add<T: Real>(
        &self,
        x: &[T],
        g: &[T],
        weight: Option<(&mut [T], T)>,
        bias: Option<(&mut [T], T)>,
        scratch: &mut [T],
    ) {
        let (x_chunk, g_chunk) = (CHUNK.saturating_mul(self.inputs), CHUNK.saturating_mul(self.outputs));
        if let Some((weight, factor)) = weight {
            for (x, g) in x.chunks(x_chunk).zip(g.chunks(g_chunk)) {
                let (scaled, panels) = scratch.split_at_mut(g.len());
                for (scaled, &g) in scaled.iter_mut().zip(g) {
                    *scaled = factor * g;
                }
                let x = Panels::pack(self.inputs, x, &[], panels);
                let c = RowsMut { data: &mut *weight, stride: self.inputs };
                x.product::<false>(
                    Accum::Add,
                    c,
                    Matrix::transposed(scaled, self.outputs),
                    self.outputs,
                    self.inputs,
                    &[],
                );
            }
        }
        if let Some((bias, factor)) = bias {
            for g in g.chunks(self.outputs) {
                for (bias, &g) in bias.iter_mut().zip(g) {
                    *bias += factor * g;
                }
            }
        }
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

    fn scratch_len(&self, batch: usize) -> Result<usize, Error> {
        self.chunk_len(batch.min(CHUNK))
    }

    fn forward(
        &self,
        parameters: &[T],
        x: &[T],
        y: &mut [T],
        _saved: &mut [T],
        scratch: &mut [T],
    ) -> Result<(), Error> {
        let rows = self.check(parameters, x, y, "y")?;
        let scratch = shape::buffer("scratch", scratch, self.chunk_len(rows.min(CHUNK))?)?;
        let (weight, bias) = parameters.split_at(self.weight_len());
        for (x, y) in
            x.chunks(CHUNK.saturating_mul(self.inputs)).zip(y.chunks_mut(CHUNK.saturating_mul(self.outputs)))
        {
            let rows = x.len() / self.inputs;
            let lanes = lanes_of(rows);
            let (x_transposed, rest) = scratch.split_at_mut(lanes * self.inputs);
            let (y_transposed, _) = rest.split_at_mut(lanes * self.outputs);
            let x_lanes = RowsMut { data: &mut *x_transposed, stride: lanes };
            transpose(Rows { data: x, stride: self.inputs }, x_lanes, rows, self.inputs);
            if self.bias {
                for (y, &bias) in y_transposed.chunks_mut(lanes).zip(bias) {
                    y.fill(bias);
                }
            }
            let accum = if self.bias { Accum::Add } else { Accum::Replace };
            let size = Size { rows: self.outputs, terms: self.inputs, columns: lanes, over: Terms::Numbers };
            let y_lanes = RowsMut { data: &mut *y_transposed, stride: lanes };
            let x_lanes = Rows { data: &*x_transposed, stride: lanes };
            product::<T, false>(accum, y_lanes, Matrix::rows(weight, self.inputs), x_lanes, size, &[]);
            let y = RowsMut { data: y, stride: self.outputs };
            transpose(Rows { data: y_transposed, stride: lanes }, y, self.outputs, rows);
        }
        Ok(())
    }

    fn backward(
        &self,
        parameters: &[T],
        x: &[T],
        g: &[T],
        _saved: &[T],
        frozen: &[bool],
        gradients: &mut [T],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error> {
        let rows = self.check(parameters, x, g, "g")?;
        shape::exact("gradients", gradients.len(), parameters.len())?;
        shape::exact("frozen", frozen.len(), 1 + usize::from(self.bias))?;
        let scratch = shape::buffer("scratch", scratch, self.chunk_len(rows.min(CHUNK))?)?;
        self.inputs_of(parameters, g, dx, x.len())?;
        let (weight, bias) = gradients.split_at_mut(self.weight_len());
        let (freeze_weight, freeze_bias) = (frozen.first() != Some(&false), frozen.get(1) != Some(&false));
        let (weight, bias) = ((!freeze_weight).then_some(weight), (!freeze_bias).then_some(bias));
        self.add(x, g, weight.map(|weight| (weight, T::one())), bias.map(|bias| (bias, T::one())), scratch);
        Ok(())
    }

    fn descend(
        &self,
        parameters: &mut [T],
        x: &[T],
        g: &[T],
        _saved: &[T],
        rates: &[Option<T>],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<bool, Error> {
        let rows = self.check(parameters, x, g, "g")?;
        shape::exact("rates", rates.len(), 1 + usize::from(self.bias))?;
        let scratch = shape::buffer("scratch", scratch, self.chunk_len(rows.min(CHUNK))?)?;
        self.inputs_of(parameters, g, dx, x.len())?;
        let (weight, bias) = parameters.split_at_mut(self.weight_len());
        let rate = |block: usize| rates.get(block).copied().flatten().map(|rate| -rate);
        self.add(x, g, rate(0).map(|rate| (weight, rate)), rate(1).map(|rate| (bias, rate)), scratch);
        Ok(true)
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

//! The layer with its batch, and its passes.

use criterion::Bencher;
use gmlayer::diagonal::{
    Diagonal, DiagonalMut, Gradients, Parameters, ParametersMut, Rates, Sparse, descend_scratch_len,
    saved_len,
};
use gmlayer::{Aligned, Error, Shape};

use crate::RATE;
use crate::numbers::{images, normals};

/// A layer, its inputs and cotangents, and the buffers of its passes.
pub(crate) struct State {
    shape: Shape,
    parameters: Aligned<f32>,
    gradients: Aligned<f32>,
    x: Aligned<f32>,
    g: Aligned<f32>,
    y: Aligned<f32>,
    saved: Aligned<f32>,
    scratch: Aligned<f32>,
}

impl State {
    pub(crate) fn new(shape: Shape, batch: usize) -> Result<Self, Error> {
        let mut parameters = normals(shape.parameter_count(), 0.5)?;
        parameters[shape.mu_len()..][..shape.sigma_len()].fill(0.5);
        let g = normals(batch * shape.outputs(), 1e-3)?;
        Ok(Self {
            shape,
            gradients: Aligned::zeros(parameters.len())?,
            parameters,
            x: images(batch * shape.inputs())?,
            y: Aligned::zeros(g.len())?,
            g,
            saved: Aligned::zeros(saved_len(shape, batch)?)?,
            scratch: Aligned::zeros(descend_scratch_len(shape, batch)?)?,
        })
    }

    /// Operations of a forward pass; a multiply-add counts as two.
    pub(crate) fn flop(&self) -> u64 {
        let batch = self.x.len() / self.shape.inputs();
        (2 * batch * self.shape.inputs() * self.shape.components() * (self.shape.outputs() + 2)) as u64
    }

    pub(crate) fn forward(&mut self) -> Result<(), Error> {
        let layer = Diagonal::new(self.shape, Parameters::from_flat(self.shape, &self.parameters)?)?;
        layer.forward(&self.x, &mut self.y, &mut self.saved, &mut self.scratch)
    }

    /// The backward pass alone, from what the last forward pass has saved.
    pub(crate) fn backward(&mut self) -> Result<(), Error> {
        let layer = Diagonal::new(self.shape, Parameters::from_flat(self.shape, &self.parameters)?)?;
        let gradients = Gradients::from_flat(self.shape, &mut self.gradients)?;
        layer.backward(&self.x, &self.g, &self.saved, gradients, None, &mut self.scratch)
    }

    /// Forward, backward with the gradients written out, and the step of gradient descent.
    pub(crate) fn step(&mut self) -> Result<(), Error> {
        let layer = Diagonal::new(self.shape, Parameters::from_flat(self.shape, &self.parameters)?)?;
        layer.forward(&self.x, &mut self.y, &mut self.saved, &mut self.scratch)?;
        let gradients = Gradients::from_flat(self.shape, &mut self.gradients)?;
        layer.backward(&self.x, &self.g, &self.saved, gradients, None, &mut self.scratch)?;
        for (parameter, gradient) in self.parameters.iter_mut().zip(self.gradients.iter_mut()) {
            *parameter -= RATE * *gradient;
            *gradient = 0.0;
        }
        Ok(())
    }

    /// Forward, and backward joined with the step of gradient descent.
    pub(crate) fn fused_step(&mut self) -> Result<(), Error> {
        let parameters = ParametersMut::from_flat(self.shape, &mut self.parameters)?;
        let mut layer = DiagonalMut::new(self.shape, parameters)?;
        layer.as_diagonal().forward(&self.x, &mut self.y, &mut self.saved, &mut self.scratch)?;
        layer.descend(&self.x, &self.g, &self.saved, Rates::all(RATE), None, &mut self.scratch)
    }

    /// Times the forward pass of the form for inference, made once.
    pub(crate) fn inference(&mut self, bencher: &mut Bencher<'_>) -> Result<(), Error> {
        let layer = Diagonal::new(self.shape, Parameters::from_flat(self.shape, &self.parameters)?)?;
        let mut storage = Aligned::zeros(layer.prepared_len())?;
        let prepared = layer.prepare(&mut storage)?;
        let batch = self.x.len() / self.shape.inputs();
        let mut scratch = Aligned::zeros(prepared.scratch_len(batch)?)?;
        bencher.iter(|| prepared.forward(&self.x, &mut self.y, &mut scratch));
        Ok(())
    }

    /// Times the forward pass of the form for inference that skips inputs of 0.
    pub(crate) fn sparse_inference(&mut self, bencher: &mut Bencher<'_>) -> Result<(), Error> {
        let layer = Diagonal::new(self.shape, Parameters::from_flat(self.shape, &self.parameters)?)?;
        let mut storage = Aligned::zeros(layer.prepared_len())?;
        let mut columns = Aligned::zeros(Sparse::<f32>::storage_len(self.shape)?)?;
        let sparse = Sparse::new(layer.prepare(&mut storage)?, &mut columns)?;
        let mut scratch = Aligned::zeros(sparse.scratch_len()?)?;
        bencher.iter(|| sparse.forward(&self.x, &mut self.y, &mut scratch));
        Ok(())
    }
}

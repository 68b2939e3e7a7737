//! The joint layer with its batch, and its passes.

use criterion::Bencher;
use gmlayer::joint::{
    Gradients, Joint, JointMut, JointShape, Parameters, ParametersMut, Rates, Sparse, descend_scratch_len,
    saved_len,
};
use gmlayer::{Aligned, Error};

use crate::RATE;
use crate::numbers::{images, normals};

/// A layer, its inputs and cotangents, and the buffers of its passes.
pub(crate) struct JointState {
    shape: JointShape,
    parameters: Aligned<f32>,
    gradients: Aligned<f32>,
    x: Aligned<f32>,
    g: Aligned<f32>,
    y: Aligned<f32>,
    saved: Aligned<f32>,
    scratch: Aligned<f32>,
}

impl JointState {
    pub(crate) fn new(shape: JointShape, batch: usize) -> Result<Self, Error> {
        let parameters = normals(shape.parameter_count(), 0.1)?;
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
        (2 * self.x.len() / self.shape.inputs() * self.shape.parameter_count()) as u64
    }

    fn layer(&self) -> Result<Joint<'_, f32>, Error> {
        Joint::new(self.shape, Parameters::from_flat(self.shape, &self.parameters)?)
    }

    pub(crate) fn forward(&mut self) -> Result<(), Error> {
        let layer = Joint::new(self.shape, Parameters::from_flat(self.shape, &self.parameters)?)?;
        layer.forward(&self.x, &mut self.y, &mut self.saved, &mut self.scratch)
    }

    /// The backward pass alone, from what the last forward pass has saved.
    pub(crate) fn backward(&mut self) -> Result<(), Error> {
        let layer = Joint::new(self.shape, Parameters::from_flat(self.shape, &self.parameters)?)?;
        let gradients = Gradients::from_flat(self.shape, &mut self.gradients)?;
        layer.backward(&self.x, &self.g, &self.saved, gradients, None, &mut self.scratch)
    }

    /// Forward, backward with the gradients written out, and the step of gradient descent.
    pub(crate) fn step(&mut self) -> Result<(), Error> {
        self.forward()?;
        self.backward()?;
        for (parameter, gradient) in self.parameters.iter_mut().zip(self.gradients.iter_mut()) {
            *parameter -= RATE * *gradient;
            *gradient = 0.0;
        }
        Ok(())
    }

    /// Forward, and backward joined with the step of gradient descent.
    pub(crate) fn fused_step(&mut self) -> Result<(), Error> {
        let parameters = ParametersMut::from_flat(self.shape, &mut self.parameters)?;
        let mut layer = JointMut::new(self.shape, parameters)?;
        layer.as_joint().forward(&self.x, &mut self.y, &mut self.saved, &mut self.scratch)?;
        layer.descend(&self.x, &self.g, &self.saved, Rates::all(RATE), None, &mut self.scratch)
    }

    /// Times the forward pass of the form for inference.
    pub(crate) fn inference(&self, bencher: &mut Bencher<'_>) -> Result<(), Error> {
        let (prepared, mut y) = (self.layer()?.prepare(), Aligned::copy_of(&self.y)?);
        let mut scratch = Aligned::zeros(prepared.scratch_len(self.x.len() / self.shape.inputs())?)?;
        bencher.iter(|| prepared.forward(&self.x, &mut y, &mut scratch));
        Ok(())
    }

    /// Times the forward pass of the form for inference that skips inputs of 0.
    pub(crate) fn sparse_inference(&self, bencher: &mut Bencher<'_>) -> Result<(), Error> {
        let mut columns = Aligned::zeros(Sparse::<f32>::storage_len(self.shape)?)?;
        let sparse = Sparse::new(self.layer()?.prepare(), &mut columns)?;
        let (mut y, mut scratch) = (Aligned::copy_of(&self.y)?, Aligned::zeros(sparse.scratch_len()?)?);
        bencher.iter(|| sparse.forward(&self.x, &mut y, &mut scratch));
        Ok(())
    }
}

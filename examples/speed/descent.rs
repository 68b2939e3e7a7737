//! Gradient descent after a backward pass that writes the gradients out.

use gmlayer::nn::{Layer, Optimizer, ParameterBlock, Sgd};
use gmlayer::{Error, Threads};

/// Plain gradient descent along the parameters of one layer, on as many threads as the layer has.
pub(crate) struct Descent {
    blocks: Vec<ParameterBlock>,
    optimizer: Sgd<f32>,
}

impl Descent {
    pub(crate) fn new(layer: &impl Layer<f32>, threads: Option<&Threads>) -> Self {
        let mut start = 0;
        let block = |block: gmlayer::nn::Block| {
            let range = start..start + block.len();
            start = range.end;
            ParameterBlock {
                name: block.name.into(),
                kind: block.name,
                dimensions: block.dimensions,
                range,
                frozen: false,
            }
        };
        let blocks: Vec<ParameterBlock> = layer.blocks().into_iter().map(block).collect();
        let optimizer = Sgd::new(&blocks, |_| 1e-6);
        let optimizer = match threads {
            Some(threads) => optimizer.with_threads(threads.clone()),
            None => optimizer,
        };
        Self { blocks, optimizer }
    }

    /// One step, after which the gradients are 0.
    pub(crate) fn step(&mut self, parameters: &mut [f32], gradients: &mut [f32]) -> Result<(), Error> {
        self.optimizer.step(&self.blocks, parameters, gradients)
    }
}

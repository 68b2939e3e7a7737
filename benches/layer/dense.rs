//! Two dense layers with a rectifier between them, for comparison.

use std::error::Error;

use gmlayer::Aligned;
use gmlayer::nn::{Dense, Layer, Network, Relu, Sgd};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use crate::numbers::{images, normals};

/// The network with its batch.
pub(crate) struct Rectifying {
    width: usize,
    network: Network<f32>,
    optimizer: Sgd<f32>,
    x: Aligned<f32>,
    g: Aligned<f32>,
}

impl Rectifying {
    /// 784-`width`-10.
    pub(crate) fn new(width: usize, batch: usize) -> Result<Self, Box<dyn Error>> {
        let layers: Vec<Box<dyn Layer<f32>>> = vec![
            Box::new(Dense::new(784, width, false)?),
            Box::new(Relu::new(width)?),
            Box::new(Dense::new(width, 10, false)?),
        ];
        let mut network = Network::new(layers, batch)?;
        network.initialise(&mut Pcg64::seed_from_u64(1))?;
        let optimizer = Sgd::new(network.blocks(), |_| crate::RATE);
        Ok(Self { width, network, optimizer, x: images(batch * 784)?, g: normals(batch * 10, 1e-3)? })
    }

    /// Operations of a forward pass and of a step; a multiply-add counts as two. The first layer has no ∂x.
    pub(crate) fn flop(&self) -> [u64; 2] {
        let [first, second] = [&self.x, &self.g].map(|rows| 2 * (rows.len() * self.width) as u64);
        [first + second, 2 * first + 3 * second]
    }

    pub(crate) fn forward(&mut self) -> Result<(), gmlayer::Error> {
        self.network.forward(&self.x).map(|_| ())
    }

    /// The backward pass alone, after the last forward pass.
    pub(crate) fn backward(&mut self) -> Result<(), gmlayer::Error> {
        self.network.backward(&self.x, &self.g)
    }

    /// Forward, backward with the gradients written out, and the step of gradient descent.
    pub(crate) fn step(&mut self) -> Result<(), gmlayer::Error> {
        self.forward()?;
        self.network.backward(&self.x, &self.g)?;
        self.network.step(&mut self.optimizer)
    }

    /// Forward, and backward joined with the step of gradient descent.
    pub(crate) fn fused_step(&mut self) -> Result<(), gmlayer::Error> {
        self.forward()?;
        self.network.learn(&self.x, &self.g, &mut self.optimizer)
    }
}

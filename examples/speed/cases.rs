//! The configurations, and what is measured in each.

use std::error::Error;

use gmlayer::joint::JointShape;
use gmlayer::nn::{Dense, Layer, Network, Relu, Sgd};
use gmlayer::{Aligned, Shape, Threads, random};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::diagonal::diagonal;
use super::joint::joint;

/// Something to be timed.
pub(crate) struct Case {
    pub(crate) config: &'static str,
    pub(crate) batch: usize,
    pub(crate) what: &'static str,
    pub(crate) threads: usize,
    /// Operations of one run: a multiply-add counts as two.
    pub(crate) flop: f64,
    pub(crate) run: Box<dyn FnMut() + Send>,
}

pub(crate) type Cases = Result<Vec<Case>, Box<dyn Error>>;

/// A: the paper's. H: a hidden layer. C: a microcontroller's. D: large. Sizes that fill vectors, and such as do not.
/// J: joint layers, and a tied one of as many parameters as J, R=4. The dense layers 784-1000-10.
pub(crate) fn all(threads: &'static Threads) -> Cases {
    let mut cases = Vec::new();
    for (config, inputs, outputs, components, batches) in [
        ("A", 784, 10, 20, &[1, 16, 64, 256, 1024][..]),
        ("A, K=5", 784, 10, 5, &[64]),
        ("H", 784, 100, 20, &[64]),
        ("C", 16, 4, 5, &[1]),
        ("D", 4096, 64, 32, &[256]),
        ("even", 784, 8, 3, &[64]),
        ("odd", 783, 7, 3, &[61]),
    ] {
        let shape = Shape::new(inputs, outputs, components)?;
        for &batch in batches {
            cases.extend(diagonal(config, shape, batch, threads)?);
        }
    }
    for (config, components, rank, batches) in [
        ("J", 20, 16, &[64, 256, 1][..]),
        ("J, R=4", 20, 4, &[64, 1024, 1]),
        ("J, R=2", 34, 2, &[64]),
        ("J, R=32", 20, 32, &[64]),
        ("tied", 70, 16, &[64, 1024, 1]),
    ] {
        let shape = JointShape::new(784, 10, components, rank)?;
        let shape = if config == "tied" { shape.tied() } else { shape };
        for &batch in batches {
            cases.extend(joint(config, shape, batch, threads)?);
        }
    }
    cases.extend(dense(64)?);
    Ok(cases)
}

pub(crate) fn normals(len: usize, scale: f32, generator: &mut Pcg64) -> Vec<f32> {
    let mut normal = random::StandardNormal::new();
    (0..len).map(|_| scale * normal.sample(generator) as f32).collect()
}

/// Images: four of five pixels are 0.
pub(crate) fn images(len: usize, generator: &mut Pcg64) -> Vec<f32> {
    (0..len)
        .map(|_| if random::uniform(generator) < 0.81 { 0.0 } else { random::uniform(generator) as f32 })
        .collect()
}

/// The passes of a layer with its buffers.
pub(crate) trait Passes {
    /// Takes over parameters and inputs; the gradients become 0.
    fn set(&mut self, flat: &[f32], x: &[f32]);
    fn forward(&mut self) -> Result<(), gmlayer::Error>;
    /// Backward after forward, with the gradients written out.
    fn backward(&mut self, with_dx: bool) -> Result<(), gmlayer::Error>;
    /// The step of gradient descent along gradients written out.
    fn update(&mut self) -> Result<(), gmlayer::Error>;
    /// Backward after forward, joined with the step.
    fn descend(&mut self) -> Result<(), gmlayer::Error>;

    /// Forward, backward with the gradients written out, and the step.
    fn step(&mut self) -> Result<(), gmlayer::Error> {
        self.forward()?;
        self.backward(false)?;
        self.update()
    }

    /// Forward, and backward joined with the step.
    fn step_fused(&mut self) -> Result<(), gmlayer::Error> {
        self.forward()?;
        self.descend()
    }
}

/// The dense layers 784-1000-10 with a rectifier between them.
fn dense(batch: usize) -> Cases {
    let network = || -> Result<Network<f32>, Box<dyn Error>> {
        let layers: Vec<Box<dyn Layer<f32>>> = vec![
            Box::new(Dense::new(784, 1000, false)?),
            Box::new(Relu::new(1000)?),
            Box::new(Dense::new(1000, 10, false)?),
        ];
        let mut network = Network::new(layers, batch)?;
        network.initialise(&mut Pcg64::seed_from_u64(1))?;
        Ok(network)
    };
    let mut generator = Pcg64::seed_from_u64(2);
    let x = Aligned::copy_of(&images(batch * 784, &mut generator))?;
    let g = Aligned::copy_of(&normals(batch * 10, 1e-3, &mut generator))?;
    let (first, second) = (784_000.0, 10_000.0);
    let (mut forward, mut step, mut step_fused) = (network()?, network()?, network()?);
    let mut optimizer = Sgd::new(step.blocks(), |_| 1e-6);
    let mut optimizer_fused = Sgd::new(step.blocks(), |_| 1e-6);
    let (x_again, g_again) = (Aligned::copy_of(&x)?, Aligned::copy_of(&g)?);
    let x_forward = Aligned::copy_of(&x)?;
    let forward_run = move || {
        forward.forward(&x_forward).expect("sizes fit");
    };
    let step_run = move || {
        step.forward(&x).expect("sizes fit");
        step.backward(&x, &g).expect("sizes fit");
        step.step(&mut optimizer).expect("blocks fit");
    };
    let step_fused_run = move || {
        step_fused.forward(&x_again).expect("sizes fit");
        step_fused.learn(&x_again, &g_again, &mut optimizer_fused).expect("blocks fit");
    };
    let half = 2.0 * batch as f64;
    let forward_flop = half * (first + second);
    // The first layer has no ∂x.
    let step_flop = half * (2.0 * first + 3.0 * second);
    let case = |what, flop, run| Case { config: "dense", batch, what, threads: 1, flop, run };
    Ok(vec![
        case("dense_forward", forward_flop, Box::new(forward_run) as Box<dyn FnMut() + Send>),
        case("dense_step", step_flop, Box::new(step_run)),
        case("step_fused", step_flop, Box::new(step_fused_run)),
    ])
}

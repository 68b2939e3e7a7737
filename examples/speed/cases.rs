//! The configurations, and what is measured in each.

use std::error::Error;

use gmlayer::diagonal::{Diagonal, Gradients, Parameters};
use gmlayer::nn::{Dense, Layer, Network, Relu, Sgd};
use gmlayer::{Shape, random};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

/// Something to be timed.
pub(crate) struct Case {
    pub(crate) config: &'static str,
    pub(crate) batch: usize,
    pub(crate) what: &'static str,
    /// Operations of one run: a multiply-add counts as two.
    pub(crate) flop: f64,
    pub(crate) run: Box<dyn FnMut()>,
}

type Cases = Result<Vec<Case>, Box<dyn Error>>;

/// A: the paper's. H: a hidden layer. C: a microcontroller's. D: large. And the dense layer 784-1000-10.
pub(crate) fn all() -> Cases {
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
            cases.extend(mixture(config, shape, batch)?);
        }
    }
    cases.extend(dense(64)?);
    Ok(cases)
}

fn normals(len: usize, scale: f32, generator: &mut Pcg64) -> Vec<f32> {
    let mut normal = random::StandardNormal::new();
    (0..len).map(|_| scale * normal.sample(generator) as f32).collect()
}

/// Images: four of five pixels are 0.
fn images(len: usize, generator: &mut Pcg64) -> Vec<f32> {
    (0..len)
        .map(|_| if random::uniform(generator) < 0.81 { 0.0 } else { random::uniform(generator) as f32 })
        .collect()
}

/// The parameters of a layer, its inputs and buffers.
struct Mixture {
    shape: Shape,
    flat: Vec<f32>,
    gradient: Vec<f32>,
    x: Vec<f32>,
    g: Vec<f32>,
    y: Vec<f32>,
    dx: Vec<f32>,
    work: Vec<f32>,
}

impl Mixture {
    fn new(shape: Shape, batch: usize) -> Result<Self, gmlayer::Error> {
        let mut generator = Pcg64::seed_from_u64(1);
        let mut flat = normals(shape.parameter_count(), 0.5, &mut generator);
        let first = shape.mu_len();
        flat[first..first + shape.sigma_len()].fill(0.5);
        let x = images(batch * shape.inputs(), &mut generator);
        let g = normals(batch * shape.outputs(), 1e-3, &mut generator);
        let work = vec![0.0; gmlayer::diagonal::workspace_len(shape, batch)?];
        let (gradient, y, dx) = (vec![0.0; flat.len()], vec![0.0; g.len()], vec![0.0; x.len()]);
        Ok(Self { shape, flat, gradient, x, g, y, dx, work })
    }

    fn forward(&mut self) -> Result<(), gmlayer::Error> {
        let layer = Diagonal::new(self.shape, Parameters::from_flat(self.shape, &self.flat)?)?;
        layer.forward(&self.x, &mut self.y, &mut self.work)
    }

    fn backward(&mut self, with_dx: bool) -> Result<(), gmlayer::Error> {
        let layer = Diagonal::new(self.shape, Parameters::from_flat(self.shape, &self.flat)?)?;
        let gradients = Gradients::from_flat(self.shape, &mut self.gradient)?;
        let dx = with_dx.then_some(&mut self.dx[..]);
        layer.backward_after_forward(&self.x, &self.g, gradients, dx, &mut self.work)
    }

    /// Forward, backward with the gradients written out, and the step of gradient descent.
    fn step(&mut self) -> Result<(), gmlayer::Error> {
        self.forward()?;
        self.backward(false)?;
        for (parameter, gradient) in self.flat.iter_mut().zip(&mut self.gradient) {
            *parameter -= 1e-6 * *gradient;
            *gradient = 0.0;
        }
        Ok(())
    }
}

pub(crate) fn mixture(config: &'static str, shape: Shape, batch: usize) -> Cases {
    let rows = (shape.components() * (shape.outputs() + 2)) as f64;
    let half = 2.0 * batch as f64 * shape.inputs() as f64 * rows;
    let mut cases = Vec::new();
    let mut add = |what, flop, run: Box<dyn FnMut()>| cases.push(Case { config, batch, what, flop, run });

    let mut state = Mixture::new(shape, batch)?;
    add("forward", half, Box::new(move || state.forward().expect("sizes fit")));
    let mut state = Mixture::new(shape, batch)?;
    add("step", 2.0 * half, Box::new(move || state.step().expect("sizes fit")));
    let Mixture { flat, x, mut y, .. } = Mixture::new(shape, batch)?;
    // The prepared layer borrows from two leaked slices: they live as long as the program.
    let flat: &'static [f32] = flat.leak();
    let layer = Diagonal::new(shape, Parameters::from_flat(shape, flat)?)?;
    let prepared = layer.prepare(vec![0.0; layer.prepared_len()].leak())?;
    let mut work = vec![0.0; prepared.workspace_len(batch)?];
    add("inference", half, Box::new(move || prepared.forward(&x, &mut y, &mut work).expect("sizes fit")));
    let mut state = Mixture::new(shape, batch)?;
    let run = move || {
        state.forward().expect("sizes fit");
        state.backward(true).expect("sizes fit");
    };
    add("backward_dx", 3.0 * half, Box::new(run));
    Ok(cases)
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
    let x = images(batch * 784, &mut generator);
    let g = normals(batch * 10, 1e-3, &mut generator);
    let (first, second) = (784_000.0, 10_000.0);
    let (mut forward, mut step) = (network()?, network()?);
    let mut optimizer = Sgd::new(step.blocks(), |_| 1e-6);
    let x_again = x.clone();
    let config = "dense";
    let forward_run = move || {
        forward.forward(&x_again).expect("sizes fit");
    };
    let step_run = move || {
        step.forward(&x).expect("sizes fit");
        step.backward(&x, &g).expect("sizes fit");
        step.step(&mut optimizer).expect("blocks fit");
    };
    let batch_flop = 2.0 * batch as f64;
    Ok(vec![
        Case {
            config,
            batch,
            what: "dense_forward",
            flop: batch_flop * (first + second),
            run: Box::new(forward_run),
        },
        // The first layer has no ∂x.
        Case {
            config,
            batch,
            what: "dense_step",
            flop: batch_flop * (2.0 * first + 3.0 * second),
            run: Box::new(step_run),
        },
    ])
}

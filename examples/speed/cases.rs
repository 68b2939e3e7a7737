//! The configurations, and what is measured in each.

use std::error::Error;

use gmlayer::diagonal::{Diagonal, DiagonalMut, Gradients, Parameters, ParametersMut, Rates, Sparse};
use gmlayer::joint::JointShape;
use gmlayer::nn::{self, Dense, Layer, Network, Relu, Sgd};
use gmlayer::{Aligned, Shape, Threads, random};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::descent::Descent;
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
/// J: joint layers. The dense layers 784-1000-10.
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
            cases.extend(mixture(config, shape, batch, threads)?);
        }
    }
    for (config, components, rank, batch) in [
        ("J", 20, 16, 64),
        ("J", 20, 16, 256),
        ("J", 20, 16, 1),
        ("J, R=4", 20, 4, 64),
        ("J, R=2", 34, 2, 64),
        ("J, R=32", 20, 32, 64),
    ] {
        cases.extend(joint(config, JointShape::new(784, 10, components, rank)?, batch, threads)?);
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

/// The parameters of a layer, its inputs and buffers.
pub(crate) struct Mixture {
    shape: Shape,
    pub(crate) flat: Aligned<f32>,
    gradient: Aligned<f32>,
    pub(crate) x: Aligned<f32>,
    pub(crate) g: Aligned<f32>,
    pub(crate) y: Aligned<f32>,
    dx: Aligned<f32>,
    saved: Aligned<f32>,
    scratch: Aligned<f32>,
    descent: Descent,
    threads: Option<&'static Threads>,
}

impl Mixture {
    pub(crate) fn new(
        shape: Shape,
        batch: usize,
        threads: Option<&'static Threads>,
    ) -> Result<Self, gmlayer::Error> {
        let mut generator = Pcg64::seed_from_u64(1);
        let mut flat = Aligned::copy_of(&normals(shape.parameter_count(), 0.5, &mut generator))?;
        let first = shape.mu_len();
        flat[first..first + shape.sigma_len()].fill(0.5);
        let x = Aligned::copy_of(&images(batch * shape.inputs(), &mut generator))?;
        let g = Aligned::copy_of(&normals(batch * shape.outputs(), 1e-3, &mut generator))?;
        let (gradient, y, dx) =
            (Aligned::zeros(flat.len())?, Aligned::zeros(g.len())?, Aligned::zeros(x.len())?);
        let (saved, scratch) = (Aligned::zeros(0)?, Aligned::zeros(0)?);
        let descent = Descent::new(&nn::Mixture::new(shape, 1.0), threads);
        let mut state = Self { shape, flat, gradient, x, g, y, dx, saved, scratch, descent, threads };
        state.saved = Aligned::zeros(state.layer()?.saved_len(batch)?)?;
        state.scratch = Aligned::zeros(state.layer()?.scratch_len(batch)?)?;
        Ok(state)
    }

    fn layer(&mut self) -> Result<DiagonalMut<'_, f32>, gmlayer::Error> {
        let layer = DiagonalMut::new(self.shape, ParametersMut::from_flat(self.shape, &mut self.flat)?)?;
        Ok(match self.threads {
            Some(threads) => layer.with_threads(threads),
            None => layer,
        })
    }
}

impl Passes for Mixture {
    fn set(&mut self, flat: &[f32], x: &[f32]) {
        self.flat.copy_from_slice(flat);
        self.x.copy_from_slice(x);
        self.gradient.fill(0.0);
    }

    fn forward(&mut self) -> Result<(), gmlayer::Error> {
        let Self { shape, flat, x, y, saved, scratch, threads, .. } = self;
        on(*shape, flat, *threads)?.forward(x, y, saved, scratch)
    }

    fn backward(&mut self, with_dx: bool) -> Result<(), gmlayer::Error> {
        let Self { shape, flat, gradient, x, g, dx, saved, scratch, threads, .. } = self;
        let gradients = Gradients::from_flat(*shape, gradient)?;
        let dx = with_dx.then_some(&mut dx[..]);
        on(*shape, flat, *threads)?.backward(x, g, saved, gradients, dx, scratch)
    }

    fn update(&mut self) -> Result<(), gmlayer::Error> {
        let Self { flat, gradient, descent, .. } = self;
        descent.step(flat, gradient)
    }

    fn descend(&mut self) -> Result<(), gmlayer::Error> {
        let Self { shape, flat, x, g, saved, scratch, threads, .. } = self;
        let mut layer = DiagonalMut::new(*shape, ParametersMut::from_flat(*shape, flat)?)?;
        if let Some(threads) = *threads {
            layer = layer.with_threads(threads);
        }
        layer.descend(x, g, saved, Rates::all(1e-6), None, scratch)
    }
}

/// The layer over its parameters, on some threads.
fn on<'a>(
    shape: Shape,
    flat: &'a [f32],
    threads: Option<&'a Threads>,
) -> Result<Diagonal<'a, f32>, gmlayer::Error> {
    let layer = Diagonal::new(shape, Parameters::from_flat(shape, flat)?)?;
    Ok(match threads {
        Some(threads) => layer.with_threads(threads),
        None => layer,
    })
}

/// The passes of one layer; on several threads the steps alone.
fn mixture(config: &'static str, shape: Shape, batch: usize, threads: &'static Threads) -> Cases {
    let rows = (shape.components() * (shape.outputs() + 2)) as f64;
    let half = 2.0 * batch as f64 * shape.inputs() as f64 * rows;
    let mut cases = Vec::new();
    let mut add = |what, threads, flop, run: Box<dyn FnMut() + Send>| {
        cases.push(Case { config, batch, what, threads, flop, run });
    };

    for threads in [None, Some(threads)] {
        let count = threads.map_or(1, Threads::count);
        let mut state = Mixture::new(shape, batch, threads)?;
        add("forward", count, half, Box::new(move || state.forward().expect("sizes fit")));
        let mut state = Mixture::new(shape, batch, threads)?;
        add("step", count, 2.0 * half, Box::new(move || state.step().expect("sizes fit")));
        let mut state = Mixture::new(shape, batch, threads)?;
        add("step_fused", count, 2.0 * half, Box::new(move || state.step_fused().expect("sizes fit")));
    }
    let mut state = Mixture::new(shape, batch, None)?;
    let run = move || {
        state.forward().expect("sizes fit");
        state.backward(true).expect("sizes fit");
    };
    add("backward_dx", 1, 3.0 * half, Box::new(run));

    let Mixture { flat, x, mut y, .. } = Mixture::new(shape, batch, None)?;
    // The prepared layers borrow from slices that live as long as the program.
    let leak = |buffer: Aligned<f32>| {
        let buffer: &'static mut Aligned<f32> = Box::leak(Box::new(buffer));
        &mut buffer[..]
    };
    let layer = Diagonal::new(shape, Parameters::from_flat(shape, leak(flat))?)?;
    let prepared = layer.prepare(leak(Aligned::zeros(layer.prepared_len())?))?;
    let sparse = Sparse::new(prepared, leak(Aligned::zeros(Sparse::<f32>::storage_len(shape)?)?))?;
    let mut scratch = Aligned::zeros(prepared.scratch_len(batch)?)?;
    let (x_again, mut y_again, mut scratch_again) =
        (Aligned::copy_of(&x)?, Aligned::copy_of(&y)?, Aligned::zeros(sparse.scratch_len()?)?);
    let run = move || prepared.forward(&x, &mut y, &mut scratch).expect("sizes fit");
    add("inference", 1, half, Box::new(run));
    if batch == 1 {
        let run = move || sparse.forward(&x_again, &mut y_again, &mut scratch_again).expect("sizes fit");
        add("inference_sparse", 1, half, Box::new(run));
    }
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
    let of_forward = half * (first + second);
    // The first layer has no ∂x.
    let of_step = half * (2.0 * first + 3.0 * second);
    let case = |what, flop, run| Case { config: "dense", batch, what, threads: 1, flop, run };
    Ok(vec![
        case("dense_forward", of_forward, Box::new(forward_run) as Box<dyn FnMut() + Send>),
        case("dense_step", of_step, Box::new(step_run)),
        case("step_fused", of_step, Box::new(step_fused_run)),
    ])
}

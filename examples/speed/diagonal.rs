//! The passes of a diagonal layer.

use gmlayer::diagonal::{Diagonal, DiagonalMut, Gradients, Parameters, ParametersMut, Rates, Sparse};
use gmlayer::{Aligned, Shape, Threads, nn};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::cases::{Case, Cases, Passes, images, normals};
use super::descent::Descent;

/// The parameters of a layer, its inputs and buffers.
pub(crate) struct DiagonalState {
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

impl DiagonalState {
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
        let descent = Descent::new(&nn::Diagonal::new(shape, 1.0), threads);
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

impl Passes for DiagonalState {
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
pub(crate) fn diagonal(config: &'static str, shape: Shape, batch: usize, threads: &'static Threads) -> Cases {
    let rows = (shape.components() * (shape.outputs() + 2)) as f64;
    let half = 2.0 * batch as f64 * shape.inputs() as f64 * rows;
    let mut cases = Vec::new();
    let mut add = |what, threads, flop, run: Box<dyn FnMut() + Send>| {
        cases.push(Case { config, batch, what, threads, flop, run });
    };

    for threads in [None, Some(threads)] {
        let count = threads.map_or(1, Threads::count);
        let mut state = DiagonalState::new(shape, batch, threads)?;
        add("forward", count, half, Box::new(move || state.forward().expect("sizes fit")));
        let mut state = DiagonalState::new(shape, batch, threads)?;
        add("step", count, 2.0 * half, Box::new(move || state.step().expect("sizes fit")));
        let mut state = DiagonalState::new(shape, batch, threads)?;
        add("step_fused", count, 2.0 * half, Box::new(move || state.step_fused().expect("sizes fit")));
    }
    let mut state = DiagonalState::new(shape, batch, None)?;
    let run = move || {
        state.forward().expect("sizes fit");
        state.backward(true).expect("sizes fit");
    };
    add("backward_dx", 1, 3.0 * half, Box::new(run));

    let DiagonalState { flat, x, mut y, .. } = DiagonalState::new(shape, batch, None)?;
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

//! The passes of a joint layer.

use gmlayer::joint::{Gradients, Joint, JointMut, JointShape, Parameters, ParametersMut, Rates, Sparse};
use gmlayer::nn::{self, JointStart};
use gmlayer::{Aligned, Threads};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::cases::{Case, Cases, Passes, images, normals};
use super::descent::Descent;

/// The parameters of a layer, its inputs and buffers.
pub(crate) struct JointState {
    shape: JointShape,
    pub(crate) flat: Aligned<f32>,
    gradient: Aligned<f32>,
    pub(crate) x: Aligned<f32>,
    g: Aligned<f32>,
    pub(crate) y: Aligned<f32>,
    dx: Aligned<f32>,
    saved: Aligned<f32>,
    scratch: Aligned<f32>,
    descent: Descent,
    threads: Option<&'static Threads>,
}

impl JointState {
    pub(crate) fn new(
        shape: JointShape,
        batch: usize,
        threads: Option<&'static Threads>,
    ) -> Result<Self, gmlayer::Error> {
        let mut generator = Pcg64::seed_from_u64(1);
        let flat = Aligned::copy_of(&normals(shape.parameter_count(), 0.1, &mut generator))?;
        let x = Aligned::copy_of(&images(batch * shape.inputs(), &mut generator))?;
        let g = Aligned::copy_of(&normals(batch * shape.outputs(), 1e-3, &mut generator))?;
        let (gradient, y, dx) =
            (Aligned::zeros(flat.len())?, Aligned::zeros(g.len())?, Aligned::zeros(x.len())?);
        let layer = on(shape, &flat, threads)?;
        let (saved, scratch) =
            (Aligned::zeros(layer.saved_len(batch)?)?, Aligned::zeros(layer.scratch_len(batch)?)?);
        let layer = nn::Joint::new(shape, JointStart { gamma: 1.0, output_gamma: 1.0 });
        let descent = Descent::new(&layer, threads);
        Ok(Self { shape, flat, gradient, x, g, y, dx, saved, scratch, descent, threads })
    }
}

impl Passes for JointState {
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
        let mut layer = JointMut::new(*shape, ParametersMut::from_flat(*shape, flat)?)?;
        if let Some(threads) = *threads {
            layer = layer.with_threads(threads);
        }
        layer.descend(x, g, saved, Rates::all(1e-6), None, scratch)
    }
}

/// The layer over its parameters, on some threads.
fn on<'a>(
    shape: JointShape,
    flat: &'a [f32],
    threads: Option<&'a Threads>,
) -> Result<Joint<'a, f32>, gmlayer::Error> {
    let layer = Joint::new(shape, Parameters::from_flat(shape, flat)?)?;
    Ok(match threads {
        Some(threads) => layer.with_threads(threads),
        None => layer,
    })
}

/// The passes of one layer; on several threads the steps alone.
pub(crate) fn joint(
    config: &'static str,
    shape: JointShape,
    batch: usize,
    threads: &'static Threads,
) -> Cases {
    // Multiply-adds of the products with β and with ω: forward one of each, backward one and two, and one more for ∂x.
    let of = |len: usize| 2.0 * (batch * len) as f64;
    let (of_b, of_w) = (of(shape.mu_b_len() + shape.c_b_len()), of(shape.mu_w_len() + shape.c_w_len()));
    let (forward, step) = (of_b + of_w, 2.0 * of_b + 3.0 * of_w);
    let mut cases = Vec::new();
    let mut add = |what, threads, flop, run: Box<dyn FnMut() + Send>| {
        cases.push(Case { config, batch, what, threads, flop, run });
    };
    for threads in [None, Some(threads)] {
        let count = threads.map_or(1, Threads::count);
        let mut state = JointState::new(shape, batch, threads)?;
        add("forward", count, forward, Box::new(move || state.forward().expect("sizes fit")));
        let mut state = JointState::new(shape, batch, threads)?;
        add("step", count, step, Box::new(move || state.step().expect("sizes fit")));
        let mut state = JointState::new(shape, batch, threads)?;
        add("step_fused", count, step, Box::new(move || state.step_fused().expect("sizes fit")));
    }
    let mut state = JointState::new(shape, batch, None)?;
    let run = move || {
        state.forward().expect("sizes fit");
        state.backward(true).expect("sizes fit");
    };
    add("backward_dx", 1, step + of_b, Box::new(run));

    let JointState { flat, x, mut y, .. } = JointState::new(shape, batch, None)?;
    // The prepared layer borrows from slices that live as long as the program.
    let leak = |buffer: Aligned<f32>| {
        let buffer: &'static mut Aligned<f32> = Box::leak(Box::new(buffer));
        &mut buffer[..]
    };
    let layer = Joint::new(shape, Parameters::from_flat(shape, leak(flat))?)?;
    let prepared = layer.prepare();
    let mut scratch = Aligned::zeros(prepared.scratch_len(batch)?)?;
    let sparse = Sparse::new(prepared, leak(Aligned::zeros(Sparse::<f32>::storage_len(shape)?)?))?;
    let (x_again, mut y_again) = (Aligned::copy_of(&x)?, Aligned::copy_of(&y)?);
    let mut scratch_again = Aligned::zeros(sparse.scratch_len()?)?;
    let run = move || prepared.forward(&x, &mut y, &mut scratch).expect("sizes fit");
    add("inference", 1, forward, Box::new(run));
    if batch == 1 {
        let run = move || sparse.forward(&x_again, &mut y_again, &mut scratch_again).expect("sizes fit");
        add("inference_sparse", 1, forward, Box::new(run));
    }
    Ok(cases)
}

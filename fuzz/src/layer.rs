//! The layer on arbitrary shapes and bit patterns: no panic, no NaN out of tame numbers, no row that another one
//! changes, nothing written beyond the buffers.

use gmlayer::diagonal::{Diagonal, DiagonalMut, Gradients, Parameters, ParametersMut, Rates, Sparse};
use gmlayer::nn::{Dense, Layer};
use gmlayer::{Error, Real, Shape};

use crate::problem::{Bits, Problem, header};

/// Runs every pass on the problem that the bytes stand for.
pub fn run(bytes: &[u8]) {
    let Some((header, rest)) = header(bytes) else { return };
    match header.choices % 2 {
        0 => check::<f32>(&Problem::new(header, rest), header.choices / 2),
        _ => check::<f64>(&Problem::new(header, rest), header.choices / 2),
    }
}

/// A buffer between two guards, which must stay as they are.
struct Guarded<T> {
    buffer: Vec<T>,
    len: usize,
}

/// Elements of a guard.
const GUARD: usize = 40;

impl<T: Bits> Guarded<T> {
    fn new(len: usize, value: T) -> Self {
        let mut buffer = vec![T::from_f64(GUARD as f64); len + 2 * GUARD];
        buffer[GUARD..GUARD + len].fill(value);
        Self { buffer, len }
    }

    fn get(&mut self) -> &mut [T] {
        &mut self.buffer[GUARD..GUARD + self.len]
    }

    #[track_caller]
    fn check(&self) {
        let (before, rest) = self.buffer.split_at(GUARD);
        let value = T::from_f64(GUARD as f64).bits();
        assert!(
            before.iter().chain(&rest[self.len..]).all(|guard| guard.bits() == value),
            "a guard was written"
        );
    }
}

fn nan<T: Real>() -> T {
    T::from_f64(f64::NAN)
}

/// Where a buffer is too short, nothing is done.
fn refused(result: Result<(), Error>) {
    assert!(matches!(result, Err(Error::Buffer { .. })), "{result:?}");
}

fn check<T: Bits>(problem: &Problem<T>, choices: u8) {
    let Problem { shape, rows, mu, sigma, u, v, x, g } = problem;
    let parameters = Parameters { mu, sigma, u, v };
    let layer = Diagonal::new(*shape, parameters).expect("the lengths fit");
    let mut saved = Guarded::new(layer.saved_len(*rows).expect("small sizes"), nan());
    let mut scratch = Guarded::new(layer.scratch_len(*rows).expect("small sizes"), nan());
    let mut y = Guarded::new(rows * shape.outputs(), nan());
    refused(layer.forward(x, y.get(), saved.get(), &mut scratch.get()[1..]));
    if saved.len > 0 {
        refused(layer.forward(x, y.get(), &mut saved.get()[1..], scratch.get()));
    }
    layer.forward(x, y.get(), saved.get(), scratch.get()).expect("the lengths fit");
    saved.check();
    scratch.check();
    y.check();

    let mut other = Guarded::new(rows * shape.outputs(), nan());
    let mut storage = Guarded::new(layer.prepared_len(), nan());
    let prepared = layer.prepare(storage.get()).expect("the lengths fit");
    let mut prepared_scratch = Guarded::new(prepared.scratch_len(*rows).expect("small sizes"), nan());
    prepared.forward(x, other.get(), prepared_scratch.get()).expect("the lengths fit");
    prepared_scratch.check();
    other.check();
    let tame = |block: &[T]| block.iter().all(|x| x.to_f64().abs() <= T::TAME);
    let all_tame = [mu, sigma, u, v].into_iter().all(|block| tame(block));
    let finite_where_tame = |y: &[T]| {
        for (row, y) in y.chunks(shape.outputs()).enumerate() {
            let x = &x[row * shape.inputs()..][..shape.inputs()];
            assert!(!all_tame || !tame(x) || y.iter().all(|y| y.is_finite()), "row {row} of h: {y:?}");
        }
    };
    finite_where_tame(other.get());
    let mut columns = Guarded::new(Sparse::<T>::storage_len(*shape).expect("small sizes"), nan());
    let sparse = Sparse::new(prepared, columns.get()).expect("the lengths fit");
    let mut sparse_scratch = Guarded::new(sparse.scratch_len().expect("small sizes"), nan());
    sparse.forward(x, other.get(), sparse_scratch.get()).expect("the lengths fit");
    sparse_scratch.check();
    other.check();
    columns.check();
    storage.check();
    finite_where_tame(other.get());
    finite_where_tame(y.get());
    rows_alone(problem, y.get());

    let lens = [shape.mu_len(), shape.sigma_len(), shape.u_len(), shape.v_len()];
    let mut blocks = lens.map(|len| Guarded::new(len, T::zero()));
    let mut dx = Guarded::new(x.len(), nan());
    let wanted = |block: usize| choices >> block & 1 == 0;
    {
        let [d_mu, d_sigma, d_u, d_v] = &mut blocks;
        let gradients = Gradients {
            mu: wanted(0).then_some(d_mu.get()),
            sigma: wanted(1).then_some(d_sigma.get()),
            u: wanted(2).then_some(d_u.get()),
            v: wanted(3).then_some(d_v.get()),
        };
        let d_x = wanted(4).then_some(dx.get());
        let before: Vec<_> = saved.get().iter().map(|x| x.bits()).collect();
        scratch.get().fill(nan());
        layer.backward(x, g, saved.get(), gradients, d_x, scratch.get()).expect("the lengths fit");
        assert!(saved.get().iter().zip(before).all(|(x, before)| x.bits() == before), "saved was written");
    }
    saved.check();
    scratch.check();
    dx.check();
    blocks.iter().for_each(Guarded::check);
    if all_tame && tame(x) && tame(g) {
        assert!(blocks.iter_mut().all(|block| block.get().iter().all(|d| d.is_finite())), "gradients");
        assert!(!wanted(4) || dx.get().iter().all(|d| d.is_finite()), "dx");
    }
    descend(problem);
    dense(problem);
}

/// A row's result is the same beside rows of zeros.
fn rows_alone<T: Bits>(problem: &Problem<T>, y: &[T]) {
    let Problem { shape, rows, mu, sigma, u, v, x, .. } = problem;
    let layer = Diagonal::new(*shape, Parameters { mu, sigma, u, v }).expect("the lengths fit");
    let (inputs, outputs) = (shape.inputs(), shape.outputs());
    let row = x.len() % rows;
    let mut alone = vec![T::zero(); x.len()];
    alone[row * inputs..][..inputs].copy_from_slice(&x[row * inputs..][..inputs]);
    let mut again = vec![nan(); y.len()];
    let (saved, scratch) = (layer.saved_len(*rows), layer.scratch_len(*rows));
    let [mut saved, mut scratch] = [saved, scratch].map(|len| vec![nan(); len.expect("small sizes")]);
    layer.forward(&alone, &mut again, &mut saved, &mut scratch).expect("the lengths fit");
    let bits = |y: &[T]| y[row * outputs..][..outputs].iter().map(|y| y.bits()).collect::<Vec<_>>();
    assert_eq!(bits(y), bits(&again), "row {row}");
}

/// A joined step touches nothing but the parameters.
fn descend<T: Bits>(problem: &Problem<T>) {
    let Problem { shape, rows, x, g, .. } = problem;
    let blocks = [&problem.mu, &problem.sigma, &problem.u, &problem.v];
    let mut guarded = blocks.map(|block| {
        let mut buffer = Guarded::new(block.len(), T::zero());
        buffer.get().copy_from_slice(block);
        buffer
    });
    let [mu, sigma, u, v] = &mut guarded;
    let parameters = ParametersMut { mu: mu.get(), sigma: sigma.get(), u: u.get(), v: v.get() };
    let mut layer = DiagonalMut::new(*shape, parameters).expect("the lengths fit");
    let mut saved = Guarded::new(layer.saved_len(*rows).expect("small sizes"), nan());
    let mut scratch = Guarded::new(layer.scratch_len(*rows).expect("small sizes"), nan());
    let mut y = vec![nan(); rows * shape.outputs()];
    let mut dx = Guarded::new(x.len(), nan());
    layer.as_diagonal().forward(x, &mut y, saved.get(), scratch.get()).expect("the lengths fit");
    let rates = Rates::all(T::from_f64(0.5));
    layer.descend(x, g, saved.get(), rates, Some(dx.get()), scratch.get()).expect("the lengths fit");
    saved.check();
    scratch.check();
    dx.check();
    guarded.iter().for_each(Guarded::check);
}

/// A dense layer of the same sizes, its weights those of μ and σ.
fn dense<T: Bits>(problem: &Problem<T>) {
    let Problem { shape, rows, mu, x, .. } = problem;
    let layer = Dense::new(shape.inputs(), shape.components(), true).expect("small sizes");
    let shape_of_layer = Shape::new(shape.inputs(), shape.components(), 1).expect("small sizes");
    let parameters = [&mu[..], &vec![T::one(); shape_of_layer.outputs()]].concat();
    let len = Layer::<T>::scratch_len(&layer, *rows).expect("small sizes");
    let mut scratch = Guarded::new(len, nan());
    let mut y = Guarded::new(rows * shape.components(), nan());
    let mut dx = Guarded::new(x.len(), nan());
    let mut gradients = Guarded::new(parameters.len(), T::zero());
    layer.forward(&parameters, x, y.get(), &mut [], scratch.get()).expect("the lengths fit");
    let g = vec![T::one(); y.len];
    layer
        .backward(&parameters, x, &g, &[], &[false; 2], gradients.get(), Some(dx.get()), scratch.get())
        .expect("the lengths fit");
    for buffer in [&scratch, &y, &dx, &gradients] {
        buffer.check();
    }
}

//! Models in little memory against the prepared layer, against arithmetic in `f64`, and as bytes.

mod bytes;
mod floating;
mod quantised;

use gmlayer::compact::{Floating, Integer, Number, Quantised, QuantisedConstants};
use gmlayer::diagonal::Constants;
use gmlayer::{Error, Shape};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use quantised::Integers;

pub(crate) const SIZES: [(usize, usize, usize); 7] =
    [(1, 1, 1), (5, 3, 2), (16, 4, 5), (64, 10, 4), (65, 2, 3), (130, 7, 2), (300, 3, 2)];

/// Numbers from −1 to 1.
pub(crate) fn numbers(generator: &mut Pcg64, len: usize) -> Vec<f32> {
    (0..len)
        .map(|_| f64::from(generator.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0)
        .map(|x| x as f32)
        .collect()
}

/// The constants of a layer, in `f32`.
pub(crate) struct Owned {
    pub(crate) shape: Shape,
    pub(crate) a: Vec<f32>,
    pub(crate) w: Vec<f32>,
    pub(crate) mu: Vec<f32>,
    pub(crate) variance: Vec<f32>,
}

impl Owned {
    pub(crate) fn new(inputs: usize, outputs: usize, components: usize) -> Self {
        let shape = Shape::new(inputs, outputs, components).unwrap();
        let mut generator = Pcg64::seed_from_u64(inputs as u64);
        let mut variance = numbers(&mut generator, shape.sigma_len());
        variance.iter_mut().for_each(|v| *v = (*v).max(0.0)); // half of the inputs deterministic
        Self {
            shape,
            a: numbers(&mut generator, shape.v_len()),
            w: numbers(&mut generator, shape.u_len()),
            mu: numbers(&mut generator, shape.mu_len()),
            variance,
        }
    }

    pub(crate) fn constants(&self) -> Constants<'_, f32> {
        Constants { a: &self.a, w: &self.w, mu: &self.mu, variance: &self.variance }
    }

    pub(crate) fn map<N>(&self, store: impl Fn(f32) -> N) -> [Vec<N>; 4] {
        [&self.a, &self.w, &self.mu, &self.variance].map(|block| block.iter().map(|&x| store(x)).collect())
    }

    /// Ordinary rows, and rows of every unusual kind.
    pub(crate) fn inputs(&self) -> Vec<Vec<f32>> {
        let inputs = self.shape.inputs();
        let mut generator = Pcg64::seed_from_u64(7);
        let row = numbers(&mut generator, inputs);
        let times = |factor: f32| row.iter().map(|x| x * factor).collect::<Vec<_>>();
        let mut rows = vec![numbers(&mut generator, inputs), vec![0.0; inputs], vec![-0.0; inputs]];
        rows.extend([1.0, 30.0, 1e-25, 1e-38, 1e18, 1e30].map(times));
        let mut broken = row.clone();
        broken[inputs / 2] = f32::NAN;
        rows.push(broken);
        rows
    }
}

pub(crate) fn forward<N: Number>(model: &Floating<'_, N>, x: &[f32]) -> Vec<f32> {
    let mut y = vec![9.0; model.shape().outputs()];
    model.forward(x, &mut y, &mut vec![f32::NAN; model.scratch_len()]).unwrap();
    y
}

pub(crate) fn forward_quantised<I: Integer>(model: &Quantised<'_, I>, x: &[f32]) -> Vec<f32> {
    let mut y = vec![9.0; model.shape().outputs()];
    model.forward(x, &mut y, &mut vec![-1; model.scratch_len()]).unwrap();
    y
}

pub(crate) fn bits(y: &[f32]) -> Vec<u32> {
    y.iter().map(|y| if y.is_nan() { u32::MAX } else { y.to_bits() }).collect()
}

pub(crate) fn model<N: Number>(shape: Shape, [a, w, mu, variance]: &[Vec<N>; 4]) -> Floating<'_, N> {
    Floating::new(shape, Constants { a, w, mu, variance }).unwrap()
}

#[test]
fn wrong_lengths_are_named() {
    let owned = Owned::new(5, 3, 2);
    let model = Floating::new(owned.shape, owned.constants()).unwrap();
    let (mut y, mut scratch) = ([0.0; 3], [0.0; 10]);
    let length = |argument, expected, got| Err(Error::Length { argument, expected, got });
    assert_eq!(model.forward(&[0.0; 4], &mut y, &mut scratch), length("x", 5, 4));
    assert_eq!(model.forward(&[0.0; 5], &mut y[..2], &mut scratch), length("y", 3, 2));
    let short = Err(Error::Buffer { argument: "scratch", expected: 10, got: 9 });
    assert_eq!(model.forward(&[0.0; 5], &mut y, &mut scratch[..9]), short);
    let wrong = Constants { variance: &owned.variance[1..], ..owned.constants() };
    assert_eq!(Floating::new(owned.shape, wrong).map(|_| ()), length("variance", 10, 9));

    let integers = Integers::new(&owned);
    let model = integers.model();
    assert_eq!(model.forward(&[0.0; 4], &mut y, &mut [0; 10]), length("x", 5, 4));
    assert_eq!(model.forward(&[0.0; 5], &mut y, &mut [0; 9]), short);
    let wrong = QuantisedConstants { mu_scales: &[1.0], ..model.constants() };
    assert_eq!(Quantised::new(owned.shape, wrong).map(|_| ()), length("mu_scales", 2, 1));
}

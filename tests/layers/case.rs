//! Random layers that own their numbers.

use gmlayer::Real;
use proptest::prelude::*;
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use super::budget::Scalar;
use super::layer::{Descent, MixtureLayer, Passes};
use super::threading::Threads;

/// A layer with a batch and a cotangent.
#[derive(Debug, Clone)]
pub struct Case<L, T> {
    pub layer: L,
    pub parameters: [Vec<T>; 4],
    pub x: Vec<T>,
    pub g: Vec<T>,
}

/// The parameters after a joined step, and ∂x.
pub type Step<T> = ([Vec<T>; 4], Vec<T>);

impl<L: MixtureLayer, T: Real> Case<L, T> {
    pub fn batch(&self) -> usize {
        self.x.len() / self.layer.inputs()
    }

    pub fn passes(&self) -> L::Passes<'_, T> {
        self.passes_on(None)
    }

    pub fn passes_on<'a>(&'a self, threads: Option<&'a Threads>) -> L::Passes<'a, T> {
        self.layer.passes(self.parameters.each_ref().map(Vec::as_slice), threads).unwrap()
    }

    /// Room for what is saved, and scratch, in which every number is NaN.
    pub fn buffers(&self) -> [Vec<T>; 2] {
        self.buffers_on(None)
    }

    fn buffers_on(&self, threads: Option<&Threads>) -> [Vec<T>; 2] {
        let (passes, batch) = (self.passes_on(threads), self.batch());
        [passes.saved_len(batch), passes.scratch_len(batch)].map(|len| nans(len.unwrap()))
    }

    pub fn forward(&self) -> Vec<T> {
        self.forward_into(&mut self.buffers())
    }

    /// h, with what is saved in the first buffer.
    pub fn forward_into(&self, [saved, scratch]: &mut [Vec<T>; 2]) -> Vec<T> {
        let mut y = nans(self.g.len());
        self.passes().forward(&self.x, &mut y, saved, scratch).unwrap();
        y
    }

    pub fn prepared_forward(&self) -> Vec<T> {
        self.prepared_forward_on(None)
    }

    /// The same on some threads.
    pub fn prepared_forward_on(&self, threads: Option<&Threads>) -> Vec<T> {
        let (passes, mut y) = (self.passes_on(threads), nans(self.g.len()));
        let mut scratch = nans(passes.prepared_scratch_len(self.batch()).unwrap());
        passes.prepared_forward(&self.x, &mut y, &mut scratch).unwrap();
        y
    }

    /// The gradients of the parameters, and ∂x.
    pub fn backward(&self) -> [Vec<T>; 5] {
        let mut buffers = self.buffers();
        self.forward_into(&mut buffers);
        buffers[1].fill(T::from_f64(f64::NAN));
        self.backward_from(&mut buffers)
    }

    /// The gradients, from what is saved in the first buffer.
    pub fn backward_from(&self, buffers: &mut [Vec<T>; 2]) -> [Vec<T>; 5] {
        let mut all = self.zeros();
        all[4].fill(T::from_f64(f64::NAN));
        self.add_gradients(buffers, &mut all, [true; 5]);
        all
    }

    /// Adds the gradients of the blocks that are wanted to those that are there, and overwrites ∂x.
    pub fn add_gradients(
        &self,
        [saved, scratch]: &mut [Vec<T>; 2],
        all: &mut [Vec<T>; 5],
        wanted: [bool; 5],
    ) {
        let mut index = 0;
        let [gradients @ .., dx] = all.each_mut().map(|block| {
            index += 1;
            wanted[index - 1].then_some(block.as_mut_slice())
        });
        self.passes().backward(&self.x, &self.g, saved, gradients, dx, scratch).unwrap();
    }

    /// h, the gradients and ∂x.
    pub fn outputs(&self) -> [Vec<T>; 6] {
        self.outputs_on(None)
    }

    pub fn outputs_on(&self, threads: Option<&Threads>) -> [Vec<T>; 6] {
        let (passes, [mut saved, mut scratch]) = (self.passes_on(threads), self.buffers_on(threads));
        let (mut y, [mut one, mut two, mut three, mut four, mut dx]) = (nans(self.g.len()), self.zeros());
        passes.forward(&self.x, &mut y, &mut saved, &mut scratch).unwrap();
        let gradients = [&mut one, &mut two, &mut three, &mut four].map(|block| Some(block.as_mut_slice()));
        dx.fill(T::from_f64(f64::NAN));
        scratch.fill(T::from_f64(f64::NAN));
        passes.backward(&self.x, &self.g, &saved, gradients, Some(&mut dx), &mut scratch).unwrap();
        [y, one, two, three, four, dx]
    }

    /// The step that is joined with the backward pass.
    pub fn descend(&self, rates: [Option<T>; 4], with_dx: bool, threads: Option<&Threads>) -> Step<T> {
        let mut parameters = self.parameters.clone();
        let blocks = parameters.each_mut().map(Vec::as_mut_slice);
        let mut layer = self.layer.descent(blocks, threads).unwrap();
        let lengths = [layer.saved_len(self.batch()), layer.scratch_len(self.batch())];
        let [mut saved, mut scratch] = lengths.map(|len| nans(len.unwrap()));
        let mut y = nans(self.g.len());
        layer.forward(&self.x, &mut y, &mut saved, &mut scratch).unwrap();
        assert_eq!(y, self.forward(), "the same forward pass");
        let mut dx = nans(self.x.len());
        let wanted = with_dx.then_some(&mut dx[..]);
        layer.descend(&self.x, &self.g, &saved, rates, wanted, &mut scratch).unwrap();
        drop(layer);
        (parameters, dx)
    }

    /// A zero for each parameter and input.
    pub fn zeros(&self) -> [Vec<T>; 5] {
        self.blocks().map(|block| vec![T::zero(); block.len()])
    }

    /// The parameters, and x.
    pub fn blocks(&self) -> [&[T]; 5] {
        let [one, two, three, four] = &self.parameters;
        [one, two, three, four, &self.x]
    }

    /// One of the parameters, x and g.
    pub fn block_mut(&mut self, block: usize) -> &mut Vec<T> {
        match block {
            4 => &mut self.x,
            5 => &mut self.g,
            _ => &mut self.parameters[block],
        }
    }

    /// The parameters in one slice.
    pub fn flat_parameters(&self) -> Vec<T> {
        self.parameters.concat()
    }

    /// The parameters and x in one slice.
    pub fn flat(&self) -> Vec<T> {
        self.blocks().concat()
    }

    /// The same case at other parameters and another x.
    pub fn at(&self, flat: &[T]) -> Self {
        let mut rest = flat;
        let mut next = |len: usize| {
            let (block, others) = rest.split_at(len);
            rest = others;
            block.to_vec()
        };
        let parameters = self.layer.lengths().map(&mut next);
        Self { parameters, x: next(self.x.len()), ..self.clone() }
    }

    /// ℓ = Σ_b ⟨g_b, h(x_b)⟩.
    pub fn loss(&self) -> f64 {
        product(&self.forward(), &self.g)
    }

    /// How far rounding may carry ℓ, and each ⟨θ, ∂θ⟩, in units of the rounding.
    pub fn majorant(&self) -> f64 {
        L::majorant(&self.convert(T::to_f64))
    }

    /// The same case in another scalar.
    pub fn convert<S>(&self, convert: impl Fn(T) -> S) -> Case<L, S> {
        let all = |block: &Vec<T>| block.iter().map(|&value| convert(value)).collect();
        Case {
            layer: self.layer,
            parameters: self.parameters.each_ref().map(all),
            x: all(&self.x),
            g: all(&self.g),
        }
    }

    /// The row `b` alone.
    pub fn row(&self, b: usize) -> Self {
        let (d, outputs) = (self.layer.inputs(), self.layer.outputs());
        let (x, g) = (self.x[b * d..][..d].to_vec(), self.g[b * outputs..][..outputs].to_vec());
        Self { x, g, ..self.clone() }
    }
}

impl<L: MixtureLayer> Case<L, f64> {
    /// What rounding may do to each output: a bound on all of them.
    pub fn allowed_of_outputs(&self) -> f64 {
        16.0 * f64::EPSILON * Self { g: vec![1.0; self.g.len()], ..self.clone() }.majorant()
    }

    /// The rows of x, each with its cotangent.
    pub fn rows(&self) -> impl Iterator<Item = (&[f64], &[f64])> {
        self.x.chunks(self.layer.inputs()).zip(self.g.chunks(self.layer.outputs()))
    }
}

impl<L: MixtureLayer> Case<L, f32> {
    /// Whether every output of the layer is within so many budgets of the formulas in `f64`.
    pub fn is_within(&self, most: f64) -> Result<(), TestCaseError> {
        let want = L::budgets(&self.convert(f64::from), Scalar::of::<f32>());
        let names = ["h"].into_iter().chain(L::NAMES);
        for ((name, got), want) in names.zip(self.outputs()).zip(&want) {
            for (index, (&got, want)) in got.iter().zip(want).enumerate() {
                let ratio = want.ratio(got.into(), Scalar::of::<f32>());
                prop_assert!(ratio <= most, "{name}[{index}]: {got:e} against {want:?}: {ratio}");
            }
        }
        Ok(())
    }
}

/// How a random case is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Recipe<L> {
    pub layer: L,
    pub batch: usize,
    pub seed: u64,
    /// Decimal exponents of the scales of the four blocks, x and g.
    pub exponents: [f64; 6],
    /// The share of entries of the spread of β and of x that are 0.
    pub zeros: f64,
}

impl<L: MixtureLayer> Recipe<L> {
    /// Ordinary numbers, none of them 0.
    pub fn new(layer: L, batch: usize, seed: u64) -> Self {
        Self { layer, batch, seed, exponents: [0.0; 6], zeros: 0.0 }
    }

    /// Ordinary numbers for so many inputs, outputs, components, factors and rows, in the first form.
    pub fn plain([inputs, outputs, components, rank, batch]: [usize; 5], seed: u64) -> Case<L, f64> {
        Self::new(L::new([inputs, outputs, components, rank], 0), batch, seed).build()
    }

    pub fn build(self) -> Case<L, f64> {
        let mut random = Pcg64::seed_from_u64(self.seed);
        let mut fill = |len: usize, block: usize, zeros: f64| -> Vec<f64> {
            let scale = 10.0_f64.powf(self.exponents[block]);
            (0..len)
                .map(|_| {
                    let zero = uniform(&mut random) < zeros;
                    let value = normal(&mut random) * scale;
                    if zero { 0.0 } else { value }
                })
                .collect()
        };
        let lengths = self.layer.lengths();
        let zeros = |block: usize| if block == L::BETA[1] { self.zeros } else { 0.0 };
        Case {
            layer: self.layer,
            parameters: [0, 1, 2, 3].map(|block| fill(lengths[block], block, zeros(block))),
            x: fill(self.batch * self.layer.inputs(), 4, self.zeros),
            g: fill(self.batch * self.layer.outputs(), 5, 0.0),
        }
    }
}

/// Shapes, forms, scales and zero patterns.
pub fn recipes<L: MixtureLayer>() -> impl Strategy<Value = Recipe<L>> {
    // Below eight rows the layer goes row by row, above in chunks of 64.
    let batch = prop_oneof![4 => 1_usize..6, 3 => 8_usize..24, 1 => 60_usize..140];
    let sizes = (1_usize..40, 1_usize..7, 1_usize..6, batch);
    let exponents = prop::array::uniform6(-3.0..3.0_f64);
    let zeros = prop_oneof![Just(0.0), Just(0.3), Just(0.8), Just(1.0)];
    (sizes, L::ranks(), any::<u64>(), exponents, zeros, 0..L::FORMS).prop_map(
        |((inputs, outputs, components, batch), rank, seed, exponents, zeros, form)| {
            let layer = L::new([inputs, outputs, components, rank], form);
            Recipe { layer, batch, seed, exponents, zeros }
        },
    )
}

pub fn nans<T: Real>(len: usize) -> Vec<T> {
    vec![T::from_f64(f64::NAN); len]
}

/// ⟨a, b⟩ in `f64`.
pub fn product<T: Real>(a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum()
}

/// A number in [0, 1).
pub fn uniform(random: &mut Pcg64) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A standard normal number, by Box and Muller.
pub fn normal(random: &mut Pcg64) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(random)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(random)).cos()
}

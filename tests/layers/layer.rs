//! One trait over the kinds of mixture layers.

use std::fmt::Debug;
use std::ops::Range;

use gmlayer::{Error, Real};
use proptest::strategy::BoxedStrategy;
use rand_pcg::Pcg64;

use super::budget::{Budget, Scalar};
use super::case::Case;
use super::textbook::{Mistake, Row};
use super::threading::Threads;

/// The sizes and choices of a layer, without its numbers.
///
/// Every layer is h = 1/K Σ E[ω ReLU(⟨β, x⟩)] with (ω, β) Gaussian in each component, and has four blocks of
/// parameters: two say the distribution of β, and h is linear in the other two.
pub trait MixtureLayer: Copy + Debug + Send + Sync + 'static {
    /// The name in the files of exact values.
    const TABLES: &'static str;
    /// How many entries they have, and how many of them in `f32` too.
    const TABLE_ENTRIES: [usize; 2];
    /// The blocks of parameters in their order, and x.
    const NAMES: [&'static str; 5];
    /// The constants of a prepared layer.
    const CONSTANTS: [&'static str; 4];
    /// The blocks of the mean and of the spread of β.
    const BETA: [usize; 2];
    /// The blocks that h is linear in.
    const OMEGA: [usize; 2];
    /// The powers of a factor of each block that leave h as it is when they are taken together.
    const POWERS: [i32; 4];
    /// How many forms there are of a layer of some sizes: its choices beside them.
    const FORMS: usize;
    /// The powers of two in the four blocks, in x and in g that carry no output of numbers near 1 beyond the range of
    /// `f32`.
    const MOST: [f64; 6];
    /// What the two sides of the adjoint identity may differ by, in roundings of the majorant.
    const ADJOINT_ROUNDINGS: f64;
    /// Whether, with the portable instructions, one sample at a time gives the bits of kept gradients and plain descent.
    const ONLINE_BITS: bool;
    /// The mistakes that this layer alone can make.
    const MISTAKES: &'static [Mistake];

    /// A layer over numbers that are read.
    type Passes<'a, T: Real>: Passes<T>;
    /// A layer over numbers that are changed.
    type Descent<'a, T: Real>: Descent<T>;

    /// A layer of so many inputs, outputs, components and factors, the last at most as many as there can be, in the
    /// form of a number below [`FORMS`](Self::FORMS). Form 0 is the default.
    fn new(sizes: [usize; 4], form: usize) -> Self;
    /// Numbers of factors.
    fn ranks() -> BoxedStrategy<usize>;

    fn inputs(self) -> usize;
    fn outputs(self) -> usize;
    fn components(self) -> usize;
    /// What the sum over the components is multiplied by.
    fn share(self) -> f64;
    /// The lengths of the blocks of parameters.
    fn lengths(self) -> [usize; 4];

    /// The lengths of the rows of the four blocks, of x and of g.
    fn columns(self) -> [usize; 6];

    /// The entries of one component in a block of parameters.
    fn range(self, block: usize, component: usize) -> Range<usize> {
        let each = self.lengths()[block] / self.components();
        component * each..(component + 1) * each
    }

    /// The entries of the component and of those that share parameters with it.
    fn range_of_family(self, block: usize, component: usize) -> Range<usize> {
        self.range(block, component)
    }

    /// The entries of one component in all blocks of parameters, or of their gradients.
    fn of_component<N>(self, blocks: &[Vec<N>; 4], component: usize) -> [&[N]; 4] {
        let mut block = 0..4;
        blocks.each_ref().map(|numbers| &numbers[self.range(block.next().unwrap(), component)])
    }

    fn of_component_mut<N>(self, blocks: &mut [Vec<N>; 4], component: usize) -> [&mut [N]; 4] {
        let mut block = 0..4;
        blocks.each_mut().map(|numbers| &mut numbers[self.range(block.next().unwrap(), component)])
    }

    fn passes<'a, T: Real>(
        self,
        parameters: [&'a [T]; 4],
        threads: Option<&'a Threads>,
    ) -> Result<Self::Passes<'a, T>, Error>;
    /// The same of all blocks one after the other.
    fn passes_from_flat<T: Real>(self, flat: &[T]) -> Result<Self::Passes<'_, T>, Error>;
    fn descent<'a, T: Real>(
        self,
        parameters: [&'a mut [T]; 4],
        threads: Option<&'a Threads>,
    ) -> Result<Self::Descent<'a, T>, Error>;
    fn descent_from_flat<T: Real>(self, flat: &mut [T]) -> Result<Self::Descent<'_, T>, Error>;

    fn online_scratch_len<T: Real>(self) -> usize;
    fn online_forward<T: Real>(
        self,
        flat: &mut [T],
        x: &[T],
        y: &mut [T],
        scratch: &mut [T],
    ) -> Result<(), Error>;
    fn online_step<T: Real>(
        self,
        flat: &mut [T],
        x: &[T],
        g: &[T],
        rates: [Option<T>; 4],
        scratch: &mut [T],
    ) -> Result<(), Error>;

    /// The exact sums of one row and one component in textbook formulas.
    fn component(case: &Case<Self, f64>, component: usize, x: &[f64]) -> Component;
    /// How far rounding may carry a sum over all terms of a case: each term in absolute value, each factor F of
    /// {r, p, φ, tφ} counted as F + |dF|.
    fn majorant(case: &Case<Self, f64>) -> f64;
    /// h, the gradients of the blocks and ∂x by the accuracy rule, at the crate's own normal distribution, which other
    /// tests hold to its tables.
    fn budgets(case: &Case<Self, f64>, scalar: Scalar) -> [Vec<Budget>; 6];
    /// Two sums of the ⟨θ, ∂θ⟩ of the four blocks that are both ℓ = Σ ⟨g, h⟩.
    fn losses(products: [f64; 4]) -> [f64; 2];
    /// One sample of (ω, β), and along it h, the gradients and ∂x.
    fn sample(case: &Case<Self, f64>, random: &mut Pcg64) -> [Vec<f64>; 6];
    /// Adds to the gradients and to ∂x what one row and one component give, with one mistake.
    fn pull_back(row: &Row<'_, Self>, mistake: Mistake, gradients: &mut [Vec<f64>; 4], dx: &mut [f64]);
    /// A layer of two inputs, one output and one component on one row, of which m = 0 and s = 0, and its gradients.
    fn without_mean_and_spread() -> (Case<Self, f64>, [Vec<f64>; 5]);
    /// Whether the constants of a prepared layer are normal numbers, or 0.
    fn can_be_prepared(case: &Case<Self, f64>, smallest_normal: f64) -> bool;
    /// Sums that h and the gradients of a layer of one input, output and component are made of, and those that its
    /// prepared form is made of: log₂ of their sizes, from those of the parameters, x and g.
    fn sizes_of_sums(numbers: [f64; 6]) -> [Vec<f64>; 2];
}

/// What one component gives one row: h += share (a r + w p), where r and p are those of N(m, s²).
#[derive(Debug, Clone)]
pub struct Component {
    pub m: f64,
    pub s: f64,
    /// E[ω] where the component's β is at its mean.
    pub a: Vec<f64>,
    /// The covariance of ω and ⟨β, x⟩.
    pub w: Vec<f64>,
}

/// The public functions of a layer over numbers that are read.
pub trait Passes<T> {
    fn saved_len(&self, batch: usize) -> Result<usize, Error>;
    fn scratch_len(&self, batch: usize) -> Result<usize, Error>;
    fn forward(&self, x: &[T], y: &mut [T], saved: &mut [T], scratch: &mut [T]) -> Result<(), Error>;
    fn backward(
        &self,
        x: &[T],
        g: &[T],
        saved: &[T],
        gradients: [Option<&mut [T]>; 4],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error>;
    /// The gradients of the parameters in one slice.
    fn backward_into_flat(
        &self,
        x: &[T],
        g: &[T],
        saved: &[T],
        gradients: &mut [T],
        scratch: &mut [T],
    ) -> Result<(), Error>;
    fn prepared_scratch_len(&self, batch: usize) -> Result<usize, Error>;
    /// h by the prepared layer.
    fn prepared_forward(&self, x: &[T], y: &mut [T], scratch: &mut [T]) -> Result<(), Error>;
    /// A prepared layer of the same constants, of which one is a number short.
    fn prepared_from_short(&self, constant: usize) -> Result<(), Error>;
    /// h by the prepared layer that skips zeros.
    fn sparse_forward(&self, x: &[T], y: &mut [T]) -> Result<(), Error>;
}

/// The public functions of a layer over numbers that are changed.
pub trait Descent<T> {
    fn saved_len(&self, batch: usize) -> Result<usize, Error>;
    fn scratch_len(&self, batch: usize) -> Result<usize, Error>;
    fn forward(&self, x: &[T], y: &mut [T], saved: &mut [T], scratch: &mut [T]) -> Result<(), Error>;
    fn descend(
        &mut self,
        x: &[T],
        g: &[T],
        saved: &[T],
        rates: [Option<T>; 4],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error>;
}

//! Kinds of inputs and parameters: ordinary, 0, subnormal, huge, NaN.

use std::ops::Range;

use gmlayer::Shape;
use gmlayer::joint::JointShape;

/// The inputs and the parameters of one case.
#[derive(Clone)]
pub(crate) struct Numbers {
    pub(crate) x: Vec<f32>,
    pub(crate) flat: Vec<f32>,
    inputs: usize,
    components: usize,
    blocks: Blocks,
}

/// Where some blocks of the parameters are.
#[derive(Clone)]
struct Blocks {
    /// The means of the weights, μ or μ_β.
    mean: Range<usize>,
    /// Their spread, σ or C_β.
    spread: Range<usize>,
    /// The factor that couples outputs and weights, U or C_ω.
    factor: Range<usize>,
}

impl Numbers {
    /// The numbers of a diagonal layer.
    pub(crate) fn diagonal(shape: Shape, flat: &[f32], x: &[f32]) -> Self {
        let spread = shape.mu_len();
        let factor = spread + shape.sigma_len();
        let blocks =
            Blocks { mean: 0..spread, spread: spread..factor, factor: factor..factor + shape.u_len() };
        let (inputs, components) = (shape.inputs(), shape.components());
        Self { x: x.to_vec(), flat: flat.to_vec(), inputs, components, blocks }
    }

    /// The numbers of a joint layer.
    pub(crate) fn joint(shape: JointShape, flat: &[f32], x: &[f32]) -> Self {
        let factor = shape.mu_w_len();
        let mean = factor + shape.c_w_len();
        let spread = mean + shape.mu_b_len();
        let blocks =
            Blocks { factor: factor..mean, mean: mean..spread, spread: spread..spread + shape.c_b_len() };
        let (inputs, components) = (shape.inputs(), shape.components());
        Self { x: x.to_vec(), flat: flat.to_vec(), inputs, components, blocks }
    }

    /// These numbers, changed as `kind` says.
    pub(crate) fn changed(&self, kind: &Kind) -> Self {
        let mut numbers = self.clone();
        (kind.change)(&mut numbers);
        numbers
    }

    /// Puts an ordinary number wherever an input is 0.
    fn fill_zeros(&mut self) {
        for x in self.x.iter_mut().filter(|x| **x == 0.0) {
            *x = 0.5;
        }
    }

    /// Overwrites the first input of each row that is not 0.
    fn set_one_input(&mut self, value: f32) {
        for row in self.x.chunks_exact_mut(self.inputs) {
            if let Some(x) = row.iter_mut().find(|x| **x != 0.0) {
                *x = value;
            }
        }
    }

    /// Overwrites each row with powers of ten from 10⁻³⁰ to 10³⁰.
    fn set_powers(&mut self) {
        let step = 60.0 / (self.inputs - 1) as f32;
        for row in self.x.chunks_exact_mut(self.inputs) {
            for (place, x) in row.iter_mut().enumerate() {
                *x = 10_f32.powf(place as f32 * step - 30.0);
            }
        }
    }

    /// Overwrites every third number of the spread with a function of its place.
    fn set_spread(&mut self, value: impl Fn(usize) -> f32) {
        let spread = &mut self.flat[self.blocks.spread.clone()];
        for (place, spread) in spread.iter_mut().step_by(3).enumerate() {
            *spread = value(place);
        }
    }

    /// Multiplies mean and spread of the first components by 10³⁰ and their factor by 10⁻³⁰.
    fn enlarge(&mut self, components: usize) {
        let Blocks { mean, spread, factor } = &self.blocks;
        for (block, scale) in [(mean, 1e30), (spread, 1e30), (factor, 1e-30)] {
            let len = block.len() / self.components * components;
            scale_all(&mut self.flat[block.start..block.start + len], scale);
        }
    }
}

fn scale_all(numbers: &mut [f32], scale: f32) {
    for number in numbers {
        *number *= scale;
    }
}

/// One kind of numbers, and how much time it may take.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The name of the ordinary kind that it is compared with: the one whose inputs are 0 in the same places, so that
    /// a form that skips zeros does the same work. An input of zeros is compared with [`ORDINARY`], four fifths zeros.
    pub(crate) base: &'static str,
    /// The upper bound of its time, as a multiple of the base's.
    pub(crate) bar: Option<f64>,
    change: fn(&mut Numbers),
}

const fn kind(name: &'static str, base: &'static str, bar: f64, change: fn(&mut Numbers)) -> Kind {
    Kind { name, base, bar: Some(bar), change }
}

const ORDINARY: &str = "ordinary";
const NO_ZEROS: &str = "no zeros";
/// Multiplied by it, ordinary numbers become subnormal.
const TINY: f32 = 1e-39;

/// The kinds: unusual inputs, in every row of a batch, then unusual parameters. σ is C_β in a joint layer.
pub(crate) const KINDS: [Kind; 15] = [
    Kind { name: ORDINARY, base: ORDINARY, bar: None, change: |_| {} },
    Kind { name: NO_ZEROS, base: NO_ZEROS, bar: None, change: Numbers::fill_zeros },
    kind("zeros", ORDINARY, 1.2, |numbers| numbers.x.fill(0.0)),
    kind("subnormal", NO_ZEROS, 1.5, |numbers| {
        numbers.fill_zeros();
        scale_all(&mut numbers.x, TINY);
    }),
    kind("one 1e30", ORDINARY, 1.5, |numbers| numbers.set_one_input(1e30)),
    kind("one NaN", ORDINARY, 1.5, |numbers| numbers.set_one_input(f32::NAN)),
    kind("1e-30 to 1e30", NO_ZEROS, 1.5, Numbers::set_powers),
    kind("every third σ 1e-25", ORDINARY, 1.1, |numbers| numbers.set_spread(|_| 1e-25)),
    kind("every third σ 1e-40", ORDINARY, 1.1, |numbers| numbers.set_spread(|_| 1e-40)),
    kind("every third σ 0", ORDINARY, 1.1, |numbers| numbers.set_spread(|_| 0.0)),
    // Adam leaves σ from 10⁻²⁸ to 10⁻⁶ where the loss does not depend on them.
    kind("σ as by Adam", ORDINARY, 1.1, |numbers| {
        numbers.set_spread(|place| 10_f32.powf(22.0 * (place as f32 * 0.618_034).fract() - 28.0));
    }),
    kind("one component 1e30", ORDINARY, 20.0, |numbers| numbers.enlarge(1)),
    kind("components 1e30", ORDINARY, 20.0, |numbers| numbers.enlarge(numbers.components)),
    kind("all parameters 1e30", ORDINARY, 20.0, |numbers| scale_all(&mut numbers.flat, 1e30)),
    kind("subnormal parameters", ORDINARY, 20.0, |numbers| scale_all(&mut numbers.flat, TINY)),
];

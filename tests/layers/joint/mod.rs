//! The joint layer.

mod alone;
mod budget;
mod flow;
mod formulas;

use std::ops::Range;

use gmlayer::joint::{
    Constants, Gradients, JointMut, JointShape, Online, Parameters, ParametersMut, Prepared, Rates, Sparse,
};
use gmlayer::{Error, Joint, Real, Scale};
use proptest::prelude::*;
use rand_pcg::Pcg64;

use crate::budget::{Budget, Scalar};
use crate::case::{Case, nans};
use crate::layer::{Component, Descent, MixtureLayer, Passes};
use crate::textbook::{Mistake, Row};
use crate::threading::*;

/// A joint layer without its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointLayer {
    pub shape: JointShape,
    pub scale: Scale,
}

impl MixtureLayer for JointLayer {
    const TABLES: &'static str = "joint";
    const TABLE_ENTRIES: [usize; 2] = [86, 71];
    const NAMES: [&'static str; 5] = ["mu_w", "c_w", "mu_b", "c_b", "x"];
    const CONSTANTS: [&'static str; 4] = ["mu_w", "c_w", "mu_b", "c_b"];
    const BETA: [usize; 2] = [2, 3];
    const OMEGA: [usize; 2] = [0, 1];
    const POWERS: [i32; 4] = [-1, -1, 1, 1];
    // The mean or the sum of the components, factors of their own or tied.
    const FORMS: usize = 4;
    const MOST: [f64; 6] = [90.0; 6];
    // A direction along C_β may move q far where q itself cancels: |δq| is bounded by Σ|c x| alone.
    const ADJOINT_ROUNDINGS: f64 = 64.0;
    // Where q nearly cancels, differences may not settle; where a derivative does, the two sides of the adjoint
    // identity may differ.
    // They are those of a batch of one row.
    const ONLINE_BITS: bool = false;
    const MISTAKES: &'static [Mistake] = &[
        Mistake::DroppedDensityInMuB,
        Mistake::DroppedSpreadInQ,
        Mistake::DroppedSteinInQ,
        Mistake::DroppedProbabilityInCw,
        Mistake::LengthForUnit,
        Mistake::TransposedCb,
        Mistake::TransposedCw,
        Mistake::DroppedMeanInX,
        Mistake::DroppedFactorInX,
        Mistake::SkipsLastColumn,
    ];

    type Passes<'a, T: Real> = Joint<'a, T>;
    type Descent<'a, T: Real> = JointMut<'a, T>;

    fn new([inputs, outputs, components, rank]: [usize; 4], form: usize) -> Self {
        let shape = JointShape::new(inputs, outputs, components, rank.min(inputs + outputs)).unwrap();
        let shape = if form < 2 { shape } else { shape.tied() };
        Self { shape, scale: [Scale::Mean, Scale::Sum][form % 2] }
    }

    fn range(self, block: usize, component: usize) -> Range<usize> {
        let each = self.lengths()[block] / self.components();
        if block == 3 && self.shape.is_tied() {
            return 0..self.lengths()[block];
        }
        component * each..(component + 1) * each
    }

    fn range_of_family(self, block: usize, component: usize) -> Range<usize> {
        if self.shape.is_tied() { 0..self.lengths()[block] } else { self.range(block, component) }
    }

    fn ranks() -> BoxedStrategy<usize> {
        prop_oneof![3 => 1_usize..6, 1 => 1_usize..40].boxed()
    }

    fn inputs(self) -> usize {
        self.shape.inputs()
    }

    fn outputs(self) -> usize {
        self.shape.outputs()
    }

    fn components(self) -> usize {
        self.shape.components()
    }

    fn share(self) -> f64 {
        if self.scale == Scale::Mean { 1.0 / self.components() as f64 } else { 1.0 }
    }

    fn lengths(self) -> [usize; 4] {
        let shape = self.shape;
        [shape.mu_w_len(), shape.c_w_len(), shape.mu_b_len(), shape.c_b_len()]
    }

    fn columns(self) -> [usize; 6] {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        [outputs, outputs, inputs, inputs, inputs, outputs]
    }

    fn passes<'a, T: Real>(
        self,
        [mu_w, c_w, mu_b, c_b]: [&'a [T]; 4],
        threads: Option<&'a Threads>,
    ) -> Result<Joint<'a, T>, Error> {
        let layer = Joint::new(self.shape, Parameters { mu_w, c_w, mu_b, c_b })?.with_scale(self.scale);
        Ok(if let Some(threads) = threads { layer.with_threads(threads) } else { layer })
    }

    fn passes_from_flat<T: Real>(self, flat: &[T]) -> Result<Joint<'_, T>, Error> {
        Ok(Joint::new(self.shape, Parameters::from_flat(self.shape, flat)?)?.with_scale(self.scale))
    }

    fn descent<'a, T: Real>(
        self,
        [mu_w, c_w, mu_b, c_b]: [&'a mut [T]; 4],
        threads: Option<&'a Threads>,
    ) -> Result<JointMut<'a, T>, Error> {
        let layer = JointMut::new(self.shape, ParametersMut { mu_w, c_w, mu_b, c_b })?.with_scale(self.scale);
        Ok(if let Some(threads) = threads { layer.with_threads(threads) } else { layer })
    }

    fn descent_from_flat<T: Real>(self, flat: &mut [T]) -> Result<JointMut<'_, T>, Error> {
        Ok(JointMut::new(self.shape, ParametersMut::from_flat(self.shape, flat)?)?.with_scale(self.scale))
    }

    fn online_scratch_len<T: Real>(self) -> usize {
        Online::<T>::scratch_len(self.shape)
    }

    fn online_forward<T: Real>(
        self,
        flat: &mut [T],
        x: &[T],
        y: &mut [T],
        scratch: &mut [T],
    ) -> Result<(), Error> {
        Online::new(self.shape, flat)?.with_scale(self.scale).forward(x, y, scratch)
    }

    fn online_step<T: Real>(
        self,
        flat: &mut [T],
        x: &[T],
        g: &[T],
        [mu_w, c_w, mu_b, c_b]: [Option<T>; 4],
        scratch: &mut [T],
    ) -> Result<(), Error> {
        let mut layer = Online::new(self.shape, flat)?.with_scale(self.scale);
        layer.step(x, g, &Rates { mu_w, c_w, mu_b, c_b }, scratch)
    }

    fn component(case: &Case<Self, f64>, component: usize, x: &[f64]) -> Component {
        formulas::component(case, component, x)
    }

    fn majorant(case: &Case<Self, f64>) -> f64 {
        formulas::majorant(case)
    }

    fn budgets(case: &Case<Self, f64>, scalar: Scalar) -> [Vec<Budget>; 6] {
        budget::budgets(case, scalar)
    }

    /// By the scales of ω and of β.
    fn losses([mu_w, c_w, mu_b, c_b]: [f64; 4]) -> [f64; 2] {
        [mu_w + c_w, mu_b + c_b]
    }

    fn sample(case: &Case<Self, f64>, random: &mut Pcg64) -> [Vec<f64>; 6] {
        formulas::sample(case, random)
    }

    fn pull_back(row: &Row<'_, Self>, mistake: Mistake, gradients: &mut [Vec<f64>; 4], dx: &mut [f64]) {
        formulas::pull_back(row, mistake, gradients, dx);
    }

    fn without_mean_and_spread() -> (Case<Self, f64>, [Vec<f64>; 5]) {
        let parameters = [vec![9.0], vec![5.0], vec![0.0, 1.0], vec![0.0, 3.0]];
        let layer = Self::new([2, 1, 1, 1], 0);
        // A = 9, e = 5, ∂m = 9/2, ∂q = 5/2, r = 0.
        let gradients = [vec![0.0], vec![0.0], vec![18.0, 0.0], vec![10.0, 0.0], vec![0.0, 4.5 + 7.5]];
        (Case { layer, parameters, x: vec![4.0, 0.0], g: vec![1.0] }, gradients)
    }

    fn can_be_prepared(_: &Case<Self, f64>, _: f64) -> bool {
        true
    }

    fn sizes_of_sums(numbers: [f64; 6]) -> [Vec<f64>; 2] {
        formulas::sizes_of_sums(numbers)
    }
}

impl<T: Real> Passes<T> for Joint<'_, T> {
    fn saved_len(&self, batch: usize) -> Result<usize, Error> {
        self.saved_len(batch)
    }

    fn scratch_len(&self, batch: usize) -> Result<usize, Error> {
        self.scratch_len(batch)
    }

    fn forward(&self, x: &[T], y: &mut [T], saved: &mut [T], scratch: &mut [T]) -> Result<(), Error> {
        self.forward(x, y, saved, scratch)
    }

    fn backward(
        &self,
        x: &[T],
        g: &[T],
        saved: &[T],
        [mu_w, c_w, mu_b, c_b]: [Option<&mut [T]>; 4],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error> {
        self.backward(x, g, saved, Gradients { mu_w, c_w, mu_b, c_b }, dx, scratch)
    }

    fn backward_into_flat(
        &self,
        x: &[T],
        g: &[T],
        saved: &[T],
        gradients: &mut [T],
        scratch: &mut [T],
    ) -> Result<(), Error> {
        self.backward(x, g, saved, Gradients::from_flat(self.shape(), gradients)?, None, scratch)
    }

    fn prepared_scratch_len(&self, batch: usize) -> Result<usize, Error> {
        self.prepare().scratch_len(batch)
    }

    fn prepared_forward(&self, x: &[T], y: &mut [T], scratch: &mut [T]) -> Result<(), Error> {
        self.prepare().forward(x, y, scratch)
    }

    fn prepared_from_short(&self, constant: usize) -> Result<(), Error> {
        let Constants { mu_w, c_w, mu_b, c_b } = self.prepare().constants();
        let mut constants = [mu_w, c_w, mu_b, c_b];
        constants[constant] = &constants[constant][1..];
        let [mu_w, c_w, mu_b, c_b] = constants;
        Prepared::new(self.shape(), Constants { mu_w, c_w, mu_b, c_b }).map(drop)
    }

    fn sparse_forward(&self, x: &[T], y: &mut [T]) -> Result<(), Error> {
        let mut columns = nans(Sparse::<T>::storage_len(self.shape()).unwrap());
        let sparse = Sparse::new(self.prepare(), &mut columns).unwrap();
        sparse.forward(x, y, &mut nans(sparse.scratch_len().unwrap()))
    }
}

impl<T: Real> Descent<T> for JointMut<'_, T> {
    fn saved_len(&self, batch: usize) -> Result<usize, Error> {
        self.saved_len(batch)
    }

    fn scratch_len(&self, batch: usize) -> Result<usize, Error> {
        self.scratch_len(batch)
    }

    fn forward(&self, x: &[T], y: &mut [T], saved: &mut [T], scratch: &mut [T]) -> Result<(), Error> {
        self.as_joint().forward(x, y, saved, scratch)
    }

    fn descend(
        &mut self,
        x: &[T],
        g: &[T],
        saved: &[T],
        [mu_w, c_w, mu_b, c_b]: [Option<T>; 4],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error> {
        self.descend(x, g, saved, Rates { mu_w, c_w, mu_b, c_b }, dx, scratch)
    }
}

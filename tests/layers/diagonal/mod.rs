//! The diagonal layer.

mod alone;
mod formulas;

use gmlayer::diagonal::{
    Constants, Coordinates, DiagonalMut, Form, Gradients, Online, Parameters, ParametersMut, Prepared, Rates,
    Sparse,
};
use gmlayer::{Diagonal, Error, Real, Scale, Shape};
use proptest::prelude::*;
use rand_pcg::Pcg64;

use crate::budget::{Budget, Scalar};
use crate::case::{Case, nans};
use crate::layer::{Component, Descent, MixtureLayer, Passes};
use crate::textbook::{Mistake, Row};
use crate::threading::*;

/// A diagonal layer without its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiagonalLayer {
    pub shape: Shape,
    pub form: Form,
}

/// Both coordinates, with a mean and with a sum.
pub const FORMS: [Form; 4] = [
    Form { coordinates: Coordinates::Paper, scale: Scale::Mean },
    Form { coordinates: Coordinates::Centred, scale: Scale::Mean },
    Form { coordinates: Coordinates::Paper, scale: Scale::Sum },
    Form { coordinates: Coordinates::Centred, scale: Scale::Sum },
];

impl DiagonalLayer {
    /// 1 where E[ω|β] = Uβ + v, 0 where it is U(β − μ) + v.
    pub fn through_mean(self) -> f64 {
        if self.form.coordinates == Coordinates::Paper { 1.0 } else { 0.0 }
    }
}

impl MixtureLayer for DiagonalLayer {
    const TABLES: &'static str = "diagonal";
    const TABLE_ENTRIES: [usize; 2] = [66, 50];
    const NAMES: [&'static str; 5] = ["mu", "sigma", "u", "v", "x"];
    const CONSTANTS: [&'static str; 4] = ["a", "w", "mu", "variance"];
    const BETA: [usize; 2] = [0, 1];
    const OMEGA: [usize; 2] = [2, 3];
    const POWERS: [i32; 4] = [1, 1, -2, -1];
    const FORMS: usize = FORMS.len();
    const MOST: [f64; 6] = [40.0, 40.0, 90.0, 90.0, 90.0, 70.0];
    const ADJOINT_ROUNDINGS: f64 = 32.0;
    const ONLINE_BITS: bool = true;
    const MISTAKES: &'static [Mistake] = &[
        Mistake::SigmaForVarianceInU,
        Mistake::SigmaForVarianceInX,
        Mistake::VarianceForSigmaInSigma,
        Mistake::SignOfDensityInMu,
        Mistake::DroppedDensityInX,
        Mistake::DroppedSteinInU,
        Mistake::DroppedSteinInX,
        Mistake::OtherMeanInMu,
        Mistake::OtherMeanInU,
        Mistake::OtherCoordinates,
        Mistake::DroppedOffsetInA,
        Mistake::HalfOfSigma,
        Mistake::TransposedU,
        Mistake::ShiftedIndexInMu,
    ];

    type Passes<'a, T: Real> = Diagonal<'a, T>;
    type Descent<'a, T: Real> = DiagonalMut<'a, T>;

    fn new([inputs, outputs, components, _]: [usize; 4], form: usize) -> Self {
        Self { shape: Shape::new(inputs, outputs, components).unwrap(), form: FORMS[form] }
    }

    fn ranks() -> BoxedStrategy<usize> {
        Just(1).boxed()
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
        if self.form.scale == Scale::Mean { 1.0 / self.components() as f64 } else { 1.0 }
    }

    fn lengths(self) -> [usize; 4] {
        let shape = self.shape;
        [shape.mu_len(), shape.sigma_len(), shape.u_len(), shape.v_len()]
    }

    fn columns(self) -> [usize; 6] {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        [inputs, inputs, inputs, outputs, inputs, outputs]
    }

    fn passes<'a, T: Real>(
        self,
        [mu, sigma, u, v]: [&'a [T]; 4],
        threads: Option<&'a Threads>,
    ) -> Result<Diagonal<'a, T>, Error> {
        let layer = Diagonal::new(self.shape, Parameters { mu, sigma, u, v })?.with_form(self.form);
        Ok(if let Some(threads) = threads { layer.with_threads(threads) } else { layer })
    }

    fn passes_from_flat<T: Real>(self, flat: &[T]) -> Result<Diagonal<'_, T>, Error> {
        Ok(Diagonal::new(self.shape, Parameters::from_flat(self.shape, flat)?)?.with_form(self.form))
    }

    fn descent<'a, T: Real>(
        self,
        [mu, sigma, u, v]: [&'a mut [T]; 4],
        threads: Option<&'a Threads>,
    ) -> Result<DiagonalMut<'a, T>, Error> {
        let layer = DiagonalMut::new(self.shape, ParametersMut { mu, sigma, u, v })?.with_form(self.form);
        Ok(if let Some(threads) = threads { layer.with_threads(threads) } else { layer })
    }

    fn descent_from_flat<T: Real>(self, flat: &mut [T]) -> Result<DiagonalMut<'_, T>, Error> {
        Ok(DiagonalMut::new(self.shape, ParametersMut::from_flat(self.shape, flat)?)?.with_form(self.form))
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
        Online::new(self.shape, flat)?.with_form(self.form).forward(x, y, scratch)
    }

    fn online_step<T: Real>(
        self,
        flat: &mut [T],
        x: &[T],
        g: &[T],
        [mu, sigma, u, v]: [Option<T>; 4],
        scratch: &mut [T],
    ) -> Result<(), Error> {
        let mut layer = Online::new(self.shape, flat)?.with_form(self.form);
        layer.step(x, g, &Rates { mu, sigma, u, v }, scratch)
    }

    fn component(case: &Case<Self, f64>, component: usize, x: &[f64]) -> Component {
        formulas::component(case, component, x)
    }

    fn majorant(case: &Case<Self, f64>) -> f64 {
        formulas::majorant(case)
    }

    fn budgets(case: &Case<Self, f64>, scalar: Scalar) -> [Vec<Budget>; 6] {
        formulas::budgets(case, scalar)
    }

    /// In U and v, of which h is linear; and by the scales of μ, σ and U, which give one power more than that of U.
    fn losses([mu, sigma, u, v]: [f64; 4]) -> [f64; 2] {
        [u + v, mu + sigma - u]
    }

    fn sample(case: &Case<Self, f64>, random: &mut Pcg64) -> [Vec<f64>; 6] {
        formulas::sample(case, random)
    }

    fn pull_back(row: &Row<'_, Self>, mistake: Mistake, gradients: &mut [Vec<f64>; 4], dx: &mut [f64]) {
        formulas::pull_back(row, mistake, gradients, dx);
    }

    fn without_mean_and_spread() -> (Case<Self, f64>, [Vec<f64>; 5]) {
        let parameters = [vec![0.0, 1.0], vec![0.0, 3.0], vec![5.0, 7.0], vec![2.0]];
        let layer = Self::new([2, 1, 1, 1], 0);
        // c = U, A = 7·1 + 2 = 9, ∂m = 9/2, r = 0.
        let gradients =
            [vec![18.0, 0.0], vec![0.0; 2], vec![0.0; 2], vec![0.0], vec![0.0, 4.5 + 3.0 * 0.5 * 21.0]];
        (Case { layer, parameters, x: vec![4.0, 0.0], g: vec![1.0] }, gradients)
    }

    fn can_be_prepared(case: &Case<Self, f64>, smallest_normal: f64) -> bool {
        let normal = |value: f64| (smallest_normal..1.0 / smallest_normal).contains(&value);
        let [_, sigma, u, _] = &case.parameters;
        u.chunks(case.layer.inputs()).enumerate().all(|(row, u)| {
            let sigma = &sigma[case.layer.range(1, row / case.layer.outputs())];
            u.iter().zip(sigma).all(|(u, sigma)| {
                *sigma == 0.0 || normal(sigma * sigma) && (*u == 0.0 || normal((u * sigma * sigma).abs()))
            })
        })
    }

    fn sizes_of_sums(numbers: [f64; 6]) -> [Vec<f64>; 2] {
        formulas::sizes_of_sums(numbers)
    }
}

impl<T: Real> Passes<T> for Diagonal<'_, T> {
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
        [mu, sigma, u, v]: [Option<&mut [T]>; 4],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error> {
        self.backward(x, g, saved, Gradients { mu, sigma, u, v }, dx, scratch)
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
        self.prepare(&mut nans(self.prepared_len()))?.scratch_len(batch)
    }

    fn prepared_forward(&self, x: &[T], y: &mut [T], scratch: &mut [T]) -> Result<(), Error> {
        self.prepare(&mut nans(self.prepared_len()))?.forward(x, y, scratch)
    }

    fn prepared_from_short(&self, constant: usize) -> Result<(), Error> {
        let mut storage = nans(self.prepared_len());
        let Constants { a, w, mu, variance } = self.prepare(&mut storage)?.constants();
        let mut constants = [a, w, mu, variance];
        constants[constant] = &constants[constant][1..];
        let [a, w, mu, variance] = constants;
        Prepared::new(self.shape(), Constants { a, w, mu, variance }).map(drop)
    }

    fn sparse_forward(&self, x: &[T], y: &mut [T]) -> Result<(), Error> {
        let mut storage = nans(self.prepared_len());
        let mut columns = nans(Sparse::<T>::storage_len(self.shape()).unwrap());
        let sparse = Sparse::new(self.prepare(&mut storage).unwrap(), &mut columns).unwrap();
        sparse.forward(x, y, &mut nans(sparse.scratch_len().unwrap()))
    }
}

impl<T: Real> Descent<T> for DiagonalMut<'_, T> {
    fn saved_len(&self, batch: usize) -> Result<usize, Error> {
        self.saved_len(batch)
    }

    fn scratch_len(&self, batch: usize) -> Result<usize, Error> {
        self.scratch_len(batch)
    }

    fn forward(&self, x: &[T], y: &mut [T], saved: &mut [T], scratch: &mut [T]) -> Result<(), Error> {
        self.as_diagonal().forward(x, y, saved, scratch)
    }

    fn descend(
        &mut self,
        x: &[T],
        g: &[T],
        saved: &[T],
        [mu, sigma, u, v]: [Option<T>; 4],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error> {
        self.descend(x, g, saved, Rates { mu, sigma, u, v }, dx, scratch)
    }
}

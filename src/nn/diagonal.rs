//! The diagonal layer, in a network.

use alloc::vec;
use alloc::vec::Vec;

use super::threads::OptionalThreads;
use super::{Block, Layer, LayerKind};
use crate::diagonal::{
    self, Coordinates, DiagonalMut, Form, Gradients, Parameters, ParametersMut, Rates, Scale,
};
use crate::{Error, Real, Shape};

/// The Gaussian mixture layer with diagonal covariance, [`diagonal::Diagonal`], in a network.
///
/// ```text
/// y = 1/K Σ_k E[(U_k β + v_k) ReLU(⟨β, x⟩)],   β ~ N(μ_k, diag σ_k²)
/// ```
///
/// Blocks: `mu: [K × d]`, `sigma: [K × d]`, `u: [K × L × d]`, `v: [K × L]`. The starting values are
/// those of the paper: μ, U, v ~ N(0, γ²) and σ = γ. Accuracy and conventions are those of
/// [`diagonal::Diagonal`].
#[derive(Debug, Clone)]
pub struct Diagonal {
    shape: Shape,
    gamma: f64,
    form: Form,
    threads: OptionalThreads,
}

impl Diagonal {
    /// A layer of the sizes `shape`, whose starting values have the scale `gamma`.
    #[must_use]
    pub const fn new(shape: Shape, gamma: f64) -> Self {
        Self {
            shape,
            gamma,
            form: Form { coordinates: Coordinates::Paper, scale: Scale::Mean },
            threads: OptionalThreads::none(),
        }
    }

    /// The same layer with other coordinates or another scale; see [`diagonal::Diagonal::with_form`].
    #[must_use]
    pub const fn with_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// The same layer on several threads, with the same bits; see [`diagonal::Diagonal::with_threads`].
    #[cfg(feature = "threads")]
    #[must_use]
    pub fn with_threads(self, threads: crate::Threads) -> Self {
        Self { threads: OptionalThreads::of(threads), ..self }
    }

    /// The layer over its parameters in one flat slice.
    fn diagonal<'a, T: Real>(&'a self, parameters: &'a [T]) -> Result<diagonal::Diagonal<'a, T>, Error> {
        let layer = diagonal::Diagonal::new(self.shape, Parameters::from_flat(self.shape, parameters)?)?;
        Ok(layer.with_form(self.form).with_workers(self.threads.workers()))
    }
}

impl<T: Real> Layer<T> for Diagonal {
    fn kind(&self) -> LayerKind {
        LayerKind::Diagonal { shape: self.shape, gamma: self.gamma, form: self.form }
    }

    fn inputs(&self) -> usize {
        self.shape.inputs()
    }

    fn outputs(&self) -> usize {
        self.shape.outputs()
    }

    fn blocks(&self) -> Vec<Block> {
        let (inputs, outputs, components) =
            (self.shape.inputs(), self.shape.outputs(), self.shape.components());
        vec![
            Block { name: "mu", dimensions: vec![components, inputs] },
            Block { name: "sigma", dimensions: vec![components, inputs] },
            Block { name: "u", dimensions: vec![components, outputs, inputs] },
            Block { name: "v", dimensions: vec![components, outputs] },
        ]
    }

    fn saved_len(&self, batch: usize) -> Result<usize, Error> {
        diagonal::saved_len(self.shape, batch)
    }

    fn scratch_len(&self, batch: usize) -> Result<usize, Error> {
        diagonal::scratch_len_of(self.shape, batch, self.threads.workers())
    }

    fn forward(
        &self,
        parameters: &[T],
        x: &[T],
        y: &mut [T],
        saved: &mut [T],
        scratch: &mut [T],
    ) -> Result<(), Error> {
        self.diagonal(parameters)?.forward(x, y, saved, scratch)
    }

    fn backward(
        &self,
        parameters: &[T],
        x: &[T],
        g: &[T],
        saved: &[T],
        frozen: &[bool],
        gradients: &mut [T],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<(), Error> {
        let layer = self.diagonal(parameters)?;
        let &[freeze_mu, freeze_sigma, freeze_u, freeze_v] = frozen else {
            return Err(Error::Length { argument: "frozen", expected: 4, got: frozen.len() });
        };
        let Gradients { mu, sigma, u, v } = Gradients::from_flat(self.shape, gradients)?;
        let gradients = Gradients {
            mu: mu.filter(|_| !freeze_mu),
            sigma: sigma.filter(|_| !freeze_sigma),
            u: u.filter(|_| !freeze_u),
            v: v.filter(|_| !freeze_v),
        };
        layer.backward(x, g, saved, gradients, dx, scratch)
    }

    fn descend(
        &self,
        parameters: &mut [T],
        x: &[T],
        g: &[T],
        saved: &[T],
        rates: &[Option<T>],
        dx: Option<&mut [T]>,
        scratch: &mut [T],
    ) -> Result<bool, Error> {
        let &[mu, sigma, u, v] = rates else {
            return Err(Error::Length { argument: "rates", expected: 4, got: rates.len() });
        };
        let parameters = ParametersMut::from_flat(self.shape, parameters)?;
        let layer = DiagonalMut::new(self.shape, parameters)?;
        let mut layer = layer.with_form(self.form).with_workers(self.threads.workers());
        layer.descend(x, g, saved, Rates { mu, sigma, u, v }, dx, scratch)?;
        Ok(true)
    }

    #[cfg(feature = "rand")]
    fn initialise(&self, parameters: &mut [T], random: &mut dyn rand_core::Rng) -> Result<(), Error> {
        crate::shape::exact("parameters", parameters.len(), self.shape.parameter_count())?;
        let (mu, rest) = parameters.split_at_mut(self.shape.mu_len());
        let (sigma, rest) = rest.split_at_mut(self.shape.sigma_len());
        let (u, v) = rest.split_at_mut(self.shape.u_len());
        diagonal::initialise(self.shape, self.gamma, random, mu, sigma, u, v)
    }
}

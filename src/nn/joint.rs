//! The joint layer, in a network.

use alloc::vec;
use alloc::vec::Vec;

use super::threads::OptionalThreads;
use super::{Block, Layer, LayerKind};
use crate::joint::{self, Gradients, JointMut, JointShape, Parameters, ParametersMut, Rates};
use crate::{Error, Real, Scale};

/// The scales of the starting values of a [`Joint`] layer; see [`joint::initialise`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointStart {
    /// The scale γ of the weights β.
    pub gamma: f64,
    /// The scale γ_ω of the outputs ω.
    pub output_gamma: f64,
}

/// The Gaussian mixture layer with a joint covariance of any rank, [`joint::Joint`], in a network.
///
/// ```text
/// y = 1/K Σ_k E[ω ReLU(⟨β, x⟩)],   (ω, β) ~ N((μ_ω, μ_β), CCᵀ),   C = [C_ω; C_β]
/// ```
///
/// Blocks: `mu_w: [K × L]`, `c_w: [K × R × L]`, `mu_b: [K × d]`, `c_b: [K × R × d]`, or `[R × d]` where it is
/// [tied](JointShape::tied). Accuracy and conventions are
/// those of [`joint::Joint`].
#[derive(Debug, Clone)]
pub struct Joint {
    shape: JointShape,
    start: JointStart,
    scale: Scale,
    threads: OptionalThreads,
}

impl Joint {
    /// A layer of the sizes `shape`, whose starting values have the scales `start`.
    #[must_use]
    pub const fn new(shape: JointShape, start: JointStart) -> Self {
        Self { shape, start, scale: Scale::Mean, threads: OptionalThreads::none() }
    }

    /// The same layer with another scale; see [`joint::Joint::with_scale`].
    #[must_use]
    pub const fn with_scale(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }

    /// The same layer on several threads, with the same bits; see [`joint::Joint::with_threads`].
    #[cfg(feature = "threads")]
    #[must_use]
    pub fn with_threads(self, threads: crate::Threads) -> Self {
        Self { threads: OptionalThreads::of(threads), ..self }
    }

    /// The layer over its parameters in one flat slice.
    fn joint<'a, T: Real>(&'a self, parameters: &'a [T]) -> Result<joint::Joint<'a, T>, Error> {
        let layer = joint::Joint::new(self.shape, Parameters::from_flat(self.shape, parameters)?)?;
        Ok(layer.with_scale(self.scale).with_workers(self.threads.workers()))
    }
}

impl<T: Real> Layer<T> for Joint {
    fn kind(&self) -> LayerKind {
        LayerKind::Joint { shape: self.shape, start: self.start, scale: self.scale }
    }

    fn inputs(&self) -> usize {
        self.shape.inputs()
    }

    fn outputs(&self) -> usize {
        self.shape.outputs()
    }

    fn blocks(&self) -> Vec<Block> {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let (components, rank) = (self.shape.components(), self.shape.rank());
        vec![
            Block { name: "mu_w", dimensions: vec![components, outputs] },
            Block { name: "c_w", dimensions: vec![components, rank, outputs] },
            Block { name: "mu_b", dimensions: vec![components, inputs] },
            match self.shape.is_tied() {
                false => Block { name: "c_b", dimensions: vec![components, rank, inputs] },
                true => Block { name: "c_b", dimensions: vec![rank, inputs] },
            },
        ]
    }

    fn saved_len(&self, batch: usize) -> Result<usize, Error> {
        joint::saved_len(self.shape, batch)
    }

    fn scratch_len(&self, batch: usize) -> Result<usize, Error> {
        joint::scratch_len_of(self.shape, batch, self.threads.workers())
    }

    fn forward(
        &self,
        parameters: &[T],
        x: &[T],
        y: &mut [T],
        saved: &mut [T],
        scratch: &mut [T],
    ) -> Result<(), Error> {
        self.joint(parameters)?.forward(x, y, saved, scratch)
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
        let layer = self.joint(parameters)?;
        let &[freeze_mu_w, freeze_c_w, freeze_mu_b, freeze_c_b] = frozen else {
            return Err(Error::Length { argument: "frozen", expected: 4, got: frozen.len() });
        };
        let Gradients { mu_w, c_w, mu_b, c_b } = Gradients::from_flat(self.shape, gradients)?;
        let gradients = Gradients {
            mu_w: mu_w.filter(|_| !freeze_mu_w),
            c_w: c_w.filter(|_| !freeze_c_w),
            mu_b: mu_b.filter(|_| !freeze_mu_b),
            c_b: c_b.filter(|_| !freeze_c_b),
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
        let &[mu_w, c_w, mu_b, c_b] = rates else {
            return Err(Error::Length { argument: "rates", expected: 4, got: rates.len() });
        };
        let layer = JointMut::new(self.shape, ParametersMut::from_flat(self.shape, parameters)?)?;
        let mut layer = layer.with_scale(self.scale).with_workers(self.threads.workers());
        layer.descend(x, g, saved, Rates { mu_w, c_w, mu_b, c_b }, dx, scratch)?;
        Ok(true)
    }

    #[cfg(feature = "rand")]
    fn initialise(&self, parameters: &mut [T], random: &mut dyn rand_core::Rng) -> Result<(), Error> {
        let JointStart { gamma, output_gamma } = self.start;
        joint::initialise(
            self.shape,
            gamma,
            output_gamma,
            random,
            ParametersMut::from_flat(self.shape, parameters)?,
        )
    }
}

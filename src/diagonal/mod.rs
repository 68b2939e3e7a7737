//! The Gaussian mixture layer with diagonal covariance.

#[cfg(feature = "rand")]
mod initialise;

#[cfg(feature = "rand")]
pub use initialise::initialise;

use crate::{Error, Real, Shape};

/// The four blocks of a layer's parameters.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<'a, T> {
    /// Means.
    pub mu: &'a [T],
    /// Standard deviations.
    pub sigma: &'a [T],
    /// Slopes.
    pub u: &'a [T],
    /// Offsets.
    pub v: &'a [T],
}

/// Where the gradients of the parameters are added.
#[derive(Debug)]
pub struct Gradients<'a, T> {
    /// Of the means.
    pub mu: Option<&'a mut [T]>,
    /// Of the standard deviations.
    pub sigma: Option<&'a mut [T]>,
    /// Of the slopes.
    pub u: Option<&'a mut [T]>,
    /// Of the offsets.
    pub v: Option<&'a mut [T]>,
}

/// The layer.
#[derive(Debug, Clone, Copy)]
pub struct Diagonal<'a, T> {
    shape: Shape,
    parameters: Parameters<'a, T>,
}

impl<'a, T: Real> Diagonal<'a, T> {
    /// A layer over borrowed parameters.
    pub fn new(shape: Shape, parameters: Parameters<'a, T>) -> Result<Self, Error> {
        Ok(Self { shape, parameters })
    }

    /// Scratch for a batch.
    pub fn workspace_len(&self, _batch: usize) -> Result<usize, Error> {
        Ok(0)
    }

    /// y.
    pub fn forward(&self, _x: &[T], _y: &mut [T], _work: &mut [T]) -> Result<(), Error> {
        let _ = (self.shape, self.parameters.mu);
        Ok(())
    }

    /// Gradients, added; dx, overwritten.
    pub fn backward(
        &self,
        _x: &[T],
        _g: &[T],
        _gradients: Gradients<'_, T>,
        _dx: Option<&mut [T]>,
        _work: &mut [T],
    ) -> Result<(), Error> {
        Ok(())
    }
}

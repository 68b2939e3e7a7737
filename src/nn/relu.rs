//! The rectifier.

use alloc::vec::Vec;

use super::{Block, Layer, LayerKind};
use crate::{Error, Real, shape};

/// The rectifier, one number at a time, without parameters.
///
/// ```text
/// y = max(x, 0),   ∂x = g where x > 0, 0 where x < 0, g/2 where x = 0
/// ```
///
/// `x, y, g, ∂x: [batch × width]`. The half at 0 (and −0) is the limit of central differences, as in the
/// diagonal and joint layers. NaN in gives NaN out. All values are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relu {
    width: usize,
}

impl Relu {
    /// A rectifier of `width` numbers a row.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] when `width` is zero.
    pub const fn new(width: usize) -> Result<Self, Error> {
        if width == 0 { Err(Error::Zero { argument: "width" }) } else { Ok(Self { width }) }
    }
}

impl<T: Real> Layer<T> for Relu {
    fn kind(&self) -> LayerKind {
        LayerKind::Relu { width: self.width }
    }

    fn inputs(&self) -> usize {
        self.width
    }

    fn outputs(&self) -> usize {
        self.width
    }

    fn blocks(&self) -> Vec<Block> {
        Vec::new()
    }

    fn scratch_len(&self, _batch: usize) -> Result<usize, Error> {
        Ok(0)
    }

    fn forward(
        &self,
        parameters: &[T],
        x: &[T],
        y: &mut [T],
        _saved: &mut [T],
        _scratch: &mut [T],
    ) -> Result<(), Error> {
        shape::exact("parameters", parameters.len(), 0)?;
        shape::rows("x", x.len(), self.width)?;
        shape::exact("y", y.len(), x.len())?;
        for (y, &x) in y.iter_mut().zip(x) {
            *y = x.positive_part();
        }
        Ok(())
    }

    fn backward(
        &self,
        parameters: &[T],
        x: &[T],
        g: &[T],
        _saved: &[T],
        _frozen: &[bool],
        gradients: &mut [T],
        dx: Option<&mut [T]>,
        _scratch: &mut [T],
    ) -> Result<(), Error> {
        shape::exact("parameters", parameters.len(), 0)?;
        shape::exact("gradients", gradients.len(), 0)?;
        shape::rows("x", x.len(), self.width)?;
        shape::exact("g", g.len(), x.len())?;
        let Some(dx) = dx else { return Ok(()) };
        shape::exact("dx", dx.len(), x.len())?;
        let half = T::from_f64(0.5);
        for ((dx, &x), &g) in dx.iter_mut().zip(x).zip(g) {
            *dx = if x > T::zero() {
                g
            } else if x < T::zero() {
                T::zero()
            } else if x == T::zero() {
                g * half
            } else {
                x
            };
        }
        Ok(())
    }

    #[cfg(feature = "rand")]
    fn initialise(&self, parameters: &mut [T], _random: &mut dyn rand_core::Rng) -> Result<(), Error> {
        shape::exact("parameters", parameters.len(), 0)
    }
}

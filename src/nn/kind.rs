//! What a layer is, as plain data.

use alloc::boxed::Box;

use super::{Dense, Diagonal, Joint, JointStart, Layer, Relu};
use crate::diagonal::Form;
use crate::joint::JointShape;
use crate::{Error, Real, Scale, Shape};

/// A layer's kind and sizes: what a checkpoint keeps of it besides its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum LayerKind {
    /// A Gaussian mixture layer with diagonal covariance, [`Diagonal`].
    Diagonal {
        /// Inputs d, outputs L, components K.
        shape: Shape,
        /// The scale γ of the starting values.
        gamma: f64,
        /// The coordinates and the scale.
        form: Form,
    },
    /// A Gaussian mixture layer with a joint covariance, [`Joint`].
    Joint {
        /// Inputs d, outputs L, components K, rank R.
        shape: JointShape,
        /// The scales of the starting values.
        start: JointStart,
        /// How the components are put together.
        scale: Scale,
    },
    /// A dense layer, [`Dense`].
    Dense {
        /// The number of inputs.
        inputs: usize,
        /// The number of outputs.
        outputs: usize,
        /// Whether the outputs have an offset.
        bias: bool,
    },
    /// A rectifier, [`Relu`].
    Relu {
        /// The number of inputs and outputs.
        width: usize,
    },
    /// A layer that this crate does not know, by its name.
    Other(&'static str),
}

impl LayerKind {
    /// A short name for reports: `diagonal`, `joint`, `dense`, `relu`, or the other layer's own.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match *self {
            Self::Diagonal { .. } => "diagonal",
            Self::Joint { .. } => "joint",
            Self::Dense { .. } => "dense",
            Self::Relu { .. } => "relu",
            Self::Other(name) => name,
        }
    }

    /// Builds the layer; `None` for [`LayerKind::Other`].
    ///
    /// # Errors
    ///
    /// A size that is zero or too large.
    pub fn build<T: Real>(&self) -> Result<Option<Box<dyn Layer<T>>>, Error> {
        Ok(match *self {
            Self::Diagonal { shape, gamma, form } => {
                Some(Box::new(Diagonal::new(shape, gamma).with_form(form)))
            }
            Self::Joint { shape, start, scale } => Some(Box::new(Joint::new(shape, start).with_scale(scale))),
            Self::Dense { inputs, outputs, bias } => Some(Box::new(Dense::new(inputs, outputs, bias)?)),
            Self::Relu { width } => Some(Box::new(Relu::new(width)?)),
            Self::Other(_) => None,
        })
    }
}

//! A layer of either kind, and its components as layers of their own.

use gmlayer::diagonal::{self, Coordinates, Diagonal, Form};
use gmlayer::joint::{self, Joint, JointShape};
use gmlayer::{Error, Real, Rectified, Scale, Shape};

/// Pixels of an image.
pub const INPUTS: usize = 784;
/// Classes.
pub const OUTPUTS: usize = 10;

/// What a layer is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// With diagonal covariance.
    Diagonal(Shape, Form),
    /// With a joint covariance, tied or not.
    Joint(JointShape, Scale),
}

impl Kind {
    /// A layer with diagonal covariance.
    pub fn diagonal(components: usize, centred: bool, sum: bool) -> Result<Self, Error> {
        let coordinates = if centred { Coordinates::Centred } else { Coordinates::Paper };
        Ok(Self::Diagonal(Shape::new(INPUTS, OUTPUTS, components)?, Form { coordinates, scale: scale(sum) }))
    }

    /// A layer with a joint covariance.
    pub fn joint(components: usize, rank: usize, tied: bool, sum: bool) -> Result<Self, Error> {
        let shape = JointShape::new(INPUTS, OUTPUTS, components, rank)?;
        Ok(Self::Joint(if tied { shape.tied() } else { shape }, scale(sum)))
    }

    /// The number of components.
    pub fn components(&self) -> usize {
        match self {
            Self::Diagonal(shape, _) => shape.components(),
            Self::Joint(shape, _) => shape.components(),
        }
    }

    /// The number of parameters.
    pub fn parameter_count(&self) -> usize {
        match self {
            Self::Diagonal(shape, _) => shape.parameter_count(),
            Self::Joint(shape, _) => shape.parameter_count(),
        }
    }
}

fn scale(sum: bool) -> Scale {
    if sum { Scale::Sum } else { Scale::Mean }
}

/// A layer over its parameters.
#[derive(Debug)]
pub enum Layer<'a> {
    /// With diagonal covariance.
    Diagonal(Diagonal<'a, f32>),
    /// With a joint covariance.
    Joint(Joint<'a, f32>),
}

impl<'a> Layer<'a> {
    /// The layer of the flat parameters of a checkpoint.
    pub fn of(kind: Kind, parameters: &'a [f32]) -> Result<Self, Error> {
        Ok(match kind {
            Kind::Diagonal(shape, form) => {
                let parameters = diagonal::Parameters::from_flat(shape, parameters)?;
                Self::Diagonal(Diagonal::new(shape, parameters)?.with_form(form))
            }
            Kind::Joint(shape, scale) => {
                let parameters = joint::Parameters::from_flat(shape, parameters)?;
                Self::Joint(Joint::new(shape, parameters)?.with_scale(scale))
            }
        })
    }

    /// One component of it by itself, as a layer; nothing is divided by the number of components.
    pub fn component(kind: Kind, parameters: &'a [f32], index: usize) -> Result<Self, Error> {
        Ok(match kind {
            Kind::Diagonal(shape, form) => {
                let all = diagonal::Parameters::from_flat(shape, parameters)?;
                let own = diagonal::Parameters {
                    mu: block(all.mu, INPUTS, index),
                    sigma: block(all.sigma, INPUTS, index),
                    u: block(all.u, OUTPUTS * INPUTS, index),
                    v: block(all.v, OUTPUTS, index),
                };
                let form = Form { scale: Scale::Sum, ..form };
                Self::Diagonal(Diagonal::new(Shape::new(INPUTS, OUTPUTS, 1)?, own)?.with_form(form))
            }
            Kind::Joint(shape, _) => {
                let all = joint::Parameters::from_flat(shape, parameters)?;
                let rank = shape.rank();
                let family = if shape.is_tied() { 0 } else { index };
                let own = joint::Parameters {
                    mu_w: block(all.mu_w, OUTPUTS, index),
                    c_w: block(all.c_w, rank * OUTPUTS, index),
                    mu_b: block(all.mu_b, INPUTS, index),
                    c_b: block(all.c_b, rank * INPUTS, family),
                };
                Self::Joint(Joint::new(JointShape::new(INPUTS, OUTPUTS, 1, rank)?, own)?)
            }
        })
    }

    /// Mean and standard deviation of z = ⟨β, x⟩ over the neurons of a layer of one component, and P(z > 0).
    pub fn input(&self, x: &[f32]) -> [f32; 3] {
        let (m, squares) = match self {
            Self::Diagonal(layer) => {
                let diagonal::Parameters { mu, sigma, .. } = layer.parameters();
                (dot(mu, x), sigma.iter().zip(x).map(|(sigma, x)| (sigma * x) * (sigma * x)).sum())
            }
            Self::Joint(layer) => {
                let joint::Parameters { mu_b, c_b, .. } = layer.parameters();
                let q = c_b.chunks_exact(INPUTS).map(|factor| dot(factor, x));
                (dot(mu_b, x), q.map(|q| q * q).sum::<f32>())
            }
        };
        let s = Real::sqrt(squares);
        [m, s, Rectified::new(m, s).probability]
    }

    /// The lengths of saved activations and scratch for one image.
    pub fn lens(&self) -> Result<(usize, usize), Error> {
        match self {
            Self::Diagonal(layer) => Ok((layer.saved_len(1)?, layer.scratch_len(1)?)),
            Self::Joint(layer) => Ok((layer.saved_len(1)?, layer.scratch_len(1)?)),
        }
    }

    /// y = h(x).
    pub fn forward(
        &self,
        x: &[f32],
        y: &mut [f32],
        saved: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<(), Error> {
        match self {
            Self::Diagonal(layer) => layer.forward(x, y, saved, scratch),
            Self::Joint(layer) => layer.forward(x, y, saved, scratch),
        }
    }

    /// ∂⟨g, h⟩/∂x, after [`forward`](Self::forward).
    pub fn slope(
        &self,
        x: &[f32],
        g: &[f32],
        saved: &[f32],
        dx: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<(), Error> {
        match self {
            Self::Diagonal(layer) => {
                layer.backward(x, g, saved, diagonal::Gradients::none(), Some(dx), scratch)
            }
            Self::Joint(layer) => layer.backward(x, g, saved, joint::Gradients::none(), Some(dx), scratch),
        }
    }
}

/// The block of a component; empty where there is none, which the layer refuses.
fn block(all: &[f32], len: usize, index: usize) -> &[f32] {
    all.chunks_exact(len).nth(index).unwrap_or_default()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

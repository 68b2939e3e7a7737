//! The layers of a network as JSON.

use serde::{Deserialize, Serialize};

use super::CheckpointProblem;
use super::training::TrainingEntry;
use crate::diagonal::{Coordinates, Form};
use crate::joint::JointShape;
use crate::nn::{JointStart, Layer, LayerKind, Network, NetworkError};
use crate::{Scale, Shape};

/// The version of the format that this code writes, and the only one that it reads.
const VERSION: u64 = 2;

/// The layers of a network at most.
const MOST_LAYERS: usize = 10_000;

/// Whether a setting need not be written.
fn is_default(flag: &bool) -> bool {
    !flag
}

/// What a file says about its network besides the parameters.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    version: u64,
    layers: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) training: Option<TrainingEntry>,
    /// Written by hand, after everything that it is of.
    #[serde(default, skip_serializing)]
    pub(super) checksum: Option<String>,
}

/// The part that every version has.
#[derive(Debug, Deserialize)]
struct Versioned {
    version: u64,
}

/// One layer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Entry {
    Diagonal {
        inputs: usize,
        outputs: usize,
        components: usize,
        gamma: f64,
        /// Left out in the paper's coordinates.
        #[serde(default, skip_serializing_if = "is_default")]
        centred: bool,
        /// Left out where the layer takes the mean over its components.
        #[serde(default, skip_serializing_if = "is_default")]
        sum: bool,
    },
    Joint {
        inputs: usize,
        outputs: usize,
        components: usize,
        rank: usize,
        /// Left out where every component has its own factors of β.
        #[serde(default, skip_serializing_if = "is_default")]
        tied: bool,
        gamma: f64,
        output_gamma: f64,
        /// Left out where the layer takes the mean over its components.
        #[serde(default, skip_serializing_if = "is_default")]
        sum: bool,
    },
    Dense {
        inputs: usize,
        outputs: usize,
        bias: bool,
    },
    Relu {
        width: usize,
    },
}

impl Entry {
    /// Whether the layer has tensors.
    const fn has_parameters(&self) -> bool {
        !matches!(self, Self::Relu { .. })
    }
}

/// Refuses layers that a file of their size does not vouch for: every one has tensors or, once, follows one that has.
fn check(layers: &[Entry]) -> Result<(), CheckpointProblem> {
    if layers.len() > MOST_LAYERS {
        return Err(CheckpointProblem::Layers { limit: MOST_LAYERS, got: layers.len() });
    }
    if layers.first().is_some_and(|first| !first.has_parameters()) {
        return Err(CheckpointProblem::NoParameters);
    }
    let without = |pair: &[Entry]| !pair.iter().any(Entry::has_parameters);
    match layers.windows(2).position(without) {
        Some(place) => Err(CheckpointProblem::Rectifiers { layer: place + 1 }),
        None => Ok(()),
    }
}

impl Description {
    pub(super) fn of(
        network: &Network<f32>,
        training: Option<TrainingEntry>,
    ) -> Result<Self, CheckpointProblem> {
        let layers = network
            .layers()
            .map(|layer| match layer.kind() {
                LayerKind::Diagonal { shape, gamma, form } => Ok(Entry::Diagonal {
                    inputs: shape.inputs(),
                    outputs: shape.outputs(),
                    components: shape.components(),
                    gamma,
                    centred: form.coordinates == Coordinates::Centred,
                    sum: form.scale == Scale::Sum,
                }),
                LayerKind::Joint { shape, start, scale } => Ok(Entry::Joint {
                    inputs: shape.inputs(),
                    outputs: shape.outputs(),
                    components: shape.components(),
                    rank: shape.rank(),
                    tied: shape.is_tied(),
                    gamma: start.gamma,
                    output_gamma: start.output_gamma,
                    sum: scale == Scale::Sum,
                }),
                LayerKind::Dense { inputs, outputs, bias } => Ok(Entry::Dense { inputs, outputs, bias }),
                LayerKind::Relu { width } => Ok(Entry::Relu { width }),
                LayerKind::Other(name) => Err(CheckpointProblem::Layer(name)),
            })
            .collect::<Result<Vec<_>, _>>()?;
        check(&layers)?;
        Ok(Self { version: VERSION, layers, training, checksum: None })
    }

    pub(super) fn to_json(&self) -> Result<String, CheckpointProblem> {
        serde_json::to_string(self).map_err(CheckpointProblem::Description)
    }

    pub(super) fn from_json(text: &str) -> Result<Self, CheckpointProblem> {
        let Versioned { version } = serde_json::from_str(text).map_err(CheckpointProblem::Description)?;
        if version != VERSION {
            return Err(CheckpointProblem::Version { expected: VERSION, got: version });
        }
        serde_json::from_str(text).map_err(CheckpointProblem::Description)
    }

    /// The layers, each fitting the one before it. Every size is also that of a tensor, and there are at most twice as
    /// many layers as layers with tensors.
    pub(super) fn layers(&self) -> Result<Vec<Box<dyn Layer<f32>>>, CheckpointProblem> {
        check(&self.layers)?;
        let mut layers: Vec<Box<dyn Layer<f32>>> = Vec::with_capacity(self.layers.len());
        for (index, entry) in self.layers.iter().enumerate() {
            let kind = match *entry {
                Entry::Diagonal { inputs, outputs, components, gamma, centred, sum } => LayerKind::Diagonal {
                    shape: Shape::new(inputs, outputs, components).map_err(NetworkError::from)?,
                    gamma,
                    form: Form {
                        coordinates: if centred { Coordinates::Centred } else { Coordinates::Paper },
                        scale: if sum { Scale::Sum } else { Scale::Mean },
                    },
                },
                Entry::Joint { inputs, outputs, components, rank, tied, gamma, output_gamma, sum } => {
                    let shape = JointShape::new(inputs, outputs, components, rank);
                    let shape = shape.map_err(NetworkError::from)?;
                    LayerKind::Joint {
                        shape: if tied { shape.tied() } else { shape },
                        start: JointStart { gamma, output_gamma },
                        scale: if sum { Scale::Sum } else { Scale::Mean },
                    }
                }
                Entry::Dense { inputs, outputs, bias } => LayerKind::Dense { inputs, outputs, bias },
                Entry::Relu { width } => LayerKind::Relu { width },
            };
            let Some(layer) = kind.build::<f32>().map_err(NetworkError::from)? else { continue };
            match layers.last() {
                Some(previous) if previous.outputs() != layer.inputs() => {
                    let (inputs, previous_outputs) = (layer.inputs(), previous.outputs());
                    return Err(NetworkError::Mismatch { layer: index, inputs, previous_outputs }.into());
                }
                _ => layers.push(layer),
            }
        }
        Ok(layers)
    }
}

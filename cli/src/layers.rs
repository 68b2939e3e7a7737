//! Layers in words, and as JSON.

use core::fmt;

use gmlayer::Scale;
use gmlayer::diagonal::Coordinates;
use gmlayer::nn::{Layer, LayerKind};
use serde::Serialize;

/// The sizes and choices of a layer; what a layer does not have is left out.
#[derive(Debug, Serialize)]
pub(crate) struct LayerReport {
    kind: String,
    inputs: usize,
    outputs: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    components: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tied: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coordinates: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bias: Option<bool>,
}

impl LayerReport {
    /// That of a layer.
    pub(crate) fn of(layer: &dyn Layer<f32>) -> Self {
        let kind = layer.kind();
        let plain = Self {
            kind: kind.name().to_owned(),
            inputs: layer.inputs(),
            outputs: layer.outputs(),
            components: None,
            rank: None,
            tied: None,
            coordinates: None,
            scale: None,
            bias: None,
        };
        match kind {
            LayerKind::Diagonal { shape, form, .. } => Self {
                components: Some(shape.components()),
                coordinates: Some(match form.coordinates {
                    Coordinates::Paper => "paper",
                    Coordinates::Centred => "centred",
                }),
                scale: Some(name(form.scale)),
                ..plain
            },
            LayerKind::Joint { shape, scale, .. } => Self {
                components: Some(shape.components()),
                rank: Some(shape.rank()),
                tied: Some(shape.is_tied()),
                scale: Some(name(scale)),
                ..plain
            },
            LayerKind::Dense { bias, .. } => Self { bias: Some(bias), ..plain },
            _ => plain,
        }
    }

    /// The choices besides its sizes, in words.
    pub(crate) fn choices(&self) -> String {
        let coordinates = self.coordinates.map(|name| format!("{name} coordinates"));
        let scale = self.scale.map(|name| format!("{name} over components"));
        let bias = self.bias.map(|bias| if bias { "with bias" } else { "no bias" }.to_owned());
        [coordinates, scale, bias].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for LayerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, inputs, outputs, components, rank, tied, .. } = self;
        let tied = if *tied == Some(true) { "tied " } else { "" };
        write!(f, "{tied}{kind} {inputs} → {outputs}")?;
        for (symbol, size) in [("K", components), ("R", rank)] {
            if let Some(size) = size {
                write!(f, ", {symbol} = {size}")?;
            }
        }
        Ok(())
    }
}

fn name(scale: Scale) -> &'static str {
    match scale {
        Scale::Mean => "mean",
        Scale::Sum => "sum",
    }
}

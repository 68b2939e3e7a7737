//! The numbers of an exported model, in the precision that was asked for.

use gmlayer::diagonal::{Constants, Coordinates, Diagonal, Form, Parameters, Scale};
use gmlayer::nn::Network;
use gmlayer::{Shape, compact};
use half::f16;

use crate::arguments::Precision;
use crate::failure::Failure;

/// Numbers as they are stored.
#[derive(Debug)]
pub(super) enum Values {
    F32(Vec<f32>),
    F16(Vec<f16>),
    I8(Vec<i8>),
}

impl Values {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) => values.len(),
            Self::I8(values) => values.len(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::F32(values) => size_of_val(&values[..]),
            Self::F16(values) => size_of_val(&values[..]),
            Self::I8(values) => size_of_val(&values[..]),
        }
    }

    /// The bytes, least significant first.
    pub(super) fn to_le_bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::F16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::I8(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }
}

/// One array of an exported model.
#[derive(Debug)]
pub(super) struct Block {
    /// Its name, as `gmlayer::compact` has it.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) about: String,
    pub(super) values: Values,
    /// Numbers that are not 0, and 0 as they are stored: those that `f16` is too coarse for.
    pub(super) flushed: usize,
}

impl Block {
    /// All parameters in one array.
    pub(super) fn parameters(shape: Shape, form: Form, values: Vec<f32>) -> Self {
        let (k, l, d) = (shape.components(), shape.outputs(), shape.inputs());
        let form = match form == Form::default() {
            true => String::new(),
            false => format!(", of a layer of the form {form:?}"),
        };
        let about = format!(
            "The parameters{form}: μ [{k} × {d}], σ [{k} × {d}], U [{k} × {l} × {d}], v [{k} × {l}]."
        );
        Self { name: "parameters", about, values: Values::F32(values), flushed: 0 }
    }
}

/// The constants of the prepared layer, in the order of [`compact::Blob`].
///
/// What is read takes the mean over the components: for a layer that takes their sum, a and W are K times as large.
pub(super) fn constants(
    shape: Shape,
    form: Form,
    network: &Network<f32>,
    precision: Precision,
) -> Result<Vec<Block>, Failure> {
    let parameters = Parameters::from_flat(shape, network.parameters()).map_err(Failure::other)?;
    let layer = Diagonal::new(shape, parameters).map_err(Failure::other)?.with_form(form);
    let mut storage = vec![0.0; layer.prepared_len()];
    let Constants { a, w, mu, variance } = layer.prepare(&mut storage).map_err(Failure::other)?.constants();
    let (k, l, d) = (shape.components(), shape.outputs(), shape.inputs());
    let factor = if form.scale == Scale::Sum { k as f32 } else { 1.0 };
    let [a, w] = [a, w].map(|values| values.iter().map(|value| factor * value).collect::<Vec<f32>>());
    let times = if form.scale == Scale::Sum { format!("{k} ") } else { String::new() };
    let offset = match (form.coordinates, form.scale) {
        (Coordinates::Centred, _) => "v",
        (Coordinates::Paper, Scale::Mean) => "Uμ + v",
        (Coordinates::Paper, Scale::Sum) => "(Uμ + v)",
    };
    let rows = [
        ("mu", format!("The means μ [{k} × {d}]"), mu),
        ("variance", format!("The variances σ² [{k} × {d}]"), variance),
        ("w", format!("W = {times}U diag(σ²) [{k} × {l} × {d}]"), &w[..]),
    ];
    let offsets = ("a", format!("a = {times}{offset} [{k} × {l}]"), &a[..]);
    if let Precision::I8 = precision {
        let mut blocks = vec![plain(offsets, Precision::F32)?];
        let quantised = rows.map(|(name, about, values)| scaled(name, about, values, d));
        let [mu, variance, w] = quantised;
        let ((mu_scales, mu), (variance_scales, variance), (w_scales, w)) = (mu?, variance?, w?);
        blocks.extend([w_scales, mu_scales, variance_scales, mu, variance, w]);
        return Ok(blocks);
    }
    let [mu, variance, w] = rows;
    [offsets, mu, variance, w].map(|numbers| plain(numbers, precision)).into_iter().collect()
}

/// Numbers as they are or in `f16`.
pub(super) fn plain(
    (name, about, values): (&'static str, String, &[f32]),
    precision: Precision,
) -> Result<Block, Failure> {
    let mut flushed = 0;
    let (values, finite) = match precision {
        Precision::F16 => {
            let halves: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
            let finite = halves.iter().all(|half| half.is_finite());
            let lost = |(&value, &half): (&f32, &f16)| value != 0.0 && half == f16::ZERO;
            flushed = values.iter().zip(&halves).filter(|&pair| lost(pair)).count();
            (Values::F16(halves), finite)
        }
        _ => (Values::F32(values.to_vec()), values.iter().all(|value| value.is_finite())),
    };
    if !finite {
        return Err(Failure::other(format!("`{name}` holds a number that is too large for this precision")));
    }
    let ending = if precision == Precision::F16 { ", as the bits of f16" } else { "" };
    Ok(Block { name, about: format!("{about}{ending}."), values, flushed })
}

/// Rows of numbers as scales and 8-bit integers.
fn scaled(
    name: &'static str,
    about: String,
    values: &[f32],
    inputs: usize,
) -> Result<(Block, Block), Failure> {
    let mut integers = vec![0; values.len()];
    let rows = values.chunks_exact(inputs).zip(integers.chunks_exact_mut(inputs));
    let scales: Result<Vec<f32>, _> = rows.map(|(row, integers)| compact::quantise(row, integers)).collect();
    let scales = scales.map_err(Failure::other)?;
    if !scales.iter().all(|scale| scale.is_finite()) {
        return Err(Failure::other(format!("`{name}` holds a number that is too large")));
    }
    let scale_name = match name {
        "mu" => "mu_scales",
        "variance" => "variance_scales",
        _ => "w_scales",
    };
    let scale = format!("{about}: the scale of each row.");
    let integer = format!("{about}: the integers.");
    Ok((
        Block { name: scale_name, about: scale, values: Values::F32(scales), flushed: 0 },
        Block { name, about: integer, values: Values::I8(integers), flushed: 0 },
    ))
}

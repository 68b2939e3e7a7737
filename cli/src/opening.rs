//! What is trained on what, in one line.

use gmlayer::nn::Network;

use crate::arguments::{CoordinatesName, Model, OptimizerName, ScaleName, ScheduleName, TrainArguments};
use crate::model::Choices;
use crate::shown::shown;

/// The network with its parameters, the data by their name with the numbers of samples to train and to test on, the
/// optimiser with its rates and schedule, and the seed.
pub(crate) fn opening(
    arguments: &TrainArguments,
    choices: &Choices,
    data: &str,
    [train, test]: [usize; 2],
    network: &Network<f32>,
) -> String {
    let optimizer = match arguments.optimizer {
        OptimizerName::Sgd => "sgd",
        OptimizerName::Adam => "adam",
    };
    let schedule = match arguments.schedule {
        ScheduleName::Constant => "constant",
        ScheduleName::Cosine => "cosine",
    };
    format!(
        "{} ({} parameters) on {} ({train} samples, {test} to test), {optimizer}, {}, {schedule}, seed {}",
        layers(arguments.model, choices, network),
        network.parameters().len(),
        shown(data),
        rates(arguments.model, choices),
        arguments.seed,
    )
}

/// The layers, such as `diagonal 784 → 16 → 10, K = 20`.
fn layers(model: Model, choices: &Choices, network: &Network<f32>) -> String {
    let sizes = [&[network.inputs()], &choices.hidden[..], &[network.outputs()]].concat();
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    let mut text = format!("{} {}", model.name(), sizes.join(" → "));
    if model != Model::Dense {
        text += &format!(", K = {}", choices.components);
    }
    if model == Model::Joint {
        text += &format!(", R = {}{}", choices.rank, if choices.tied { ", tied" } else { "" });
    }
    if model == Model::Diagonal && choices.coordinates == CoordinatesName::Centred {
        text += ", centred";
    }
    if model != Model::Dense && choices.scale == ScaleName::Sum {
        text += ", sum";
    }
    text
}

/// The learning rates; that of σ where it is another.
fn rates(model: Model, choices: &Choices) -> String {
    let (rate, sigma) = (choices.learning_rate, choices.sigma_learning_rate);
    match model == Model::Diagonal && sigma != rate {
        true => format!("rate {rate} (sigma {sigma})"),
        false => format!("rate {rate}"),
    }
}

//! The network and the optimiser that the arguments ask for.

use gmlayer::diagonal::{Coordinates, Form};
use gmlayer::joint::JointShape;
use gmlayer::nn::{
    Adam, AdamSettings, Cosine, Dense, Diagonal, Joint, JointStart, Layer, Network, NetworkError, Optimizer,
    Relu, Sgd,
};
use gmlayer::{Error, Scale, Shape, Threads};

use crate::arguments::{CoordinatesName, Model, OptimizerName, ScaleName, ScheduleName, TrainArguments};
use crate::failure::Failure;
use crate::memory;

/// The most parameters that a network may have: 4 GiB of them.
const MOST_PARAMETERS: usize = 1 << 30;

/// What the arguments mean once the defaults are filled in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choices {
    /// Components of a diagonal or joint layer.
    pub(crate) components: usize,
    /// Rank of the covariance of a joint layer.
    pub(crate) rank: usize,
    /// Whether the components of a joint layer share their factors of β.
    pub(crate) tied: bool,
    /// Scale of the starting values of a diagonal or joint layer.
    pub(crate) gamma: f32,
    /// Scale of the starting values of the outputs of a joint layer.
    pub(crate) output_gamma: f32,
    /// Coordinates of a diagonal layer.
    pub(crate) coordinates: CoordinatesName,
    /// Mean or sum over the components.
    pub(crate) scale: ScaleName,
    /// Outputs of the hidden layers.
    pub(crate) hidden: Vec<usize>,
    /// The learning rate.
    pub(crate) learning_rate: f32,
    /// The learning rate of the standard deviations.
    pub(crate) sigma_learning_rate: f32,
}

impl Choices {
    /// Fills in the defaults; an option that the model has no use for is refused.
    pub(crate) fn of(arguments: &TrainArguments) -> Result<Self, Failure> {
        let unused = match arguments.model {
            Model::Diagonal => vec![
                ("--width", arguments.width.is_some()),
                ("--rank", arguments.rank.is_some()),
                ("--tied", arguments.tied),
                ("--output-gamma", arguments.output_gamma.is_some()),
            ],
            Model::Joint => vec![
                ("--width", arguments.width.is_some()),
                ("--coordinates", arguments.coordinates.is_some()),
                ("--sigma-learning-rate", arguments.sigma_learning_rate.is_some()),
            ],
            Model::Dense => vec![
                ("--rank", arguments.rank.is_some()),
                ("--tied", arguments.tied),
                ("--output-gamma", arguments.output_gamma.is_some()),
                ("--components", arguments.components.is_some()),
                ("--gamma", arguments.gamma.is_some()),
                ("--coordinates", arguments.coordinates.is_some()),
                ("--scale", arguments.scale.is_some()),
                ("--threads", arguments.threads.is_some()),
                ("--sigma-learning-rate", arguments.sigma_learning_rate.is_some()),
            ],
        };
        if let Some((option, _)) = unused.iter().find(|(_, given)| *given) {
            let model = arguments.model.name();
            return Err(Failure::usage(format!("{option} has no meaning with --model {model}")));
        }
        let hidden = match arguments.model {
            Model::Dense if arguments.hidden.is_empty() => vec![arguments.width.unwrap_or(1000)],
            _ => arguments.hidden.clone(),
        };
        let (rate, sigma_rate) = match (arguments.optimizer, arguments.learning_rate) {
            (OptimizerName::Sgd, rate) => (rate.unwrap_or(0.1), 1.0),
            (OptimizerName::Adam, Some(rate)) => (rate, rate),
            (OptimizerName::Adam, None) => (0.003, 0.003),
        };
        Ok(Self {
            components: arguments.components.unwrap_or(20),
            rank: arguments.rank.unwrap_or(4),
            tied: arguments.tied,
            gamma: arguments.gamma.unwrap_or(if arguments.model == Model::Joint { 0.03 } else { 0.5 }),
            output_gamma: arguments.output_gamma.unwrap_or(0.1),
            coordinates: arguments.coordinates.unwrap_or(CoordinatesName::Paper),
            scale: arguments.scale.unwrap_or(ScaleName::Mean),
            hidden,
            learning_rate: rate,
            sigma_learning_rate: arguments.sigma_learning_rate.unwrap_or(sigma_rate),
        })
    }

    /// Whether a network is what they make, but for its numbers.
    pub(crate) fn make(&self, model: Model, network: &Network<f32>) -> bool {
        let layers = self.layers(model, network.inputs(), network.outputs(), None);
        layers.is_ok_and(|layers| {
            layers.iter().map(|layer| layer.kind()).eq(network.layers().map(|layer| layer.kind()))
        })
    }

    /// The network, not yet initialised, its frozen blocks frozen.
    pub(crate) fn network(
        &self,
        arguments: &TrainArguments,
        inputs: usize,
        classes: usize,
        batch: usize,
        threads: Option<&Threads>,
    ) -> Result<Network<f32>, Failure> {
        let layers = self.layers(arguments.model, inputs, classes, threads).map_err(Failure::usage)?;
        let blocks = layers.iter().flat_map(|layer| layer.blocks());
        let parameters = blocks.fold(0, |sum: usize, block| sum.saturating_add(block.len()));
        if parameters > MOST_PARAMETERS {
            return Err(Failure::usage(format!(
                "the network would have {parameters} parameters, but at most {MOST_PARAMETERS} are possible"
            )));
        }
        let mut network = Network::new(layers, batch).map_err(Failure::usage)?;
        for name in &arguments.freeze {
            network.freeze(name).map_err(|error| match error {
                NetworkError::UnknownBlock { known, .. } => {
                    Failure::usage(format!("--freeze has `{name}`, but the blocks are {known}"))
                }
                error => Failure::usage(error),
            })?;
        }
        if network.blocks().iter().all(|block| block.frozen) {
            return Err(Failure::usage("--freeze leaves nothing to train"));
        }
        Ok(network)
    }

    /// The form of a diagonal layer.
    fn form(&self) -> Form {
        Form {
            coordinates: match self.coordinates {
                CoordinatesName::Paper => Coordinates::Paper,
                CoordinatesName::Centred => Coordinates::Centred,
            },
            scale: self.scale(),
        }
    }

    /// How components are put together.
    fn scale(&self) -> Scale {
        match self.scale {
            ScaleName::Mean => Scale::Mean,
            ScaleName::Sum => Scale::Sum,
        }
    }

    fn layers(
        &self,
        model: Model,
        mut inputs: usize,
        classes: usize,
        threads: Option<&Threads>,
    ) -> Result<Vec<Box<dyn Layer<f32>>>, Error> {
        let mut layers: Vec<Box<dyn Layer<f32>>> = Vec::new();
        for &outputs in self.hidden.iter().chain([&classes]) {
            match model {
                Model::Diagonal => {
                    let shape = Shape::new(inputs, outputs, self.components)?;
                    let layer = Diagonal::new(shape, f64::from(self.gamma)).with_form(self.form());
                    layers.push(Box::new(match threads {
                        Some(threads) => layer.with_threads(threads.clone()),
                        None => layer,
                    }));
                }
                Model::Joint => {
                    let shape = JointShape::new(inputs, outputs, self.components, self.rank)?;
                    let shape = if self.tied { shape.tied() } else { shape };
                    let (gamma, output_gamma) = (f64::from(self.gamma), f64::from(self.output_gamma));
                    let start = JointStart { gamma, output_gamma };
                    let layer = Joint::new(shape, start).with_scale(self.scale());
                    layers.push(Box::new(match threads {
                        Some(threads) => layer.with_threads(threads.clone()),
                        None => layer,
                    }));
                }
                Model::Dense => {
                    if !layers.is_empty() {
                        layers.push(Box::new(Relu::new(inputs)?));
                    }
                    layers.push(Box::new(Dense::new(inputs, outputs, false)?));
                }
            }
            inputs = outputs;
        }
        Ok(layers)
    }

    /// The optimiser for `network`, which takes `steps` steps in all.
    pub(crate) fn optimizer(
        &self,
        arguments: &TrainArguments,
        network: &Network<f32>,
        steps: u64,
        threads: Option<&Threads>,
    ) -> Result<Box<dyn Optimizer<f32>>, Failure> {
        let rate = |block: &gmlayer::nn::ParameterBlock| match block.kind {
            "sigma" => self.sigma_learning_rate,
            _ => self.learning_rate,
        };
        let sgd = || {
            let sgd = Sgd::new(network.blocks(), rate);
            match threads {
                Some(threads) => sgd.with_threads(threads.clone()),
                None => sgd,
            }
        };
        let adam = || {
            let adam = Adam::new(network.blocks(), rate, AdamSettings::default());
            match threads {
                Some(threads) => adam.with_threads(threads.clone()),
                None => adam,
            }
        };
        if arguments.optimizer == OptimizerName::Adam {
            memory::expect(network.parameters().len().saturating_mul(2))?;
        }
        Ok(match (arguments.optimizer, arguments.schedule) {
            (OptimizerName::Sgd, ScheduleName::Constant) => Box::new(sgd()),
            (OptimizerName::Sgd, ScheduleName::Cosine) => Box::new(Cosine::new(sgd(), steps)),
            (OptimizerName::Adam, ScheduleName::Constant) => Box::new(adam()),
            (OptimizerName::Adam, ScheduleName::Cosine) => Box::new(Cosine::new(adam(), steps)),
        })
    }
}

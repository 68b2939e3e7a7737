//! One configuration that is trained: its network, its optimiser, and what it costs.

use gmlayer::diagonal::{Coordinates, Form};
use gmlayer::joint::JointShape;
use gmlayer::nn::{
    Adam, AdamSettings, Cosine, Dense, Diagonal, Joint, JointStart, Layer, Network, NetworkError, Optimizer,
    ParameterBlock, Relu, Sgd,
};
use gmlayer::train::{Regularisation, generator};
use gmlayer::{Error, Scale, Shape};
use serde::{Deserialize, Serialize};

/// One configuration; trials of it differ in their seed alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The name of its files.
    pub(crate) name: String,
    pub(crate) layers: Vec<LayerPlan>,
    pub(crate) optimizer: OptimizerPlan,
    /// Blocks that stay as they start.
    pub(crate) frozen: Vec<String>,
    pub(crate) epochs: usize,
    pub(crate) batch: usize,
    /// The share of the inputs that a step leaves out.
    #[serde(default)]
    pub(crate) input_dropout: f64,
    /// The share of the target that all classes get alike.
    #[serde(default)]
    pub(crate) label_smoothing: f64,
    /// Whether the components or neurons of the first layer are followed for a picture.
    pub(crate) followed: bool,
}

/// One layer; it takes what the one before it gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum LayerPlan {
    /// A Gaussian mixture layer with diagonal covariance.
    Diagonal { outputs: usize, components: usize, gamma: f64, centred: bool, sum: bool },
    /// A Gaussian mixture layer with a joint covariance of low rank, the sum over its components.
    Joint { outputs: usize, components: usize, rank: usize, gamma: f64, output_gamma: f64 },
    /// Two dense layers with a rectifier between and no biases.
    Dense { outputs: usize, width: usize, start: DenseStart },
}

/// The starting values of a dense network of width m.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "start", rename_all = "kebab-case")]
pub(crate) enum DenseStart {
    /// Uniform on ±1/√inputs, each layer.
    Standard,
    /// Neurons β ~ N(0, γ²), outputs ω/m with ω ~ N(0, γ²): 1/m Σ ω ReLU(⟨β, x⟩).
    MeanField { gamma: f64 },
}

/// How the parameters change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub(crate) enum OptimizerPlan {
    /// Stochastic gradient descent at constant rates.
    Sgd { rate: f64, sigma_rate: f64 },
    /// Adam with a rate that falls as a cosine.
    Adam { rate: f64 },
}

impl Run {
    /// The network for images of `inputs` pixels, with the starting values of a seed.
    pub(crate) fn network(&self, inputs: usize, seed: u64) -> Result<Network<f32>, NetworkError> {
        let mut layers: Vec<Box<dyn Layer<f32>>> = Vec::new();
        let mut width = inputs;
        for plan in &self.layers {
            width = plan.add(width, &mut layers)?;
        }
        let mut network = Network::new(layers, self.batch)?;
        for block in &self.frozen {
            network.freeze(block)?;
        }
        let mut random = generator(seed, 0);
        network.initialise(&mut random)?;
        if let [LayerPlan::Dense { width, start: DenseStart::MeanField { gamma }, .. }] = *self.layers {
            let ranges: Vec<_> = network.blocks().iter().map(|block| block.range.clone()).collect();
            let mut normal = gmlayer::random::StandardNormal::new();
            for (range, scale) in ranges.into_iter().zip([gamma, gamma / width as f64]) {
                for weight in network.parameters_mut().get_mut(range).unwrap_or_default() {
                    *weight = (scale * normal.sample(&mut random)) as f32;
                }
            }
        }
        Ok(network)
    }

    /// The optimiser of a network, which takes `steps` steps in all.
    pub(crate) fn optimizer(&self, network: &Network<f32>, steps: u64) -> Box<dyn Optimizer<f32>> {
        match self.optimizer {
            OptimizerPlan::Sgd { rate, sigma_rate } => {
                let rate = |block: &ParameterBlock| if block.kind == "sigma" { sigma_rate } else { rate };
                Box::new(Sgd::new(network.blocks(), |block| rate(block) as f32))
            }
            OptimizerPlan::Adam { rate } => {
                let adam = Adam::new(network.blocks(), |_| rate as f32, AdamSettings::default());
                Box::new(Cosine::new(adam, steps))
            }
        }
    }

    /// What is done to the samples.
    pub(crate) fn regularisation(&self) -> Regularisation {
        Regularisation { input_dropout: self.input_dropout, label_smoothing: self.label_smoothing }
    }

    /// The number of parameters, for images of `inputs` pixels.
    pub(crate) fn parameters(&self, inputs: usize) -> usize {
        self.over_layers(inputs, |plan, inputs, _| plan.parameters(inputs))
    }

    /// Multiplications and additions of the matrix products of a training step, for one image.
    pub(crate) fn operations(&self, inputs: usize) -> usize {
        self.over_layers(inputs, |plan, inputs, first| plan.operations(inputs, first))
    }

    /// How many epochs at the end the error of a trial is the mean of: the rate of Adam has fallen to 0, so that
    /// its last epoch counts.
    pub(crate) fn last_epochs(&self) -> usize {
        match self.optimizer {
            OptimizerPlan::Sgd { .. } => 5,
            OptimizerPlan::Adam { .. } => 1,
        }
    }

    /// The optimiser, and what is done to the samples, in words.
    pub(crate) fn optimizer_text(&self) -> String {
        let layers = self.layers.iter();
        let spread = layers.clone().any(|layer| matches!(layer, LayerPlan::Diagonal { .. }));
        let rates = match self.optimizer {
            OptimizerPlan::Sgd { rate, sigma_rate } if spread && self.frozen.is_empty() => {
                format!("SGD, rate {rate}, {sigma_rate} for σ")
            }
            OptimizerPlan::Sgd { rate, .. } => format!("SGD, rate {rate}"),
            OptimizerPlan::Adam { rate } => format!("Adam, rate {rate} falling as a cosine"),
        };
        let mut regularisation = String::new();
        if self.input_dropout > 0.0 {
            regularisation += &format!("; dropout of inputs {}", self.input_dropout);
        }
        if self.label_smoothing > 0.0 {
            regularisation += &format!("; label smoothing {}", self.label_smoothing);
        }
        rates + &regularisation
    }

    /// The layers in words.
    pub(crate) fn layers_text(&self) -> String {
        let layers: Vec<String> = self.layers.iter().map(LayerPlan::text).collect();
        let frozen = if self.frozen.is_empty() {
            String::new()
        } else {
            format!("; frozen: {}", self.frozen.join(", "))
        };
        layers.join(", then ") + &frozen
    }

    fn over_layers(&self, mut inputs: usize, count: impl Fn(&LayerPlan, usize, bool) -> usize) -> usize {
        let mut total = 0;
        for (index, plan) in self.layers.iter().enumerate() {
            total += count(plan, inputs, index == 0);
            inputs = plan.outputs();
        }
        total
    }
}

impl LayerPlan {
    fn outputs(&self) -> usize {
        match *self {
            Self::Diagonal { outputs, .. } | Self::Joint { outputs, .. } | Self::Dense { outputs, .. } => {
                outputs
            }
        }
    }

    /// Adds the layers of the network, and returns the number of their outputs.
    fn add(&self, inputs: usize, layers: &mut Vec<Box<dyn Layer<f32>>>) -> Result<usize, Error> {
        match *self {
            Self::Diagonal { outputs, components, gamma, centred, sum } => {
                let form = Form {
                    coordinates: if centred { Coordinates::Centred } else { Coordinates::Paper },
                    scale: if sum { Scale::Sum } else { Scale::Mean },
                };
                let shape = Shape::new(inputs, outputs, components)?;
                layers.push(Box::new(Diagonal::new(shape, gamma).with_form(form)));
            }
            Self::Joint { outputs, components, rank, gamma, output_gamma } => {
                let shape = JointShape::new(inputs, outputs, components, rank)?;
                let start = JointStart { gamma, output_gamma };
                layers.push(Box::new(Joint::new(shape, start).with_scale(Scale::Sum)));
            }
            Self::Dense { outputs, width, .. } => {
                layers.push(Box::new(Dense::new(inputs, width, false)?));
                layers.push(Box::new(Relu::new(width)?));
                layers.push(Box::new(Dense::new(width, outputs, false)?));
            }
        }
        Ok(self.outputs())
    }

    fn parameters(&self, inputs: usize) -> usize {
        match *self {
            Self::Diagonal { outputs, components, .. } => components * (inputs * (outputs + 2) + outputs),
            Self::Joint { outputs, components, rank, .. } => components * (inputs + outputs) * (rank + 1),
            Self::Dense { outputs, width, .. } => width * (inputs + outputs),
        }
    }

    /// Two for each multiply-add: forward, gradients of the parameters, and ∂x but in the first layer.
    fn operations(&self, inputs: usize, first: bool) -> usize {
        let passes = if first { 2 } else { 3 };
        match *self {
            Self::Diagonal { outputs, components, .. } => passes * 2 * inputs * components * (outputs + 2),
            Self::Joint { outputs, components, rank, .. } => {
                2 * components * (rank + 1) * (passes * inputs + 3 * outputs)
            }
            Self::Dense { outputs, width, .. } => passes * 2 * inputs * width + 3 * 2 * width * outputs,
        }
    }

    fn text(&self) -> String {
        match *self {
            Self::Diagonal { outputs, components, gamma, centred, sum } => format!(
                "diagonal layer, {outputs} outputs, K = {components}, γ = {gamma}, {} coordinates, {} over k",
                if centred { "centred" } else { "the paper's" },
                if sum { "sum" } else { "mean" },
            ),
            Self::Joint { outputs, components, rank, gamma, output_gamma } => format!(
                "joint layer, {outputs} outputs, K = {components}, R = {rank}, γ = {gamma}, of outputs {output_gamma}, sum over k"
            ),
            Self::Dense { outputs, width, start } => {
                let start = match start {
                    DenseStart::Standard => "standard start".to_owned(),
                    DenseStart::MeanField { gamma } => format!("mean-field start, γ = {gamma}"),
                };
                format!("dense layers of {width} and {outputs}, {start}")
            }
        }
    }
}

//! Networks: layout, freezing, joined steps, every error.

use approx::assert_abs_diff_eq;
use gmlayer::diagonal::Form;
use gmlayer::joint::JointShape;
use gmlayer::nn::{
    Adam, AdamSettings, Block, Dense, Diagonal, Joint, JointStart, Layer, LayerKind, Network, NetworkError,
    Optimizer, Relu, Sgd,
};
use gmlayer::{Error, Scale, Shape};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

/// 3 → 4 → 2 with a rectifier between, for batches of 5.
fn network() -> Network<f64> {
    let layers: Vec<Box<dyn Layer<f64>>> = vec![
        Box::new(Dense::new(3, 4, true).unwrap()),
        Box::new(Relu::new(4).unwrap()),
        Box::new(Dense::new(4, 2, false).unwrap()),
    ];
    let mut network = Network::new(layers, 5).unwrap();
    network.initialise(&mut Pcg64::seed_from_u64(1)).unwrap();
    network
}

fn names(network: &Network<f64>) -> Vec<&str> {
    network.blocks().iter().map(|block| block.name.as_str()).collect()
}

#[test]
fn blocks_lie_one_after_the_other() {
    let shape = Shape::new(3, 2, 4).unwrap();
    let layers: Vec<Box<dyn Layer<f64>>> =
        vec![Box::new(Diagonal::new(shape, 0.5)), Box::new(Dense::new(2, 7, true).unwrap())];
    let network = Network::new(layers, 1).unwrap();
    assert_eq!(names(&network), ["0.mu", "0.sigma", "0.u", "0.v", "1.weight", "1.bias"]);
    let dimensions: Vec<&[usize]> = network.blocks().iter().map(|block| &*block.dimensions).collect();
    let want: [&[usize]; 6] = [&[4, 3], &[4, 3], &[4, 2, 3], &[4, 2], &[7, 2], &[7]];
    assert_eq!(dimensions, want);
    let ends: Vec<usize> = network.blocks().iter().map(|block| block.range.end).collect();
    assert_eq!(ends, [12, 24, 48, 56, 70, 77]);
    assert_eq!((network.inputs(), network.outputs(), network.parameters().len()), (3, 7, 77));
    assert_eq!(network.block("1.bias").unwrap().len(), 7);
    assert_eq!(network.block("bias"), None);
}

#[test]
fn layers_are_rebuilt_from_their_kinds() {
    let network = network();
    let kinds: Vec<LayerKind> = network.layers().map(|layer| layer.kind()).collect();
    assert_eq!(kinds.iter().map(LayerKind::name).collect::<Vec<_>>(), ["dense", "relu", "dense"]);
    let layers = kinds.iter().map(|kind| kind.build().unwrap().unwrap()).collect();
    assert_eq!(Network::<f64>::new(layers, 5).unwrap().blocks(), network.blocks());
    assert!(LayerKind::Other("mine").build::<f64>().unwrap().is_none());
    let kind =
        LayerKind::Diagonal { shape: Shape::new(3, 2, 4).unwrap(), gamma: 0.25, form: Form::default() };
    assert_eq!(kind.build::<f64>().unwrap().unwrap().kind(), kind);
    let kind = LayerKind::Joint {
        shape: JointShape::new(3, 2, 4, 5).unwrap(),
        start: JointStart { gamma: 0.25, output_gamma: 0.5 },
        scale: Scale::Sum,
    };
    let layer = kind.build::<f64>().unwrap().unwrap();
    assert_eq!((layer.kind(), kind.name()), (kind, "joint"));
    let blocks: Vec<_> = layer.blocks().into_iter().map(|block| (block.name, block.dimensions)).collect();
    let want = [("mu_w", vec![4, 2]), ("c_w", vec![4, 5, 2]), ("mu_b", vec![4, 3]), ("c_b", vec![4, 5, 3])];
    assert_eq!(blocks, want);
}

#[test]
fn networks_that_cannot_be_are_refused() {
    assert_eq!(Network::<f64>::new(vec![], 1).unwrap_err(), NetworkError::Empty);
    let layers: Vec<Box<dyn Layer<f64>>> =
        vec![Box::new(Relu::new(3).unwrap()), Box::new(Relu::new(4).unwrap())];
    let error = Network::new(layers, 1).unwrap_err();
    assert_eq!(error, NetworkError::Mismatch { layer: 1, inputs: 4, previous_outputs: 3 });
    assert_eq!(error.to_string(), "layer 1 takes 4 inputs, but the layer before it gives 3");
    let layer = || -> Vec<Box<dyn Layer<f64>>> { vec![Box::new(Relu::new(3).unwrap())] };
    assert_eq!(Network::new(layer(), 0).unwrap_err(), Error::Zero { argument: "batch" }.into());
    let error = Network::new(layer(), usize::MAX / 2).unwrap_err();
    assert_eq!(error, Error::Overflow { argument: "inputs" }.into());
    // Sizes that can be addressed, but that no machine has the memory for.
    let huge = Dense::new(1, isize::MAX as usize / 32, false).unwrap();
    let error = Network::<f64>::new(vec![Box::new(huge)], 1).unwrap_err();
    assert_eq!(error, Error::Overflow { argument: "outputs" }.into());
    assert_eq!(Relu::new(0), Err(Error::Zero { argument: "width" }));
    assert_eq!(Dense::new(0, 1, true), Err(Error::Zero { argument: "inputs" }));
    assert_eq!(Dense::new(1, 0, true), Err(Error::Zero { argument: "outputs" }));
    let overflow = Err(Error::Overflow { argument: "parameters" });
    assert_eq!(Dense::new(usize::MAX, 1, true), overflow);
    assert_eq!(Dense::new(1 << 40, 1 << 40, false), overflow);
}

#[test]
fn passes_refuse_what_does_not_fit() {
    let mut network = network();
    assert_eq!(network.forward(&[]).unwrap_err(), Error::Zero { argument: "x" });
    assert_eq!(network.forward(&[0.0; 4]).unwrap_err(), Error::Rows { argument: "x", row: 3, got: 4 });
    let too_many = Error::Range { argument: "rows", largest: 5, got: 6 };
    assert_eq!(network.forward(&[0.0; 18]).unwrap_err(), too_many);
    network.forward(&[0.0; 6]).unwrap();
    let length = |argument, expected, got| Err(Error::Length { argument, expected, got });
    assert_eq!(network.backward(&[0.0; 3], &[0.0; 4]), length("x", 6, 3));
    assert_eq!(network.backward(&[0.0; 6], &[0.0; 3]), length("g", 4, 3));
    let mut other = Sgd::new(&network.blocks()[..1], |_| 0.1);
    assert_eq!(network.step(&mut other), length("blocks", 1, 3));
    // Blocks that do not lie one after the other.
    let apart = [network.blocks()[0].clone(), network.blocks()[2].clone()];
    let mut of_apart = Sgd::new(&apart, |_| 0.1);
    assert_eq!(of_apart.step(&apart, &mut [0.0; 24], &mut [0.0; 24]), length("blocks", 12, 16));
}

#[test]
fn dense_layers_refuse_what_does_not_fit() {
    let layer = Dense::new(2, 3, true).unwrap();
    let length = |argument, expected, got| Err(Error::Length { argument, expected, got });
    let mut scratch = [0.0; 19];
    assert_eq!(
        layer.forward(&[0.0; 8], &[0.0; 2], &mut [0.0; 3], &mut [], &mut scratch),
        length("parameters", 9, 8)
    );
    assert_eq!(layer.forward(&[0.0; 9], &[0.0; 2], &mut [0.0; 2], &mut [], &mut scratch), length("y", 3, 2));
    let short = Err(Error::Buffer { argument: "scratch", expected: 19, got: 4 });
    assert_eq!(layer.forward(&[0.0; 9], &[0.0; 2], &mut [0.0; 3], &mut [], &mut [0.0; 4]), short);
    let mut backward = |g: &[f64], frozen: &[bool], gradients: &mut [f64], dx: &mut [f64]| {
        layer.backward(&[0.0; 9], &[0.0; 2], g, &[], frozen, gradients, Some(dx), &mut scratch)
    };
    assert_eq!(backward(&[0.0; 2], &[false; 2], &mut [0.0; 9], &mut [0.0; 2]), length("g", 3, 2));
    assert_eq!(backward(&[0.0; 3], &[false; 1], &mut [0.0; 9], &mut [0.0; 2]), length("frozen", 2, 1));
    assert_eq!(backward(&[0.0; 3], &[false; 2], &mut [0.0; 8], &mut [0.0; 2]), length("gradients", 9, 8));
    assert_eq!(backward(&[0.0; 3], &[false; 2], &mut [0.0; 9], &mut [0.0; 1]), length("dx", 2, 1));
}

/// Gradients 1 everywhere, and one optimiser step of it.
fn step(network: &mut Network<f64>, optimizer: &mut dyn Optimizer<f64>) {
    let mut gradients = vec![1.0; network.parameters().len()];
    let blocks = network.blocks().to_vec();
    optimizer.step(&blocks, network.parameters_mut(), &mut gradients).unwrap();
}

#[test]
fn each_block_has_its_rate_and_frozen_ones_stay() {
    let mut network = network();
    network.freeze("2.weight").unwrap();
    let rate = |block: &gmlayer::nn::ParameterBlock| if block.kind == "bias" { 0.5 } else { 0.25 };
    let mut sgd = Sgd::new(network.blocks(), rate);
    let mut momentum = Sgd::with_momentum(network.blocks(), rate, 0.9);
    let mut adam = Adam::new(network.blocks(), rate, AdamSettings { epsilon: 0.0, ..Default::default() });
    for optimizer in [&mut sgd as &mut dyn Optimizer<f64>, &mut momentum, &mut adam] {
        let before = network.parameters().to_vec();
        step(&mut network, optimizer);
        let moved: Vec<f64> =
            before.iter().zip(network.parameters()).map(|(before, after)| before - after).collect();
        assert_abs_diff_eq!(&moved[..12], &[0.25; 12][..], epsilon = 1e-12);
        assert_abs_diff_eq!(&moved[12..16], &[0.5; 4][..], epsilon = 1e-12);
        assert!(moved[16..].iter().all(|&moved| moved == 0.0), "{moved:?}");
    }
}

#[test]
fn a_frozen_block_has_no_gradient() {
    let mut network = network();
    network.freeze("weight").unwrap();
    let x = [1.0; 15];
    network.forward(&x).unwrap();
    network.backward(&x, &[1.0; 10]).unwrap();
    let (weight, rest) = network.gradients().split_at(12);
    assert!(weight.iter().all(|&gradient| gradient == 0.0));
    assert!(rest[..4].iter().any(|&gradient| gradient != 0.0), "the bias learns");
    assert!(rest[4..].iter().all(|&gradient| gradient == 0.0));
    network.freeze("bias").unwrap();
    assert!(network.gradients().iter().all(|&gradient| gradient == 0.0), "nor one from before");
    let error = network.freeze("nu").unwrap_err();
    assert_eq!(error.to_string(), "there is no parameter block `nu`; the blocks are weight, bias");
}

#[test]
fn a_step_clears_the_gradients() {
    let mut network = network();
    let x = [1.0; 15];
    network.forward(&x).unwrap();
    network.backward(&x, &[1.0; 10]).unwrap();
    let mut optimizer = Sgd::new(network.blocks(), |_| 0.1);
    network.step(&mut optimizer).unwrap();
    assert!(network.gradients().iter().all(|&gradient| gradient == 0.0));
}

#[test]
fn a_seed_gives_one_start() {
    assert_eq!(network().parameters(), network().parameters());
    let network = network();
    let bound = 1.0 / 3.0_f64.sqrt();
    let weight = network.block("0.weight").unwrap();
    assert!(weight.iter().all(|weight| weight.abs() <= bound));
    assert!(weight.iter().any(|weight| weight.abs() > 0.5 * bound));
    assert!(network.block("0.bias").unwrap().iter().all(|&bias| bias == 0.0));
}

/// A dense layer that leaves the joined step to the network, as a layer of a user's would.
#[derive(Debug)]
struct Plain(Dense);

impl Layer<f64> for Plain {
    fn kind(&self) -> LayerKind {
        LayerKind::Other("plain")
    }

    fn inputs(&self) -> usize {
        Layer::<f64>::inputs(&self.0)
    }

    fn outputs(&self) -> usize {
        Layer::<f64>::outputs(&self.0)
    }

    fn blocks(&self) -> Vec<Block> {
        Layer::<f64>::blocks(&self.0)
    }

    fn saved_len(&self, batch: usize) -> Result<usize, Error> {
        Layer::<f64>::saved_len(&self.0, batch)
    }

    fn scratch_len(&self, batch: usize) -> Result<usize, Error> {
        Layer::<f64>::scratch_len(&self.0, batch)
    }

    fn forward(
        &self,
        parameters: &[f64],
        x: &[f64],
        y: &mut [f64],
        saved: &mut [f64],
        scratch: &mut [f64],
    ) -> Result<(), Error> {
        self.0.forward(parameters, x, y, saved, scratch)
    }

    fn backward(
        &self,
        parameters: &[f64],
        x: &[f64],
        g: &[f64],
        saved: &[f64],
        frozen: &[bool],
        gradients: &mut [f64],
        dx: Option<&mut [f64]>,
        scratch: &mut [f64],
    ) -> Result<(), Error> {
        self.0.backward(parameters, x, g, saved, frozen, gradients, dx, scratch)
    }

    fn initialise(&self, parameters: &mut [f64], random: &mut dyn rand_core::Rng) -> Result<(), Error> {
        self.0.initialise(parameters, random)
    }
}

/// Mixtures, a joint one, dense layers, and one that cannot join the step.
fn mixed(batch: usize) -> Network<f64> {
    let layers: Vec<Box<dyn Layer<f64>>> = vec![
        Box::new(Diagonal::new(Shape::new(6, 5, 2).unwrap(), 0.5)),
        Box::new(Plain(Dense::new(5, 7, true).unwrap())),
        Box::new(Relu::new(7).unwrap()),
        Box::new(Dense::new(7, 4, true).unwrap()),
        Box::new(Diagonal::new(Shape::new(4, 3, 3).unwrap(), 0.5)),
        Box::new(Joint::new(
            JointShape::new(3, 3, 2, 4).unwrap(),
            JointStart { gamma: 0.5, output_gamma: 0.5 },
        )),
    ];
    let mut network = Network::new(layers, batch).unwrap();
    network.initialise(&mut Pcg64::seed_from_u64(1)).unwrap();
    network
}

/// `learn` is `backward` and `step`: to rounding where they are joined, to the bit where they are not.
#[test]
fn learning_is_backward_and_step() {
    for (rows, frozen) in [(1, "0.mu"), (5, "bias"), (9, "1.weight"), (70, "4.u"), (9, "c_b")] {
        let x: Vec<f64> = (0..rows * 6).map(|i| (i as f64 * 0.7).sin()).collect();
        let g: Vec<f64> = (0..rows * 3).map(|i| (i as f64 * 0.3).cos() / rows as f64).collect();
        let sgd = |network: &Network<f64>| {
            Sgd::new(network.blocks(), |block| 0.01 * (1 + block.range.start) as f64 / 200.0)
        };
        let momentum = |network: &Network<f64>| Sgd::with_momentum(network.blocks(), |_| 0.1, 0.9);
        let (mut joined, mut apart) = (mixed(rows), mixed(rows));
        joined.freeze(frozen).unwrap();
        apart.freeze(frozen).unwrap();
        let (mut of_joined, mut of_apart) = (sgd(&joined), sgd(&apart));
        for _ in 0..3 {
            joined.forward(&x).unwrap();
            joined.learn(&x, &g, &mut of_joined).unwrap();
            assert!(joined.gradients().iter().all(|gradient| *gradient == 0.0), "no gradients are left");
            apart.forward(&x).unwrap();
            apart.backward(&x, &g).unwrap();
            apart.step(&mut of_apart).unwrap();
        }
        for block in joined.blocks() {
            let (got, want) = (joined.block(&block.name).unwrap(), apart.block(&block.name).unwrap());
            assert_abs_diff_eq!(got, want, epsilon = 1e-12);
            let unchanged = got == mixed(rows).block(&block.name).unwrap();
            assert_eq!(unchanged, block.frozen, "{} of {rows} rows", block.name);
        }

        // Momentum cannot be joined, and gradients that were there before count.
        let (mut joined, mut apart) = (mixed(rows), mixed(rows));
        let (mut of_joined, mut of_apart) = (momentum(&joined), momentum(&apart));
        let mut plain = sgd(&joined);
        for network in [&mut joined, &mut apart] {
            network.forward(&x).unwrap();
        }
        joined.learn(&x, &g, &mut of_joined).unwrap();
        apart.backward(&x, &g).unwrap();
        apart.step(&mut of_apart).unwrap();
        for network in [&mut joined, &mut apart] {
            network.forward(&x).unwrap();
            network.backward(&x, &g).unwrap();
        }
        joined.learn(&x, &g, &mut plain).unwrap();
        apart.backward(&x, &g).unwrap();
        apart.step(&mut plain).unwrap();
        assert_eq!(joined.parameters(), apart.parameters());
    }
}

/// Everything that a network owns begins a cache line.
#[test]
fn buffers_are_aligned() {
    let mut network = mixed(9);
    assert_eq!(network.parameters().as_ptr() as usize % 64, 0);
    assert_eq!(network.gradients().as_ptr() as usize % 64, 0);
    assert_eq!(network.forward(&[0.5; 54]).unwrap().as_ptr() as usize % 64, 0);
}

#[test]
fn learning_refuses_what_does_not_fit() {
    let mut network = network();
    let mut other = Sgd::new(&network.blocks()[..1], |_| 0.1);
    network.forward(&[0.0; 6]).unwrap();
    let length = |argument, expected, got| Err(Error::Length { argument, expected, got });
    assert_eq!(network.learn(&[0.0; 6], &[0.0; 4], &mut other), length("blocks", 1, 3));
    let mut sgd = Sgd::new(network.blocks(), |_| 0.1);
    assert_eq!(network.learn(&[0.0; 3], &[0.0; 4], &mut sgd), length("x", 6, 3));
    assert_eq!(network.learn(&[0.0; 6], &[0.0; 3], &mut sgd), length("g", 4, 3));
}

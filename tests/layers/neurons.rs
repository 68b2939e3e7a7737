//! Neurons drawn from a layer, and a layer fitted to neurons.

use gmlayer::nn::{Network, NetworkError};
use gmlayer::{Error, diagonal as by_diagonal, joint as by_joint};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::case::{Case, Recipe};
use super::diagonal::DiagonalLayer;
use super::joint::JointLayer;
use super::layer::MixtureLayer;

for_each_layer! {
    tests:
        neurons_converge_as_the_root_of_their_number,
        a_fit_to_drawn_neurons_gives_the_layer_back,
        wrong_sizes_are_named;
}

/// The functions of a layer that deal with neurons.
pub trait Neurons: MixtureLayer {
    /// The blocks of ω: its mean, and how it changes along β.
    const MEAN_AND_SLOPE: [usize; 2];

    fn draw(case: &Case<Self, f64>, sizes: [usize; 2], seed: u64) -> Result<Network<f64>, NetworkError>;

    /// Overwrites the four blocks.
    fn fit(self, hidden: &[f64], last: &[f64], blocks: &mut [Vec<f64>; 4]) -> Result<(), Error>;
}

impl Neurons for DiagonalLayer {
    const MEAN_AND_SLOPE: [usize; 2] = [3, 2];

    fn draw(
        case: &Case<Self, f64>,
        [count, batch]: [usize; 2],
        seed: u64,
    ) -> Result<Network<f64>, NetworkError> {
        by_diagonal::sample_neurons(&case.passes(), count, batch, &mut Pcg64::seed_from_u64(seed))
    }

    fn fit(self, hidden: &[f64], last: &[f64], [mu, sigma, u, v]: &mut [Vec<f64>; 4]) -> Result<(), Error> {
        let parameters = by_diagonal::ParametersMut { mu, sigma, u, v };
        let mut random = Pcg64::seed_from_u64(2);
        by_diagonal::fit_neurons(self.shape, self.form, hidden, last, parameters, &mut random)
    }
}

impl Neurons for JointLayer {
    const MEAN_AND_SLOPE: [usize; 2] = [0, 1];

    fn draw(
        case: &Case<Self, f64>,
        [count, batch]: [usize; 2],
        seed: u64,
    ) -> Result<Network<f64>, NetworkError> {
        by_joint::sample_neurons(&case.passes(), count, batch, &mut Pcg64::seed_from_u64(seed))
    }

    fn fit(
        self,
        hidden: &[f64],
        last: &[f64],
        [mu_w, c_w, mu_b, c_b]: &mut [Vec<f64>; 4],
    ) -> Result<(), Error> {
        let parameters = by_joint::ParametersMut { mu_w, c_w, mu_b, c_b };
        let mut random = Pcg64::seed_from_u64(2);
        by_joint::fit_neurons(self.shape, self.scale, hidden, last, parameters, &mut random)
    }
}

fn case<L: Neurons>(form: usize) -> Case<L, f64> {
    Recipe::new(L::new([6, 3, 4, 2], form), 8, 5).build()
}

/// The root mean square of the error of networks of `count` neurons a component, over some draws.
fn error<L: Neurons>(case: &Case<L, f64>, count: usize) -> f64 {
    let (want, draws) = (case.forward(), 40);
    let mut squares = 0.0;
    for seed in 0..draws {
        let mut network = L::draw(case, [count, 8], 1000 * count as u64 + seed).unwrap();
        let got = network.forward(&case.x).unwrap();
        squares += got.iter().zip(&want).map(|(got, want)| (got - want).powi(2)).sum::<f64>();
    }
    (squares / (draws as f64 * want.len() as f64)).sqrt()
}

fn neurons_converge_as_the_root_of_their_number<L: Neurons>() {
    for form in 0..L::FORMS {
        let case = case::<L>(form);
        let errors = [16, 256, 4096].map(|count| error(&case, count));
        for pair in errors.windows(2) {
            let ratio = pair[0] / pair[1];
            assert!((3.0..5.3).contains(&ratio), "a factor of √16: {errors:?}");
        }
    }
}

/// Clusters far apart, each a Gaussian with a linear ω: the fit finds them and stands for the same function.
fn a_fit_to_drawn_neurons_gives_the_layer_back<L: Neurons>() {
    for form in 0..L::FORMS {
        let mut case = case::<L>(form);
        let [mean_of_beta, spread_of_beta] = L::BETA;
        for (component, mean) in case.parameters[mean_of_beta].chunks_mut(6).enumerate() {
            mean.fill(0.0);
            mean[component] = 6.0;
        }
        case.parameters[spread_of_beta].iter_mut().for_each(|spread| *spread = 0.3 * spread.signum());
        // Alike in the length of ω, so that balancing the neurons leaves the clusters as they are.
        let [mean_of_omega, slope_of_omega] = L::MEAN_AND_SLOPE;
        case.parameters[slope_of_omega].iter_mut().for_each(|slope| *slope *= 0.05);
        case.parameters[mean_of_omega].iter_mut().for_each(|mean| *mean = mean.signum());
        let mut network = L::draw(&case, [4000, 8], 1).unwrap();
        let (hidden, last) = (network.block("0.weight").unwrap(), network.block("2.weight").unwrap());
        let mut blocks = case.parameters.each_ref().map(|block| vec![f64::NAN; block.len()]);
        case.layer.fit(hidden, last, &mut blocks).unwrap();
        let y = Case { parameters: blocks, ..case.clone() }.forward();
        let want = network.forward(&case.x).unwrap();
        let size = (want.iter().map(|y| y * y).sum::<f64>() / want.len() as f64).sqrt();
        for (got, want) in y.iter().zip(want) {
            assert!((got - want).abs() < 0.05 * size, "form {form}: {got} against {want}, of size {size}");
        }
    }
}

fn wrong_sizes_are_named<L: Neurons>() {
    let case = case::<L>(0);
    assert!(L::draw(&case, [0, 8], 1).is_err());
    assert!(L::draw(&case, [1, 0], 1).is_err());
    let mut blocks = case.parameters.each_ref().map(|block| vec![9.0; block.len()]);
    let mut fit = |hidden: usize, last: usize| {
        case.layer.fit(&vec![1.0; hidden], &vec![1.0; last], &mut blocks).unwrap_err()
    };
    assert_eq!(fit(17, 9), Error::Rows { argument: "hidden", row: 6, got: 17 });
    assert_eq!(fit(30, 14), Error::Length { argument: "last", expected: 15, got: 14 });
    assert_eq!(fit(18, 9), Error::Range { argument: "components", largest: 3, got: 4 });
    assert!(blocks.concat().iter().all(|&value| value == 9.0));
}

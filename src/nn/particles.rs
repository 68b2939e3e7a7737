//! From a diagonal layer to the neurons of a dense network, and back.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use rand_core::Rng;

use super::{Dense, Network, NetworkError, Relu};
use crate::diagonal::{Coordinates, Diagonal, Form, ParametersMut};
use crate::random::{StandardNormal, below};
use crate::{Error, Real, Scale, Shape, shape};

/// Draws `count` neurons of each component of a layer, as a dense network of width K·count without biases.
///
/// ```text
/// y = 1/(K n) Σ_k Σ_j ω_kj ReLU(⟨β_kj, x⟩),   β_kj ~ N(μ_k, diag σ_k²),   ω_kj = E[ω|β = β_kj]
/// ```
///
/// with n = `count` (1/n in the place of 1/(K n) where the layer takes the sum). Its mean over the draws is the
/// layer's h(x), and it converges to it as 1/√n.
///
/// Blocks of the network: `0.weight: [K·n × inputs]`, the β component by component, and
/// `2.weight: [outputs × K·n]`. `batch` is the number of rows of its largest batch.
///
/// # Errors
///
/// [`NetworkError::Size`] when `count` or `batch` is zero or the network could not be addressed.
///
/// # Example
///
/// ```
/// use gmlayer::diagonal::{Diagonal, Parameters};
/// use gmlayer::{Shape, nn, train};
///
/// let parameters = Parameters { mu: &[1.0, 2.0], sigma: &[0.0, 0.0], u: &[0.0, 0.0], v: &[3.0] };
/// let layer = Diagonal::new(Shape::new(2, 1, 1)?, parameters)?;
/// let mut network = nn::sample_neurons(&layer, 4, 1, &mut train::generator(0, 0))?;
/// assert_eq!(network.forward(&[1.0_f64, 1.0])?, [9.0]); // without spread four times the same neuron
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 1.
pub fn sample_neurons<T: Real, R: Rng + ?Sized>(
    layer: &Diagonal<'_, T>,
    count: usize,
    batch: usize,
    random: &mut R,
) -> Result<Network<T>, NetworkError> {
    let (sizes, form, parameters) = (layer.shape(), layer.form(), layer.parameters());
    let (inputs, outputs) = (sizes.inputs(), sizes.outputs());
    let width = shape::product("neurons", sizes.components(), count)?;
    let mut network = Network::new(
        vec![
            Box::new(Dense::new(inputs, width, false)?),
            Box::new(Relu::new(width)?),
            Box::new(Dense::new(width, outputs, false)?),
        ],
        batch,
    )?;
    let divisor = form.scale.divisor::<T>(sizes.components()) * T::from_usize(count);
    let (hidden, last) = network.parameters_mut().split_at_mut(width * inputs);
    let components = parameters.mu.chunks_exact(inputs).zip(parameters.sigma.chunks_exact(inputs));
    let slopes = parameters.u.chunks_exact(outputs * inputs).zip(parameters.v.chunks_exact(outputs));
    let mut normal = StandardNormal::new();
    let mut neurons = hidden.chunks_exact_mut(inputs).enumerate();
    for ((mu, sigma), (u, v)) in components.zip(slopes) {
        for (neuron, beta) in neurons.by_ref().take(count) {
            for ((beta, &mu), &sigma) in beta.iter_mut().zip(mu).zip(sigma) {
                *beta = mu + sigma * T::from_f64(normal.sample(random));
            }
            for ((row, u), &v) in last.chunks_exact_mut(width).zip(u.chunks_exact(inputs)).zip(v) {
                let centre = |mu: T| if form.coordinates == Coordinates::Centred { mu } else { T::zero() };
                let terms = u.iter().zip(beta.iter()).zip(mu);
                let slope = terms.fold(T::zero(), |sum, ((&u, &beta), &mu)| sum + u * (beta - centre(mu)));
                if let Some(omega) = row.get_mut(neuron) {
                    *omega = (slope + v) / divisor;
                }
            }
        }
    }
    Ok(network)
}

/// β and ω of a neuron.
type Neuron<'a> = (&'a [f64], &'a [f64]);

/// Rounds of clustering: far more than it takes to settle.
const ROUNDS: usize = 100;

/// Fits a layer to the neurons of a dense network without biases: a start for training.
///
/// ```text
/// y = Σ_j ω_j ReLU(⟨β_j, x⟩):   neurons in K clusters by β, and of each cluster
/// μ, σ² = mean and variance of β,   v = mean of ω,   U = cov(ω, β) diag(σ²)⁻¹     (centred coordinates)
/// ```
///
/// ω is multiplied by the number of neurons of its cluster (and by K where the layer takes the mean), so that the
/// layer stands for the sum of its neurons. Neurons are first balanced to |β_j| = |ω_j|, which leaves the network
/// as it is. An input in which a cluster does not vary gets U = 0. Clusters are found from drawn starting points.
///
/// **Shapes**: `hidden: [neurons × inputs]` and `last: [outputs × neurons]`, the two weights of the network;
/// `parameters` are overwritten, in the coordinates and the scale of `form`.
///
/// # Errors
///
/// [`Error::Rows`], [`Error::Length`] for slices that do not fit; [`Error::Range`] when there are more components
/// than neurons. Nothing is written then.
pub fn fit_neurons<T: Real, R: Rng + ?Sized>(
    sizes: Shape,
    form: Form,
    hidden: &[T],
    last: &[T],
    parameters: ParametersMut<'_, T>,
    random: &mut R,
) -> Result<(), Error> {
    let (inputs, outputs, components) = (sizes.inputs(), sizes.outputs(), sizes.components());
    let neurons = shape::rows("hidden", hidden.len(), inputs)?;
    shape::exact("last", last.len(), shape::product("last", outputs, neurons)?)?;
    shape::exact("mu", parameters.mu.len(), sizes.mu_len())?;
    shape::exact("sigma", parameters.sigma.len(), sizes.sigma_len())?;
    shape::exact("u", parameters.u.len(), sizes.u_len())?;
    shape::exact("v", parameters.v.len(), sizes.v_len())?;
    if components > neurons {
        return Err(Error::Range { argument: "components", largest: neurons, got: components });
    }
    let (betas, omegas) = balanced(inputs, outputs, hidden, last);
    let cluster_of = clusters(inputs, components, &betas, random);
    let ParametersMut { mu, sigma, u, v } = parameters;
    let blocks = mu.chunks_exact_mut(inputs).zip(sigma.chunks_exact_mut(inputs));
    let slopes = u.chunks_exact_mut(outputs * inputs).zip(v.chunks_exact_mut(outputs));
    for (cluster, ((mu, sigma), (u, v))) in blocks.zip(slopes).enumerate() {
        let members = || {
            let rows = betas.chunks_exact(inputs).zip(omegas.chunks_exact(outputs)).zip(&cluster_of);
            rows.filter(move |(_, of)| **of == cluster).map(|(row, _)| row)
        };
        let count = members().count().max(1) as f64;
        let mean = |of: &dyn Fn(Neuron<'_>) -> f64| members().map(of).sum::<f64>() / count;
        let at = |row: &[f64], index: usize| row.get(index).copied().unwrap_or(0.0);
        let weight = count * if form.scale == Scale::Mean { components as f64 } else { 1.0 };
        let offsets: Vec<f64> = (0..outputs).map(|output| mean(&|(_, omega)| at(omega, output))).collect();
        for (v, offset) in v.iter_mut().zip(&offsets) {
            *v = T::from_f64(weight * offset);
        }
        for (input, (mu, sigma)) in mu.iter_mut().zip(sigma).enumerate() {
            let centre = mean(&|(beta, _)| at(beta, input));
            let variance = mean(&|(beta, _)| (at(beta, input) - centre) * (at(beta, input) - centre));
            (*mu, *sigma) = (T::from_f64(centre), T::from_f64(libm::sqrt(variance)));
            for ((output, row), &offset) in u.chunks_exact_mut(inputs).enumerate().zip(&offsets) {
                let along = mean(&|(beta, omega)| (at(beta, input) - centre) * (at(omega, output) - offset));
                if let Some(slope) = row.get_mut(input) {
                    *slope = T::from_f64(if variance > 0.0 { weight * along / variance } else { 0.0 });
                }
            }
        }
    }
    Coordinates::Centred.change(form.coordinates, sizes, ParametersMut { mu, sigma, u, v })
}

/// β `[neurons × inputs]` and ω `[neurons × outputs]`, of equal length in each neuron.
fn balanced<T: Real>(inputs: usize, outputs: usize, hidden: &[T], last: &[T]) -> (Vec<f64>, Vec<f64>) {
    let neurons = hidden.len() / inputs.max(1);
    let mut betas: Vec<f64> = hidden.iter().map(|value| value.to_f64()).collect();
    let omega = |neuron: usize, output: usize| {
        last.get(output * neurons + neuron).map_or(0.0, |value| value.to_f64())
    };
    let mut omegas: Vec<f64> =
        (0..neurons).flat_map(|neuron| (0..outputs).map(move |output| omega(neuron, output))).collect();
    for (beta, omega) in betas.chunks_exact_mut(inputs).zip(omegas.chunks_exact_mut(outputs)) {
        let size = |row: &[f64]| libm::sqrt(row.iter().map(|value| value * value).sum());
        let (beta_size, omega_size) = (size(beta), size(omega));
        if beta_size > 0.0 && omega_size > 0.0 {
            let factor = libm::sqrt(omega_size / beta_size);
            beta.iter_mut().for_each(|value| *value *= factor);
            omega.iter_mut().for_each(|value| *value /= factor);
        }
    }
    (betas, omegas)
}

/// The cluster of each row: Lloyd's rounds from drawn starting points, each likelier the farther it lies from those
/// before it.
///
/// Source: D. Arthur and S. Vassilvitskii, *k-means++*, SODA 2007.
fn clusters<R: Rng + ?Sized>(inputs: usize, count: usize, rows: &[f64], random: &mut R) -> Vec<usize> {
    let distance = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum() };
    let all = || rows.chunks_exact(inputs);
    let mut centres: Vec<Vec<f64>> = Vec::with_capacity(count);
    let first = below(random, all().len() as u64) as usize;
    centres.extend(all().nth(first).map(<[f64]>::to_vec));
    while centres.len() < count {
        let near =
            |row: &[f64]| centres.iter().map(|centre| distance(row, centre)).fold(f64::INFINITY, f64::min);
        let mut left = crate::random::uniform(random) * all().map(near).sum::<f64>();
        let drawn = all().find(|row| {
            left -= near(row);
            left < 0.0
        });
        let Some(drawn) = drawn.or_else(|| all().nth(centres.len())) else { break };
        let drawn = drawn.to_vec();
        centres.push(drawn);
    }
    let mut cluster_of = vec![usize::MAX; all().len()];
    for _ in 0..ROUNDS {
        let mut changed = false;
        for (row, of) in all().zip(&mut cluster_of) {
            let nearest = centres
                .iter()
                .map(|centre| distance(row, centre))
                .enumerate()
                .min_by(|a, b| a.1.total_cmp(&b.1))
                .map_or(0, |(cluster, _)| cluster);
            changed |= *of != nearest;
            *of = nearest;
        }
        if !changed {
            break;
        }
        for (cluster, centre) in centres.iter_mut().enumerate() {
            let members = || all().zip(&cluster_of).filter(|(_, of)| **of == cluster).map(|(row, _)| row);
            let size = members().count();
            if size == 0 {
                continue;
            }
            centre.fill(0.0);
            for row in members() {
                for (centre, value) in centre.iter_mut().zip(row) {
                    *centre += value / size as f64;
                }
            }
        }
    }
    cluster_of
}

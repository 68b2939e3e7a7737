//! From a diagonal layer to the neurons of a dense network, and back.

use alloc::vec::Vec;

use rand_core::Rng;

use super::{Coordinates, Diagonal, Form, ParametersMut};
use crate::nn::neurons::{Clusters, network};
use crate::nn::{Network, NetworkError};
use crate::random::StandardNormal;
use crate::slices::row;
use crate::{Error, Real, Shape};

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
/// use gmlayer::diagonal::{Diagonal, Parameters, sample_neurons};
/// use gmlayer::{Shape, train};
///
/// let parameters = Parameters { mu: &[1.0, 2.0], sigma: &[0.0, 0.0], u: &[0.0, 0.0], v: &[3.0] };
/// let layer = Diagonal::new(Shape::new(2, 1, 1)?, parameters)?;
/// let mut network = sample_neurons(&layer, 4, 1, &mut train::generator(0, 0))?;
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
    let (shape, form, parameters) = (layer.shape(), layer.form(), layer.parameters());
    let (inputs, outputs) = (shape.inputs(), shape.outputs());
    let centred = form.coordinates == Coordinates::Centred;
    let mut normal = StandardNormal::new();
    let sizes = [inputs, outputs, shape.components()];
    network(sizes, form.scale, (count, batch), |component, beta: &mut [T], omega: &mut [T]| {
        let [mu, sigma] = [parameters.mu, parameters.sigma].map(|block| row(block, component, inputs));
        for ((beta, &mu), &sigma) in beta.iter_mut().zip(mu).zip(sigma) {
            *beta = mu + sigma * T::from_f64(normal.sample(random));
        }
        let u = row(parameters.u, component, outputs * inputs).chunks_exact(inputs);
        for ((omega, u), &v) in omega.iter_mut().zip(u).zip(row(parameters.v, component, outputs)) {
            let centre = |mu: T| if centred { mu } else { T::zero() };
            let terms = u.iter().zip(beta.iter()).zip(mu);
            *omega = terms.fold(v, |sum, ((&u, &beta), &mu)| sum + u * (beta - centre(mu)));
        }
    })
}

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
    shape: Shape,
    form: Form,
    hidden: &[T],
    last: &[T],
    parameters: ParametersMut<'_, T>,
    random: &mut R,
) -> Result<(), Error> {
    parameters.as_ref().check(shape)?;
    let (inputs, outputs) = (shape.inputs(), shape.outputs());
    let clusters = Clusters::new([inputs, outputs, shape.components()], hidden, last, random)?;
    let ParametersMut { mu, sigma, u, v } = parameters;
    let blocks = mu.chunks_exact_mut(inputs).zip(sigma.chunks_exact_mut(inputs));
    let slopes = u.chunks_exact_mut(outputs * inputs).zip(v.chunks_exact_mut(outputs));
    for (cluster, ((mu, sigma), (u, v))) in blocks.zip(slopes).enumerate() {
        let count = clusters.members(cluster).count().max(1) as f64;
        let weight = clusters.weight(cluster, form.scale);
        let (mean, offset) = clusters.means(cluster);
        let deviations = || {
            clusters.members(cluster).map(|(beta, omega)| {
                let deviation: Vec<f64> = beta.iter().zip(&mean).map(|(beta, mean)| beta - mean).collect();
                (deviation, omega)
            })
        };
        let mut variance = alloc::vec![0.0; inputs];
        for (deviation, _) in deviations() {
            variance.iter_mut().zip(&deviation).for_each(|(sum, value)| *sum += value * value / count);
        }
        for (((mu, sigma), &mean), &variance) in mu.iter_mut().zip(sigma).zip(&mean).zip(&variance) {
            (*mu, *sigma) = (T::from_f64(mean), T::from_f64(libm::sqrt(variance)));
        }
        for ((output, (u, v)), &offset) in u.chunks_exact_mut(inputs).zip(v).enumerate().zip(&offset) {
            *v = T::from_f64(weight * offset);
            let mut along = alloc::vec![0.0; inputs];
            for (deviation, omega) in deviations() {
                let omega = omega.get(output).copied().unwrap_or(0.0) - offset;
                along.iter_mut().zip(&deviation).for_each(|(sum, value)| *sum += value * omega / count);
            }
            for ((u, along), &variance) in u.iter_mut().zip(along).zip(&variance) {
                *u = T::from_f64(if variance > 0.0 { weight * along / variance } else { 0.0 });
            }
        }
    }
    Coordinates::Centred.change(form.coordinates, shape, ParametersMut { mu, sigma, u, v })
}

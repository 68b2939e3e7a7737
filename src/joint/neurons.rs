//! From a joint layer to the neurons of a dense network, and back.

use alloc::vec;
use alloc::vec::Vec;

use rand_core::Rng;

use super::{Joint, JointShape, ParametersMut, Scale};
use crate::nn::neurons::{Clusters, network};
use crate::nn::{Network, NetworkError};
use crate::random::StandardNormal;
use crate::slices::row;
use crate::{Error, Real};

/// Draws `count` neurons of each component of a layer, as a dense network of width K·count without biases.
///
/// ```text
/// y = 1/(K n) Σ_k Σ_j ω_kj ReLU(⟨β_kj, x⟩),   ω_kj = μ_ω + C_ω ξ,   β_kj = μ_β + C_β ξ,   ξ ~ N(0, I)
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
/// use gmlayer::joint::{Joint, JointShape, Parameters, sample_neurons};
/// use gmlayer::train;
///
/// let parameters = Parameters { mu_w: &[3.0], c_w: &[0.0], mu_b: &[1.0, 2.0], c_b: &[0.0, 0.0] };
/// let layer = Joint::new(JointShape::new(2, 1, 1, 1)?, parameters)?;
/// let mut network = sample_neurons(&layer, 4, 1, &mut train::generator(0, 0))?;
/// assert_eq!(network.forward(&[1.0_f64, 1.0])?, [9.0]); // without spread four times the same neuron
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 1.
pub fn sample_neurons<T: Real, R: Rng + ?Sized>(
    layer: &Joint<'_, T>,
    count: usize,
    batch: usize,
    random: &mut R,
) -> Result<Network<T>, NetworkError> {
    let (shape, parameters) = (layer.shape(), layer.parameters());
    let (inputs, outputs, rank) = (shape.inputs(), shape.outputs(), shape.rank());
    let mut normal = StandardNormal::new();
    let sizes = [inputs, outputs, shape.components()];
    network(sizes, layer.scale(), (count, batch), |component, beta: &mut [T], omega: &mut [T]| {
        beta.copy_from_slice(row(parameters.mu_b, component, inputs));
        omega.copy_from_slice(row(parameters.mu_w, component, outputs));
        let c_w = row(parameters.c_w, component, rank * outputs).chunks_exact(outputs);
        let c_b = row(parameters.c_b, component / shape.members(), rank * inputs).chunks_exact(inputs);
        for (c_w, c_b) in c_w.zip(c_b) {
            let xi = T::from_f64(normal.sample(random));
            omega.iter_mut().zip(c_w).for_each(|(omega, &c)| *omega += c * xi);
            beta.iter_mut().zip(c_b).for_each(|(beta, &c)| *beta += c * xi);
        }
    })
}

/// Fits a layer to the neurons of a dense network without biases: a start for training.
///
/// ```text
/// y = Σ_j ω_j ReLU(⟨β_j, x⟩):   neurons in K clusters by β, and of each cluster
/// μ_ω, μ_β = means of ω and β,   C_β = √λ e of the R largest principal components (λ, e) of β,
/// C_ω = cov(ω, ξ),   ξ = ⟨e, β − μ_β⟩/√λ
/// ```
///
/// Where the layer is tied, the principal components are those of all deviations β − μ_β together. ω is multiplied by
/// the number of neurons of its cluster (and by K where the layer takes the mean), so that the layer stands for the
/// sum of its neurons. Neurons are first balanced to |β_j| = |ω_j|, which leaves the network as it is. Clusters are
/// found from drawn starting points.
///
/// **Shapes**: `hidden: [neurons × inputs]` and `last: [outputs × neurons]`, the two weights of the network;
/// `parameters` are overwritten.
///
/// # Errors
///
/// [`Error::Rows`], [`Error::Length`] for slices that do not fit; [`Error::Range`] when there are more components
/// than neurons. Nothing is written then.
pub fn fit_neurons<T: Real, R: Rng + ?Sized>(
    shape: JointShape,
    scale: Scale,
    hidden: &[T],
    last: &[T],
    parameters: ParametersMut<'_, T>,
    random: &mut R,
) -> Result<(), Error> {
    parameters.as_ref().check(shape)?;
    let (inputs, outputs, rank) = (shape.inputs(), shape.outputs(), shape.rank());
    let clusters = Clusters::new([inputs, outputs, shape.components()], hidden, last, random)?;
    let ParametersMut { mu_w, c_w, mu_b, c_b } = parameters;
    let omega = mu_w.chunks_exact_mut(outputs).zip(c_w.chunks_exact_mut(rank * outputs));
    let mut members = omega.zip(mu_b.chunks_exact_mut(inputs)).enumerate();
    for (family, c_b) in c_b.chunks_exact_mut(rank * inputs).enumerate() {
        let first = family * shape.members();
        let clusters_of_it = first..first + shape.members();
        let all: Vec<f64> = clusters_of_it.flat_map(|cluster| deviations(&clusters, cluster)).collect();
        let (directions, variances) = principal(&all, inputs, rank, random);
        for ((c_b, direction), variance) in
            c_b.chunks_exact_mut(inputs).zip(directions.chunks_exact(inputs)).zip(&variances)
        {
            let length = libm::sqrt(*variance);
            c_b.iter_mut().zip(direction).for_each(|(c, &e)| *c = T::from_f64(length * e));
        }
        for (cluster, ((mu_w, c_w), mu_b)) in members.by_ref().take(shape.members()) {
            let weight = clusters.weight(cluster, scale);
            let (beta, omega) = clusters.means(cluster);
            mu_b.iter_mut().zip(&beta).for_each(|(mu, &mean)| *mu = T::from_f64(mean));
            mu_w.iter_mut().zip(&omega).for_each(|(mu, &mean)| *mu = T::from_f64(weight * mean));
            let own = deviations(&clusters, cluster);
            let count = (own.len() / inputs).max(1) as f64;
            let factors = directions.chunks_exact(inputs).zip(&variances);
            for (c_w, (direction, &variance)) in c_w.chunks_exact_mut(outputs).zip(factors) {
                let mut covariance = vec![0.0; outputs];
                for (deviation, (_, omega)) in own.chunks_exact(inputs).zip(clusters.members(cluster)) {
                    let along = inner(direction, deviation);
                    covariance.iter_mut().zip(omega).for_each(|(sum, omega)| *sum += along * omega);
                }
                let factor = if variance > 0.0 { weight / (count * libm::sqrt(variance)) } else { 0.0 };
                c_w.iter_mut().zip(covariance).for_each(|(c, sum)| *c = T::from_f64(factor * sum));
            }
        }
    }
    Ok(())
}

/// β − μ_β of the neurons of a cluster: `[neurons × inputs]`.
fn deviations(clusters: &Clusters, cluster: usize) -> Vec<f64> {
    let (mean, _) = clusters.means(cluster);
    let members = clusters.members(cluster);
    members.flat_map(|(beta, _)| beta.iter().zip(&mean).map(|(beta, mean)| beta - mean)).collect()
}

/// Rounds of the subspace iteration: what has not settled by then are directions of nearly equal variance, of which any
/// basis does.
const ROUNDS: usize = 50;

/// The principal components of some deviations: `rank` orthonormal directions and the variances along them; 0 for those
/// beyond the number of inputs or deviations.
fn principal<R: Rng + ?Sized>(
    deviations: &[f64],
    inputs: usize,
    rank: usize,
    random: &mut R,
) -> (Vec<f64>, Vec<f64>) {
    let mut normal = StandardNormal::new();
    let mut directions: Vec<f64> = (0..rank * inputs).map(|_| normal.sample(random)).collect();
    orthonormalise(&mut directions, inputs);
    let count = (deviations.len() / inputs).max(1) as f64;
    for _ in 0..ROUNDS {
        for direction in directions.chunks_exact_mut(inputs) {
            let mut next = vec![0.0; inputs];
            for deviation in deviations.chunks_exact(inputs) {
                let along = inner(direction, deviation);
                next.iter_mut().zip(deviation).for_each(|(sum, value)| *sum += along * value);
            }
            direction.copy_from_slice(&next);
        }
        orthonormalise(&mut directions, inputs);
    }
    let variance = |direction| {
        let along = deviations.chunks_exact(inputs).map(|deviation| inner(direction, deviation));
        along.map(|along| along * along).sum::<f64>() / count
    };
    let variances = directions.chunks_exact(inputs).map(variance).collect();
    (directions, variances)
}

/// Makes rows orthonormal, from the first to the last; one that depends on those before it becomes 0.
fn orthonormalise(rows: &mut [f64], len: usize) {
    for index in 0..rows.len() / len {
        let (before, rest) = rows.split_at_mut(index * len);
        let Some(row) = rest.get_mut(..len) else { return };
        let size = libm::sqrt(inner(row, row));
        // Twice: the first time leaves roundings of the size that the row had.
        for _ in 0..2 {
            for other in before.chunks_exact(len) {
                let along = inner(other, row);
                row.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
            }
        }
        let norm = libm::sqrt(inner(row, row));
        let factor = if norm > 1e-10 * size { 1.0 / norm } else { 0.0 };
        row.iter_mut().for_each(|value| *value *= factor);
    }
}

/// ⟨a, b⟩.
fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

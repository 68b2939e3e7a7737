//! Neurons of a dense network that stand for a layer, and a layer's components as clusters of neurons.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use rand_core::Rng;

use super::{Dense, Network, NetworkError, Relu};
use crate::random::below;
use crate::{Error, Real, Scale, shape};

/// A dense network of `count` neurons of each of some components, which `draw` gives one after the other: β, and ω
/// before it is divided by the number of neurons.
pub(crate) fn network<T: Real>(
    [inputs, outputs, components]: [usize; 3],
    scale: Scale,
    (count, batch): (usize, usize),
    mut draw: impl FnMut(usize, &mut [T], &mut [T]),
) -> Result<Network<T>, NetworkError> {
    let width = shape::product("neurons", components, count)?;
    let mut network = Network::new(
        vec![
            Box::new(Dense::new(inputs, width, false)?),
            Box::new(Relu::new(width)?),
            Box::new(Dense::new(width, outputs, false)?),
        ],
        batch,
    )?;
    let divisor = scale.divisor::<T>(components) * T::from_usize(count);
    let (hidden, last) = network.parameters_mut().split_at_mut(width * inputs);
    let mut omega = vec![T::zero(); outputs];
    for (neuron, beta) in hidden.chunks_exact_mut(inputs).enumerate() {
        draw(neuron / count, beta, &mut omega);
        let weights = last.iter_mut().skip(neuron).step_by(width);
        weights.zip(&omega).for_each(|(weight, &omega)| *weight = omega / divisor);
    }
    Ok(network)
}

/// β and ω of a neuron.
pub(crate) type Neuron<'a> = (&'a [f64], &'a [f64]);

/// Rounds of clustering: far more than it takes to settle.
const ROUNDS: usize = 100;

/// The neurons of a dense network, in clusters by β.
pub(crate) struct Clusters {
    inputs: usize,
    outputs: usize,
    components: usize,
    /// β: `[neurons × inputs]`.
    betas: Vec<f64>,
    /// ω: `[neurons × outputs]`, as long in each neuron as β.
    omegas: Vec<f64>,
    /// The cluster of each neuron.
    cluster_of: Vec<usize>,
}

impl Clusters {
    /// As many clusters of the neurons as there are components.
    pub(crate) fn new<T: Real, R: Rng + ?Sized>(
        [inputs, outputs, components]: [usize; 3],
        hidden: &[T],
        last: &[T],
        random: &mut R,
    ) -> Result<Self, Error> {
        let neurons = shape::rows("hidden", hidden.len(), inputs)?;
        shape::exact("last", last.len(), shape::product("last", outputs, neurons)?)?;
        if components > neurons {
            return Err(Error::Range { argument: "components", largest: neurons, got: components });
        }
        let (betas, omegas) = balanced(inputs, outputs, hidden, last);
        let cluster_of = clusters(inputs, components, &betas, random);
        Ok(Self { inputs, outputs, components, betas, omegas, cluster_of })
    }

    /// The neurons of a cluster.
    pub(crate) fn members(&self, cluster: usize) -> impl Iterator<Item = Neuron<'_>> {
        let rows = self.betas.chunks_exact(self.inputs).zip(self.omegas.chunks_exact(self.outputs));
        rows.zip(&self.cluster_of).filter(move |(_, of)| **of == cluster).map(|(row, _)| row)
    }

    /// What ω counts in a cluster: the number of its neurons, times K where the layer takes the mean.
    pub(crate) fn weight(&self, cluster: usize, scale: Scale) -> f64 {
        let count = self.members(cluster).count().max(1) as f64;
        count * if scale == Scale::Mean { self.components as f64 } else { 1.0 }
    }

    /// The means of β and ω in a cluster.
    pub(crate) fn means(&self, cluster: usize) -> (Vec<f64>, Vec<f64>) {
        let count = self.members(cluster).count().max(1) as f64;
        let (mut beta, mut omega) = (vec![0.0; self.inputs], vec![0.0; self.outputs]);
        for (of_beta, of_omega) in self.members(cluster) {
            beta.iter_mut().zip(of_beta).for_each(|(sum, value)| *sum += value / count);
            omega.iter_mut().zip(of_omega).for_each(|(sum, value)| *sum += value / count);
        }
        (beta, omega)
    }
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

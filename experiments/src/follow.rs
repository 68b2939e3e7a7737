//! The first layer on its way, seen along the two main axes of where it ends.

use gmlayer::nn::Network;
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use serde::{Deserialize, Serialize};

use crate::run::{LayerPlan, Run};

/// The most neurons that are drawn; all of them count for the axes.
const MOST: usize = 150;

/// The components or neurons after one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Frame {
    pub(crate) epoch: usize,
    pub(crate) marks: Vec<Mark>,
}

/// A Gaussian in the plane of the main axes; a neuron has no spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The mean.
    pub(crate) mean: [f64; 2],
    /// The covariance: of the first axis, of both, of the second.
    pub(crate) covariance: [f64; 3],
}

/// Remembers the first layer, epoch by epoch.
#[derive(Debug)]
pub(crate) struct Follower {
    inputs: usize,
    /// Whether the first layer has standard deviations.
    spread: bool,
    /// Means, or neurons, and standard deviations.
    states: Vec<(Vec<f32>, Vec<f32>)>,
}

impl Follower {
    /// Begins with the starting values.
    pub(crate) fn new(run: &Run, network: &Network<f32>) -> Self {
        let spread = matches!(run.layers.first(), Some(LayerPlan::Diagonal { .. }));
        let mut follower = Self { inputs: network.inputs(), spread, states: Vec::new() };
        follower.follow(network);
        follower
    }

    /// Remembers the network as it is.
    pub(crate) fn follow(&mut self, network: &Network<f32>) {
        let block = |name| network.block(name).unwrap_or_default().to_vec();
        self.states.push(if self.spread {
            (block("0.mu"), block("0.sigma"))
        } else {
            (block("0.weight"), Vec::new())
        });
    }

    /// Everything in the plane of the last state's main axes.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        let Some((means, deviations)) = self.states.last() else { return Vec::new() };
        let axes = self.main_axes(means, deviations);
        let frames = self.states.iter().enumerate();
        frames.map(|(epoch, state)| Frame { epoch, marks: self.project(state, &axes) }).collect()
    }

    /// The two main axes of the distribution of weights: a mixture of Gaussians, or the neurons.
    fn main_axes(&self, means: &[f32], deviations: &[f32]) -> [DVector<f64>; 2] {
        let inputs = self.inputs;
        let count = (means.len() / inputs).max(1) as f64;
        let rows = DMatrix::from_row_iterator(
            means.len() / inputs,
            inputs,
            means.iter().map(|&value| f64::from(value)),
        );
        let centre = rows.row_mean();
        let mut centred = rows;
        for mut row in centred.row_iter_mut() {
            row -= &centre;
        }
        let mut covariance = centred.tr_mul(&centred) / count;
        for row in deviations.chunks_exact(inputs) {
            for (input, &sigma) in row.iter().enumerate() {
                covariance[(input, input)] += f64::from(sigma).powi(2) / count;
            }
        }
        let eigen = SymmetricEigen::new(covariance);
        let mut order: Vec<usize> = (0..inputs).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        [0, 1].map(|place| {
            let axis = order.get(place).map_or_else(
                || DVector::zeros(inputs),
                |&column| eigen.eigenvectors.column(column).into_owned(),
            );
            // An axis has no sign of its own: its largest entry is positive.
            let largest = axis.iter().copied().fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a });
            if largest < 0.0 { -axis } else { axis }
        })
    }

    fn project(&self, (means, deviations): &(Vec<f32>, Vec<f32>), axes: &[DVector<f64>; 2]) -> Vec<Mark> {
        let [first, second] = axes;
        let along = |row: &[f32], axis: &DVector<f64>| -> f64 {
            row.iter().zip(axis.iter()).map(|(&x, axis)| f64::from(x) * axis).sum()
        };
        let mut spreads = deviations.chunks_exact(self.inputs);
        let rows = means.chunks_exact(self.inputs).take(MOST);
        rows.map(|row| {
            let mut covariance = [0.0; 3];
            for ((&sigma, a), b) in
                spreads.next().unwrap_or_default().iter().zip(first.iter()).zip(second.iter())
            {
                let variance = f64::from(sigma).powi(2);
                for (entry, product) in covariance.iter_mut().zip([a * a, a * b, b * b]) {
                    *entry += variance * product;
                }
            }
            Mark { mean: [along(row, first), along(row, second)], covariance }
        })
        .collect()
    }
}

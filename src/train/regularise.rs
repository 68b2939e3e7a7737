//! Disturbing what a network trains on, so that it keeps to what carries over to other samples.

use rand_core::Rng;

use super::TrainError;
use crate::Real;
use crate::random::uniform;

/// What is done to the samples of a step, and in training alone; nothing by default.
///
/// ```text
/// x_i ← 0 with the probability p, x_i / (1 − p) otherwise               p = input_dropout, each input by itself
/// loss = −Σ_j target_j ln share_j,   target = (1 − ε) [j = label] + ε/L          ε = label_smoothing, L outputs
/// ```
///
/// Both are shares in [0, 1). The loss that a [`Record`](super::Record) tells is that of the labels as they are, at
/// the inputs as the network had them.
///
/// Sources: N. Srivastava et al., *Dropout*, JMLR 15 (2014); C. Szegedy et al., *Rethinking the Inception
/// architecture for computer vision*, CVPR 2016.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Regularisation {
    /// The probability p with which an input is left out.
    pub input_dropout: f64,
    /// The share ε of the target that all classes get alike.
    pub label_smoothing: f64,
}

impl Regularisation {
    /// Training on the samples as they are.
    pub const NONE: Self = Self { input_dropout: 0.0, label_smoothing: 0.0 };

    /// Refuses what is not a share.
    pub(super) fn check(self) -> Result<(), TrainError> {
        let shares = [("input_dropout", self.input_dropout), ("label_smoothing", self.label_smoothing)];
        match shares.into_iter().find(|(_, share)| !(0.0..1.0).contains(share)) {
            Some((setting, got)) => Err(TrainError::Share { setting, got }),
            None => Ok(()),
        }
    }

    /// Leaves inputs out. An input that is 0 already takes no random number.
    pub(super) fn drop_inputs<T: Real, R: Rng + ?Sized>(self, x: &mut [T], random: &mut R) {
        if self.input_dropout == 0.0 {
            return;
        }
        let kept = T::from_f64(1.0 / (1.0 - self.input_dropout));
        for x in x.iter_mut().filter(|x| **x != T::zero()) {
            *x = if uniform(random) < self.input_dropout { T::zero() } else { *x * kept };
        }
    }

    /// Changes the gradient of the cross-entropy of the labels, the mean over a batch, into that of the targets.
    pub(super) fn smooth<T: Real>(self, classes: usize, labels: &[usize], gradient: &mut [T]) {
        if self.label_smoothing == 0.0 {
            return;
        }
        let share = T::from_f64(self.label_smoothing / labels.len().max(1) as f64);
        let class_share = share / T::from_usize(classes.max(1));
        for (gradient, &label) in gradient.chunks_exact_mut(classes.max(1)).zip(labels) {
            for (class, gradient) in gradient.iter_mut().enumerate() {
                *gradient += if class == label { share - class_share } else { -class_share };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Regularisation;
    use crate::nn::cross_entropy;
    use crate::train::{TrainError, generator};

    /// The smoothed loss is a sum of cross-entropies; so must be its gradient.
    #[test]
    fn the_gradient_is_that_of_the_targets() {
        let logits = [0.3, -1.0, 2.0, 0.5, 0.25, -0.75_f64];
        let labels = [1, 2];
        let epsilon = 0.2;
        let gradient = |labels: &[usize]| {
            let mut gradient = [0.0; 6];
            cross_entropy(&logits, 3, labels, Some(&mut gradient)).unwrap();
            gradient
        };
        let mut got = gradient(&labels);
        Regularisation { label_smoothing: epsilon, ..Regularisation::NONE }.smooth(3, &labels, &mut got);
        let own = gradient(&labels);
        let each = [0, 1, 2].map(|class| gradient(&[class, class]));
        for (place, got) in got.into_iter().enumerate() {
            let all: f64 = each.iter().map(|gradient| gradient[place]).sum();
            assert!((got - ((1.0 - epsilon) * own[place] + epsilon / 3.0 * all)).abs() < 1e-15, "{place}");
        }
    }

    /// As many inputs are left out as the share says, the others are scaled up, and the mean stays.
    #[test]
    fn inputs_are_left_out_and_the_mean_stays() {
        let mut x = [1.0_f64; 100_000];
        Regularisation { input_dropout: 0.2, ..Regularisation::NONE }
            .drop_inputs(&mut x, &mut generator(3, 0));
        let dropped = x.iter().filter(|x| **x == 0.0).count();
        assert!(x.iter().all(|x| *x == 0.0 || *x == 1.25));
        let deviation = (100_000.0_f64 * 0.2 * 0.8).sqrt();
        assert!((dropped as f64 - 20_000.0).abs() < 5.0 * deviation, "{dropped}");
    }

    #[test]
    fn only_shares_are_taken() {
        for share in [-0.1, 1.0, f64::NAN, f64::INFINITY] {
            let dropout = Regularisation { input_dropout: share, ..Regularisation::NONE };
            let smoothing = Regularisation { label_smoothing: share, ..Regularisation::NONE };
            for (regularisation, name) in [(dropout, "input_dropout"), (smoothing, "label_smoothing")] {
                let got = regularisation.check();
                assert!(matches!(got, Err(TrainError::Share { setting, .. }) if setting == name), "{got:?}");
            }
        }
        assert_eq!(Regularisation { input_dropout: 0.5, label_smoothing: 0.0 }.check(), Ok(()));
    }
}

//! Counting what a network gets wrong.

use super::TrainError;
use crate::data::Samples;
use crate::memory::filled;
use crate::nn::Network;
use crate::{Aligned, Error, Real, shape};

/// The samples of one class and how many of them came out wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassCount {
    /// The number of samples.
    pub samples: usize,
    /// The number of those that the network puts into another class.
    pub errors: usize,
}

impl ClassCount {
    /// errors / samples; `None` where there is no sample.
    #[must_use]
    pub fn error(self) -> Option<f64> {
        (self.samples > 0).then(|| self.errors as f64 / self.samples as f64)
    }
}

/// The errors of a network, class by class.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evaluation {
    /// One count a class, in the order of the labels.
    pub classes: Vec<ClassCount>,
    /// The samples with an output that is infinite or NaN: they are in no class, and errors of their own.
    pub unclassified: usize,
}

impl Evaluation {
    /// The counts of all classes together.
    #[must_use]
    pub fn total(&self) -> ClassCount {
        self.classes.iter().fold(ClassCount::default(), |total, class| ClassCount {
            samples: total.samples + class.samples,
            errors: total.errors + class.errors,
        })
    }
}

/// Counts the errors of `network` on `samples`.
///
/// A sample's class is that of [`classify`]; one without a class is an error.
///
/// # Errors
///
/// [`TrainError`] when the samples have another size than the network's inputs, or a label that the
/// network has no output for.
pub fn evaluate<T: Real>(network: &mut Network<T>, samples: &Samples) -> Result<Evaluation, TrainError> {
    check(network, samples)?;
    let mut batch = Batch::new(network)?;
    let mut unclassified = 0;
    let mut classes = filled("classes", ClassCount::default(), network.outputs())?;
    let mut indices = filled("indices", 0, network.batch().min(samples.len()))?;
    for start in (0..samples.len()).step_by(network.batch()) {
        let rows = indices.len().min(samples.len() - start);
        let (indices, _) = indices.split_at_mut(rows);
        for (place, index) in indices.iter_mut().enumerate() {
            *index = start + place;
        }
        let (x, labels) = batch.load(samples, indices)?;
        let outputs = network.outputs();
        for (y, &label) in network.forward(x)?.chunks(outputs).zip(labels) {
            if let Some(class) = classes.get_mut(label) {
                class.samples += 1;
                let place = classify(y);
                class.errors += usize::from(place != Some(label));
                unclassified += usize::from(place.is_none());
            }
        }
    }
    Ok(Evaluation { classes, unclassified })
}

/// Refuses samples that the network cannot take.
pub(super) fn check<T: Real>(network: &Network<T>, samples: &Samples) -> Result<(), TrainError> {
    if samples.inputs() != network.inputs() {
        return Err(TrainError::Inputs { network: network.inputs(), data: samples.inputs() });
    }
    let classes = samples.labels().iter().max().map_or(0, |&label| usize::from(label) + 1);
    if classes > network.outputs() {
        return Err(TrainError::Classes { network: network.outputs(), data: classes });
    }
    Ok(())
}

/// The class of a row of outputs: the place of the largest, the first of several.
///
/// `None` where there is no output, or one that is infinite or NaN: what is beyond the range of the numbers says nothing
/// of which class is the likeliest.
#[must_use]
pub fn classify<T: Real>(outputs: &[T]) -> Option<usize> {
    let mut best: Option<(usize, T)> = None;
    for (place, &output) in outputs.iter().enumerate() {
        if !output.is_finite() {
            return None;
        }
        if best.is_none_or(|(_, best)| output > best) {
            best = Some((place, output));
        }
    }
    best.map(|(place, _)| place)
}

/// Buffers for the samples of one batch.
#[derive(Debug)]
pub(super) struct Batch<T> {
    x: Aligned<T>,
    labels: Vec<usize>,
    inputs: usize,
}

impl<T: Real> Batch<T> {
    /// Buffers for the largest batch of `network`.
    pub(super) fn new(network: &Network<T>) -> Result<Self, Error> {
        let (inputs, rows) = (network.inputs(), network.batch());
        let x = Aligned::zeros(shape::product("x", rows, inputs)?)?;
        Ok(Self { x, labels: filled("labels", 0, rows)?, inputs })
    }

    /// The images and labels of at most as many samples as the network's largest batch has rows.
    pub(super) fn load(
        &mut self,
        samples: &Samples,
        indices: &[usize],
    ) -> Result<(&mut [T], &[usize]), TrainError> {
        let rows = indices.len().min(self.labels.len());
        let (x, _) = self.x.split_at_mut(rows * self.inputs);
        let (labels, _) = self.labels.split_at_mut(rows);
        samples.batch(indices, x)?;
        samples.batch_labels(indices, labels)?;
        Ok((x, labels))
    }
}

#[cfg(test)]
mod tests {
    use super::classify;

    #[test]
    fn the_first_largest_value_wins_and_numbers_out_of_range_have_no_class() {
        assert_eq!(classify(&[1.0, 3.0, 3.0]), Some(1));
        assert_eq!(classify(&[-f64::MAX, f64::MAX]), Some(1));
        assert_eq!(classify(&[-0.0, 0.0]), Some(0));
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for row in [[odd, 1.0], [1.0, odd], [odd, odd]] {
                assert_eq!(classify(&row), None, "{row:?}");
            }
        }
        assert_eq!(classify::<f32>(&[]), None);
    }
}

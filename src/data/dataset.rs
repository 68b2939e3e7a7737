//! A data set: samples to train on and samples to test on.

use super::Samples;
use crate::Error;

/// Labelled images to train on and to test on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dataset {
    /// A short name for reports.
    pub name: String,
    /// The samples to train on.
    pub train: Samples,
    /// The samples to test on.
    pub test: Samples,
    /// The number of pixels of an image.
    pub inputs: usize,
    /// The number of classes: 1 + the largest label of both parts.
    pub classes: usize,
}

impl Dataset {
    /// A data set from its two parts.
    ///
    /// # Errors
    /// [`Error::Length`] where the images of the two parts differ in size.
    pub fn new(name: impl Into<String>, train: Samples, test: Samples) -> Result<Self, Error> {
        let inputs = train.inputs();
        if test.inputs() != inputs {
            return Err(Error::Length { argument: "test image", expected: inputs, got: test.inputs() });
        }
        Ok(Self::from_parts(name.into(), train, test))
    }

    /// A data set from two parts with images of one size.
    pub(super) fn from_parts(name: String, train: Samples, test: Samples) -> Self {
        let largest = train.labels().iter().chain(test.labels()).copied().max().unwrap_or(0);
        Self { name, inputs: train.inputs(), classes: usize::from(largest) + 1, train, test }
    }
}

//! Labelled images, one byte a pixel, turned into numbers a batch at a time.

use crate::kernel::{Simd, dispatch, task};
use crate::{Error, Real};

/// Labelled images of one size.
///
/// Shapes: images `[n × inputs]`, labels `[n]`, n ≥ 1, inputs ≥ 1. Pixels stay bytes, a quarter of the
/// memory of `f32`; [`Samples::batch`] converts as many rows as are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    pub(super) images: Vec<u8>,
    pub(super) labels: Vec<u8>,
    pub(super) inputs: usize,
}

impl Samples {
    /// Samples from their pixels and labels; `inputs` is the number of pixels of an image.
    ///
    /// # Errors
    /// [`Error::Zero`] for no labels or no inputs, [`Error::Length`] unless there are `inputs` pixels for
    /// each label, [`Error::Overflow`] where that number cannot be addressed.
    pub fn new(images: Vec<u8>, labels: Vec<u8>, inputs: usize) -> Result<Self, Error> {
        if labels.is_empty() {
            return Err(Error::Zero { argument: "labels" });
        }
        if inputs == 0 {
            return Err(Error::Zero { argument: "inputs" });
        }
        expect_length("images", rows(labels.len(), inputs)?, images.len())?;
        Ok(Self { images, labels, inputs })
    }

    /// The first `count` samples, without a copy of them.
    ///
    /// # Errors
    /// [`Error::Zero`] for none, [`Error::Range`] where there are not as many.
    pub fn first(mut self, count: usize) -> Result<Self, Error> {
        if count == 0 {
            return Err(Error::Zero { argument: "count" });
        }
        if count > self.len() {
            return Err(Error::Range { argument: "count", largest: self.len(), got: count });
        }
        self.images.truncate(count.saturating_mul(self.inputs));
        self.labels.truncate(count);
        Ok(self)
    }

    /// The number of samples, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "samples are never empty")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The number of pixels of an image.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// All pixels, `[n × inputs]`, 0 to 255.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// The label of each image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Writes the images with these indices, pixel / 255, in the order of the indices.
    ///
    /// Shapes: `out` is `[indices × inputs]`. Every value is the nearest scalar to pixel / 255.
    ///
    /// # Errors
    /// [`Error::Length`] where `out` has the wrong length, [`Error::Range`] for an index past the last
    /// sample; `out` is then left as it was, or in part written.
    pub fn batch<T: Real>(&self, indices: &[usize], out: &mut [T]) -> Result<(), Error> {
        expect_length("out", rows(indices.len(), self.inputs)?, out.len())?;
        for (&index, row) in indices.iter().zip(out.chunks_exact_mut(self.inputs)) {
            let start = index.saturating_mul(self.inputs);
            let image = self.images.get(start..).and_then(|rest| rest.get(..self.inputs));
            dispatch(Levels, (image.ok_or_else(|| self.past_the_end(index))?, row));
        }
        Ok(())
    }

    /// Writes the labels with these indices, in the order of the indices.
    ///
    /// # Errors
    /// As [`Samples::batch`].
    pub fn batch_labels(&self, indices: &[usize], out: &mut [usize]) -> Result<(), Error> {
        expect_length("out", indices.len(), out.len())?;
        for (&index, out) in indices.iter().zip(out) {
            *out = usize::from(*self.labels.get(index).ok_or_else(|| self.past_the_end(index))?);
        }
        Ok(())
    }

    fn past_the_end(&self, index: usize) -> Error {
        Error::Range { argument: "indices", largest: self.labels.len().saturating_sub(1), got: index }
    }
}

/// pixel / 255 of every pixel.
#[inline(always)]
fn levels<T: Real, S: Simd>(_: S, pixels: &[u8], values: &mut [T]) {
    let white = T::from_f64(255.0);
    for (value, &pixel) in values.iter_mut().zip(pixels) {
        *value = T::from_f64(f64::from(pixel)) / white;
    }
}

task!(Levels, levels, (pixels: &'a [u8], values: &'a mut [T]) -> ());

fn rows(rows: usize, inputs: usize) -> Result<usize, Error> {
    rows.checked_mul(inputs).ok_or(Error::Overflow { argument: "images" })
}

fn expect_length(argument: &'static str, expected: usize, got: usize) -> Result<(), Error> {
    if expected == got { Ok(()) } else { Err(Error::Length { argument, expected, got }) }
}

//! Telling data sets apart.

use flate2::Crc;

use super::{Dataset, Samples};

/// What tells samples from others: two numbers and a checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataMark {
    /// The number of samples.
    pub samples: usize,
    /// The number of pixels of an image.
    pub inputs: usize,
    /// CRC-32 of all pixels and then all labels.
    pub checksum: u32,
}

impl Samples {
    /// What tells these samples from others.
    #[must_use]
    pub fn mark(&self) -> DataMark {
        let mut checksum = Crc::new();
        checksum.update(self.images());
        checksum.update(self.labels());
        DataMark { samples: self.len(), inputs: self.inputs(), checksum: checksum.sum() }
    }
}

impl Dataset {
    /// The mark of the samples to train on.
    #[must_use]
    pub fn mark(&self) -> DataMark {
        self.train.mark()
    }
}

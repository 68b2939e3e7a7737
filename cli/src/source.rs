//! Which data set a model was trained on, and a word where another one is used.

use std::collections::BTreeMap;

use flate2::Crc;
use gmlayer::data::Samples;
use serde::{Deserialize, Serialize};

use crate::failure::warn;

/// The note of a checkpoint that holds it.
const NOTE: &str = "source";

/// A data set as it came, whatever part of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    pub(crate) name: String,
    /// The images to train on, where they have been read; none of built-in digits.
    train: Option<Mark>,
    /// The images to test on; none of built-in digits.
    test: Option<Mark>,
    /// Whether the images were shrunk.
    shrunk: bool,
}

/// Checksums of images and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    images: u32,
    labels: u32,
}

impl Mark {
    fn of(samples: &Samples) -> Self {
        Self { images: checksum(samples.images()), labels: checksum(samples.labels()) }
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut checksum = Crc::new();
    checksum.update(bytes);
    checksum.sum()
}

impl Source {
    /// That of built-in digits.
    pub(crate) fn built_in(name: &str) -> Self {
        Self { name: name.to_owned(), train: None, test: None, shrunk: false }
    }

    /// That of files.
    pub(crate) fn files(name: &str, train: Option<&Samples>, test: &Samples, shrunk: bool) -> Self {
        Self { name: name.to_owned(), train: train.map(Mark::of), test: Some(Mark::of(test)), shrunk }
    }

    /// What a checkpoint says; nothing where it does not.
    pub(crate) fn of_notes(notes: &BTreeMap<String, String>) -> Option<Self> {
        serde_json::from_str(notes.get(NOTE)?).ok()
    }

    /// The note for a checkpoint.
    pub(crate) fn note(&self) -> Result<(String, String), serde_json::Error> {
        Ok((NOTE.to_owned(), serde_json::to_string(self)?))
    }

    /// Whether the images to test on are the same.
    pub(crate) fn tests_as(&self, other: &Self) -> bool {
        self.test == other.test
    }

    /// Warns where a model was trained on another data set.
    pub(crate) fn compare(&self, trained: Option<&Self>) {
        let Some(trained) = trained.filter(|trained| !self.tests_as(trained)) else { return };
        let (own, name) = (&self.name, &trained.name);
        warn(match own == name {
            true => format!("the model was trained on another data set of the name `{name}`"),
            false => format!("the model was trained on `{name}`, but this is `{own}`"),
        });
    }

    /// Warns where images to predict have another checksum than those of the data set that a model was trained on.
    /// Nothing can be said where these were drawn or shrunk.
    pub(crate) fn compare_images(&self, checksum: u32) {
        let (Some(train), Some(test), false) = (self.train, self.test, self.shrunk) else { return };
        if checksum != train.images && checksum != test.images {
            warn(format_args!("the model was trained on `{}`, which these images are not of", self.name));
        }
    }
}

//! Models in files, as the commands read them.

use std::io::Read;
use std::path::{Path, PathBuf};

use gmlayer::nn::Network;
use gmlayer::train::checkpoint::{self, CheckpointError, CheckpointProblem, Training};

use crate::failure::Failure;
use crate::source::Source;

/// The path that stands for standard input or output.
const STANDARD: &str = "-";

/// The bytes of a model from standard input at most: 16 GiB.
const LIMIT: u64 = 1 << 34;

/// Rows that are evaluated together, unless their buffers are out of proportion.
const ROWS: usize = 64;

/// The numbers of buffers that are never out of proportion: 16 MiB.
const SMALL: usize = 1 << 22;

/// A model, and where its training stands.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) network: Network<f32>,
    pub(crate) training: Option<Training>,
}

/// Whether a path stands for standard input or output.
pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == STANDARD
}

/// The file behind a path that may stand for standard input.
pub(crate) fn file(path: &Path) -> &Path {
    if is_standard(path) { Path::new("/dev/stdin") } else { path }
}

impl Saved {
    /// Reads a file, or standard input where the path is `-`; the network is for one row.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if is_standard(path) {
            return open_standard().map_err(Failure::other);
        }
        let checkpoint = checkpoint::open(path, 1).map_err(Failure::other)?;
        Ok(Self { network: checkpoint.network, training: checkpoint.training })
    }

    /// The same of bytes.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Result<Self, CheckpointProblem> {
        let checkpoint = checkpoint::from_bytes(bytes, 1)?;
        Ok(Self { network: checkpoint.network, training: checkpoint.training })
    }

    /// The data set that the model was trained on, where the file says so.
    pub(crate) fn source(&self) -> Option<Source> {
        Source::of_notes(&self.training.as_ref()?.notes)
    }

    /// The network for batches of 64 rows, or of fewer where the buffers would be large beside the parameters.
    pub(crate) fn into_network(self) -> Result<Network<f32>, Failure> {
        let network = self.network;
        let most = SMALL.max(network.parameters().len().saturating_mul(4));
        let rows = core::iter::successors(Some(ROWS), |&rows| (rows > 1).then_some(rows / 2));
        let rows = rows.into_iter().find(|&rows| buffers(&network, rows).is_some_and(|len| len <= most));
        network.with_batch(rows.unwrap_or(1)).map_err(Failure::other)
    }
}

/// The numbers of the buffers for so many rows, if that can be said.
fn buffers(network: &Network<f32>, rows: usize) -> Option<usize> {
    let inputs = network.inputs().checked_mul(2 * rows);
    network.layers().fold(inputs, |sum, layer| {
        let own = layer.saved_len(rows).ok()?.checked_add(layer.scratch_len(rows).ok()?)?;
        sum?.checked_add(own)?.checked_add(layer.outputs().checked_mul(2 * rows)?)
    })
}

fn open_standard() -> Result<Saved, CheckpointError> {
    let failed = |problem| CheckpointError { path: PathBuf::from("standard input"), problem };
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(LIMIT).read_to_end(&mut bytes);
    read.map_err(|error| failed(CheckpointProblem::Read(error)))?;
    Saved::of_bytes(&bytes).map_err(failed)
}

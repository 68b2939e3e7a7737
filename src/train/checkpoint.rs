//! Networks and training as safetensors files (feature `checkpoint`).
//!
//! A file holds one `F32` tensor for each block, named by the layer's place and the block, and shaped as
//! [`Network::blocks`] says:
//!
//! | layer | blocks |
//! |---|---|
//! | `diagonal` | `mu [K, d]`, `sigma [K, d]`, `u [K, L, d]`, `v [K, L]` |
//! | `joint` | `mu_w [K, L]`, `c_w [K, R, L]`, `mu_b [K, d]`, `c_b [K, R, d]`, or `[R, d]` where it is tied |
//! | `dense` | `weight [L, d]`, and `bias [L]` where there is one |
//! | `relu` | none |
//!
//! The means of a first, diagonal layer are the tensor `0.mu`. Training adds the optimiser's memory, as tensors like
//! `optimizer.mean.0.mu`.
//!
//! Its metadata have, under `gmlayer`, a JSON text with the format's version, the kind and sizes of every layer, where
//! training stands, and at its end a `checksum`: CRC-32, in hexadecimal, of the text before `,"checksum"` and then of
//! the tensors in the order of their names. A file that another program has written may leave it out. Every
//! safetensors reader opens such files.

mod description;
mod error;
mod file;
mod header;
mod replace;
mod training;

use std::collections::BTreeMap;
use std::path::Path;

use flate2::Crc;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

pub use error::{CheckpointError, CheckpointProblem};
pub use training::{SavedOptimizer, Training};

use super::State;
use crate::nn::{Network, ParameterBlock};
use description::Description;
use training::TrainingEntry;

/// The key of the description in the file's metadata.
const KEY: &str = "gmlayer";
/// What the checksum follows in the description.
const CHECKSUM: &str = ",\"checksum\":\"";

/// What a file holds.
#[derive(Debug)]
pub struct Checkpoint {
    /// The network.
    pub network: Network<f32>,
    /// Where training stands, where the file says so.
    pub training: Option<Training>,
}

/// Writes `network` to `path`.
///
/// As [`replace_file`] does: a crash at any moment leaves the old file or the new one, whole.
///
/// # Errors
///
/// [`CheckpointError`] when a layer is not one of this crate's, a parameter is not finite, `path` is something other
/// than a file, or the file cannot be written.
///
/// # Example
///
/// ```
/// use gmlayer::nn::{Dense, Network};
/// use gmlayer::train::checkpoint;
///
/// let path = std::env::temp_dir().join(format!("gmlayer-doctest-{}.safetensors", std::process::id()));
/// let mut network = Network::new(vec![Box::new(Dense::new(2, 1, false)?)], 8)?;
/// network.parameters_mut().copy_from_slice(&[0.5, -1.0]);
/// checkpoint::save(&network, &path)?;
/// let loaded = checkpoint::load(&path, 8)?;
/// assert_eq!(loaded.block("0.weight"), Some(&[0.5, -1.0][..]));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save(network: &Network<f32>, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
    write(path.as_ref(), || serialize(network, None, &[]))
}

/// Writes training as it stands to `path`, as safely as [`save`]: with [`resume`](super::resume), a training that
/// goes on from the file ends with the bits that it would have had without a stop.
///
/// `notes` are kept as they are, for the caller to find everything else again, such as where the data lie.
///
/// # Errors
///
/// As for [`save`]; also when what the optimiser remembers, or one of its settings, is not finite.
pub fn save_training(
    state: &State<'_, f32>,
    notes: &BTreeMap<String, String>,
    path: impl AsRef<Path>,
) -> Result<(), CheckpointError> {
    write(path.as_ref(), || {
        let optimizer = state.optimizer.state();
        let entry = TrainingEntry::of(state, &optimizer, notes)?;
        serialize(state.network, Some(entry), &optimizer.memory)
    })
}

/// Replaces the file at `path` by one of these bytes, or makes it.
///
/// They are first written beside it as `.gmlayer-CRC.partial`, where `CRC` is the checksum of its name in eight
/// hexadecimal digits, flushed to the disk and then renamed, so that a crash at any moment leaves the old file or the
/// new one, whole. While it is written, this file is locked: a process that finds it without a lock takes it for what a
/// killed one has left.
///
/// Mode and, where the system allows it, owner stay as they were. Symbolic links are followed and stay. Other hard
/// links of the old file keep the old contents. A read-only file, a folder, a device or a pipe is never replaced.
///
/// # Errors
///
/// [`CheckpointError`] when `path` is something other than a file, cannot be written, or is being written by another
/// process.
pub fn replace_file(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    replace::replace(path, bytes).map_err(|error| CheckpointError::new(path, CheckpointProblem::Write(error)))
}

/// Finds out whether [`replace_file`], and so [`save`], could write to `path`, without leaving anything there, and
/// removes what a process that was killed while it wrote there has left beside it.
///
/// # Errors
///
/// As for [`replace_file`]; also when `path` is a mount point.
pub fn check_target(path: impl AsRef<Path>) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    replace::check_target(path).map_err(|error| CheckpointError::new(path, CheckpointProblem::Write(error)))
}

/// Reads the network of a file, for batches of up to `batch` rows.
///
/// # Errors
///
/// As for [`open`].
pub fn load(path: impl AsRef<Path>, batch: usize) -> Result<Network<f32>, CheckpointError> {
    open(path, batch).map(|checkpoint| checkpoint.network)
}

/// Reads a file, its network for batches of up to `batch` rows.
///
/// Sizes are compared with the file before memory is taken for them; nothing of what a damaged file says is used. The
/// memory is at most 20 times the file, and what the network takes for batches of `batch` rows.
///
/// # Errors
///
/// [`CheckpointError`], naming what is wrong, when the file cannot be read, is not a safetensors file, has
/// another version or no description, when a tensor is missing, unknown, there twice, of another type or shape, or
/// holds a value that is not finite, and when the checksum is that of other contents.
pub fn open(path: impl AsRef<Path>, batch: usize) -> Result<Checkpoint, CheckpointError> {
    let path = path.as_ref();
    file::read(path)
        .and_then(|bytes| deserialize(&bytes, batch))
        .map_err(|problem| CheckpointError::new(path, problem))
}

/// [`open`] for bytes in memory.
///
/// # Errors
///
/// As for [`open`], without the path.
pub fn from_bytes(bytes: &[u8], batch: usize) -> Result<Checkpoint, CheckpointProblem> {
    header::check(&mut &*bytes, bytes.len() as u64)?;
    deserialize(bytes, batch)
}

fn write(
    path: &Path,
    serialize: impl FnOnce() -> Result<Vec<u8>, CheckpointProblem>,
) -> Result<(), CheckpointError> {
    serialize()
        .and_then(|bytes| replace::replace(path, &bytes).map_err(CheckpointProblem::Write))
        .map_err(|problem| CheckpointError::new(path, problem))
}

/// The name of the tensor of what an optimiser remembers of a block.
fn memory_name(memory: &str, block: &str) -> String {
    format!("optimizer.{memory}.{block}")
}

fn serialize(
    network: &Network<f32>,
    training: Option<TrainingEntry>,
    memory: &[(&'static str, &[f32])],
) -> Result<Vec<u8>, CheckpointProblem> {
    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    let mut add = |name: String, block: &ParameterBlock, flat: &[f32]| {
        let values = flat.get(block.range.clone()).unwrap_or(&[]);
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(CheckpointProblem::NotFinite { tensor: name, index });
        }
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.insert(name, (block.dimensions.clone(), bytes));
        Ok(())
    };
    for block in network.blocks() {
        add(block.name.clone(), block, network.parameters())?;
        for (name, values) in memory {
            add(memory_name(name, &block.name), block, values)?;
        }
    }
    let description = Description::of(network, training)?.to_json()?;
    let text = description.strip_suffix('}').unwrap_or(&description);
    let mut checksum = Crc::new();
    checksum.update(text.as_bytes());
    let mut views = Vec::with_capacity(tensors.len());
    for (name, (dimensions, bytes)) in &tensors {
        checksum.update(bytes);
        views.push((name, TensorView::new(Dtype::F32, dimensions.clone(), bytes)?));
    }
    let description = format!("{text}{CHECKSUM}{:08x}\"}}", checksum.sum());
    Ok(safetensors::serialize(views, Some([(KEY.to_owned(), description)].into()))?)
}

fn deserialize(bytes: &[u8], batch: usize) -> Result<Checkpoint, CheckpointProblem> {
    let header_len = bytes.first_chunk().map_or(0, |&start| u64::from_le_bytes(start));
    header::expect_memory(header_len.min(bytes.len() as u64))?;
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
    let text = text.ok_or(CheckpointProblem::NoDescription)?;
    let description = Description::from_json(text)?;
    let tensors = SafeTensors::deserialize(bytes)?;

    // Every size is compared with the tensors that are there before anything of that size is allocated.
    let layers = description.layers()?;
    let memories = description.training.as_ref().map_or(Ok(&[][..]), TrainingEntry::memories)?;
    let mut expected = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        for block in layer.blocks() {
            let block_name = format!("{index}.{}", block.name);
            let names = memories.iter().map(|memory| memory_name(memory, &block_name));
            for name in [block_name.clone()].into_iter().chain(names) {
                let tensor = tensors.tensor(&name).map_err(|_| CheckpointProblem::Missing(name.clone()))?;
                if tensor.dtype() != Dtype::F32 {
                    return Err(CheckpointProblem::Type { tensor: name, got: tensor.dtype().to_string() });
                }
                if tensor.shape() != block.dimensions {
                    let (expected, got) = (block.dimensions, tensor.shape().to_vec());
                    return Err(CheckpointProblem::Dimensions { tensor: name, expected, got });
                }
                expected.push(name);
            }
        }
    }
    expected.sort_unstable();
    let unknown = |name: &&str| expected.binary_search_by(|known| known.as_str().cmp(name)).is_err();
    if let Some(unknown) = tensors.names().into_iter().filter(unknown).min() {
        return Err(CheckpointProblem::Unknown(unknown.to_owned()));
    }

    let mut network = Network::new(layers, batch)?;
    let blocks = network.blocks().to_vec();
    let mut memory: Vec<Vec<f32>> = Vec::with_capacity(memories.len());
    for name in memories {
        let mut values = Vec::new();
        let len = network.parameters().len();
        values.try_reserve_exact(len).map_err(|_| CheckpointProblem::Memory)?;
        values.resize(len, 0.0);
        for block in &blocks {
            copy(&mut values, block, &tensors, &memory_name(name, &block.name))?;
        }
        memory.push(values);
    }
    for block in &blocks {
        copy(network.parameters_mut(), block, &tensors, &block.name)?;
    }
    let training = match description.training {
        Some(entry) => Some(entry.into_training(&mut network, memory)?),
        None => None,
    };
    if let Some(stated) = description.checksum {
        check_sum(text, stated, &tensors, &expected)?;
    }
    Ok(Checkpoint { network, training })
}

/// Copies the values of a tensor, all of them finite, to the place of a block.
fn copy(
    values: &mut [f32],
    block: &ParameterBlock,
    tensors: &SafeTensors<'_>,
    name: &str,
) -> Result<(), CheckpointProblem> {
    let tensor = tensors.tensor(name)?;
    let (numbers, _) = tensor.data().as_chunks::<4>();
    let values = values.get_mut(block.range.clone()).unwrap_or_default();
    for (index, (value, &number)) in values.iter_mut().zip(numbers).enumerate() {
        *value = f32::from_le_bytes(number);
        if !value.is_finite() {
            return Err(CheckpointProblem::NotFinite { tensor: name.to_owned(), index });
        }
    }
    Ok(())
}

/// Compares the checksum that the description states with the contents; `names` in their order.
fn check_sum(
    text: &str,
    stated: String,
    tensors: &SafeTensors<'_>,
    names: &[String],
) -> Result<(), CheckpointProblem> {
    let mut checksum = Crc::new();
    checksum.update(text.rsplit_once(CHECKSUM).map_or(text, |(text, _)| text).as_bytes());
    for name in names {
        checksum.update(tensors.tensor(name)?.data());
    }
    let got = format!("{:08x}", checksum.sum());
    if stated == got { Ok(()) } else { Err(CheckpointProblem::Checksum { stated, got }) }
}

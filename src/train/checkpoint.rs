//! Networks as safetensors files (feature `checkpoint`).
//!
//! A file holds one `F32` tensor for each block, named and shaped as [`Network::blocks`] says (`0.mu [K, d]`,
//! `0.sigma [K, d]`, `0.u [K, L, d]`, `0.v [K, L]`, `1.weight [L, d]`, `1.bias [L]`), and in its metadata,
//! under `gmlayer`, a JSON text with the format's version and the kind and sizes of every layer. Every
//! safetensors reader opens it.

mod description;
mod error;

use std::fs::File;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

pub use error::{CheckpointError, CheckpointProblem};

use crate::nn::{Network, ParameterBlock};
use description::Description;

/// The key of the description in the file's metadata.
const KEY: &str = "gmlayer";

/// Writes `network` to `path`.
///
/// The file is first written beside `path` under another name, flushed to the disk and then renamed, so
/// that a crash at any moment leaves the old file or the new one, whole. A folder or a device is never
/// replaced.
///
/// # Errors
///
/// [`CheckpointError`] when a layer is not one of this crate's, `path` is something other than a file, or the
/// file cannot be written.
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
    let path = path.as_ref();
    let bytes = serialize(network).map_err(|problem| CheckpointError::new(path, problem))?;
    write(path, &bytes).map_err(|error| CheckpointError::new(path, CheckpointProblem::Write(error)))
}

/// Finds out whether [`save`] could write to `path`, without leaving anything there.
///
/// # Errors
///
/// [`CheckpointError`] when `path` is something other than a file, or no file can be made beside it.
pub fn check_target(path: impl AsRef<Path>) -> Result<(), CheckpointError> {
    let path = path.as_ref();
    temporary(path).map(drop).map_err(|error| CheckpointError::new(path, CheckpointProblem::Write(error)))
}

/// Reads the network that [`save`] wrote, for batches of up to `batch` rows.
///
/// # Errors
///
/// [`CheckpointError`], naming what is wrong, when the file cannot be read, is not a safetensors file, has
/// another version or no description, or when a tensor is missing, unknown, of another type or shape, or
/// holds a value that is not finite.
pub fn load(path: impl AsRef<Path>, batch: usize) -> Result<Network<f32>, CheckpointError> {
    let path = path.as_ref();
    std::fs::read(path)
        .map_err(CheckpointProblem::Read)
        .and_then(|bytes| deserialize(&bytes, batch))
        .map_err(|problem| CheckpointError::new(path, problem))
}

fn serialize(network: &Network<f32>) -> Result<Vec<u8>, CheckpointProblem> {
    let description = Description::of(network)?.to_json()?;
    let bytes: Vec<u8> = network.parameters().iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut tensors = Vec::with_capacity(network.blocks().len());
    for block in network.blocks() {
        let data = bytes.get(block.range.start * 4..block.range.end * 4).unwrap_or(&[]);
        tensors.push((&block.name, TensorView::new(Dtype::F32, block.dimensions.clone(), data)?));
    }
    let metadata = [(KEY.to_owned(), description)].into();
    Ok(safetensors::serialize(tensors, Some(metadata))?)
}

/// A file in the folder of `path` that can take its place: of a file, not of a folder or a device.
fn temporary(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    if path.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    if path.exists() && !path.is_file() {
        return Err(std::io::Error::other("it is not an ordinary file"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)] // as for any new file, not for the owner's eyes alone
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(".gmlayer-").tempfile_in(folder.unwrap_or(Path::new(".")))
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = temporary(path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The new name is on the disk only once its folder is; not every system lets a folder be flushed.
    if let Some(Ok(folder)) = path.parent().map(File::open) {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn deserialize(bytes: &[u8], batch: usize) -> Result<Network<f32>, CheckpointProblem> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let description = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
    let description = Description::from_json(description.ok_or(CheckpointProblem::NoDescription)?)?;
    let tensors = SafeTensors::deserialize(bytes)?;

    // Every size is compared with the tensors that are there before anything of that size is allocated.
    let layers = description.layers()?;
    let mut expected = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        for block in layer.blocks() {
            let name = format!("{index}.{}", block.name);
            let tensor = tensors.tensor(&name).map_err(|_| CheckpointProblem::Missing(name.clone()))?;
            if tensor.dtype() != Dtype::F32 {
                return Err(CheckpointProblem::Type { tensor: name, got: tensor.dtype().to_string() });
            }
            if tensor.shape() != block.dimensions {
                let got = tensor.shape().to_vec();
                return Err(CheckpointProblem::Dimensions { tensor: name, expected: block.dimensions, got });
            }
            expected.push(name);
        }
    }
    if let Some(unknown) =
        tensors.names().into_iter().find(|name| !expected.iter().any(|known| known == name))
    {
        return Err(CheckpointProblem::Unknown(unknown.to_owned()));
    }

    let mut network = Network::new(layers, batch)?;
    let blocks: Vec<ParameterBlock> = network.blocks().to_vec();
    for ParameterBlock { name, range, .. } in blocks {
        let tensor = tensors.tensor(&name)?;
        let (values, _) = tensor.data().as_chunks::<4>();
        let parameters = network.parameters_mut().get_mut(range).unwrap_or(&mut []);
        for (index, (parameter, &value)) in parameters.iter_mut().zip(values).enumerate() {
            *parameter = f32::from_le_bytes(value);
            if !parameter.is_finite() {
                return Err(CheckpointProblem::NotFinite { tensor: name, index });
            }
        }
    }
    Ok(network)
}

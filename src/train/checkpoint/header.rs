//! The header of a safetensors file, looked at before anything else is read.
//!
//! The `safetensors` crate wants the whole file in memory and takes the last of two equal names; this finds out
//! beforehand whether the file is as long as its header says and every name is there once.

use core::fmt;
use std::collections::HashSet;
use std::io::{self, Read};

use safetensors::SafeTensorError;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::CheckpointProblem;

/// The bytes of a header at most, as in the `safetensors` crate.
const LONGEST: u64 = 100_000_000;

/// Checks the header of a file of `length` bytes.
pub(super) fn check(reader: &mut impl Read, length: u64) -> Result<(), CheckpointProblem> {
    let mut start = [0; 8];
    let Some(rest) = length.checked_sub(8) else { return Err(SafeTensorError::HeaderTooSmall.into()) };
    reader.read_exact(&mut start).map_err(CheckpointProblem::Read)?;
    let header_len = u64::from_le_bytes(start);
    if header_len > LONGEST {
        return Err(SafeTensorError::HeaderTooLarge.into());
    }
    let Some(data_len) = rest.checked_sub(header_len) else {
        return Err(SafeTensorError::InvalidHeaderLength.into());
    };
    expect_memory(header_len)?;
    let mut text = Vec::new();
    reader.take(header_len).read_to_end(&mut text).map_err(CheckpointProblem::Read)?;
    if (text.len() as u64) < header_len {
        return Err(CheckpointProblem::Read(io::ErrorKind::UnexpectedEof.into()));
    }
    let Header { end } = serde_json::from_slice(&text).map_err(CheckpointProblem::Header)?;
    if end == data_len { Ok(()) } else { Err(SafeTensorError::MetadataIncompleteBuffer.into()) }
}

/// The bytes that are made of a byte of the header at most, in small pieces.
const GROWTH: u64 = 24;

/// Sees that there is memory for what is made of a header, before it is taken piece by piece.
pub(super) fn expect_memory(header_len: u64) -> Result<(), CheckpointProblem> {
    let bytes = usize::try_from(header_len.saturating_mul(GROWTH)).map_err(|_| CheckpointProblem::Memory)?;
    let mut probe = Vec::<u8>::new();
    probe.try_reserve_exact(bytes).map_err(|_| CheckpointProblem::Memory)?;
    core::hint::black_box(probe); // taken and given back, not left out
    Ok(())
}

/// The end of the last tensor.
struct Header {
    end: u64,
}

/// What is looked at of a tensor.
#[derive(serde::Deserialize)]
struct Tensor {
    data_offsets: (u64, u64),
}

/// An object whose keys are all different; what the values are does not matter.
struct Distinct;

/// Notes a name; an error where it is there already.
fn note<E: serde::de::Error>(seen: &mut HashSet<String>, name: &str) -> Result<(), E> {
    if seen.insert(name.to_owned()) {
        Ok(())
    } else {
        Err(E::custom(format!("the name `{name}` is there twice")))
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk;
        impl<'de> Visitor<'de> for Walk {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let (mut seen, mut end) = (HashSet::new(), 0);
                while let Some(name) = map.next_key::<String>()? {
                    note(&mut seen, &name)?;
                    if name == "__metadata__" {
                        map.next_value::<Distinct>()?;
                    } else {
                        let tensor: Tensor = map
                            .next_value()
                            .map_err(|error| A::Error::custom(format!("the tensor `{name}`: {error}")))?;
                        end = end.max(tensor.data_offsets.1);
                    }
                }
                Ok(Header { end })
            }
        }
        deserializer.deserialize_map(Walk)
    }
}

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk;
        impl<'de> Visitor<'de> for Walk {
            type Value = Distinct;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Distinct, A::Error> {
                let mut seen = HashSet::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    note(&mut seen, &name)?;
                }
                Ok(Distinct)
            }
        }
        deserializer.deserialize_map(Walk)
    }
}

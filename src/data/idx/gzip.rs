//! Gzip with one or several members, to its very end.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The unpacked bytes of all members; an error where something else follows them.
pub(super) struct Members<R> {
    /// The member that is being read; none after the last one.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { member: Some(GzDecoder::new(reader)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let came = member.read(buffer)?;
            if came > 0 || buffer.is_empty() {
                return Ok(came);
            }
            let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) else { break };
            let follows = match rest.fill_buf()? {
                [] => return Ok(0),
                [0x1F, ..] => {
                    self.member = Some(GzDecoder::new(rest));
                    continue;
                }
                [0, ..] => "zeros follow its end",
                _ => "other bytes follow its end",
            };
            return Err(io::Error::new(io::ErrorKind::InvalidData, follows));
        }
        Ok(0)
    }
}

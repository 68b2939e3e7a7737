//! What a check found, as data and for people.

use core::fmt;

use super::block::{Block, Entry};
use super::laws::Laws;
use super::verdict::Verdict;

/// The result of a check. `B` holds its blocks, an array or a `Vec`, as in the [`Check`](super::Check).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report<B> {
    /// The blocks in the order of the check, each with its finding.
    pub blocks: B,
    /// The laws of the backward pass.
    pub laws: Laws,
}

impl<'a, B: AsRef<[Block<'a>]>> Report<B> {
    /// The gravest verdict of all blocks; [`Verdict::Differs`] where a law is broken.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let laws = if self.laws.hold() { Verdict::Frozen } else { Verdict::Differs };
        self.blocks.as_ref().iter().fold(laws, |verdict, block| verdict.and(block.verdict()))
    }

    /// `Ok` with the report if every block agrees or is frozen and every law holds, otherwise `Err` with it.
    ///
    /// # Errors
    ///
    /// The report, when a block differs or could not be judged, or a law is broken.
    pub fn into_result(self) -> Result<Self, Self> {
        if self.verdict().passes() { Ok(self) } else { Err(self) }
    }
}

impl<'a, B: AsRef<[Block<'a>]>> fmt::Display for Report<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for block in self.blocks.as_ref() {
            write!(f, "{:<12} {:<13}", block.name, block.verdict())?;
            if let Some(finding) = block.finding {
                let Entry { index, backward, reference, allowed } = finding.worst;
                write!(f, "  errors of {:.1e} are seen", finding.resolution)?;
                write!(f, "  worst [{index}]: backward {backward:e}, reference {reference:e}")?;
                write!(f, ", {:.1e} apart, {allowed:.1e} allowed", finding.worst.absolute_error())?;
            }
            writeln!(f)?;
        }
        for (law, kept) in self.laws.by_name() {
            if !kept {
                writeln!(f, "BROKEN LAW: {law}")?;
            }
        }
        Ok(())
    }
}

impl<'a, B: AsRef<[Block<'a>]> + fmt::Debug> core::error::Error for Report<B> {}

//! What a check found, as data and for people.

use core::fmt;

use super::coordinate::Entry;
use super::laws::Laws;
use super::taylor::Taylor;
use super::verdict::Verdict;

/// What was found in one block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockReport {
    /// The block's name.
    pub name: &'static str,
    /// The graver verdict of the Taylor test and the coordinates.
    pub verdict: Verdict,
    /// The Taylor test along one random direction.
    pub taylor: Option<Taylor>,
    /// The coordinate that is worst against what is allowed.
    pub worst: Option<Entry>,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report<const N: usize> {
    /// One entry a block, in the order of the check.
    pub blocks: [BlockReport; N],
    /// The laws of the backward pass.
    pub laws: Laws,
}

impl<const N: usize> Report<N> {
    /// The gravest verdict of all blocks.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let laws = if self.laws.hold() { Verdict::Frozen } else { Verdict::Differs };
        self.blocks.iter().fold(laws, |verdict, block| verdict.and(block.verdict))
    }

    /// The report itself as an error unless every block agrees and every law holds.
    ///
    /// # Errors
    ///
    /// The report, when a block differs or could not be judged, or a law is broken.
    pub fn into_result(self) -> Result<Self, Self> {
        if self.verdict().passes() { Ok(self) } else { Err(self) }
    }
}

impl<const N: usize> fmt::Display for Report<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for block in &self.blocks {
            write!(f, "{:<12} {:<13}", block.name, block.verdict)?;
            match block.taylor.map(|taylor| (taylor.order, taylor.steps)) {
                Some((Some(order), steps)) => write!(f, "  order {order:.2} over {steps} steps")?,
                Some((None, _)) => write!(f, "  remainder within rounding")?,
                None => {}
            }
            if let Some(worst) = block.worst {
                write!(
                    f,
                    "  worst [{}]: backward {:e}, difference {:e} (absolute {:.1e}, relative {:.1e})",
                    worst.index,
                    worst.backward,
                    worst.difference,
                    worst.absolute_error(),
                    worst.relative_error()
                )?;
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

impl<const N: usize> core::error::Error for Report<N> {}

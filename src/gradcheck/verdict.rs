//! The verdict on a gradient.

use core::fmt;

/// The verdict on one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The block is frozen or empty: nothing to compare.
    Frozen,
    /// The gradient is right: an error of 1 % of the block's largest derivative would have been seen.
    Agrees,
    /// The function has a kink here, and the gradient is the limit of central differences.
    AgreesAtKink,
    /// An error of 1 % would not have been seen: the function is too noisy for differences, jumps, has a kink nearby, or
    /// is not deterministic. Or the two do not agree, and it is not certain that the gradient is wrong: they are apart by
    /// little more than is allowed, or differ by steps far larger than the parameter alone.
    Unreliable,
    /// The gradient is wrong.
    Differs,
}

impl Verdict {
    /// The graver of two verdicts.
    pub(super) fn and(self, other: Self) -> Self {
        if other as u8 > self as u8 { other } else { self }
    }

    /// Whether the gradient was found right, or there was none to check.
    #[must_use]
    pub fn passes(self) -> bool {
        !matches!(self, Self::Unreliable | Self::Differs)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Frozen => "frozen",
            Self::Agrees => "agrees",
            Self::AgreesAtKink => "agrees (kink)",
            Self::Unreliable => "UNRELIABLE",
            Self::Differs => "DIFFERS",
        })
    }
}

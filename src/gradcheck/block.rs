//! What a function's slice of parameters is made of, and what a check found in each part.

use super::verdict::Verdict;

/// A named block of the flat slice of parameters θ; in a report, with the finding on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block<'a> {
    /// The name that the report uses.
    pub name: &'a str,
    /// The number of elements.
    pub len: usize,
    /// Whether the backward pass must leave this block's gradient alone.
    pub frozen: bool,
    /// The finding of a check; `None` before the check, and for a block that is frozen or empty.
    pub finding: Option<Finding>,
}

impl<'a> Block<'a> {
    /// A block of `len` elements.
    #[must_use]
    pub const fn new(name: &'a str, len: usize) -> Self {
        Self { name, len, frozen: false, finding: None }
    }

    /// The same block, frozen: its gradient must stay untouched.
    #[must_use]
    pub const fn frozen(self) -> Self {
        Self { frozen: true, ..self }
    }

    /// The verdict of the finding; [`Verdict::Frozen`] without one.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.finding.map_or(Verdict::Frozen, |finding| finding.verdict)
    }
}

/// What was found in one block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// The gravest verdict of all derivatives in the block.
    pub verdict: Verdict,
    /// The smallest error that would have been seen in every derivative of the block.
    pub resolution: f64,
    /// The derivative whose error is the largest multiple of what is allowed.
    pub worst: Entry,
}

/// One derivative, by the backward pass and by the reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// The index within its block.
    pub index: usize,
    /// The derivative by the backward pass.
    pub backward: f64,
    /// The derivative by finite differences, or by dual numbers.
    pub reference: f64,
    /// The difference that is allowed: the estimated error of the reference, and rounding.
    pub allowed: f64,
}

impl Entry {
    /// |backward − reference|.
    #[must_use]
    pub fn absolute_error(&self) -> f64 {
        libm::fabs(self.backward - self.reference)
    }

    /// The absolute error relative to the larger of the two values.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        let size = libm::fabs(self.backward).max(libm::fabs(self.reference));
        if size > 0.0 { self.absolute_error() / size } else { 0.0 }
    }

    /// Whether the two are as close as is allowed.
    pub(super) fn agrees(&self) -> bool {
        self.absolute_error() <= self.allowed
    }

    /// How far the error exceeds what is allowed; NaN counts as infinitely far.
    pub(super) fn excess(&self) -> f64 {
        let excess = self.absolute_error() / self.allowed;
        if self.absolute_error() == 0.0 {
            0.0
        } else if excess.is_nan() {
            f64::INFINITY
        } else {
            excess
        }
    }
}

//! What a function's slice of parameters is made of.

/// One named block of the flat slice θ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The name that the report uses.
    pub name: &'static str,
    /// The number of elements.
    pub len: usize,
    /// Whether the backward pass must leave this block's gradient alone.
    pub frozen: bool,
}

impl Block {
    /// A block of `len` elements.
    #[must_use]
    pub const fn new(name: &'static str, len: usize) -> Self {
        Self { name, len, frozen: false }
    }

    /// The same block, frozen: its gradient must stay untouched.
    #[must_use]
    pub const fn frozen(self) -> Self {
        Self { frozen: true, ..self }
    }
}

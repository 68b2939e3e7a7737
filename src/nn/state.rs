//! What an optimiser is and remembers, as plain data.

use alloc::vec::Vec;

/// What the next step of an [`Optimizer`](super::Optimizer) depends on besides its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerState<'a, T> {
    /// The optimiser's name: `sgd`, `adam`.
    pub name: &'static str,
    /// Numbers that do not change, by name.
    pub settings: Vec<(&'static str, f64)>,
    /// The learning rates, one a block.
    pub rates: &'a [T],
    /// What it counts, such as steps, by name.
    pub counts: Vec<(&'static str, u64)>,
    /// What it remembers of every parameter, by name: slices as long as the parameters, in their order.
    pub memory: Vec<(&'static str, &'a [T])>,
}

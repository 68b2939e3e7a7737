//! Whether a layer is the mean or the sum of its components.

use crate::Real;

/// Whether a layer is the mean or the sum of its components.
///
/// ```text
/// Mean:  h(x) = 1/K Σ_k E[ω ReLU(⟨β, x⟩)]        Sum:  h(x) = Σ_k E[ω ReLU(⟨β, x⟩)]
/// ```
///
/// Both give the same functions: with the mean, the output parameters (U and v, or μ_ω and C_ω) are K times as large.
/// Gradients, and hence good learning rates and starting values, differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scale {
    /// 1/K, as in the paper.
    #[default]
    Mean,
    /// 1.
    Sum,
}

impl Scale {
    /// What the sum over `components` components is divided by.
    pub(crate) fn divisor<T: Real>(self, components: usize) -> T {
        match self {
            Self::Mean => T::from_usize(components),
            Self::Sum => T::one(),
        }
    }
}

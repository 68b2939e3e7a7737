//! How the components of a layer are put together.

use crate::Real;

/// How the components are put together.
///
/// ```text
/// Mean:  h(x) = 1/K Σ_k E[ω ReLU(⟨β, x⟩)]        Sum:  h(x) = Σ_k E[ω ReLU(⟨β, x⟩)]
/// ```
///
/// The same functions once more, U and v K times as large in one as in the other; gradients and starting values
/// have other sizes.
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

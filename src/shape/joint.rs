//! The sizes of a joint layer.

use core::num::NonZeroUsize;

use super::{checked, product, size};
use crate::Error;

/// The sizes of a joint layer: inputs d, outputs L, components K, rank R ≤ d + L.
///
/// Every length that follows from them is checked once, here: a `JointShape` that exists can be addressed.
/// All functions are `const`, so that the lengths serve as array sizes where there is no allocator.
///
/// # Example
///
/// ```
/// use gmlayer::joint::JointShape;
///
/// let shape = JointShape::new(784, 10, 20, 4)?;
/// assert_eq!(shape.parameter_count(), 20 * (784 + 10) * (4 + 1));
/// assert!(JointShape::new(2, 1, 1, 4).is_err()); // the general covariance has rank d + L
/// # Ok::<(), gmlayer::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JointShape {
    inputs: NonZeroUsize,
    outputs: NonZeroUsize,
    components: NonZeroUsize,
    rank: NonZeroUsize,
    is_tied: bool,
}

impl JointShape {
    /// A layer from `inputs` to `outputs` numbers with `components` Gaussians, whose covariance has the rank `rank`.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] when a size is zero, [`Error::Range`] when the rank exceeds inputs + outputs,
    /// [`Error::Overflow`] when the parameters could not be addressed as one slice of 8-byte numbers.
    pub const fn new(inputs: usize, outputs: usize, components: usize, rank: usize) -> Result<Self, Error> {
        let inputs = checked!(size("inputs", inputs));
        let outputs = checked!(size("outputs", outputs));
        let components = checked!(size("components", components));
        let rank = checked!(size("rank", rank));
        let width = inputs.saturating_add(outputs.get());
        if rank.get() > width.get() {
            return Err(Error::Range { argument: "rank", largest: width.get(), got: rank.get() });
        }
        // K·(d + L)·(R + 1)
        let component = width.saturating_mul(rank.saturating_add(1));
        checked!(product("parameters", component.get(), components.get()));
        Ok(Self { inputs, outputs, components, rank, is_tied: false })
    }

    /// The same sizes with *tied* factors: all components share one C_β, and each has its own means and C_ω.
    ///
    /// # Example
    ///
    /// ```
    /// use gmlayer::joint::JointShape;
    ///
    /// let shape = JointShape::new(784, 10, 70, 16)?.tied();
    /// assert_eq!(shape.parameter_count(), 70 * (784 + 10) + 70 * 16 * 10 + 16 * 784);
    /// # Ok::<(), gmlayer::Error>(())
    /// ```
    #[must_use]
    pub const fn tied(self) -> Self {
        Self { is_tied: true, ..self }
    }

    /// Whether all components have the same C_β.
    #[must_use]
    pub const fn is_tied(self) -> bool {
        self.is_tied
    }

    /// The number of C_β, and of families: the components that share one.
    pub(crate) const fn families(self) -> usize {
        if self.is_tied { 1 } else { self.components() }
    }

    /// The number of components that share a C_β.
    pub(crate) const fn members(self) -> usize {
        if self.is_tied { self.components() } else { 1 }
    }

    /// The number of factors of all C_β.
    pub(crate) const fn factor_rows(self) -> usize {
        self.families() * self.rank()
    }

    /// The number of inputs, d.
    #[must_use]
    pub const fn inputs(self) -> usize {
        self.inputs.get()
    }

    /// The number of outputs, L.
    #[must_use]
    pub const fn outputs(self) -> usize {
        self.outputs.get()
    }

    /// The number of components, K.
    #[must_use]
    pub const fn components(self) -> usize {
        self.components.get()
    }

    /// The rank of the covariance, R.
    #[must_use]
    pub const fn rank(self) -> usize {
        self.rank.get()
    }

    /// The length of the means of ω: K·L.
    #[must_use]
    pub const fn mu_w_len(self) -> usize {
        self.components() * self.outputs()
    }

    /// The length of the factors of ω: K·R·L.
    #[must_use]
    pub const fn c_w_len(self) -> usize {
        self.components() * self.rank() * self.outputs()
    }

    /// The length of the means of β: K·d.
    #[must_use]
    pub const fn mu_b_len(self) -> usize {
        self.components() * self.inputs()
    }

    /// The length of the factors of β: K·R·d, and R·d where they are tied.
    #[must_use]
    pub const fn c_b_len(self) -> usize {
        self.families() * self.rank() * self.inputs()
    }

    /// The number of parameters: K·(d + L)·(R + 1), and K·(d + L) + K·R·L + R·d where C_β is tied.
    #[must_use]
    pub const fn parameter_count(self) -> usize {
        self.mu_w_len() + self.c_w_len() + self.mu_b_len() + self.c_b_len()
    }
}

#[cfg(test)]
mod tests {
    use super::JointShape;
    use crate::Error;

    #[test]
    fn sizes_that_cannot_be_are_named() {
        let zero = |argument| Err(Error::Zero { argument });
        assert_eq!(JointShape::new(0, 1, 1, 1), zero("inputs"));
        assert_eq!(JointShape::new(1, 0, 1, 1), zero("outputs"));
        assert_eq!(JointShape::new(1, 1, 0, 1), zero("components"));
        assert_eq!(JointShape::new(1, 1, 1, 0), zero("rank"));
        assert!(JointShape::new(3, 2, 1, 5).is_ok());
        assert_eq!(JointShape::new(3, 2, 1, 6), Err(Error::Range { argument: "rank", largest: 5, got: 6 }));
        for (inputs, outputs, components, rank) in [
            (usize::MAX, 1, 1, 1),
            (usize::MAX - 1, 1, 1, usize::MAX),
            (1, usize::MAX, 1, 1),
            (1, 1, usize::MAX, 1),
            (1 << 31, 1, 1, 1 << 31),
        ] {
            assert_eq!(
                JointShape::new(inputs, outputs, components, rank),
                Err(Error::Overflow { argument: "parameters" })
            );
        }
    }

    /// 4 parameters a component: the last count that can be addressed, and the first that cannot.
    #[test]
    fn the_limit_is_exact() {
        let components = isize::MAX as usize / 8 / 4;
        let shape = JointShape::new(1, 1, components, 1);
        assert_eq!(shape.map(JointShape::parameter_count), Ok(4 * components));
        assert!(JointShape::new(1, 1, components + 1, 1).is_err());
    }
}

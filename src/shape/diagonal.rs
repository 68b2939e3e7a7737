//! The sizes of a diagonal layer.

use core::num::NonZeroUsize;

use super::{checked, product, size};
use crate::Error;

/// The sizes of a Gaussian mixture layer: inputs d, outputs L, components K.
///
/// Every length that follows from them is checked once, here: a `Shape` that exists can be addressed.
/// All functions are `const`, so that the lengths serve as array sizes where there is no allocator.
///
/// # Example
///
/// ```
/// use gmlayer::Shape;
///
/// const SHAPE: Shape = match Shape::new(64, 10, 4) {
///     Ok(shape) => shape,
///     Err(_) => panic!("the sizes are too large"),
/// };
/// let mu = [0.0_f32; SHAPE.mu_len()];
/// assert_eq!(mu.len(), 4 * 64);
/// assert_eq!(SHAPE.parameter_count(), 4 * (2 * 64 + 10 * 64 + 10));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    inputs: NonZeroUsize,
    outputs: NonZeroUsize,
    components: NonZeroUsize,
}

impl Shape {
    /// A shape of `inputs` d, `outputs` L and `components` K.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] when a size is zero, [`Error::Overflow`] when the parameters could not be
    /// addressed as one slice of 8-byte numbers.
    pub const fn new(inputs: usize, outputs: usize, components: usize) -> Result<Self, Error> {
        let inputs = checked!(size("inputs", inputs));
        let outputs = checked!(size("outputs", outputs));
        let components = checked!(size("components", components));
        // K·(2d + L·d + L)
        let matrix = outputs.saturating_add(2).saturating_mul(inputs);
        let component = matrix.saturating_add(outputs.get());
        checked!(product("parameters", component.get(), components.get()));
        Ok(Self { inputs, outputs, components })
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

    /// The length of the means μ: K·d.
    #[must_use]
    pub const fn mu_len(self) -> usize {
        self.components() * self.inputs()
    }

    /// The length of the standard deviations σ: K·d.
    #[must_use]
    pub const fn sigma_len(self) -> usize {
        self.components() * self.inputs()
    }

    /// The length of the output slopes U: K·L·d.
    #[must_use]
    pub const fn u_len(self) -> usize {
        self.components() * self.outputs() * self.inputs()
    }

    /// The length of one component's slopes: L·d.
    pub(crate) const fn component_len(self) -> usize {
        self.outputs.saturating_mul(self.inputs).get()
    }

    /// The length of the output offsets v: K·L.
    #[must_use]
    pub const fn v_len(self) -> usize {
        self.components() * self.outputs()
    }

    /// The number of parameters: K·(2d + L·d + L).
    #[must_use]
    pub const fn parameter_count(self) -> usize {
        self.mu_len() + self.sigma_len() + self.u_len() + self.v_len()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Error, Shape};

    #[test]
    fn zero_sizes_are_named() {
        assert_eq!(Shape::new(0, 1, 1), Err(Error::Zero { argument: "inputs" }));
        assert_eq!(Shape::new(1, 0, 1), Err(Error::Zero { argument: "outputs" }));
        assert_eq!(Shape::new(1, 1, 0), Err(Error::Zero { argument: "components" }));
    }

    #[test]
    fn sizes_that_cannot_be_addressed_are_refused() {
        for (inputs, outputs, components) in [
            (usize::MAX, 1, 1),
            (1, usize::MAX, 1),
            (1, 1, usize::MAX),
            (usize::MAX / 2, usize::MAX / 2, 3),
            (1 << 30, 1 << 30, 1),
        ] {
            assert_eq!(
                Shape::new(inputs, outputs, components),
                Err(Error::Overflow { argument: "parameters" })
            );
        }
    }

    /// 4 parameters a component: the last count that can be addressed, and the first that cannot.
    #[test]
    fn the_limit_is_exact() {
        let components = isize::MAX as usize / 8 / 4;
        assert_eq!(Shape::new(1, 1, components).map(Shape::parameter_count), Ok(4 * components));
        assert!(Shape::new(1, 1, components + 1).is_err());
    }
}

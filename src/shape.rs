//! The sizes of a layer, and every length that follows from them.

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
    inputs: usize,
    outputs: usize,
    components: usize,
}

impl Shape {
    /// A shape of `inputs` d, `outputs` L and `components` K.
    ///
    /// # Errors
    ///
    /// [`Error::Zero`] when a size is zero, [`Error::Overflow`] when the parameters could not be
    /// addressed as one slice of 8-byte numbers.
    pub const fn new(inputs: usize, outputs: usize, components: usize) -> Result<Self, Error> {
        if inputs == 0 {
            return Err(Error::Zero { argument: "inputs" });
        }
        if outputs == 0 {
            return Err(Error::Zero { argument: "outputs" });
        }
        if components == 0 {
            return Err(Error::Zero { argument: "components" });
        }
        let parameters = match total(inputs, outputs, components) {
            Some(parameters) => parameters,
            None => return Err(Error::Overflow { argument: "parameters" }),
        };
        if parameters > isize::MAX as usize / 8 {
            return Err(Error::Overflow { argument: "parameters" });
        }
        Ok(Self { inputs, outputs, components })
    }

    /// The number of inputs, d.
    #[must_use]
    pub const fn inputs(self) -> usize {
        visible(self.inputs)
    }

    /// The number of outputs, L.
    #[must_use]
    pub const fn outputs(self) -> usize {
        visible(self.outputs)
    }

    /// The number of components, K.
    #[must_use]
    pub const fn components(self) -> usize {
        visible(self.components)
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
        visible(self.outputs() * self.inputs())
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

/// The same count, which is not 0, in a form that lets the compiler see it: slices are cut into rows of so many
/// elements, and rows of none would be a panic.
pub(crate) const fn visible(count: usize) -> usize {
    if count == 0 { 1 } else { count }
}

/// K·(2d + L·d + L), or nothing where it overflows.
const fn total(inputs: usize, outputs: usize, components: usize) -> Option<usize> {
    let Some(rows) = outputs.checked_add(2) else { return None };
    let Some(matrix) = rows.checked_mul(inputs) else { return None };
    let Some(component) = matrix.checked_add(outputs) else { return None };
    component.checked_mul(components)
}

/// The number of rows in a flat slice of `row` elements each.
pub(crate) const fn rows(argument: &'static str, len: usize, row: usize) -> Result<usize, Error> {
    if len == 0 {
        return Err(Error::Zero { argument });
    }
    if !len.is_multiple_of(row) {
        return Err(Error::Rows { argument, row, got: len });
    }
    Ok(len / row)
}

/// Refuses a slice of the wrong length.
pub(crate) const fn exact(argument: &'static str, got: usize, expected: usize) -> Result<(), Error> {
    if got == expected { Ok(()) } else { Err(Error::Length { argument, expected, got }) }
}

/// The part of a buffer that is used, or the error that says how much is needed.
pub(crate) fn buffer<'a, T>(
    argument: &'static str,
    buffer: &'a mut [T],
    expected: usize,
) -> Result<&'a mut [T], Error> {
    let got = buffer.len();
    buffer.get_mut(..expected).ok_or(Error::Buffer { argument, expected, got })
}

/// The same of a buffer that is only read.
pub(crate) fn buffer_ref<'a, T>(
    argument: &'static str,
    buffer: &'a [T],
    expected: usize,
) -> Result<&'a [T], Error> {
    let got = buffer.len();
    buffer.get(..expected).ok_or(Error::Buffer { argument, expected, got })
}

/// The elements before `at` and those from there on; nothing of either where the slice is shorter.
pub(crate) fn split<T>(slice: &mut [T], at: usize) -> (&mut [T], &mut [T]) {
    slice.split_at_mut_checked(at).unwrap_or_default()
}

/// The same of a slice that is only read.
pub(crate) fn split_ref<T>(slice: &[T], at: usize) -> (&[T], &[T]) {
    slice.split_at_checked(at).unwrap_or_default()
}

/// `a·b`, or the error that names what was being sized.
pub(crate) const fn product(argument: &'static str, a: usize, b: usize) -> Result<usize, Error> {
    match a.checked_mul(b) {
        Some(product) if product <= isize::MAX as usize / 8 => Ok(product),
        _ => Err(Error::Overflow { argument }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, Shape};

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
        assert_eq!(super::product("a", isize::MAX as usize / 8, 1), Ok(isize::MAX as usize / 8));
        for (a, b) in [(isize::MAX as usize / 8 + 1, 1), (usize::MAX, 2), (1 << 33, 1 << 33)] {
            assert_eq!(super::product("a", a, b), Err(Error::Overflow { argument: "a" }));
        }
    }
}

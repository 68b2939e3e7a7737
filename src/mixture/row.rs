//! A row by itself, with its cotangent.

use crate::Real;
use crate::mixture::{cotangent_scale, input_scale, largest_of, scale_row};

/// A row and its cotangent over the divisor, both at usual size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a, T> {
    pub(crate) x: &'a [T],
    pub(crate) g: &'a [T],
    /// The powers of two that take x and g back to size.
    pub(crate) x_power: i32,
    pub(crate) g_power: i32,
    pub(crate) is_finite: bool,
}

impl<'a, T: Real> Row<'a, T> {
    /// Reads a row and its cotangent; `scaled` are scratch for both.
    pub(crate) fn read((x, g): (&'a [T], &[T]), divisor: T, scaled: [&'a mut [T]; 2]) -> Self {
        let [scaled_x, scaled_g] = scaled;
        let sizes = [largest_of(x), largest_of(g)];
        let (x_scale, g_scale) = (input_scale(sizes[0]), cotangent_scale(sizes[1]));
        for (scaled, &g) in scaled_g.iter_mut().zip(g) {
            *scaled = g * g_scale / divisor;
        }
        Self {
            x: scale_row(x, x_scale, scaled_x),
            g: scaled_g,
            x_power: -x_scale.exponent(),
            g_power: -g_scale.exponent(),
            is_finite: sizes.iter().all(|size| size.is_finite()),
        }
    }
}

//! A row by itself, with its cotangent.

use crate::Real;
use crate::mixture::{cotangent_scale, input_scale, largest_of, scale_row};
use crate::slices::{row, rows};

/// The rows of a batch and their cotangents, to be read one by one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowReader<'a, T> {
    /// `[batch × inputs]`.
    pub(crate) x: &'a [T],
    pub(crate) inputs: usize,
    /// `[batch × outputs]`.
    pub(crate) g: &'a [T],
    pub(crate) outputs: usize,
    /// What the cotangents are divided by.
    pub(crate) divisor: T,
}

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

impl<'a, T: Real> RowReader<'a, T> {
    /// Whether all cotangents of a component, rows of so many `lanes`, are `usable` in the products of a batch. Those of
    /// rows that are not finite are passed over: they make the gradients NaN at once.
    pub(crate) fn all_usable(&self, cotangents: &[T], lanes: usize, usable: impl Fn(T) -> bool) -> bool {
        rows(cotangents, lanes).all(|cotangents| {
            let mut numbers = cotangents.iter().enumerate();
            numbers.all(|(lane, &number)| usable(number) || !self.is_finite(lane))
        })
    }

    /// Whether a row and its cotangent are finite.
    fn is_finite(&self, index: usize) -> bool {
        let numbers = [row(self.x, index, self.inputs), row(self.g, index, self.outputs)];
        numbers.into_iter().all(all_finite)
    }

    /// Whether all rows and their cotangents are finite.
    pub(crate) fn are_finite(&self) -> bool {
        all_finite(self.x) && all_finite(self.g)
    }

    /// Reads a row; `scaled` are scratch for the row and its cotangent.
    pub(crate) fn read<'b>(&self, index: usize, scaled: [&'b mut [T]; 2]) -> Row<'b, T>
    where
        'a: 'b,
    {
        let (x, g) = (row(self.x, index, self.inputs), row(self.g, index, self.outputs));
        let [scaled_x, scaled_g] = scaled;
        let sizes = [largest_of(x), largest_of(g)];
        let (x_scale, g_scale) = (input_scale(sizes[0]), cotangent_scale(sizes[1]));
        for (scaled, &g) in scaled_g.iter_mut().zip(g) {
            *scaled = g * g_scale / self.divisor;
        }
        Row {
            x: scale_row(x, x_scale, scaled_x),
            g: scaled_g,
            x_power: -x_scale.exponent(),
            g_power: -g_scale.exponent(),
            is_finite: sizes.iter().all(|size| size.is_finite()),
        }
    }
}

/// Whether all of some numbers are finite.
fn all_finite<T: Real>(numbers: &[T]) -> bool {
    largest_of(numbers).is_finite()
}

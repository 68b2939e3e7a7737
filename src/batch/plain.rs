//! Rows that go in chunks: which ones may, and their transpose.

use super::numbers::{are_moderate, are_ordinary, sizes};
use crate::kernel::{LANES, Rows, RowsMut, Simd, task, transpose, widest};
use crate::{Real, shape};

/// The least and the largest s² of a moderate row.
const SQUARES: (f64, f64) = (1.0 / 4096.0, 4096.0);

/// Which rows go in their chunks, while it is found out, component by component.
#[derive(Debug)]
pub(crate) struct Plain<'a, T> {
    /// 1 for a row where all numbers are of ordinary size so far, 0 for any other; in the end the [level](Level).
    ordinary: &'a mut [T],
    /// 1 for a row where all are of moderate size so far, 0 for any other.
    moderate: &'a mut [T],
    /// The smallest size in the row that is not 0, and 1; 0 for a row of zeros.
    least: &'a mut [T],
    /// The largest size in the row; 1 for a row of zeros, and 0 where one is larger than ordinary or NaN.
    most: &'a mut [T],
}

impl<'a, T: Real> Plain<'a, T> {
    /// Numbers that are kept of a row.
    pub(crate) const ROWS: usize = 4;

    /// Shares out a slice.
    pub(crate) fn split(rows: &'a mut [T]) -> Self {
        let lanes = rows.len() / Self::ROWS;
        let (ordinary, rest) = shape::split(rows, lanes);
        let (moderate, rest) = shape::split(rest, lanes);
        let (least, most) = shape::split(rest, lanes);
        Self { ordinary, moderate, least, most }
    }

    /// Looks at the rows of a batch. The lanes without a row are rows of zeros.
    pub(crate) fn examine(&mut self, inputs: usize, x: &[T]) {
        self.ordinary.fill(T::one());
        self.moderate.fill(T::one());
        self.least.fill(T::zero());
        self.most.fill(T::one());
        let rows = self.ordinary.iter_mut().zip(&mut *self.moderate);
        let rows = rows.zip(&mut *self.least).zip(&mut *self.most);
        for ((((ordinary, moderate), least), most), x) in rows.zip(x.chunks_exact(inputs.max(1))) {
            let (smallest, largest) = widest(Sizes, (x,));
            if largest.is_zero() {
                continue;
            }
            let bounded = largest <= T::ORDINARY.1;
            (*least, *most) = (smallest, if bounded { largest } else { T::zero() });
            if !bounded {
                (*ordinary, *moderate) = (T::zero(), T::zero());
            }
        }
    }

    /// Not 0 for a row whose numbers are not larger than ordinary.
    pub(crate) fn bounded(&self) -> &[T] {
        self.most
    }

    /// Looks at the s² of a component with parameters of these [`sizes`]; where it is of no use to a batch, 1 takes
    /// its place. A `deterministic` component has s = 0.
    pub(crate) fn limit(&mut self, squares: &mut [T], parameters: (T, T), deterministic: bool) {
        let Self { ordinary, moderate, least, most } = self;
        widest(
            Limit,
            (squares, [&**least, &**most], [&mut **ordinary, &mut **moderate], parameters, deterministic),
        );
    }

    /// The flags of the ordinary rows, for a loop that takes some away.
    pub(crate) fn ordinary(&mut self) -> &mut [T] {
        self.ordinary
    }

    /// The levels of all rows, once they are settled.
    pub(crate) fn levels(self) -> &'a [T] {
        self.ordinary
    }

    /// Turns the flags into the levels of all rows.
    pub(crate) fn settle(self) -> &'a mut [T] {
        for (ordinary, &moderate) in self.ordinary.iter_mut().zip(&*self.moderate) {
            *ordinary = Level { ordinary: !ordinary.is_zero(), moderate: !moderate.is_zero() }.to_number();
        }
        self.ordinary
    }
}

/// Why a row may go in its chunk: all its numbers and those of the layer are ordinary, or moderate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) ordinary: bool,
    pub(crate) moderate: bool,
}

impl Level {
    /// As it is kept among the numbers of a workspace: 0 where the row goes by itself.
    pub(crate) fn to_number<T: Real>(self) -> T {
        T::from_usize(2 * usize::from(self.ordinary) + usize::from(self.moderate))
    }

    /// The level that is kept.
    pub(crate) fn of<T: Real>(number: T) -> Self {
        let two = T::from_usize(2);
        Self { ordinary: number >= two, moderate: number == T::one() || number > two }
    }

    /// That of a row of two levels in two parts.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { ordinary: self.ordinary && other.ordinary, moderate: self.moderate && other.moderate }
    }
}

/// [`Plain::limit`], with the smallest and largest sizes of the rows, and the flags.
#[inline(always)]
fn limit<T: Real, S: Simd>(
    _: S,
    squares: &mut [T],
    [least, most]: [&[T]; 2],
    [ordinary, moderate]: [&mut [T]; 2],
    parameters: (T, T),
    deterministic: bool,
) {
    let (lower, upper) = T::ORDINARY;
    let (moderate_lower, moderate_upper) = (T::from_f64(SQUARES.0), T::from_f64(SQUARES.1));
    let parameters_are_ordinary = are_ordinary(parameters);
    let rows = squares.iter_mut().zip(least).zip(most).zip(ordinary).zip(moderate);
    for ((((square, &least), &most), ordinary), moderate) in rows {
        let zero = square.is_zero() & (deterministic | least.is_zero());
        let inside = (*square >= lower) & (*square <= upper);
        let inside_moderate = (*square >= moderate_lower) & (*square <= moderate_upper);
        let is_ordinary = parameters_are_ordinary & (inside | zero) & ((least >= lower) | least.is_zero());
        let is_moderate = are_moderate(most, parameters.1) & (inside_moderate | zero);
        *ordinary = if is_ordinary { *ordinary } else { T::zero() };
        *moderate = if is_moderate { *moderate } else { T::zero() };
        *square = if is_ordinary | is_moderate { *square } else { T::one() };
    }
}

/// The transpose of some rows, `[rows × columns]`, in whole vectors, with 0 in the lanes of rows that are not plain;
/// and the length of its rows.
pub(crate) fn transpose_plain<'a, T: Real>(
    columns: usize,
    from: &[T],
    plain: &[T],
    to: &'a mut [T],
) -> (&'a mut [T], usize) {
    let rows = from.len() / columns.max(1);
    let stride = rows.next_multiple_of(LANES);
    let (to, _) = shape::split(to, (columns * stride).min(to.len()));
    transpose(Rows { data: from, stride: columns }, RowsMut { data: &mut *to, stride }, rows, columns);
    if plain.iter().any(T::is_zero) {
        for lanes in to.chunks_exact_mut(stride.max(1)) {
            for (lane, plain) in lanes.iter_mut().zip(plain) {
                if plain.is_zero() {
                    *lane = T::zero();
                }
            }
        }
    }
    (to, stride)
}

/// gᵀ of a group, in whole vectors, over a divisor, with zeros in the place of rows that are not plain.
pub(crate) fn share_plain<'a, T: Real>(
    g: &[T],
    outputs: usize,
    divisor: T,
    plain: &[T],
    to: &'a mut [T],
) -> Rows<'a, T> {
    let (to, stride) = transpose_plain(outputs, g, plain, to);
    for share in to.iter_mut() {
        *share /= divisor;
    }
    Rows { data: to, stride }
}

task!(Sizes, sizes, (numbers: &'a [T]) -> (T, T));
task!(Limit, limit, (
    squares: &'a mut [T],
    sizes: [&'a [T]; 2],
    flags: [&'a mut [T]; 2],
    parameters: (T, T),
    deterministic: bool,
) -> ());

#[cfg(test)]
mod tests {
    use super::{Level, Plain};
    use crate::Real;

    /// What s² becomes in a row of these numbers under parameters of these sizes, and the row's level.
    fn limited(x: f32, parameters: (f32, f32), deterministic: bool, square: f32) -> (f32, [bool; 2]) {
        let (mut rows, mut square) = ([f32::NAN; 4], [square]);
        let mut plain = Plain::split(&mut rows);
        plain.examine(2, &[x, 0.0]);
        plain.limit(&mut square, parameters, deterministic);
        let Level { ordinary, moderate } = Level::of(plain.settle()[0]);
        (square[0], [ordinary, moderate])
    }

    #[test]
    fn squares_that_are_of_no_use_leave_their_row_to_the_other_path() {
        let (least, most) = f32::ORDINARY;
        let tame = (1.0, 1.0);
        for square in [least, most] {
            assert_eq!(limited(1.0, tame, false, square), (square, [true, false]));
        }
        for square in [1.0 / 4096.0, 1.0, 4096.0] {
            assert_eq!(limited(1.0, tame, false, square), (square, [true, true]));
        }
        for square in [0.0, least / 2.0, most * 2.0, f32::INFINITY, f32::NAN] {
            assert_eq!(limited(1.0, tame, false, square), (1.0, [false, false]), "{square}");
        }
        assert_eq!(limited(1.0, tame, true, 0.0), (0.0, [true, true]), "a component without spread");
        assert_eq!(limited(0.0, tame, false, 0.0), (0.0, [true, true]), "a row of zeros");
    }

    #[test]
    fn small_numbers_are_plain_among_moderate_ones_alone() {
        let tiny = f32::from_bits(1);
        for (x, parameters, levels) in [
            (1.0, (tiny, 1.0), [false, true]),
            (tiny, (1.0, 1.0), [false, true]),
            (tiny, (tiny, 32.0), [false, true]),
            (1.0, (tiny, 33.0), [false, false]),
            (1024.0, (tiny, 1.0), [false, true]),
            (1025.0, (tiny, 1.0), [false, false]),
            (1025.0, (1.0, 33.0), [true, false]),
            (1.0, (1.0, f32::INFINITY), [false, false]),
            (f32::NAN, (1.0, 1.0), [false, false]),
            (f32::MAX, (1.0, 1.0), [false, false]),
        ] {
            assert_eq!(limited(x, parameters, false, 1.0).1, levels, "{x} {parameters:?}");
        }
    }

    #[test]
    fn levels_keep_what_both_parts_say() {
        let all = [(false, false), (false, true), (true, false), (true, true)]
            .map(|(ordinary, moderate)| Level { ordinary, moderate });
        for a in all {
            assert_eq!(Level::of(a.to_number::<f32>()), a);
            assert_eq!(a.to_number::<f64>() == 0.0, !a.ordinary && !a.moderate);
            for b in all {
                let both = a.and(b);
                assert_eq!(
                    (both.ordinary, both.moderate),
                    (a.ordinary && b.ordinary, a.moderate && b.moderate)
                );
            }
        }
    }
}

//! Rows that go in chunks: which ones may, and their transpose.

use super::lift::{Lift, may_lift};
use super::numbers::{MODERATE_COTANGENT, are_moderate, are_ordinary, sizes};
use crate::kernel::{LANES, Rows, RowsMut, Simd, task, transpose, widest};
use crate::{Real, shape};

/// The least s² of a moderate row that is not 0.
const LEAST_SQUARE: f64 = 1.0 / (1 << 24) as f64;

/// Which rows go in their chunks, while it is found out, component by component.
#[derive(Debug)]
pub(crate) struct Plain<'a, T> {
    /// 1 for a row where all numbers are of ordinary size so far, 0 for any other; in the end the [level](Level).
    ordinary: &'a mut [T],
    /// 1 for a row where all are of moderate size so far, 0 for any other.
    moderate: &'a mut [T],
    /// 1 for a row that lifted cotangents may pass so far, 0 for any other.
    liftable: &'a mut [T],
    /// The smallest size in the row that is not 0, and 1; 0 for a row of zeros.
    least: &'a mut [T],
    /// The largest size in the row; 1 for a row of zeros, and 0 where one is larger than ordinary or NaN.
    most: &'a mut [T],
}

impl<'a, T: Real> Plain<'a, T> {
    /// Numbers that are kept of a row.
    pub(crate) const ROWS: usize = 5;

    /// Shares out a slice.
    pub(crate) fn split(rows: &'a mut [T]) -> Self {
        let lanes = rows.len() / Self::ROWS;
        let (ordinary, rest) = shape::split(rows, lanes);
        let (moderate, rest) = shape::split(rest, lanes);
        let (liftable, rest) = shape::split(rest, lanes);
        let (least, most) = shape::split(rest, lanes);
        Self { ordinary, moderate, liftable, least, most }
    }

    /// Looks at the rows of a batch. The lanes without a row are rows of zeros.
    pub(crate) fn examine(&mut self, inputs: usize, x: &[T]) {
        self.ordinary.fill(T::one());
        self.moderate.fill(T::one());
        self.liftable.fill(T::one());
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

    /// Looks at m and s² of a component with parameters of these [`sizes`]: `squares` are multiples of a unit at first,
    /// and s² in the end, or 1 where that is of no use to a batch. A `deterministic` component has s = 0, and p is the
    /// step at m.
    pub(crate) fn limit(
        &mut self,
        means: &[T],
        squares: (&mut [T], T),
        parameters: (T, T),
        deterministic: bool,
    ) {
        let Self { ordinary, moderate, liftable, least, most } = self;
        let flags = [&mut **ordinary, &mut **moderate, &mut **liftable];
        widest(Limit, (means, squares, [&**least, &**most], flags, parameters, deterministic));
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
        for ((ordinary, &moderate), &liftable) in
            self.ordinary.iter_mut().zip(&*self.moderate).zip(&*self.liftable)
        {
            let [is_ordinary, moderate, liftable] =
                [*ordinary, moderate, liftable].map(|flag| !flag.is_zero());
            *ordinary = Level { ordinary: is_ordinary, moderate, liftable }.to_number();
        }
        self.ordinary
    }
}

/// Why a row may go in its chunk: all its numbers and those of the layer are ordinary, or moderate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    ordinary: bool,
    moderate: bool,
    /// Whether it may do so in the backward pass too.
    liftable: bool,
}

impl Level {
    /// That of a row of which nothing is known yet.
    pub(crate) const ALL: Self = Self { ordinary: true, moderate: true, liftable: true };

    /// As it is kept among the numbers of a workspace: 0 where the row goes by itself.
    pub(crate) fn to_number<T: Real>(self) -> T {
        let Self { ordinary, moderate, liftable } = self;
        let ways = usize::from(ordinary) + 2 * usize::from(moderate);
        T::from_usize(if ways == 0 { 0 } else { 2 * ways + usize::from(liftable) })
    }

    /// The level that is kept.
    pub(crate) fn of<T: Real>(number: T) -> Self {
        let level = (1..8).filter(|&level| number >= T::from_usize(level)).count();
        Self { ordinary: level & 2 != 0, moderate: level & 4 != 0, liftable: level & 1 != 0 }
    }

    /// That of a row of two levels in two parts.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            ordinary: self.ordinary && other.ordinary,
            moderate: self.moderate && other.moderate,
            liftable: self.liftable && other.liftable,
        }
    }

    /// Whether the row goes in its chunk backward too, with this cotangent.
    pub(crate) fn goes_back<T: Real>(self, g: &[T]) -> bool {
        let up_to = |limit: T| g.iter().all(|g| g.abs() <= limit);
        self.liftable
            && (self.ordinary && up_to(T::ORDINARY.1)
                || self.moderate && up_to(T::from_usize(MODERATE_COTANGENT)))
    }
}

/// [`Plain::limit`], with the smallest and largest sizes of the rows, and the flags.
#[inline(always)]
fn limit<T: Real, S: Simd>(
    _: S,
    means: &[T],
    (squares, unit): (&mut [T], T),
    [least, most]: [&[T]; 2],
    [ordinary, moderate, liftable]: [&mut [T]; 3],
    parameters: (T, T),
    deterministic: bool,
) {
    let (lower, upper) = T::ORDINARY;
    let (moderate_lower, least_input) = (T::from_f64(LEAST_SQUARE), T::LEAST_NORMAL.sqrt());
    let parameters_are_ordinary = are_ordinary(parameters);
    let rows = squares.iter_mut().zip(means).zip(least).zip(most).zip(ordinary).zip(moderate).zip(liftable);
    for ((((((square, &mean), &least), &most), ordinary), moderate), liftable) in rows {
        *square *= unit;
        let zero = square.is_zero() & (deterministic | least.is_zero());
        let inside = (*square >= lower) & (*square <= upper);
        let inside_moderate = (*square >= moderate_lower) & (*square <= upper);
        let is_ordinary = parameters_are_ordinary & (inside | zero) & ((least >= lower) | least.is_zero());
        // Small numbers may have a product of 0, which has no sign.
        let has_sign = !deterministic | !mean.is_zero() | least.is_zero();
        // Squares of smaller inputs would lose digits, which ∂s/s makes much of.
        let inputs_are_moderate = (least >= least_input) | least.is_zero();
        let are_moderate = are_moderate(most, parameters.1) & inputs_are_moderate;
        let is_moderate = are_moderate & (inside_moderate | zero) & has_sign;
        let is_liftable = may_lift(most, parameters.1, if zero { T::one() } else { *square });
        *ordinary = if is_ordinary { *ordinary } else { T::zero() };
        *moderate = if is_moderate { *moderate } else { T::zero() };
        *liftable = if is_liftable { *liftable } else { T::zero() };
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

/// gᵀ of a group, in whole vectors, times a lift over a divisor, with zeros in the place of rows that are not plain.
pub(crate) fn share_plain<'a, T: Real>(
    g: &[T],
    outputs: usize,
    (lift, divisor): (Lift<T>, T),
    plain: &[T],
    to: &'a mut [T],
) -> Rows<'a, T> {
    let (to, stride) = transpose_plain(outputs, g, plain, to);
    for share in to.iter_mut() {
        *share = *share * lift.factor / divisor;
    }
    Rows { data: to, stride }
}

task!(Sizes, sizes, (numbers: &'a [T]) -> (T, T));
task!(Limit, limit, (
    means: &'a [T],
    squares: (&'a mut [T], T),
    sizes: [&'a [T]; 2],
    flags: [&'a mut [T]; 3],
    parameters: (T, T),
    deterministic: bool,
) -> ());

#[cfg(test)]
mod tests {
    use super::{Level, Plain};
    use crate::Real;

    /// What s² becomes in a row of these numbers under parameters of these sizes, and whether the row is ordinary,
    /// moderate and liftable.
    fn limited_at(
        mean: f32,
        x: f32,
        parameters: (f32, f32),
        deterministic: bool,
        square: f32,
    ) -> (f32, [bool; 3]) {
        let (mut rows, mut square) = ([f32::NAN; 5], [square]);
        let mut plain = Plain::split(&mut rows);
        plain.examine(2, &[x, 0.0]);
        plain.limit(&[mean], (&mut square, 1.0), parameters, deterministic);
        let Level { ordinary, moderate, liftable } = Level::of(plain.settle()[0]);
        (square[0], [ordinary, moderate, liftable])
    }

    fn limited(x: f32, parameters: (f32, f32), deterministic: bool, square: f32) -> (f32, [bool; 3]) {
        limited_at(1.0, x, parameters, deterministic, square)
    }

    /// m = 0 is a product that was lost, if it is one of small numbers.
    #[test]
    fn a_deterministic_component_needs_the_sign_of_its_mean() {
        let tiny = f32::from_bits(1);
        for (x, least, deterministic, levels) in [
            (1.0, 1.0, true, [true, false, true]),
            (1.0, tiny, true, [false, false, false]),
            (tiny, 1.0, true, [false, false, false]),
            (0.0, tiny, true, [false, true, true]),
            (1.0, tiny, false, [false, true, true]),
        ] {
            let square = if deterministic { 0.0 } else { 1.0 };
            let (_, [ordinary, moderate, liftable]) = limited_at(0.0, x, (least, 1.0), deterministic, square);
            assert_eq!([ordinary, moderate, (ordinary || moderate) && liftable], levels, "{x} {least}");
        }
    }

    #[test]
    fn squares_that_are_of_no_use_leave_their_row_to_the_other_path() {
        let (least, most) = f32::ORDINARY;
        let (tame, moderate) = ((1.0, 1.0), 1.0 / (1 << 24) as f32);
        assert_eq!(limited(1.0, tame, false, least), (least, [true, false, false]));
        for square in [moderate, 1.0, most] {
            assert_eq!(limited(1.0, tame, false, square), (square, [true; 3]));
        }
        for square in [0.0, least / 2.0, most * 2.0, f32::INFINITY, f32::NAN] {
            assert_eq!(limited(1.0, tame, false, square), (1.0, [false; 3]), "{square}");
        }
        assert_eq!(limited(1.0, tame, true, 0.0), (0.0, [true; 3]), "a component without spread");
        assert_eq!(limited(0.0, tame, false, 0.0), (0.0, [true; 3]), "a row of zeros");
    }

    #[test]
    fn small_numbers_are_plain_among_moderate_ones_alone() {
        let (tiny, root) = (f32::from_bits(1), f32::MIN_POSITIVE.sqrt());
        let large = (1 << 20) as f32;
        for (x, parameters, level) in [
            (1.0, (tiny, 1.0), [false, true, true]),
            (1.0, (tiny, 64.0), [false, true, true]),
            (root, (1.0, 1.0), [false, true, true]),
            (root / 2.0, (1.0, 1.0), [false; 3]),
            (tiny, (1.0, 1.0), [false; 3]),
            (1.0, (tiny, 65.0), [false; 3]),
            (4096.0, (tiny, 1.0), [false, true, true]),
            (4097.0, (tiny, 1.0), [false; 3]),
            (4097.0, (1.0, 65.0), [true, false, true]),
            (large, (1.0, 1.0), [true, false, false]),
            (1.0, (1.0, large), [true, false, false]),
            (1.0, (1.0, f32::INFINITY), [false; 3]),
            (f32::NAN, (1.0, 1.0), [false; 3]),
            (f32::MAX, (1.0, 1.0), [false; 3]),
        ] {
            assert_eq!(limited(x, parameters, false, 1.0).1, level, "{x} {parameters:?}");
        }
    }

    #[test]
    fn levels_keep_what_both_parts_say() {
        let all: Vec<Level> = (0..8)
            .map(|bits| Level { ordinary: bits & 1 != 0, moderate: bits & 2 != 0, liftable: bits & 4 != 0 })
            .collect();
        for a in all.iter().filter(|a| a.ordinary || a.moderate) {
            assert_eq!(Level::of(a.to_number::<f32>()), *a);
            for b in &all {
                let both = a.and(*b);
                assert_eq!(
                    (both.ordinary, both.moderate),
                    (a.ordinary && b.ordinary, a.moderate && b.moderate)
                );
                assert_eq!(both.liftable, a.liftable && b.liftable);
                assert_eq!(both.to_number::<f64>() == 0.0, !both.ordinary && !both.moderate);
            }
        }
    }
}

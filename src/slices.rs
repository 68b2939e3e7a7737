//! Cutting slices into fields and rows, without a panic; the callers have checked the lengths.

use crate::kernel::LANES;

/// A slice, to be read or to be written.
pub(crate) trait Slice: Sized + Default {
    /// The number of elements.
    fn length(&self) -> usize;

    /// The elements before `at` and those from there on. `at` lies within the slice.
    fn divide(self, at: usize) -> (Self, Self);
}

impl<T> Slice for &[T] {
    #[inline]
    fn length(&self) -> usize {
        self.len()
    }

    #[inline]
    fn divide(self, at: usize) -> (Self, Self) {
        debug_assert!(at <= self.len(), "{at} of {}", self.len());
        self.split_at_checked(at).unwrap_or_default()
    }
}

impl<T> Slice for &mut [T] {
    #[inline]
    fn length(&self) -> usize {
        self.len()
    }

    #[inline]
    fn divide(self, at: usize) -> (Self, Self) {
        debug_assert!(at <= self.len(), "{at} of {}", self.len());
        self.split_at_mut_checked(at).unwrap_or_default()
    }
}

/// A length rounded up to whole vectors; lengths that cannot be addressed stay so.
pub(crate) const fn whole(len: usize) -> usize {
    if len > usize::MAX - LANES { usize::MAX } else { len.next_multiple_of(LANES) }
}

/// The length of a buffer of these fields, each of which begins with a whole vector.
pub(crate) const fn total(lens: &[usize]) -> usize {
    let (mut total, mut rest) = (0_usize, lens);
    while let [len, others @ ..] = rest {
        total = total.saturating_add(whole(*len));
        rest = others;
    }
    total
}

/// Cuts a buffer of at least [`total`] elements into its fields, and what is left.
pub(crate) fn cut<const N: usize, S: Slice>(lens: [usize; N], buffer: S) -> ([S; N], S) {
    let mut rest = buffer;
    let fields = lens.map(|len| {
        let (field, others) = core::mem::take(&mut rest).divide(whole(len));
        rest = others;
        field.divide(len).0
    });
    (fields, rest)
}

/// Takes the first `len` elements, and leaves the others.
#[inline]
pub(crate) fn take<S: Slice>(rest: &mut S, len: usize) -> S {
    let (front, others) = core::mem::take(rest).divide(len);
    *rest = others;
    front
}

/// The elements from `first` on.
#[inline]
pub(crate) fn after<T>(slice: &[T], first: usize) -> &[T] {
    slice.divide(first).1
}

/// The row `row` of a matrix of rows of `len` elements.
#[inline]
pub(crate) fn row<S: Slice>(matrix: S, row: usize, len: usize) -> S {
    matrix.divide(row * len).1.divide(len).0
}

/// The rows of a matrix of rows of `len` elements; what is left at the end, if it is less, is the last one.
#[inline]
pub(crate) fn rows<S: Slice>(mut matrix: S, len: usize) -> impl Iterator<Item = S> {
    debug_assert!(len > 0 || matrix.length() == 0);
    core::iter::from_fn(move || {
        (matrix.length() > 0).then(|| {
            let len = len.clamp(1, matrix.length());
            take(&mut matrix, len)
        })
    })
}

/// Copies a slice to another one of its length.
#[inline]
pub(crate) fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
}

/// The number of whole rows of `len` elements.
#[inline]
pub(crate) const fn count(elements: usize, len: usize) -> usize {
    match elements.checked_div(len) {
        Some(rows) => rows,
        None => 0,
    }
}

/// The rows of the first `items` of `all` items, among which `rows` rows are dealt in proportion.
#[inline]
pub(crate) const fn share(rows: usize, items: usize, all: usize) -> usize {
    match rows.saturating_mul(items).checked_div(all) {
        Some(share) => share,
        None => 0,
    }
}

/// The column `column` of a matrix of rows of `len` elements.
#[inline]
pub(crate) fn column<T>(matrix: &[T], column: usize, len: usize) -> impl Iterator<Item = &T> {
    matrix.iter().skip(column).step_by(len.max(1))
}

/// Rows of two slices side by side, of `a_len` and `b_len` elements, the last ones shorter.
///
/// Two iterators of chunks that are zipped divide by these lengths, and where that is not inlined, the compiler cannot
/// see that no length is 0.
#[inline]
pub(crate) fn zip_rows<A: Slice, B: Slice>(
    mut a: A,
    a_len: usize,
    mut b: B,
    b_len: usize,
) -> impl Iterator<Item = (A, B)> {
    core::iter::from_fn(move || {
        if a.length() == 0 || b.length() == 0 {
            return None;
        }
        let (a_len, b_len) = (a_len.clamp(1, a.length()), b_len.clamp(1, b.length()));
        Some((take(&mut a, a_len), take(&mut b, b_len)))
    })
}

#[cfg(test)]
mod tests {
    use super::{LANES, column, count, cut, row, rows, total, whole, zip_rows};

    #[test]
    fn fields_begin_with_whole_vectors() {
        let lens = [3, 0, LANES, LANES + 1];
        assert_eq!(total(&lens), 4 * LANES);
        let buffer: Vec<usize> = (0..total(&lens) + 5).collect();
        let ([a, b, c, d], rest) = cut(lens, &*buffer);
        assert_eq!((a, b.len(), c[0], d[0], d.len()), (&[0, 1, 2][..], 0, LANES, 2 * LANES, LANES + 1));
        assert_eq!(rest.len(), 5);
        assert_eq!((whole(usize::MAX), total(&[usize::MAX, 1])), (usize::MAX, usize::MAX));
    }

    #[test]
    fn rows_are_where_they_are() {
        let matrix = [1, 2, 3, 4, 5, 6];
        assert_eq!(row(&matrix[..], 1, 2), [3, 4]);
        let pairs: Vec<_> = zip_rows(&matrix[..], 4, &matrix[..], 2).collect();
        assert_eq!(pairs, [(&[1, 2, 3, 4][..], &[1, 2][..]), (&[5, 6], &[3, 4])]);
        assert_eq!(zip_rows(&matrix[..0], 4, &matrix[..], 2).count(), 0);
        assert_eq!(rows(&matrix[..], 4).collect::<Vec<_>>(), [&[1, 2, 3, 4][..], &[5, 6]]);
        assert_eq!((count(6, 4), count(6, 0)), (1, 0));
        assert_eq!(column(&matrix, 1, 3).collect::<Vec<_>>(), [&2, &5]);
    }
}

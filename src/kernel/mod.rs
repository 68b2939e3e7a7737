//! Matrix products, vector loops and division of work, which all layers share.
//!
//! | item | purpose |
//! |---|---|
//! | [`product`] | A·B or A·(B∘B), added to C or in its place, in register tiles |
//! | [`transpose`] | rows to columns |
//! | [`Panels`] | rows of inputs, packed for products that run along them |
//! | [`Simd`], [`dispatch`] | vector loops, with the widest vectors of the processor |
//! | [`dot`] and others | sums along one row, or along several at once |
//! | [`Workers`] | work in parts, on one thread or several |
//!
//! Every implementation adds the terms of a product in the same order: in runs of at most [`TERMS`] or [`ALIKE`], which
//! are added to C one after the other. The `portable` implementation is safe and generic. On x86-64 with the feature
//! `std`, `x86` replaces it where the processor has AVX2 and FMA, or AVX-512; its fused multiply-add rounds once where
//! the portable code rounds twice.

mod panels;
mod parallel;
#[cfg(feature = "threads")]
mod pool;
mod portable;
mod row;
mod vector;
#[cfg(all(feature = "std", target_arch = "x86_64", not(gmlayer_portable)))]
mod x86;

pub(crate) use panels::Panels;
pub(crate) use parallel::{Split, Workers};
#[cfg(feature = "threads")]
pub(crate) use pool::Pool;
pub(crate) use row::{
    LANES, add_combination, add_scaled, dot, dot_of_three, for_each_dot, largest, sum, sum_of, tree,
};
pub(crate) use vector::{Simd, Vector, VectorLoop};

use crate::Real;

/// The most terms that a tile sums before it adds them to C: rounding errors grow with this, not with the
/// length.
const TERMS: usize = 128;

/// The same for sums over the rows of a batch, whose terms are alike: where they are equal, so are the errors of
/// all additions while the sum stays between two powers of two.
const ALIKE: usize = 32;

/// The most rows of C that go along all panels of B one after the other: eight strips of tiles. Rows of a large C are
/// so walked along and not across.
const BLOCK: usize = 48;

/// A matrix in a flat slice, with any distance between neighbouring rows and columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

impl<'a, T: Real> Matrix<'a, T> {
    /// A matrix of contiguous rows, `stride` elements from one to the next.
    pub(crate) fn rows(data: &'a [T], stride: usize) -> Self {
        Self { data, row_stride: stride, column_stride: 1 }
    }

    /// The transpose of such a matrix.
    pub(crate) fn transposed(data: &'a [T], stride: usize) -> Self {
        Self { data, row_stride: 1, column_stride: stride }
    }
}

/// A matrix of contiguous rows, `stride` elements from one to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) stride: usize,
}

/// A matrix of contiguous rows to be written, `stride` elements from one to the next.
#[derive(Debug)]
pub(crate) struct RowsMut<'a, T> {
    pub(crate) data: &'a mut [T],
    pub(crate) stride: usize,
}

/// The sizes of a product: C is `[rows × columns]`, A `[rows × terms]`, B `[terms × columns]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rows: usize,
    pub(crate) terms: usize,
    pub(crate) columns: usize,
    /// What the terms belong to.
    pub(crate) over: Terms,
}

impl Size {
    /// The length of the runs of terms that a tile sums before it adds them to C, all but the last: as equal as they
    /// can be.
    const fn run(self) -> usize {
        let most = match self.over {
            Terms::Numbers => TERMS,
            Terms::Rows => ALIKE,
        };
        match self.terms.div_ceil(most) {
            0 => 1,
            runs => self.terms.div_ceil(runs),
        }
    }
}

/// What a product is summed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terms {
    /// Inputs, outputs, components: the numbers of a row.
    Numbers,
    /// The rows of a batch.
    Rows,
}

/// What becomes of what C holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accum {
    /// The product is added to it.
    Add,
    /// It is overwritten, and not read.
    Replace,
}

/// C += A·B, or A·(B∘B) where `SQUARED`; C = A·B where it is replaced. B has rows of any distance, or is cut into
/// panels.
///
/// The three matrices hold all elements of the product, which a debug build asserts. `prefetch` is what will be read next:
/// it is fetched into the second cache meanwhile.
pub(crate) fn product<'a, T: Real, const SQUARED: bool>(
    accum: Accum,
    c: RowsMut<'_, T>,
    a: Matrix<'_, T>,
    b: impl Into<Panels<'a, T>>,
    size: Size,
    prefetch: &[T],
) {
    let b = b.into();
    debug_assert!(size.terms == 0 || fits(&c, &a, &b, size), "{size:?}");
    #[cfg(all(feature = "std", target_arch = "x86_64", not(gmlayer_portable)))]
    let Some(c) = x86::product::<T, SQUARED>(accum, c, a, b, size, prefetch) else { return };
    let _ = prefetch;
    portable::product::<T, SQUARED>(accum, c, a, b, size);
}

/// Whether every element that the product touches lies inside its slice, and rows of C do not overlap.
fn fits<T>(c: &RowsMut<'_, T>, a: &Matrix<'_, T>, b: &Panels<'_, T>, size: Size) -> bool {
    let Size { rows, terms, columns, .. } = size;
    let (Some(last_row), Some(last_term), Some(last_column)) =
        (rows.checked_sub(1), terms.checked_sub(1), columns.checked_sub(1))
    else {
        return false;
    };
    let inside = |len: usize, first: (usize, usize), second: (usize, usize)| {
        let (first, second) = (first.0.checked_mul(first.1), second.0.checked_mul(second.1));
        first.zip(second).and_then(|(first, second)| first.checked_add(second)).is_some_and(|last| last < len)
    };
    // Of the panels, the last one reaches farthest.
    let Some(last_panel) = last_column.checked_div(b.width).map(|panel| panel * b.width) else {
        return false;
    };
    let start = last_panel.checked_mul(terms).filter(|&start| start <= b.data.len());
    let Some(panel_len) = start.map(|start| b.data.len() - start) else { return false };
    c.stride >= columns
        && b.stride >= columns
        && inside(c.data.len(), (last_row, c.stride), (last_column, 1))
        && inside(a.data.len(), (last_row, a.row_stride), (last_term, a.column_stride))
        && inside(panel_len, (last_term, b.width.min(b.stride - last_panel)), (last_column - last_panel, 1))
}

/// Writes `from: [rows × columns]` as its transpose; what is left of a row of `to` is filled up with 0.
pub(crate) fn transpose<T: Real>(from: Rows<'_, T>, to: RowsMut<'_, T>, rows: usize, columns: usize) {
    if rows == 0 || columns == 0 || from.stride < columns || to.stride < rows {
        return;
    }
    #[cfg(all(feature = "std", target_arch = "x86_64", not(gmlayer_portable)))]
    let Some(to) = x86::transpose(from, to, rows, columns) else { return };
    portable::transpose(from, to, rows, columns);
}

/// The instructions of [`product`], [`transpose`] and [`dispatch`].
#[cfg(feature = "std")]
pub(crate) fn instructions() -> crate::Instructions {
    #[cfg(all(target_arch = "x86_64", not(gmlayer_portable)))]
    {
        x86::instructions()
    }
    #[cfg(not(all(target_arch = "x86_64", not(gmlayer_portable))))]
    {
        crate::Instructions::Portable
    }
}

/// Runs a task compiled for the widest vectors that the processor has: the same arithmetic, the same bits.
#[inline(always)]
pub(crate) fn dispatch<A, W: Task<A>>(task: W, arguments: A) -> W::Output {
    #[cfg(all(feature = "std", target_arch = "x86_64", not(gmlayer_portable)))]
    {
        x86::dispatch(task, arguments)
    }
    #[cfg(not(all(feature = "std", target_arch = "x86_64", not(gmlayer_portable))))]
    {
        task.run(vector::Portable, arguments)
    }
}

/// A function that [`dispatch`] can compile anew: closures and function items would be called, not inlined.
pub(crate) trait Task<A> {
    /// What the function returns.
    type Output;

    /// Calls the function; always inlined.
    fn run<S: Simd>(self, simd: S, arguments: A) -> Self::Output;
}

/// Makes `$task` stand for an `#[inline(always)]` function, whose first argument is the instructions and whose
/// other argument types may use `'a`, `'b`, `'c` and `T`.
macro_rules! task {
    ($task:ident, $function:path, ($($argument:ident: $type:ty),* $(,)?) -> $output:ty) => {
        struct $task;

        impl<'a, 'b, 'c, T: $crate::Real> $crate::kernel::Task<($($type,)*)> for $task {
            type Output = $output;

            #[inline(always)]
            fn run<S: $crate::kernel::Simd>(self, simd: S, ($($argument,)*): ($($type,)*)) -> $output {
                $function(simd, $($argument),*)
            }
        }
    };
}
pub(crate) use task;

#[cfg(test)]
mod tests {
    use super::{Accum, Matrix, Panels, Rows, RowsMut, Size, Terms, fits, portable, product, transpose};
    use crate::Real;

    const SIZES: [(usize, usize, usize); 16] = [
        (1, 1, 1),
        (4, 3, 8),
        (5, 129, 9),
        (7, 300, 17),
        (9, 128, 16),
        (3, 257, 1),
        (2, 5, 40),
        (6, 1, 13),
        (12, 31, 64),
        (13, 784, 64),
        (200, 20, 61),
        (10, 64, 783),
        (8, 61, 784),
        (11, 7, 65),
        (1, 64, 784),
        (23, 130, 128),
    ];

    fn values<T: Real>(len: usize, step: usize) -> Vec<T> {
        (0..len).map(|i| T::from_f64((i as f64 * 0.37 * step as f64).sin())).collect()
    }

    /// Rows of `width` elements, `stride` from one to the next, with what lies between them.
    fn strided<T: Real>(rows: usize, stride: usize, step: usize) -> Vec<T> {
        values(rows * stride, step)
    }

    /// C, A and B, each with rows farther apart than they are long where `apart` is not 0, and A's transpose.
    fn products<T: Real, const SQUARED: bool>(check: impl Fn(&[T], &[T], [usize; 3])) {
        for (rows, terms, columns) in SIZES {
            for (apart, over) in
                [(0, Terms::Numbers), (3, Terms::Numbers), (0, Terms::Rows), (3, Terms::Rows)]
            {
                let size = Size { rows, terms, columns, over };
                let (c_stride, b_stride) = (columns + apart, columns + 2 * apart);
                let (a_stride, t_stride) = (terms + apart, rows + apart);
                let a = strided::<T>(rows.max(terms), a_stride.max(t_stride), 3);
                let b = strided::<T>(terms, b_stride, 5);
                let start = strided::<T>(rows, c_stride, 1);
                let matrices = [Matrix::rows(&a, a_stride), Matrix::transposed(&a, t_stride)];
                for (matrix, accum) in
                    matrices.into_iter().flat_map(|a| [(a, Accum::Add), (a, Accum::Replace)])
                {
                    let rows_of = |data| RowsMut { data, stride: c_stride };
                    let (mut got, mut safe, mut want) = (start.clone(), start.clone(), start.clone());
                    let b_rows = Rows { data: &b, stride: b_stride };
                    product::<T, SQUARED>(accum, rows_of(&mut got), matrix, b_rows, size, &a);
                    portable::product::<T, SQUARED>(accum, rows_of(&mut safe), matrix, b_rows.into(), size);
                    for (row, column) in
                        (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)))
                    {
                        if accum == Accum::Replace {
                            want[row * c_stride + column] = T::zero();
                        }
                        for first in (0..terms).step_by(size.run()) {
                            let mut sum = T::zero();
                            for term in first..terms.min(first + size.run()) {
                                let b = b[term * b_stride + column];
                                let a = a[row * matrix.row_stride + term * matrix.column_stride];
                                sum += a * if SQUARED { b * b } else { b };
                            }
                            want[row * c_stride + column] += sum;
                        }
                    }
                    assert_eq!(safe, want, "{size:?}, {apart} apart");
                    check(&got, &want, [rows, terms, columns]);
                }
            }
        }
    }

    /// The portable code gives the bits of the definition, whatever the sizes; what is dispatched differs by the
    /// rounding of fused multiply-adds alone, and touches nothing between the rows.
    fn products_are_the_definition<T: Real>() {
        let check = |got: &[T], want: &[T], [rows, terms, columns]: [usize; 3]| {
            let allowed = 16.0 * T::UNIT_ROUNDOFF * (1.0 + terms as f64);
            for (got, want) in got.iter().zip(want) {
                assert!((got.to_f64() - want.to_f64()).abs() <= allowed, "{rows} × {terms} × {columns}");
            }
        };
        products::<T, false>(check);
        products::<T, true>(check);
    }

    fn transposes<T: Real>() {
        for rows in [1_usize, 2, 3, 4, 5, 7, 8, 9, 16, 17, 61, 64] {
            for columns in [1, 2, 3, 4, 7, 8, 9, 15, 16, 31, 33] {
                for (from_stride, to_stride) in
                    [(columns, rows), (columns + 1, rows.next_multiple_of(16)), (columns, rows + 3)]
                {
                    let from = values::<T>(rows * from_stride, 1);
                    let mut to = vec![T::one(); columns * to_stride];
                    let rows_of = Rows { data: &from, stride: from_stride };
                    transpose(rows_of, RowsMut { data: &mut to, stride: to_stride }, rows, columns);
                    for (at, &to) in to.iter().enumerate() {
                        let (column, row) = (at / to_stride, at % to_stride);
                        let want = if row < rows { from[row * from_stride + column] } else { T::zero() };
                        assert_eq!(to, want, "{rows} × {columns}, {to_stride} apart");
                    }
                }
            }
        }
    }

    /// A sum of nothing is 0, and what is not of C stays.
    #[test]
    fn no_terms_give_zeros() {
        let mut c = [1.0_f32; 6];
        let (matrix, rows) = (Matrix::rows(&[], 0), Rows { data: &[], stride: 2 });
        let size = Size { rows: 2, terms: 0, columns: 2, over: Terms::Numbers };
        product::<f32, false>(Accum::Replace, RowsMut { data: &mut c, stride: 3 }, matrix, rows, size, &[]);
        assert_eq!(c, [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn in_f32() {
        products_are_the_definition::<f32>();
        transposes::<f32>();
    }

    #[test]
    fn in_f64() {
        products_are_the_definition::<f64>();
        transposes::<f64>();
    }

    /// One element less, and the product is left to the safe code.
    #[test]
    fn what_fits_is_counted_to_the_element() {
        let (a, b, mut c) = ([0.0_f32; 12], [0.0_f32; 20], [0.0_f32; 15]);
        // 3 × 5 from 3 × 4 and 4 × 5.
        let size = Size { rows: 3, terms: 4, columns: 5, over: Terms::Numbers };
        let mut fit = |c_len: usize, a: Matrix<'_, f32>, b_len: usize, size: Size| {
            let c = RowsMut { data: &mut c[..c_len], stride: 5 };
            fits(&c, &a, &Rows { data: &b[..b_len], stride: 5 }.into(), size)
        };
        for (row_stride, column_stride) in [(4, 1), (1, 3)] {
            let of = |len: usize| Matrix { data: &a[..len], row_stride, column_stride };
            assert!(fit(15, of(12), 20, size));
            assert!(!fit(15, of(11), 20, size));
            assert!(!fit(15, of(12), 19, size));
            assert!(!fit(14, of(12), 20, size));
            assert!(!fit(0, of(12), 20, size));
            assert!(!fit(15, Matrix { row_stride: usize::MAX, ..of(12) }, 20, size));
            assert!(!fit(15, of(12), 20, Size { columns: 6, ..size }), "rows of C would overlap");
            for empty in [Size { rows: 0, ..size }, Size { terms: 0, ..size }, Size { columns: 0, ..size }] {
                assert!(!fit(15, of(12), 20, empty));
            }
        }
    }

    /// 4 × 6 in panels of 4 and 2 columns, of which 5 are used: the last term of the second panel ends before the end.
    #[test]
    fn the_last_panel_reaches_farthest() {
        let (a, b, mut c) = ([0.0_f32; 12], [0.0_f32; 24], [0.0_f32; 15]);
        let size = Size { rows: 3, terms: 4, columns: 5, over: Terms::Rows };
        let mut fit = |b_len: usize, stride: usize, width: usize| {
            let b = Panels { data: &b[..b_len], stride, width };
            fits(&RowsMut { data: &mut c, stride: 5 }, &Matrix::rows(&a, 4), &b, size)
        };
        assert!(fit(24, 6, 4));
        assert!(fit(23, 6, 4));
        assert!(!fit(22, 6, 4));
        assert!(!fit(24, 4, 4), "no second panel");
        assert!(!fit(15, 6, 4), "the second panel begins beyond the end");
        assert!(!fit(24, 6, 0), "no width");
        assert!(fit(20, 5, 5));
    }
}

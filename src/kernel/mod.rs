//! The loops that all layers share.
//!
//! | function | what |
//! |---|---|
//! | [`product`], [`product_of_squares`] | C += A·B and C += A·(B∘B), in register tiles |
//! | [`transpose`] | rows to columns |
//! | [`square_roots`] | of every element |
//! | [`widest`] | runs a function compiled for the widest vectors that the processor has |
//! | [`dot`] and its kin | sums along one row |
//!
//! Each product is the same sum in the same order in every implementation: in runs of [`TERMS`] that are
//! added to C one after the other. The `portable` implementation is safe and generic; on x86-64 with the
//! feature `std`, `x86` takes its place where the processor has AVX2 and FMA, or AVX-512: a fused
//! multiply-add rounds once where the portable code rounds twice.

mod portable;
mod row;
#[cfg(all(feature = "std", target_arch = "x86_64", not(gmlayer_portable)))]
mod x86;

pub(crate) use row::{LANES, add_scaled, all, dot, largest, sum, tree};

use crate::Real;

/// Terms that a tile sums before it adds them to C: rounding errors grow with this, not with the length.
pub(crate) const TERMS: usize = 128;

/// A matrix in a flat slice, with any distance between neighbouring rows and columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

impl<'a, T: Real> Matrix<'a, T> {
    /// A row-major matrix of `columns` columns.
    pub(crate) fn rows(data: &'a [T], columns: usize) -> Self {
        Self { data, row_stride: columns, column_stride: 1 }
    }

    /// The transpose of a row-major matrix of `columns` columns.
    pub(crate) fn transposed(data: &'a [T], columns: usize) -> Self {
        Self { data, row_stride: 1, column_stride: columns }
    }
}

/// C += A·B, where C is `[rows × columns]`, A is `[rows × terms]` with any strides, and B is
/// `[terms × columns]`; C and B are row-major with rows of exactly `columns` elements.
///
/// Where A or B is shorter than that, the missing elements count as 0.
pub(crate) fn product<T: Real>(c: &mut [T], a: Matrix<'_, T>, b: &[T], terms: usize, columns: usize) {
    #[cfg(all(feature = "std", target_arch = "x86_64", not(gmlayer_portable)))]
    if x86::product::<T, false>(c, a, b, terms, columns) {
        return;
    }
    portable::product::<T, false>(c, a, b, terms, columns);
}

/// C += A·(B∘B); everything else as [`product`].
pub(crate) fn product_of_squares<T: Real>(
    c: &mut [T],
    a: Matrix<'_, T>,
    b: &[T],
    terms: usize,
    columns: usize,
) {
    #[cfg(all(feature = "std", target_arch = "x86_64", not(gmlayer_portable)))]
    if x86::product::<T, true>(c, a, b, terms, columns) {
        return;
    }
    portable::product::<T, true>(c, a, b, terms, columns);
}

/// Writes the row-major matrix `from`, of `columns` columns and `rows` rows, as its transpose.
pub(crate) fn transpose<T: Real>(from: &[T], columns: usize, to: &mut [T], rows: usize) {
    #[cfg(all(feature = "std", target_arch = "x86_64", not(gmlayer_portable)))]
    if x86::transpose(from, columns, to, rows) {
        return;
    }
    portable::transpose(from, columns, to, rows);
}

/// √x of every element, to the same bits as [`Real::sqrt`].
pub(crate) fn square_roots<T: Real>(values: &mut [T]) {
    #[cfg(all(feature = "std", target_arch = "x86_64", not(gmlayer_portable)))]
    if x86::square_roots(values) {
        return;
    }
    for value in values {
        *value = value.sqrt();
    }
}

/// Runs a task compiled for the widest vectors that the processor has: the same arithmetic, the same bits.
#[inline(always)]
pub(crate) fn widest<A, W: Task<A>>(task: W, arguments: A) -> W::Output {
    #[cfg(all(feature = "std", target_arch = "x86_64", not(gmlayer_portable)))]
    {
        x86::widest(task, arguments)
    }
    #[cfg(not(all(feature = "std", target_arch = "x86_64", not(gmlayer_portable))))]
    {
        task.run(arguments)
    }
}

/// A function that [`widest`] can compile anew: closures and function items would be called, not inlined.
pub(crate) trait Task<A> {
    /// What the function returns.
    type Output;

    /// Calls the function; always inlined.
    fn run(self, arguments: A) -> Self::Output;
}

/// Makes `$task` stand for an `#[inline(always)]` function, whose argument types may use `'a` and `T`.
macro_rules! task {
    ($task:ident, $function:path, ($($argument:ident: $type:ty),* $(,)?) -> $output:ty) => {
        struct $task;

        impl<'a, T: $crate::Real> $crate::kernel::Task<($($type,)*)> for $task {
            type Output = $output;

            #[inline(always)]
            fn run(self, ($($argument,)*): ($($type,)*)) -> $output {
                $function($($argument),*)
            }
        }
    };
}
pub(crate) use task;

#[cfg(test)]
mod tests {
    use super::{Matrix, TERMS, portable, product, product_of_squares, transpose};
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

    /// Same bits as the definition, whatever the sizes; plain and squared, A and its transpose.
    fn portable_is_the_definition<T: Real>() {
        for (rows, terms, columns) in SIZES {
            let (a, b) = (values::<T>(rows * terms, 3), values::<T>(terms * columns, 5));
            let start = values::<T>(rows * columns, 1);
            for transposed in [false, true] {
                let a_at = |row: usize, term: usize| {
                    if transposed { a[term * rows + row] } else { a[row * terms + term] }
                };
                let matrix = if transposed { Matrix::transposed(&a, rows) } else { Matrix::rows(&a, terms) };
                for squared in [false, true] {
                    let mut want = start.clone();
                    for (index, c) in want.iter_mut().enumerate() {
                        let (row, column) = (index / columns, index % columns);
                        for first in (0..terms).step_by(TERMS) {
                            let mut sum = T::zero();
                            for term in first..terms.min(first + TERMS) {
                                let b = b[term * columns + column];
                                sum += a_at(row, term) * if squared { b * b } else { b };
                            }
                            *c += sum;
                        }
                    }
                    let mut got = start.clone();
                    if squared {
                        portable::product::<T, true>(&mut got, matrix, &b, terms, columns);
                    } else {
                        portable::product::<T, false>(&mut got, matrix, &b, terms, columns);
                    }
                    assert_eq!(got, want, "{rows} × {terms} × {columns}, transposed {transposed}, {squared}");
                }
            }
        }
    }

    /// What is dispatched differs from the portable code by the rounding of fused multiply-adds alone.
    fn dispatched_is_portable<T: Real>() {
        for (rows, terms, columns) in SIZES {
            let (a, b) = (values::<T>(rows * terms, 3), values::<T>(terms * columns, 5));
            let start = values::<T>(rows * columns, 1);
            for matrix in [Matrix::rows(&a, terms), Matrix::transposed(&a, rows)] {
                let (mut got, mut want) = (start.clone(), start.clone());
                product(&mut got, matrix, &b, terms, columns);
                portable::product::<T, false>(&mut want, matrix, &b, terms, columns);
                let allowed = 16.0 * T::UNIT_ROUNDOFF * (1.0 + terms as f64);
                for (got, want) in got.iter().zip(&want) {
                    assert!((got.to_f64() - want.to_f64()).abs() <= allowed, "{rows} × {terms} × {columns}");
                }
                let (mut got, mut want) = (start.clone(), start.clone());
                product_of_squares(&mut got, matrix, &b, terms, columns);
                portable::product::<T, true>(&mut want, matrix, &b, terms, columns);
                for (got, want) in got.iter().zip(&want) {
                    assert!((got.to_f64() - want.to_f64()).abs() <= allowed, "{rows} × {terms} × {columns}");
                }
            }
        }
    }

    fn transposes<T: Real>() {
        for rows in [1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 61, 64] {
            for columns in [1, 2, 3, 4, 7, 8, 9, 15, 16, 31, 33] {
                let from = values::<T>(rows * columns, 1);
                let mut to = vec![T::zero(); from.len()];
                transpose(&from, columns, &mut to, rows);
                for row in 0..rows {
                    for column in 0..columns {
                        assert_eq!(
                            to[column * rows + row],
                            from[row * columns + column],
                            "{rows} × {columns}"
                        );
                    }
                }
            }
        }
    }

    /// Short slices count as filled up with 0, in every implementation.
    #[test]
    fn missing_elements_are_zero() {
        let (a, b) = ([1.0_f32; 60], [1.0_f32; 100]);
        let (mut got, mut want) = (vec![0.0; 160], vec![0.0; 160]);
        product(&mut got, Matrix::rows(&a, 7), &b, 7, 16);
        portable::product::<f32, false>(&mut want, Matrix::rows(&a, 7), &b, 7, 16);
        assert_eq!(got, want);
        assert_eq!(want[0], 6.0);
    }

    #[test]
    fn in_f32() {
        portable_is_the_definition::<f32>();
        dispatched_is_portable::<f32>();
        transposes::<f32>();
    }

    #[test]
    fn in_f64() {
        portable_is_the_definition::<f64>();
        dispatched_is_portable::<f64>();
        transposes::<f64>();
    }
}

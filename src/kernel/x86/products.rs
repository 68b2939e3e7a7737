//! The products of one instruction set, in register tiles.

/// The length of a cache line in bytes.
pub(super) const LINE: usize = 64;

/// Distances of neighbours: rows of C, rows and columns of A, rows of B (if it were one panel, or in the panel at hand);
/// and the width of a panel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strides {
    pub(super) c: usize,
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) b: usize,
    pub(super) panel: usize,
}

/// Writes the product of one instruction set and one scalar: `$product`, and its tiles.
///
/// A tile holds `ROWS × VECTORS` vectors of C in registers. The columns that do not fill a vector go into tiles
/// of one vector, of which only the lanes in `mask` are read and written.
macro_rules! products {
    (
        $product:ident, $strip:ident, $tile:ident, $float:ty, $features:literal,
        vector: $vector:ty, lanes: $lanes:literal, vectors: [$($vectors:literal)*],
        mask: $mask:ty, mask_of: $mask_of:expr,
        zero: $zero:ident, set: $set:ident, load: $load:ident, load_masked: $load_masked:expr,
        store: $store:ident, store_masked: $store_masked:expr,
        add: $add:ident, mul: $mul:ident, multiply_add: $multiply_add:ident
    ) => {
        /// The product, as [`crate::kernel::product`] says: blocks of rows of C, and in each all panels of B.
        ///
        /// # Safety
        ///
        /// The processor has the instructions, and every element of the three matrices lies in its slice.
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $product<const SQUARED: bool>(
            accum: Accum,
            c: *mut $float,
            a: *const $float,
            b: *const $float,
            strides: Strides,
            size: Size,
            prefetch: Range<*const u8>,
        ) {
            let (mut prefetch, Size { rows, terms, columns, .. }, run) = (prefetch, size, size.run());
            for first in (0..rows).step_by(BLOCK) {
                for column in (0..columns).step_by(strides.panel) {
                    let (rows, columns) = (BLOCK.min(rows - first), strides.panel.min(columns - column));
                    let panel = Strides { b: strides.panel.min(strides.b - column), ..strides };
                    // Strips of at most six rows, as equal as they can be.
                    let strips = rows.div_ceil(6);
                    for strip in 0..strips {
                        let (row, end) = (strip * rows / strips, (strip + 1) * rows / strips);
                        // SAFETY: rows below `rows`, columns below `columns`.
                        unsafe {
                            let c = c.add((first + row) * strides.c + column);
                            let (a, b) = (a.add((first + row) * strides.row), b.add(terms * column));
                            macro_rules! call {
                                ($rows:literal) => {
                                    $strip::<$rows, SQUARED>(
                                        accum, c, a, b, panel, (terms, run), columns, &mut prefetch,
                                    )
                                };
                            }
                            match end - row {
                                1 => call!(1),
                                2 => call!(2),
                                3 => call!(3),
                                4 => call!(4),
                                5 => call!(5),
                                _ => call!(6),
                            }
                        }
                    }
                }
            }
        }

        /// A strip of `ROWS` rows of a panel.
        ///
        /// # Safety
        ///
        /// As for the product, for the rows and columns of the strip.
        #[target_feature(enable = $features)]
        #[inline]
        #[allow(clippy::too_many_arguments)]
        unsafe fn $strip<const ROWS: usize, const SQUARED: bool>(
            accum: Accum,
            c: *mut $float,
            a: *const $float,
            b: *const $float,
            strides: Strides,
            terms: (usize, usize),
            columns: usize,
            prefetch: &mut Range<*const u8>,
        ) {
            let mut column = 0;
            // As many vectors as the registers hold; then fewer, the last one in part.
            $(
                while columns - column >= $vectors * $lanes {
                    // SAFETY: columns below `columns`.
                    unsafe {
                        $tile::<ROWS, $vectors, false, SQUARED>(
                            accum, c.add(column), a, b.add(column), strides, terms, $mask_of($lanes), prefetch,
                        );
                    }
                    column += $vectors * $lanes;
                }
            )*
            if column < columns {
                let mask = $mask_of(columns - column);
                // SAFETY: as above.
                unsafe {
                    $tile::<ROWS, 1, true, SQUARED>(
                        accum, c.add(column), a, b.add(column), strides, terms, mask, prefetch,
                    );
                }
            }
        }

        /// One tile: runs of terms, one after the other.
        ///
        /// # Safety
        ///
        /// As for the product, for the rows, terms and columns of the tile.
        #[target_feature(enable = $features)]
        #[inline]
        #[allow(clippy::needless_range_loop, clippy::indexing_slicing, clippy::too_many_arguments)]
        unsafe fn $tile<const ROWS: usize, const VECTORS: usize, const MASKED: bool, const SQUARED: bool>(
            accum: Accum,
            c: *mut $float,
            a: *const $float,
            b: *const $float,
            strides: Strides,
            (terms, run): (usize, usize),
            mask: $mask,
            prefetch: &mut Range<*const u8>,
        ) {
            // One line is fetched with each term; past the end, the first line of B again, which is near.
            let (mut next, step) = if prefetch.start < prefetch.end { (prefetch.start, LINE) } else { (b.cast(), 0) };
            prefetch.start = prefetch.start.wrapping_add(terms * step);
            let rows: [usize; ROWS] = core::array::from_fn(|row| row * strides.row);
            let (mut a, mut b, mut accum) = (a, b, accum);
            for first in (0..terms).step_by(run) {
                let mut sums = [[$zero(); VECTORS]; ROWS];
                macro_rules! term {
                    () => {
                        // SAFETY: a prefetch reads nothing. Newer compilers know that.
                        #[allow(unused_unsafe)]
                        unsafe { _mm_prefetch::<_MM_HINT_T1>(next.cast()) };
                        next = next.wrapping_add(step);
                        let mut lanes = [$zero(); VECTORS];
                        for vector in 0..VECTORS {
                            // SAFETY: the caller vouches for these columns of this row of B.
                            lanes[vector] = unsafe {
                                let b = b.add(vector * $lanes);
                                if MASKED { $load_masked(b, mask) } else { $load(b) }
                            };
                            if SQUARED {
                                lanes[vector] = $mul(lanes[vector], lanes[vector]);
                            }
                        }
                        for row in 0..ROWS {
                            // SAFETY: the caller vouches for this element of A.
                            let factor = $set(unsafe { *a.add(rows[row]) });
                            for vector in 0..VECTORS {
                                sums[row][vector] = $multiply_add(factor, lanes[vector], sums[row][vector]);
                            }
                        }
                        // Past the last term these point outside, and are not read.
                        (a, b) = (a.wrapping_add(strides.column), b.wrapping_add(strides.b));
                    };
                }
                // Two terms at once: half as many ends of the loop.
                let mut left = run.min(terms - first);
                while left >= 2 {
                    term!();
                    term!();
                    left -= 2;
                }
                if left > 0 {
                    term!();
                }
                for row in 0..ROWS {
                    for vector in 0..VECTORS {
                        // SAFETY: the caller vouches for these columns of this row of C.
                        unsafe {
                            let c = c.add(row * strides.c + vector * $lanes);
                            let mut sums = sums[row][vector];
                            if accum == Accum::Add {
                                sums = $add(if MASKED { $load_masked(c, mask) } else { $load(c) }, sums);
                            }
                            if MASKED { $store_masked(c, mask, sums) } else { $store(c, sums) }
                        }
                    }
                }
                accum = Accum::Add;
            }
        }
    };
}
pub(super) use products;

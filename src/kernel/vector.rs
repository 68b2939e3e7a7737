//! Vectors of [`LANES`] numbers, and their arithmetic with the instructions at hand.
//!
//! Loops that are written with them are packed for certain, where the compiler alone decides anew at each
//! change. Each operation rounds as the scalar does, so every implementation gives the same bits.

use super::LANES;
use crate::Real;

/// Numbers that are worked on at once.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Vector<T>(pub(crate) [T; LANES]);

/// Instructions for [`Vector`]s.
pub(crate) trait Simd: Copy {
    /// How many vectors of `f32` the registers hold.
    const VECTORS: usize;

    /// One number in every lane.
    fn splat<T: Real>(self, value: T) -> Vector<T>;

    /// a + b.
    fn add<T: Real>(self, a: Vector<T>, b: Vector<T>) -> Vector<T>;

    /// a − b.
    fn sub<T: Real>(self, a: Vector<T>, b: Vector<T>) -> Vector<T>;

    /// a·b.
    fn mul<T: Real>(self, a: Vector<T>, b: Vector<T>) -> Vector<T>;

    /// √a.
    fn sqrt<T: Real>(self, a: Vector<T>) -> Vector<T>;

    /// The larger of a ≥ 0 and |b|; NaN where one is NaN.
    fn larger_size<T: Real>(self, a: Vector<T>, b: Vector<T>) -> Vector<T>;

    /// The upper half of the first `WIDTH` lanes in the place of the lower half; the other lanes are anything.
    fn down<const WIDTH: usize, T: Real>(self, a: Vector<T>) -> Vector<T>;

    /// The sum of all lanes, as a tree.
    #[inline(always)]
    fn sum<T: Real>(self, a: Vector<T>) -> T {
        let a = self.add(a, self.down::<16, T>(a));
        let a = self.add(a, self.down::<8, T>(a));
        let a = self.add(a, self.down::<4, T>(a));
        let Vector([sum, ..]) = self.add(a, self.down::<2, T>(a));
        sum
    }

    /// The largest of all lanes, which are not negative; NaN where one is.
    #[inline(always)]
    fn largest<T: Real>(self, a: Vector<T>) -> T {
        let a = self.larger_size(a, self.down::<16, T>(a));
        let a = self.larger_size(a, self.down::<8, T>(a));
        let a = self.larger_size(a, self.down::<4, T>(a));
        let Vector([largest, ..]) = self.larger_size(a, self.down::<2, T>(a));
        largest
    }

    /// a·b + c, rounded twice.
    #[inline(always)]
    fn mul_add<T: Real>(self, a: Vector<T>, b: Vector<T>, c: Vector<T>) -> Vector<T> {
        self.add(c, self.mul(a, b))
    }

    /// The first elements, [`LANES`] at most, filled up with 0.
    #[inline(always)]
    fn load_part<T: Real>(self, part: &[T]) -> Vector<T> {
        let mut lanes = [T::ZERO; LANES];
        for (lane, &element) in lanes.iter_mut().zip(part) {
            *lane = element;
        }
        Vector(lanes)
    }

    /// Writes the first elements, [`LANES`] at most.
    #[inline(always)]
    fn store_part<T: Real>(self, part: &mut [T], lanes: Vector<T>) {
        for (element, lane) in part.iter_mut().zip(lanes.0) {
            *element = lane;
        }
    }

    /// The elements from `at · LANES` on: a `WHOLE` vector if the row has it, and otherwise what is left of the row,
    /// filled up with 0.
    #[inline(always)]
    fn load<const WHOLE: bool, T: Real>(self, row: &[T], at: usize) -> Option<Vector<T>> {
        if WHOLE {
            return row.as_chunks().0.get(at).map(|lanes| Vector(*lanes));
        }
        Some(self.load_part(row.get(at.saturating_mul(LANES)..)?))
    }

    /// Writes the elements from `at · LANES` on; of a vector that is not `WHOLE`, as far as the row goes.
    #[inline(always)]
    fn store<const WHOLE: bool, T: Real>(self, row: &mut [T], at: usize, lanes: Vector<T>) {
        if WHOLE {
            if let Some(whole) = row.as_chunks_mut().0.get_mut(at) {
                *whole = lanes.0;
            }
        } else if let Some(part) = row.get_mut(at.saturating_mul(LANES)..) {
            self.store_part(part, lanes);
        }
    }
}

const _: () = assert!(LANES == 16);

/// A loop along rows of one length, in vectors: whole ones, and then what does not fill one.
pub(crate) trait VectorLoop: Sized {
    /// The vectors of number `at`; `None`, which ends the loop, where a row does not have one.
    fn step<const WHOLE: bool>(&mut self, at: usize) -> Option<()>;

    /// All vectors of rows of `len` elements.
    #[inline(always)]
    fn run(mut self, len: usize) -> Self {
        let whole = len / LANES;
        for at in 0..whole {
            if self.step::<true>(at).is_none() {
                return self;
            }
        }
        if !len.is_multiple_of(LANES) {
            self.step::<false>(whole);
        }
        self
    }
}

/// No special instructions: what the compiler makes of a loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

impl Portable {
    /// A function of each lane of two vectors.
    #[inline(always)]
    fn zip_with<T: Real>(self, mut a: Vector<T>, b: Vector<T>, f: impl Fn(T, T) -> T) -> Vector<T> {
        for (a, b) in a.0.iter_mut().zip(b.0) {
            *a = f(*a, b);
        }
        a
    }
}

impl Simd for Portable {
    const VECTORS: usize = if cfg!(target_arch = "aarch64") { 8 } else { 4 };

    #[inline(always)]
    fn splat<T: Real>(self, value: T) -> Vector<T> {
        Vector([value; LANES])
    }

    #[inline(always)]
    fn add<T: Real>(self, a: Vector<T>, b: Vector<T>) -> Vector<T> {
        self.zip_with(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub<T: Real>(self, a: Vector<T>, b: Vector<T>) -> Vector<T> {
        self.zip_with(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul<T: Real>(self, a: Vector<T>, b: Vector<T>) -> Vector<T> {
        self.zip_with(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn sqrt<T: Real>(self, a: Vector<T>) -> Vector<T> {
        self.zip_with(a, a, |a, _| a.sqrt())
    }

    #[inline(always)]
    fn larger_size<T: Real>(self, a: Vector<T>, b: Vector<T>) -> Vector<T> {
        self.zip_with(a, b, |a, b| if b.abs() > a || b.partial_cmp(&b).is_none() { b.abs() } else { a })
    }

    #[inline(always)]
    fn down<const WIDTH: usize, T: Real>(self, mut a: Vector<T>) -> Vector<T> {
        a.0.copy_within(WIDTH / 2..WIDTH, 0);
        a
    }
}

//! Work in parts, one after the other or on several threads.

#[cfg(not(feature = "threads"))]
use core::marker::PhantomData;

use crate::Shape;

/// Work that can be divided.
pub(crate) trait Split: Sized {
    /// The first `items` items with the memory of `parts` parts, and the others.
    fn split_at(self, items: usize, parts: usize) -> (Self, Self);
}

impl<A: Split, B: Split> Split for (A, B) {
    fn split_at(self, items: usize, parts: usize) -> (Self, Self) {
        let (first, second) = (self.0.split_at(items, parts), self.1.split_at(items, parts));
        ((first.0, second.0), (first.1, second.1))
    }
}

/// Multiply-adds that are worth a thread's waking: about 30 microseconds of work.
const WORTH_A_THREAD: usize = 1 << 21;

/// Who runs the parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workers<'a> {
    threads: usize,
    #[cfg(feature = "threads")]
    pool: Option<&'a rayon_core::ThreadPool>,
    #[cfg(not(feature = "threads"))]
    pool: PhantomData<&'a ()>,
}

impl<'a> Workers<'a> {
    /// The caller's thread alone.
    pub(crate) const fn alone() -> Self {
        #[cfg(feature = "threads")]
        return Self { threads: 1, pool: None };
        #[cfg(not(feature = "threads"))]
        Self { threads: 1, pool: PhantomData }
    }

    /// The threads of a pool.
    #[cfg(feature = "threads")]
    pub(crate) fn of(pool: &'a rayon_core::ThreadPool) -> Self {
        Self { threads: pool.current_num_threads(), pool: Some(pool) }
    }

    /// The number of parts that the components of a layer make, for a batch.
    pub(crate) const fn parts_of(&self, shape: Shape, batch: usize) -> usize {
        self.parts(shape.components(), shape.u_len().saturating_mul(batch))
    }

    /// The number of parts that are worth their threads, for some items and multiply-adds.
    const fn parts(&self, items: usize, multiply_adds: usize) -> usize {
        let worth = multiply_adds / WORTH_A_THREAD;
        let most = if worth < items { worth } else { items };
        if most < 2 || self.threads < 2 {
            1
        } else if self.threads < most {
            self.threads
        } else {
            most
        }
    }

    /// Calls both, perhaps at the same time.
    fn join(self, first: impl FnOnce() + Send, second: impl FnOnce() + Send) {
        #[cfg(feature = "threads")]
        if let Some(pool) = self.pool {
            pool.join(first, second);
            return;
        }
        first();
        second();
    }

    /// Deals `items` items of work to `parts` parts, as equally as they can be, and runs each with the number of
    /// its first item.
    pub(crate) fn in_parts<W: Split + Send>(
        self,
        work: W,
        items: usize,
        parts: usize,
        run: &(impl Fn(usize, W) + Sync),
    ) {
        self.from(0, work, items, parts, run);
    }

    fn from<W: Split + Send>(
        self,
        first: usize,
        work: W,
        items: usize,
        parts: usize,
        run: &(impl Fn(usize, W) + Sync),
    ) {
        if parts <= 1 {
            return run(first, work);
        }
        let left = parts / 2;
        let here = items * left / parts;
        let (one, other) = work.split_at(here, left);
        self.join(
            || self.from(first, one, here, left, run),
            || self.from(first + here, other, items - here, parts - left, run),
        );
    }
}

//! Work in parts, one after the other or on several threads.

#[cfg(not(feature = "threads"))]
use core::marker::PhantomData;

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

/// Multiply-adds that are worth a thread's waking: some 20 microseconds of work. So less than twice as many stay on one.
const WORTH_A_THREAD: usize = 1 << 20;

/// Who runs the parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workers<'a> {
    threads: usize,
    #[cfg(feature = "threads")]
    pool: Option<&'a super::Pool>,
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
    pub(crate) fn of(pool: &'a super::Pool) -> Self {
        Self { threads: pool.count(), pool: Some(pool) }
    }

    /// The number of parts that are worth their threads, for some items and multiply-adds.
    pub(crate) const fn parts(&self, items: usize, multiply_adds: usize) -> usize {
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
        if let Some(threads) = self.pool.and_then(super::Pool::threads) {
            threads.join(first, second);
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

#[cfg(test)]
mod tests {
    use super::{Split, WORTH_A_THREAD, Workers};

    /// A range of items, and the memory of some parts.
    struct Range<'a>(&'a mut [usize], &'a mut [usize]);

    impl Split for Range<'_> {
        fn split_at(self, items: usize, parts: usize) -> (Self, Self) {
            let (first, second) = self.0.split_at_mut(items);
            let (local, other) = self.1.split_at_mut(parts);
            (Range(first, local), Range(second, other))
        }
    }

    /// Every item is dealt to one part, and every part has its own memory and an equal share of the items.
    #[test]
    fn every_item_is_dealt_once() {
        for items in 1..12 {
            for parts in 1..=items {
                let (mut places, mut locals) = (vec![usize::MAX; items], vec![0; parts]);
                let run = |first, Range(items, locals): Range<'_>| {
                    assert_eq!(locals.len(), 1);
                    locals[0] += items.len();
                    items.iter_mut().enumerate().for_each(|(index, item)| *item = first + index);
                };
                Workers::alone().in_parts(Range(&mut places, &mut locals), items, parts, &run);
                assert!(places.iter().enumerate().all(|(place, &item)| place == item), "{items}, {parts}");
                assert!(locals.iter().all(|&share| share == items / parts || share == items.div_ceil(parts)));
            }
        }
    }

    #[test]
    fn one_thread_makes_one_part() {
        assert_eq!(Workers::alone().parts(100, 100 * WORTH_A_THREAD), 1);
    }

    #[cfg(feature = "threads")]
    #[test]
    fn a_part_is_worth_its_thread() {
        let threads = crate::Threads::new(3).unwrap();
        let workers = threads.workers();
        for (items, work, parts) in
            [(9, 0, 1), (9, 1, 1), (9, 2, 2), (9, 3, 3), (9, 50, 3), (2, 50, 2), (1, 50, 1)]
        {
            assert_eq!(workers.parts(items, work * WORTH_A_THREAD), parts, "{items} items, {work}");
        }
    }

    /// A panic in any part, on whatever thread, comes back to the caller, and the threads stay.
    #[cfg(feature = "threads")]
    #[test]
    fn a_panic_in_a_part_comes_back() {
        use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

        let threads = crate::Threads::new(3).unwrap();
        for parts in [2, 3, 7] {
            for bad in 0..parts {
                let run = |bad: usize| {
                    let (mut places, mut locals) = (vec![0; parts], vec![0; parts]);
                    let part = |first, Range(items, _): Range<'_>| {
                        if first == bad {
                            resume_unwind(Box::new(first));
                        }
                        items.fill(1);
                    };
                    let work = Range(&mut places, &mut locals);
                    threads.workers().in_parts(work, parts, parts, &part);
                    places.iter().sum::<usize>()
                };
                for inside in [false, true] {
                    let task = || if inside { threads.run(|| run(bad)) } else { run(bad) };
                    let panic = catch_unwind(AssertUnwindSafe(task)).expect_err("a part panics");
                    assert_eq!(panic.downcast_ref(), Some(&bad));
                    assert_eq!(threads.run(|| run(parts)), parts, "the threads go on");
                }
            }
        }
    }
}

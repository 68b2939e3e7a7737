//! Memory that is dealt to parts.

use crate::kernel::Split;
use crate::slices::Slice;

/// Items of `each` elements: rows of a batch, or components.
#[derive(Debug)]
pub(crate) struct Items<'a, T> {
    pub(crate) data: &'a mut [T],
    pub(crate) each: usize,
}

impl<T> Split for Items<'_, T> {
    fn split_at(self, items: usize, _: usize) -> (Self, Self) {
        let (first, second) = self.data.divide(items * self.each);
        (Self { data: first, each: self.each }, Self { data: second, each: self.each })
    }
}

//! Buffers in fields, and the memory that is dealt to parts.

use crate::kernel::Split;
use crate::slices::{Slice, count, cut, share, total};

/// Fields of a buffer, each so many elements an item: rows of a batch, or components.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<S, const N: usize> {
    pub(crate) fields: [S; N],
    each: [usize; N],
}

/// The number of elements that such fields of some items take.
#[allow(clippy::indexing_slicing)] // below N
pub(crate) const fn fields_len<const N: usize>(items: usize, each: [usize; N]) -> usize {
    let (mut lens, mut field) = (each, 0);
    while field < N {
        lens[field] = each[field].saturating_mul(items);
        field += 1;
    }
    total(&lens)
}

impl<S: Slice, const N: usize> Fields<S, N> {
    /// Cuts a buffer of at least [`fields_len`] elements; returns what is left too.
    pub(crate) fn cut(items: usize, each: [usize; N], buffer: S) -> (Self, S) {
        let (fields, rest) = cut(each.map(|each| each * items), buffer);
        (Self { fields, each }, rest)
    }
}

impl<S, const N: usize> Fields<S, N> {
    /// Fields of so many elements an item.
    pub(crate) fn new(each: [usize; N], fields: [S; N]) -> Self {
        Self { fields, each }
    }
}

impl<'a, T> Fields<&'a mut [T], 1> {
    /// A single field.
    pub(crate) fn one(each: usize, field: &'a mut [T]) -> Self {
        Self { fields: [field], each: [each] }
    }
}

impl<T, const N: usize> Fields<&mut [T], N> {
    /// The same for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Fields<&mut [T], N> {
        Fields { fields: self.fields.each_mut().map(|field| &mut **field), each: self.each }
    }

    /// The same, to be read.
    pub(crate) fn as_ref(&self) -> Fields<&[T], N> {
        Fields { fields: self.fields.each_ref().map(|field| &**field), each: self.each }
    }
}

impl<S: Slice, const N: usize> Split for Fields<S, N> {
    fn split_at(self, items: usize, _: usize) -> (Self, Self) {
        let (mut first, mut second) = (self.fields, [(); N].map(|()| S::default()));
        for ((first, second), each) in first.iter_mut().zip(&mut second).zip(self.each) {
            (*first, *second) = core::mem::take(first).divide(items * each);
        }
        (Self { fields: first, each: self.each }, Self { fields: second, each: self.each })
    }
}

/// Rows that some items share: dealt with them in proportion.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share<S> {
    pub(crate) rows: S,
    /// The length of a row.
    pub(crate) width: usize,
    /// The number of items.
    pub(crate) items: usize,
}

impl<S: Slice> Split for Share<S> {
    fn split_at(self, items: usize, _: usize) -> (Self, Self) {
        let Self { rows, width, items: all } = self;
        let here = share(count(rows.length(), width), items, all) * width;
        let (first, others) = rows.divide(here);
        (Self { rows: first, width, items }, Self { rows: others, width, items: all.saturating_sub(items) })
    }
}

/// Scratch of some parts.
#[derive(Debug)]
pub(crate) struct Locals<'a, T> {
    pub(crate) data: &'a mut [T],
    pub(crate) each: usize,
}

impl<T> Locals<'_, T> {
    /// The same for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Locals<'_, T> {
        Locals { data: self.data, each: self.each }
    }
}

impl<T> Split for Locals<'_, T> {
    fn split_at(self, _: usize, parts: usize) -> (Self, Self) {
        let (first, second) = self.data.divide(parts * self.each);
        (Self { data: first, each: self.each }, Self { data: second, each: self.each })
    }
}

//! The four blocks of parameters of a layer: borrowed, written, their rates and gradients, and what becomes of those.

use crate::Real;
use crate::kernel::add_scaled;
use crate::slices::Slice;

/// A block of parameters, and what becomes of its gradient.
#[derive(Debug)]
pub(crate) enum Target<'a, T> {
    /// It is not computed.
    Frozen(&'a [T]),
    /// It is added to the caller's.
    Accumulate(&'a [T], &'a mut [T]),
    /// The block goes down it at a rate.
    Descend(&'a mut [T], T),
}

impl<'a, T: Real> Target<'a, T> {
    /// The parameters.
    #[inline]
    pub(crate) fn values(&self) -> &[T] {
        match self {
            Self::Frozen(values) | Self::Accumulate(values, _) => values,
            Self::Descend(values, _) => values,
        }
    }

    /// Whether the gradient is computed.
    pub(crate) fn is_wanted(&self) -> bool {
        !matches!(self, Self::Frozen(_))
    }

    /// A block whose gradient is added to another, where there is one.
    pub(crate) fn accumulate(values: &'a [T], gradient: Option<&'a mut [T]>) -> Self {
        match gradient {
            Some(gradient) => Self::Accumulate(values, gradient),
            None => Self::Frozen(values),
        }
    }

    /// A block that goes down its gradient, where there is a rate.
    pub(crate) fn descend(values: &'a mut [T], rate: Option<T>) -> Self {
        match rate {
            Some(rate) => Self::Descend(values, rate),
            None => Self::Frozen(values),
        }
    }

    /// The first elements, and the others.
    pub(crate) fn divide(self, at: usize) -> (Self, Self) {
        match self {
            Self::Frozen(values) => {
                let (values, others) = values.divide(at);
                (Self::Frozen(values), Self::Frozen(others))
            }
            Self::Accumulate(values, gradient) => {
                let (values, other_values) = values.divide(at);
                let (gradient, other_gradient) = gradient.divide(at);
                (Self::Accumulate(values, gradient), Self::Accumulate(other_values, other_gradient))
            }
            Self::Descend(values, rate) => {
                let (values, others) = values.divide(at);
                (Self::Descend(values, rate), Self::Descend(others, rate))
            }
        }
    }

    /// What is added to, and the factor of the gradient.
    #[inline]
    pub(crate) fn destination(&mut self) -> Option<(&mut [T], T)> {
        match self {
            Self::Frozen(_) => None,
            Self::Accumulate(_, gradient) => Some((gradient, T::one())),
            Self::Descend(values, rate) => Some((values, -*rate)),
        }
    }

    /// Uses a gradient.
    #[inline]
    pub(crate) fn take(&mut self, gradient: &[T]) {
        if let Some((to, factor)) = self.destination() {
            add_scaled(to, factor, gradient);
        }
    }
}

/// Writes the structures of a layer of four blocks: `Parameters`, `ParametersMut`, `Rates`, `Gradients` for the caller,
/// `Targets` and those of a unit for the layer. A unit is what shares no parameters with the rest: a component, or all
/// components of a tied layer. Each block is rows of a length, and the units have as many rows each.
///
/// Dealt by components, a block that they share is dealt in proportion.
macro_rules! blocks {
    (
        $shape:ident, $unit:ident, $units:ident, $about:literal:
        $($block:ident, $len:ident, $row:ident, $what:literal, $sizes:literal;)*
    ) => {
        #[doc = concat!("The parameters of a layer, as borrowed row-major slices.\n\n", $about)]
        #[derive(Debug, Clone, Copy)]
        pub struct Parameters<'a, T> {
            $(#[doc = concat!($what, ": `[", $sizes, "]`.")] pub $block: &'a [T],)*
        }

        impl<'a, T> Parameters<'a, T> {
            #[doc = concat!("The four blocks of one flat slice, in the order of the fields: ", $(stringify!($block), " ",)* ".")]
            ///
            /// # Errors
            ///
            #[doc = concat!("[`Error::Length`] when `flat` does not have [`", stringify!($shape), "::parameter_count`] elements.")]
            pub fn from_flat(shape: $shape, flat: &'a [T]) -> Result<Self, Error> {
                shape::exact("parameters", flat.len(), shape.parameter_count())?;
                let mut rest = flat;
                Ok(Self { $($block: slices::take(&mut rest, shape.$len()),)* })
            }

            /// Refuses blocks that do not have the lengths of `shape`.
            pub(super) fn check(&self, shape: $shape) -> Result<(), Error> {
                $(shape::exact(stringify!($block), self.$block.len(), shape.$len())?;)*
                Ok(())
            }

            /// The units one after the other.
            #[inline]
            pub(super) fn $units(self, shape: $shape) -> impl Iterator<Item = $unit<'a, T>> {
                let mut rest = self;
                core::iter::from_fn(move || {
                    if [$(rest.$block.len()),*].contains(&0) {
                        return None;
                    }
                    Some($unit { $($block: slices::take(&mut rest.$block, each(shape, shape.$len())),)* })
                })
            }
        }

        /// The number of elements of a unit in a block of `len`.
        const fn each(shape: $shape, len: usize) -> usize {
            len / shape.$units()
        }

        /// The parameters of one unit.
        #[derive(Debug, Clone, Copy)]
        pub(super) struct $unit<'a, T> {
            $(pub(super) $block: &'a [T],)*
        }

        /// The parameters of a layer, as borrowed row-major slices that training writes to.
        #[derive(Debug)]
        pub struct ParametersMut<'a, T> {
            $(#[doc = concat!($what, ": `[", $sizes, "]`.")] pub $block: &'a mut [T],)*
        }

        impl<'a, T> ParametersMut<'a, T> {
            #[doc = concat!("The four blocks of one flat slice, in the order of the fields: ", $(stringify!($block), " ",)* ".")]
            ///
            /// # Errors
            ///
            #[doc = concat!("[`Error::Length`] when `flat` does not have [`", stringify!($shape), "::parameter_count`] elements.")]
            pub fn from_flat(shape: $shape, flat: &'a mut [T]) -> Result<Self, Error> {
                shape::exact("parameters", flat.len(), shape.parameter_count())?;
                let mut rest = flat;
                Ok(Self { $($block: slices::take(&mut rest, shape.$len()),)* })
            }

            /// The same blocks, to be read.
            #[must_use]
            pub fn as_ref(&self) -> Parameters<'_, T> {
                Parameters { $($block: self.$block,)* }
            }
        }

        /// The learning rates of a step of gradient descent; a block without one (`None`) is frozen, and its gradient
        /// is not computed.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct Rates<T> {
            $(#[doc = concat!("Of ", stringify!($block), ".")] pub $block: Option<T>,)*
        }

        impl<T: Copy> Rates<T> {
            /// One rate for all blocks.
            #[must_use]
            pub const fn all(rate: T) -> Self {
                Self { $($block: Some(rate),)* }
            }
        }

        /// Where the gradients of the parameters are **added**; a block left out (`None`) is frozen, and its gradient
        /// is not computed.
        #[derive(Debug, Default)]
        pub struct Gradients<'a, T> {
            $(#[doc = concat!("Of ", stringify!($block), ": `[", $sizes, "]`.")] pub $block: Option<&'a mut [T]>,)*
        }

        impl<'a, T> Gradients<'a, T> {
            /// No gradient at all: fill in those that are wanted.
            #[must_use]
            pub fn none() -> Self {
                Self { $($block: None,)* }
            }

            /// All four blocks of one flat slice, in the order of [`Parameters::from_flat`].
            ///
            /// # Errors
            ///
            #[doc = concat!("[`Error::Length`] when `flat` does not have [`", stringify!($shape), "::parameter_count`] elements.")]
            pub fn from_flat(shape: $shape, flat: &'a mut [T]) -> Result<Self, Error> {
                shape::exact("gradients", flat.len(), shape.parameter_count())?;
                let mut rest = flat;
                Ok(Self { $($block: Some(slices::take(&mut rest, shape.$len())),)* })
            }

            /// Refuses blocks that do not have the lengths of `shape`.
            pub(super) fn check(&self, shape: $shape) -> Result<(), Error> {
                $(if let Some(block) = &self.$block {
                    shape::exact(concat!("gradients.", stringify!($block)), block.len(), shape.$len())?;
                })*
                Ok(())
            }
        }

        /// Blocks, and what becomes of their gradients.
        #[derive(Debug)]
        pub(super) struct Targets<'a, T> {
            pub(super) shape: $shape,
            /// The components that they are of, or are dealt with.
            components: usize,
            $(pub(super) $block: Target<'a, T>,)*
        }

        impl<'a, T: Real> Targets<'a, T> {
            /// Gradients that are added to the caller's.
            pub(super) fn accumulate(shape: $shape, parameters: Parameters<'a, T>, gradients: Gradients<'a, T>) -> Self {
                Self { shape, components: shape.components(), $($block: Target::accumulate(parameters.$block, gradients.$block),)* }
            }

            /// Parameters that go down their gradients.
            pub(super) fn descend(shape: $shape, parameters: &'a mut ParametersMut<'_, T>, rates: Rates<T>) -> Self {
                Self { shape, components: shape.components(), $($block: Target::descend(parameters.$block, rates.$block),)* }
            }

            /// The parameters of all units, of which no gradient is wanted.
            pub(super) fn frozen(shape: $shape, parameters: Parameters<'a, T>) -> Self {
                Self { shape, components: shape.components(), $($block: Target::Frozen(parameters.$block),)* }
            }

            /// The same of one unit.
            pub(super) fn frozen_unit(shape: $shape, unit: $unit<'a, T>) -> Self {
                let components = shape.components() / shape.$units();
                Self { shape, components, $($block: Target::Frozen(unit.$block),)* }
            }

            /// The parameters.
            pub(super) fn parameters(&self) -> Parameters<'_, T> {
                Parameters { $($block: self.$block.values(),)* }
            }

            /// The same blocks, whose wanted gradients are added to `gradients` in the order of the blocks.
            pub(super) fn keep<'b>(&'b self, gradients: &'b mut [T]) -> Targets<'b, T> {
                let mut rest = gradients;
                $(
                    let gradient = slices::take(&mut rest, self.$block.values().len());
                    let $block = Target::accumulate(self.$block.values(), self.$block.is_wanted().then_some(gradient));
                )*
                Targets { shape: self.shape, components: self.components, $($block,)* }
            }

            /// Uses gradients in the order of the blocks.
            pub(super) fn take(&mut self, gradients: &[T]) {
                let mut rest = gradients;
                $(
                    let gradient = slices::take(&mut rest, self.$block.values().len());
                    self.$block.take(gradient);
                )*
            }

            /// The parameters, as those of one unit.
            #[inline]
            pub(super) fn unit(&self) -> $unit<'_, T> {
                $unit { $($block: self.$block.values(),)* }
            }

            /// Those of the units one after the other.
            pub(super) fn $units(self) -> impl Iterator<Item = Self> {
                let mut rest = Some(self);
                core::iter::from_fn(move || {
                    let all = rest.take()?;
                    if all.components == 0 {
                        return None;
                    }
                    let components = all.shape.components() / all.shape.$units();
                    let (first, others) = all.split_at(components, 1);
                    rest = Some(others);
                    Some(first)
                })
            }
        }

        impl<T: Real> Split for Targets<'_, T> {
            fn split_at(self, components: usize, _: usize) -> (Self, Self) {
                let Self { shape, components: all, .. } = self;
                $(
                    let rows = slices::count(self.$block.values().len(), shape.$row());
                    let $block = self.$block.divide(slices::share(rows, components, all) * shape.$row());
                )*
                let others = all.saturating_sub(components);
                (
                    Self { shape, components, $($block: $block.0,)* },
                    Self { shape, components: others, $($block: $block.1,)* },
                )
            }
        }
    };
}
pub(crate) use blocks;

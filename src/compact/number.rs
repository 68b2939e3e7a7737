//! How numbers are stored.

use core::fmt::Debug;

/// A stored real number, which a model reads as `f32`.
///
/// | stored as | is |
/// |---|---|
/// | `f32` | itself |
/// | `u16` | the bits of an IEEE half-precision number (`f16`) |
/// | `[u8; 4]` | an `f32`, least significant byte first |
/// | `[u8; 2]` | an `f16`, least significant byte first |
///
/// Every conversion is exact. Bytes have no alignment: they can be read wherever they lie.
pub trait Number: Copy + Debug + Send + Sync + sealed::Sealed + 'static {
    /// Rows of scratch, each of one row's length, that a model needs.
    const SCRATCH_ROWS: usize;

    /// The value.
    fn value(self) -> f32;

    /// A row of values: the numbers themselves where they are `f32`, converted into `buffer` elsewhere.
    fn values<'s>(numbers: &'s [Self], buffer: &'s mut [f32]) -> &'s [f32] {
        for (value, &number) in buffer.iter_mut().zip(numbers) {
            *value = number.value();
        }
        buffer
    }
}

impl Number for f32 {
    const SCRATCH_ROWS: usize = 2;

    #[inline(always)]
    fn value(self) -> f32 {
        self
    }

    #[inline(always)]
    fn values<'s>(numbers: &'s [Self], _: &'s mut [f32]) -> &'s [f32] {
        numbers
    }
}

impl Number for u16 {
    const SCRATCH_ROWS: usize = 3;

    #[inline(always)]
    fn value(self) -> f32 {
        half(self)
    }
}

impl Number for [u8; 4] {
    const SCRATCH_ROWS: usize = 3;

    #[inline(always)]
    fn value(self) -> f32 {
        f32::from_le_bytes(self)
    }
}

impl Number for [u8; 2] {
    const SCRATCH_ROWS: usize = 3;

    #[inline(always)]
    fn value(self) -> f32 {
        half(u16::from_le_bytes(self))
    }
}

/// A stored integer from −128 to 127: an `i8`, or a `u8` that holds its bits.
pub trait Integer: Copy + Debug + Send + Sync + sealed::Sealed + 'static {
    /// How the scales are stored that go with it: `f32` beside `i8`, bytes beside bytes.
    type Scale: Number;

    /// The value.
    fn value(self) -> i8;
}

impl Integer for i8 {
    type Scale = f32;

    #[inline(always)]
    fn value(self) -> i8 {
        self
    }
}

impl Integer for u8 {
    type Scale = [u8; 4];

    #[inline(always)]
    fn value(self) -> i8 {
        self.cast_signed()
    }
}

/// Bits that an `f32` has beyond the fraction of a half-precision number.
const FRACTION: u32 = 13;

/// The value of an IEEE half-precision number: a sign, 5 bits of exponent, 10 bits of fraction.
#[inline(always)]
fn half(bits: u16) -> f32 {
    let (sign, size) = (u32::from(bits & 0x8000) << 16, bits & 0x7fff);
    let normal = (0x0400..0x7c00).contains(&size);
    let magnitude = if normal { (u32::from(size) << FRACTION) + ((127 - 15) << 23) } else { special(size) };
    f32::from_bits(sign | magnitude)
}

/// The bits of a size that is zero, subnormal, infinite or NaN.
#[cold]
#[inline(never)]
fn special(size: u16) -> u32 {
    if size < 0x0400 {
        (f32::from(size) / (1 << 24) as f32).to_bits()
    } else {
        0x7f80_0000 | u32::from(size & 0x03ff) << FRACTION
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for u16 {}
    impl Sealed for [u8; 4] {}
    impl Sealed for [u8; 2] {}
    impl Sealed for i8 {}
    impl Sealed for u8 {}
}

#[cfg(test)]
mod tests {
    use super::{Integer, Number};

    /// Every half-precision number, against the library `half`.
    #[test]
    fn every_half_is_converted_exactly() {
        for bits in 0..=u16::MAX {
            let want = half::f16::from_bits(bits);
            for got in [bits.value(), bits.to_le_bytes().value()] {
                if want.is_nan() {
                    assert!(got.is_nan(), "{bits:#06x}");
                } else {
                    assert_eq!(got.to_bits(), want.to_f32().to_bits(), "{bits:#06x}");
                }
            }
        }
    }

    #[test]
    fn bytes_hold_the_least_significant_one_first() {
        assert_eq!([0x00, 0x00, 0x80, 0xbf].value(), -1.0);
        assert_eq!([0x00, 0xbc].value(), -1.0);
        assert_eq!(
            (Integer::value(0x80_u8), Integer::value(0xff_u8), Integer::value(127_u8)),
            (-128, -1, 127)
        );
    }

    #[test]
    fn rows_are_converted_or_borrowed() {
        let mut buffer = [0.0; 2];
        assert_eq!(u16::values(&[0x3c00, 0x4000], &mut buffer), [1.0, 2.0]);
        let numbers = [3.0, 4.0];
        assert!(core::ptr::eq(f32::values(&numbers, &mut buffer), &numbers));
    }
}

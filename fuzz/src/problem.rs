//! A layer with a batch and a cotangent, made of any bytes.

use arbitrary::{Arbitrary, Unstructured};
use gmlayer::{Real, Shape};

/// Sizes and choices, one byte each.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub struct Header {
    inputs: u8,
    outputs: u8,
    components: u8,
    rows: u8,
    /// Which numbers: see [`Header::pattern`].
    pattern: u8,
    /// What the target does with the problem.
    pub choices: u8,
}

/// Which numbers the bytes stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// Their own bits.
    Bits,
    /// One byte each: zeros, subnormal numbers, the ends of the range, infinities, NaN.
    Special,
    /// Exponents from −20 to 20.
    Near,
    /// One block by its own bits, but finite; the rest near 1.
    Mixed,
}

impl Header {
    /// Sizes on both sides of where the layer changes its way: 8 and 64 rows, whole vectors of 16.
    fn shape(self) -> (Shape, usize) {
        let shape = Shape::new(
            usize::from(self.inputs % 35) + 1,
            usize::from(self.outputs % 6) + 1,
            usize::from(self.components % 4) + 1,
        );
        let rows = [1, 2, 7, 8, 9, 16, 63, 65][usize::from(self.rows % 8)];
        (shape.expect("small sizes"), rows)
    }

    fn pattern(self) -> Pattern {
        [Pattern::Bits, Pattern::Special, Pattern::Near, Pattern::Mixed][usize::from(self.pattern % 4)]
    }

    /// The block that a mixed pattern is about.
    fn block(self) -> usize {
        usize::from(self.pattern / 4) % 6
    }
}

/// A scalar that any bits can be.
pub trait Bits: Real {
    /// The number of these bits; the upper ones alone count where there are fewer.
    fn from_word(bits: u64) -> Self;
    /// The bits, all NaNs alike.
    fn bits(self) -> u64;
    /// A number with an exponent from −20 to 20, or 0.
    fn near_one(bits: u64) -> Self {
        let exponent = (bits % 43) as i32 - 21;
        let fraction = 1.0 + (bits >> 32) as f64 / 2.0_f64.powi(32);
        let size = if exponent == -21 { 0.0 } else { fraction * 2.0_f64.powi(exponent) };
        Self::from_f64(if bits & (1 << 31) == 0 { size } else { -size })
    }
    /// One of the numbers that break things.
    fn special(byte: u8) -> Self {
        let table = [0.0, 1.0, 0.5, 3.0, Self::smallest(), Self::least(), Self::most() / 2.0, Self::most()];
        let value = match byte % 18 {
            16 => f64::INFINITY,
            17 => f64::NAN,
            index => table[usize::from(index % 8)],
        };
        Self::from_f64(if byte % 18 < 8 || byte >= 128 { value } else { -value })
    }
    /// The smallest subnormal number, the least normal one and the largest.
    fn smallest() -> f64;
    fn least() -> f64;
    fn most() -> f64;
    /// The sizes whose products of five never leave the range.
    const TAME: f64;
}

impl Bits for f32 {
    fn from_word(bits: u64) -> Self {
        Self::from_bits((bits >> 32) as u32)
    }
    fn bits(self) -> u64 {
        if self.is_nan() { u64::MAX } else { u64::from(self.to_bits()) }
    }
    fn smallest() -> f64 {
        f64::from(Self::from_bits(1))
    }
    fn least() -> f64 {
        f64::from(Self::MIN_POSITIVE)
    }
    fn most() -> f64 {
        f64::from(Self::MAX)
    }
    const TAME: f64 = (1 << 18) as f64;
}

impl Bits for f64 {
    fn from_word(bits: u64) -> Self {
        Self::from_bits(bits)
    }
    fn bits(self) -> u64 {
        if self.is_nan() { u64::MAX } else { self.to_bits() }
    }
    fn smallest() -> f64 {
        Self::from_bits(1)
    }
    fn least() -> f64 {
        Self::MIN_POSITIVE
    }
    fn most() -> f64 {
        Self::MAX
    }
    const TAME: f64 = 1e50;
}

/// A layer with a batch and a cotangent.
#[derive(Debug, Clone)]
pub struct Problem<T> {
    pub shape: Shape,
    pub rows: usize,
    pub mu: Vec<T>,
    pub sigma: Vec<T>,
    pub u: Vec<T>,
    pub v: Vec<T>,
    pub x: Vec<T>,
    pub g: Vec<T>,
}

/// The header of the bytes and what follows it.
pub fn header(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let mut source = Unstructured::new(bytes);
    let header = Header::arbitrary(&mut source).ok()?;
    Some((header, source.take_rest()))
}

impl<T: Bits> Problem<T> {
    /// The numbers follow from the bytes, which are read again from the start at their end.
    pub fn new(header: Header, bytes: &[u8]) -> Self {
        let (shape, rows) = header.shape();
        let mut tape = bytes.iter().copied().cycle();
        let mut byte = || tape.next().unwrap_or(0);
        let mut word = |len: usize| (0..len).fold(0, |bits, _| bits << 8 | u64::from(byte()));
        let mut fill = |block: usize, len: usize| -> Vec<T> {
            (0..len)
                .map(|_| match header.pattern() {
                    Pattern::Bits => T::from_word(word(size_of::<T>()) << (64 - 8 * size_of::<T>())),
                    Pattern::Special => T::special(word(1) as u8),
                    Pattern::Mixed if block == header.block() => {
                        let value = T::from_word(word(size_of::<T>()) << (64 - 8 * size_of::<T>()));
                        if value.is_finite() { value } else { T::one() }
                    }
                    _ => T::near_one(word(5) << 24),
                })
                .collect()
        };
        Self {
            shape,
            rows,
            mu: fill(0, shape.mu_len()),
            sigma: fill(1, shape.sigma_len()),
            u: fill(2, shape.u_len()),
            v: fill(3, shape.v_len()),
            x: fill(4, rows * shape.inputs()),
            g: fill(5, rows * shape.outputs()),
        }
    }
}

impl<T: Real> Problem<T> {
    /// The same numbers in another scalar.
    pub fn convert<S>(&self, convert: impl Fn(T) -> S) -> Problem<S> {
        let all = |block: &[T]| block.iter().map(|&value| convert(value)).collect();
        Problem {
            shape: self.shape,
            rows: self.rows,
            mu: all(&self.mu),
            sigma: all(&self.sigma),
            u: all(&self.u),
            v: all(&self.v),
            x: all(&self.x),
            g: all(&self.g),
        }
    }
}

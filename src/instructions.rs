//! Which instruction set the matrix products and vector loops use (feature `std`).

use core::fmt;

/// The environment variable that asks for less than the processor has.
const VARIABLE: &str = "GMLAYER_INSTRUCTIONS";

/// The instruction set of the matrix products and vector loops; always [`Portable`](Self::Portable) without the feature
/// `std`.
///
/// The last bits of batches of 8 rows or more and of dense layers depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Instructions {
    /// The portable code, which runs on every processor.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 with its extensions for bytes, words, double words and shorter vectors, besides AVX2 and FMA.
    Avx512,
}

impl Instructions {
    /// The instruction set that this process uses: the best of the processor, or a lesser one that the environment
    /// variable `GMLAYER_INSTRUCTIONS` names (`avx2` or `portable`).
    ///
    /// # Errors
    ///
    /// [`UnknownInstructions`] when the variable says something else. The kernels then use the best of the processor.
    ///
    /// # Example
    ///
    /// ```
    /// println!("{}", gmlayer::Instructions::in_use()?);
    /// # Ok::<(), gmlayer::UnknownInstructions>(())
    /// ```
    pub fn in_use() -> Result<Self, UnknownInstructions> {
        Self::asked().map(|_| crate::kernel::instructions())
    }

    /// The most that the environment allows.
    pub(crate) fn asked() -> Result<Self, UnknownInstructions> {
        let Some(got) = std::env::var_os(VARIABLE) else { return Ok(Self::Avx512) };
        Self::named(&got.to_string_lossy())
    }

    /// The most that a value of the variable allows; an empty one says nothing.
    fn named(name: &str) -> Result<Self, UnknownInstructions> {
        match name {
            "portable" => Ok(Self::Portable),
            "avx2" => Ok(Self::Avx2),
            "avx512" | "" => Ok(Self::Avx512),
            got => Err(UnknownInstructions { got: got.to_owned() }),
        }
    }
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
        })
    }
}

/// The environment variable `GMLAYER_INSTRUCTIONS` has an unknown value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownInstructions {
    /// The value.
    pub got: String,
}

impl fmt::Display for UnknownInstructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VARIABLE} must be `portable`, `avx2` or `avx512`, but is `{}`", self.got)
    }
}

impl core::error::Error for UnknownInstructions {}

#[cfg(test)]
mod tests {
    use super::{Instructions, UnknownInstructions};

    #[test]
    fn values_of_the_variable() {
        assert_eq!(Instructions::named("portable"), Ok(Instructions::Portable));
        assert_eq!(Instructions::named("avx2"), Ok(Instructions::Avx2));
        assert_eq!(Instructions::named("avx512"), Instructions::named(""));
        for got in ["AVX2", "avx", " portable", "1"] {
            assert_eq!(Instructions::named(got), Err(UnknownInstructions { got: got.to_owned() }));
        }
        assert!(Instructions::in_use().unwrap() <= Instructions::asked().unwrap());
    }
}

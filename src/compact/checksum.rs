//! The checksum of exported models.

/// The CRC-32 of Ethernet, gzip and PNG, of bytes that may come in several parts.
///
/// The polynomial x³² + x²⁶ + x²³ + x²² + x¹⁶ + x¹² + x¹¹ + x¹⁰ + x⁸ + x⁷ + x⁵ + x⁴ + x² + x + 1, bits reversed,
/// first and last complemented. It is computed bit by bit: no table, 8 short steps a byte.
///
/// # Example
///
/// ```
/// use gmlayer::compact::Checksum;
///
/// assert_eq!(Checksum::new().with(b"1234").with(b"56789").value(), 0xcbf4_3926);
/// ```
///
/// **Source**: ISO/IEC 13239.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksum {
    remainder: u32,
}

impl Checksum {
    /// The checksum of no bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self { remainder: u32::MAX }
    }

    /// The checksum of the bytes so far and these.
    #[must_use]
    pub fn with(self, bytes: &[u8]) -> Self {
        let remainder = bytes.iter().fold(self.remainder, |remainder, &byte| {
            (0..8).fold(remainder ^ u32::from(byte), |remainder, _| {
                let subtract = if remainder & 1 == 1 { 0xedb8_8320 } else { 0 };
                remainder >> 1 ^ subtract
            })
        });
        Self { remainder }
    }

    /// The checksum.
    #[must_use]
    pub const fn value(self) -> u32 {
        !self.remainder
    }
}

impl Default for Checksum {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Checksum;

    /// Against the CRC-32 of the library that reads gzip.
    #[test]
    #[cfg(feature = "std")]
    fn it_is_that_of_gzip() {
        let bytes: Vec<u8> = (0..1000_u32).map(|i| (i * i % 251) as u8).collect();
        for len in [0, 1, 2, 31, 1000] {
            let mut want = flate2::Crc::new();
            want.update(&bytes[..len]);
            let (first, rest) = bytes[..len].split_at(len / 3);
            assert_eq!(Checksum::new().with(first).with(rest).value(), want.sum(), "{len}");
        }
    }
}

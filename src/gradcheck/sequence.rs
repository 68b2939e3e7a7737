//! Short random numbers from a seed: they read well in a failure.

use crate::Real;

/// A sequence of pseudo-random words (SplitMix64), the same on every platform.
#[derive(Debug, Clone)]
pub(super) struct Sequence(u64);

impl Sequence {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A multiple of 1/8 between 1/8 and 2, of either sign.
    pub(super) fn short<T: Real>(&mut self) -> T {
        let word = self.word();
        let size = T::from_usize(1 + (word >> 32) as usize % 16) / T::from_usize(8);
        if word & 1 == 0 { size } else { -size }
    }

    /// Fills a slice with [`short`](Self::short) numbers.
    pub(super) fn fill<T: Real>(&mut self, slice: &mut [T]) {
        for element in slice {
            *element = self.short();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Sequence;

    #[test]
    fn every_short_number_comes_up() {
        let mut seen = [0.0; 2000];
        Sequence::new(1).fill(&mut seen);
        for eighths in 1..=16 {
            let size = f64::from(eighths) / 8.0;
            assert!(seen.contains(&size) && seen.contains(&-size), "{size}");
        }
        assert!(seen.iter().all(|x: &f64| (0.125..=2.0).contains(&x.abs())));
    }
}

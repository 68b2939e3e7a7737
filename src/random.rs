//! Random numbers from any generator, with the same bits on every platform (feature `rand`).
//!
//! The caller passes the generator, and with it the seed.

use rand_core::Rng;

/// The most draws of a value: a generator that needs more is stuck.
const ATTEMPTS: usize = 64;

/// A sampler of the standard normal distribution N(0, 1), with the same bits on every platform.
///
/// ```text
/// a, b uniform on (−1, 1) with 0 < q = a² + b² < 1:   a·√(−2 ln q / q) and b·√(−2 ln q / q)
/// ```
///
/// Marsaglia's polar method makes two values at a time; the second one waits in the sampler for the next
/// call. All arithmetic is `f64`, with `libm` for the logarithm and the root.
///
/// # Example
///
/// ```
/// use gmlayer::random::StandardNormal;
/// use rand_core::SeedableRng;
///
/// let mut generator = rand_pcg::Pcg64::seed_from_u64(7);
/// let mut normal = StandardNormal::new();
/// let mean = (0..10_000).map(|_| normal.sample(&mut generator)).sum::<f64>() / 10_000.0;
/// assert!(mean.abs() < 0.05);
/// ```
///
/// Source: G. Marsaglia and T. A. Bray, *A convenient method for generating normal variables*, SIAM
/// Review 6 (1964).
///
/// A generator that gives 64 points outside the circle in a row (the chance is 10⁻⁴³) is stuck, and the value is then 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StandardNormal {
    spare: Option<f64>,
}

impl StandardNormal {
    /// A sampler without a stored value.
    #[must_use]
    pub const fn new() -> Self {
        Self { spare: None }
    }

    /// One value of N(0, 1).
    pub fn sample<R: Rng + ?Sized>(&mut self, random: &mut R) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        for _ in 0..ATTEMPTS {
            let a = 2.0 * uniform(random) - 1.0;
            let b = 2.0 * uniform(random) - 1.0;
            let q = a * a + b * b;
            if 0.0 < q && q < 1.0 {
                let factor = libm::sqrt(-2.0 * libm::log(q) / q);
                self.spare = Some(b * factor);
                return a * factor;
            }
        }
        0.0
    }
}

/// One of the 2⁵³ equally spaced numbers in [0, 1).
///
/// ```text
/// ⌊bits / 2¹¹⌋ · 2⁻⁵³,   bits the generator's next 64
/// ```
pub fn uniform<R: Rng + ?Sized>(random: &mut R) -> f64 {
    const SPACING: f64 = 1.0 / (1_u64 << 53) as f64;
    (random.next_u64() >> 11) as f64 * SPACING
}

/// A whole number below `bound`, all with the same probability; 0 if `bound` is 0.
///
/// The high half of `bound` times 64 random bits, drawn again in the rare case that would favour some
/// numbers; a generator that makes that necessary 64 times in a row is stuck, and its last bits are taken. Source: D. Lemire, *Fast random integer generation in an interval*, ACM TOMACS 29 (2019).
pub fn below<R: Rng + ?Sized>(random: &mut R, bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    let favoured = bound.wrapping_neg() % bound;
    let mut attempts = 1;
    loop {
        let wide = u128::from(random.next_u64()) * u128::from(bound);
        if wide as u64 >= favoured || attempts == ATTEMPTS {
            return (wide >> 64) as u64;
        }
        attempts += 1;
    }
}

/// Shuffles `items`; every order has the same probability (Fisher and Yates).
pub fn shuffle<T, R: Rng + ?Sized>(random: &mut R, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        // The drawn index is at most `last`, so it fits and lies inside.
        let other = below(random, last as u64 + 1) as usize;
        items.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng;
    use rand_pcg::Pcg64;

    use super::{StandardNormal, below, shuffle, uniform};

    #[test]
    fn normal_bits_are_fixed() {
        let mut generator = Pcg64::seed_from_u64(1);
        let mut normal = StandardNormal::new();
        let bits = [(); 4].map(|()| normal.sample(&mut generator).to_bits());
        assert_eq!(bits, GOLDEN);
    }

    const GOLDEN: [u64; 4] = [
        4_607_176_829_132_021_667,
        13_812_488_171_487_563_193,
        13_831_487_684_759_631_291,
        13_824_830_588_489_921_209,
    ];

    #[test]
    fn moments_are_those_of_the_normal_distribution() {
        let mut generator = Pcg64::seed_from_u64(2);
        let mut normal = StandardNormal::new();
        let count = 1_000_000;
        let mut moments = [0.0; 4];
        let mut beyond_two = 0;
        let mut neighbours = 0.0;
        let mut previous = 0.0;
        for _ in 0..count {
            let value = normal.sample(&mut generator);
            let mut power = 1.0;
            for moment in &mut moments {
                power *= value;
                *moment += power / count as f64;
            }
            beyond_two += usize::from(value > 2.0);
            neighbours += value * previous / count as f64;
            previous = value;
        }
        // Five standard errors of each: √(variance of the power / count).
        assert!(moments[0].abs() < 5e-3, "{moments:?}");
        assert!((moments[1] - 1.0).abs() < 5.0 * 2.0_f64.sqrt() * 1e-3, "{moments:?}");
        assert!(moments[2].abs() < 5.0 * 15.0_f64.sqrt() * 1e-3, "{moments:?}");
        assert!((moments[3] - 3.0).abs() < 5.0 * 96.0_f64.sqrt() * 1e-3, "{moments:?}");
        assert!(neighbours.abs() < 5e-3, "{neighbours}");
        let expected = 0.022_750_131_948;
        let error = (expected * (1.0 - expected) / f64::from(count)).sqrt();
        assert!((beyond_two as f64 / f64::from(count) - expected).abs() < 5.0 * error, "{beyond_two}");
    }

    /// A generator that is stuck.
    struct Stuck(u64);

    impl rand_core::TryRng for Stuck {
        type Error = core::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(self.0 as u32)
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(self.0)
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            bytes.fill(self.0 as u8);
            Ok(())
        }
    }

    /// Whatever a generator always gives: its corners, the middle of the circle, and bounds that draw again.
    #[test]
    fn a_stuck_generator_returns() {
        for bits in [0, 1, u64::MAX, 1 << 63, (1 << 63) - 1, 0x7ff << 52, u64::MAX << 11] {
            let random = &mut Stuck(bits);
            let mut normal = StandardNormal::new();
            assert!((0..4).all(|_| normal.sample(random).is_finite()), "{bits:#x}");
            for bound in [1, 2, 3, 3 << 62, (1 << 63) + 1, u64::MAX] {
                assert!(below(random, bound) < bound, "{bits:#x}, {bound}");
            }
            let mut items: Vec<u16> = (0..1000).collect();
            shuffle(random, &mut items);
            items.sort_unstable();
            assert!(items.into_iter().eq(0..1000), "{bits:#x}");
            assert!((0.0..1.0).contains(&uniform(random)));
        }
    }

    #[test]
    fn uniform_numbers_stay_below_one() {
        let mut generator = Pcg64::seed_from_u64(3);
        assert!((0..10_000).map(|_| uniform(&mut generator)).all(|value| (0.0..1.0).contains(&value)));
    }

    #[test]
    fn whole_numbers_are_equally_likely() {
        let mut generator = Pcg64::seed_from_u64(4);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[below(&mut generator, 7) as usize] += 1;
        }
        let spread = 5.0 * (10_000.0_f64 * 6.0 / 7.0).sqrt();
        assert!(counts.iter().all(|&count| (f64::from(count) - 10_000.0).abs() < spread), "{counts:?}");
        assert_eq!(below(&mut generator, 0), 0);
        assert_eq!(below(&mut generator, 1), 0);
    }

    /// Below 3·2⁶², a sampler that never draws again gives every third number twice as often.
    #[test]
    fn large_bounds_favour_nothing() {
        let mut generator = Pcg64::seed_from_u64(5);
        let thirds = (0..30_000).filter(|_| below(&mut generator, 3 << 62) % 3 == 0).count();
        assert!((thirds as f64 - 10_000.0).abs() < 5.0 * 81.7, "{thirds}");
    }

    #[test]
    fn a_shuffle_keeps_all_items_and_moves_them_evenly() {
        let mut generator = Pcg64::seed_from_u64(6);
        let mut places = [[0_u32; 4]; 4];
        for _ in 0..24_000 {
            let mut items = [0_usize, 1, 2, 3];
            shuffle(&mut generator, &mut items);
            for (place, &item) in items.iter().enumerate() {
                places[item][place] += 1;
            }
        }
        let spread = 5.0 * (24_000.0_f64 * 3.0 / 16.0).sqrt();
        assert!(
            places.iter().flatten().all(|&count| (f64::from(count) - 6000.0).abs() < spread),
            "{places:?}"
        );
        shuffle::<u8, _>(&mut generator, &mut []);
    }
}

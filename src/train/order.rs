//! The random numbers of training, each stream reachable by itself.

use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use crate::random::shuffle;

/// The generator of one stream of a seed: 0 for the starting values, e for the order of epoch e, and counted back
/// from the last one, e for what is left out of the inputs in epoch e.
///
/// Every stream starts by itself, so that training can go on at any epoch without what came before.
#[must_use]
pub fn generator(seed: u64, stream: u64) -> Pcg64 {
    Pcg64::seed_from_u64(mix(mix(seed) ^ stream))
}

/// A one-to-one scrambling of 64 bits (the last step of SplitMix64), so that neighbouring seeds and
/// streams have nothing in common.
fn mix(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The generator of what is left out of the inputs in an epoch, which is counted from 1.
pub(super) fn disturbance(seed: u64, epoch: usize) -> Pcg64 {
    generator(seed, u64::MAX - epoch as u64)
}

/// Puts into `order` the samples 0, 1, ... in the order of an epoch, which is counted from 1.
pub(super) fn epoch_order(seed: u64, epoch: usize, order: &mut [usize]) {
    for (place, sample) in order.iter_mut().enumerate() {
        *sample = place;
    }
    shuffle(&mut generator(seed, epoch as u64), order);
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::{epoch_order, generator};

    fn order(seed: u64, epoch: usize) -> [usize; 8] {
        let mut order = [0; 8];
        epoch_order(seed, epoch, &mut order);
        order
    }

    #[test]
    fn orders_are_fixed() {
        assert_eq!([order(0, 1), order(0, 2), order(1, 1)], GOLDEN);
    }

    const GOLDEN: [[usize; 8]; 3] =
        [[5, 3, 4, 6, 2, 0, 7, 1], [1, 5, 0, 3, 6, 4, 2, 7], [1, 2, 6, 4, 3, 5, 0, 7]];

    #[test]
    fn neighbouring_streams_have_nothing_in_common() {
        let mut starts: Vec<u64> =
            (0..30).flat_map(|seed| (0..30).map(move |stream| generator(seed, stream).next_u64())).collect();
        let bits: u32 = starts.windows(2).map(|pair| (pair[0] ^ pair[1]).count_ones()).sum();
        let mean = f64::from(bits) / 899.0;
        assert!((mean - 32.0).abs() < 5.0 * 4.0 / 30.0, "{mean}");
        starts.sort_unstable();
        starts.dedup();
        assert_eq!(starts.len(), 900);
    }
}

//! Blocks whose numbers have any size.

use super::case::uniform;
use proptest::prelude::*;
use rand_pcg::Pcg64;

/// Scales entries of one block, in a share of its rows and of its columns, by powers of two within `spread` of
/// 2^`base`.
#[derive(Debug, Clone, Copy)]
pub struct Wild {
    pub block: usize,
    base: f64,
    spread: f64,
    rows: f64,
    columns: f64,
}

impl Wild {
    /// `most` is the largest power of two that carries no output beyond the range of `f32`.
    pub fn apply(self, block: &mut [f32], columns: usize, most: f64, random: &mut Pcg64) {
        let least = -140.0;
        let base = self.base.min(most - self.spread).max(least + self.spread);
        let chosen: Vec<bool> = (0..columns).map(|_| uniform(random) < self.columns).collect();
        for row in block.chunks_mut(columns) {
            let row_is_wild = uniform(random) < self.rows;
            for (value, _) in row.iter_mut().zip(&chosen).filter(|(_, chosen)| row_is_wild && **chosen) {
                let power = base + self.spread * (2.0 * uniform(random) - 1.0);
                *value *= 2.0_f32.powi(power as i32);
            }
        }
    }
}

/// One of six blocks, by powers of two around those given.
pub fn wild(base: core::ops::Range<f64>) -> impl Strategy<Value = Wild> {
    let share = || prop_oneof![Just(1.0), 0.0..1.0_f64];
    (0..6_usize, base, 0.0..40.0_f64, share(), share())
        .prop_map(|(block, base, spread, rows, columns)| Wild { block, base, spread, rows, columns })
}

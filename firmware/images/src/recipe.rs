//! How the training image trains.

use gmlayer::diagonal::Rates;

/// Passes over the samples.
pub const EPOCHS: usize = 3;

/// The learning rates.
pub const RATES: Rates<f32> = Rates { mu: 0.02, sigma: 0.1, u: 0.02, v: 0.02 };

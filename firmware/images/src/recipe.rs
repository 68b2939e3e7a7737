//! How the training image trains.

use gmlayer::diagonal::Rates;

/// Passes over the samples.
pub const EPOCHS: usize = 3;

/// The learning rates.
pub const RATES: Rates<f32> = Rates { sigma: Some(0.1), ..Rates::all(0.02) };

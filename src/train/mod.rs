//! Training (feature `std`): the loop over epochs and batches, evaluation, and checkpoints (feature
//! `checkpoint`).
//!
//! ```
//! use core::ops::ControlFlow;
//! use gmlayer::nn::{Diagonal, Network, Sgd};
//! use gmlayer::train::{self, Event, Regularisation, Settings};
//! use gmlayer::{Shape, data};
//!
//! let data = data::digits(0, 64, 16)?;
//! let settings = Settings { epochs: 2, batch_size: 16, seed: 1, regularisation: Regularisation::NONE };
//! let layer = Diagonal::new(Shape::new(data.inputs, data.classes, 3)?, 0.5);
//! let mut network = Network::<f32>::new(vec![Box::new(layer)], settings.batch_size)?;
//! network.initialise(&mut train::generator(settings.seed, 0))?;
//! let mut optimizer =
//!     Sgd::new(network.blocks(), |block| if block.kind == "sigma" { 1.0 } else { 0.1 });
//!
//! let history = train::train(&mut network, &mut optimizer, &data, &settings, |event| {
//!     if let Event::Epoch { record, .. } = event {
//!         println!("{}: loss {:.3}, error {:.1} %", record.epoch, record.train_loss, 100.0 * record.test_error);
//!     }
//!     ControlFlow::Continue(())
//! })?;
//! assert_eq!(history.records.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "checkpoint")]
pub mod checkpoint;
mod error;
mod evaluate;
mod history;
mod order;
mod position;
mod regularise;
mod run;

pub use error::TrainError;
pub use evaluate::{ClassCount, Evaluation, classify, evaluate};
pub use history::{History, Record};
pub use order::generator;
pub use position::{Position, State};
pub use regularise::Regularisation;
pub use run::{Event, Settings, resume, train};

//! Networks (feature `alloc`): layers behind one trait, losses, optimisers.

mod layer;

pub use layer::{Block, Layer};

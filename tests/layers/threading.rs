//! Threads, and in a build without them a stand-in of which there is none.

#[cfg(feature = "threads")]
pub use gmlayer::Threads;

#[cfg(not(feature = "threads"))]
pub use absent::{OnThreads, Threads};

#[cfg(not(feature = "threads"))]
mod absent {
    #[derive(Debug)]
    pub enum Threads {}

    pub trait OnThreads: Sized {
        fn with_threads(self, threads: &Threads) -> Self {
            match *threads {}
        }
    }

    impl<L> OnThreads for L {}
}

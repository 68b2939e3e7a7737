//! The threads that a layer or an optimiser was handed.

use crate::kernel::Workers;

/// Some threads, or none. They change no bit, so that they are equal to any others.
#[derive(Debug, Clone)]
pub(super) struct OptionalThreads {
    #[cfg(feature = "threads")]
    threads: Option<crate::Threads>,
}

impl OptionalThreads {
    /// No threads but the caller's.
    pub(super) const fn none() -> Self {
        Self {
            #[cfg(feature = "threads")]
            threads: None,
        }
    }

    /// The threads of a pool.
    #[cfg(feature = "threads")]
    pub(super) const fn of(threads: crate::Threads) -> Self {
        Self { threads: Some(threads) }
    }

    /// Who runs the parts of a pass.
    pub(super) fn workers(&self) -> Workers<'_> {
        #[cfg(feature = "threads")]
        if let Some(threads) = &self.threads {
            return threads.workers();
        }
        Workers::alone()
    }
}

impl PartialEq for OptionalThreads {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

//! The threads of a process.

use std::sync::Arc;

use rayon_core::ThreadPool;

/// Threads, and the process that they are in.
///
/// A process that is forked off has none of them: whoever waits for one there waits for ever. So [`threads`](Self::threads)
/// asks each time which process this is.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    threads: Arc<ThreadPool>,
    process: u32,
}

impl Pool {
    /// Threads of this process.
    pub(crate) fn new(threads: Arc<ThreadPool>) -> Self {
        Self { threads, process: std::process::id() }
    }

    /// The number of threads that were started.
    pub(crate) fn count(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// The threads, where this is their process.
    pub(crate) fn threads(&self) -> Option<&ThreadPool> {
        (std::process::id() == self.process).then_some(&*self.threads)
    }
}

impl Drop for Pool {
    /// In another process the threads are not told to end: a lock may be held by one that is not there.
    fn drop(&mut self) {
        if self.threads().is_none() {
            core::mem::forget(Arc::clone(&self.threads));
        }
    }
}

//! Threads (feature `threads`): explicit, off unless they are handed in.

use core::fmt;
use std::sync::Arc;

use rayon_core::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use crate::kernel::Workers;

/// A number of threads that layers divide their work among.
///
/// The bits of every result are the same for any number. A thread that finds no work for some tens of
/// microseconds goes to sleep, and waking it takes as long; so put a loop of many short passes into
/// [`run`](Self::run), where the threads find each pass while they are still awake.
///
/// # Example
///
/// ```
/// use gmlayer::diagonal::{Diagonal, Parameters};
/// use gmlayer::{Shape, Threads};
///
/// let threads = Threads::new(2)?;
/// let shape = Shape::new(784, 10, 20)?;
/// let flat = vec![0.1_f32; shape.parameter_count()];
/// let layer = Diagonal::new(shape, Parameters::from_flat(shape, &flat)?)?.with_threads(&threads);
/// let (x, mut y) = (vec![0.5; 64 * 784], vec![0.0; 64 * 10]);
/// let mut work = vec![0.0; layer.workspace_len(64)?];
/// threads.run(|| layer.forward(&x, &mut y, &mut work))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Threads(Arc<ThreadPool>);

impl Threads {
    /// Starts `count` threads, as many as the processor has where it is 0.
    ///
    /// # Errors
    ///
    /// [`ThreadsError`] when the system refuses a thread.
    pub fn new(count: usize) -> Result<Self, ThreadsError> {
        let name = |index| std::format!("gmlayer {index}");
        let pool = ThreadPoolBuilder::new().num_threads(count).thread_name(name).build();
        pool.map(|pool| Self(Arc::new(pool))).map_err(ThreadsError)
    }

    /// The number of threads.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Calls `task` on one of the threads and waits for it: passes inside it wake the others at the least cost.
    pub fn run<R: Send>(&self, task: impl FnOnce() -> R + Send) -> R {
        self.0.install(task)
    }

    /// The threads, for the passes.
    pub(crate) fn workers(&self) -> Workers<'_> {
        Workers::of(&self.0)
    }
}

impl From<Arc<ThreadPool>> for Threads {
    /// The threads of a pool of the caller's.
    fn from(pool: Arc<ThreadPool>) -> Self {
        Self(pool)
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Threads").field(&self.count()).finish()
    }
}

/// The system refused a thread.
#[derive(Debug)]
pub struct ThreadsError(ThreadPoolBuildError);

impl fmt::Display for ThreadsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot start threads: {}", self.0)
    }
}

impl core::error::Error for ThreadsError {}

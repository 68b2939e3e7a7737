//! Threads (feature `threads`), which are used only where the caller hands them in.

use core::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rayon_core::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder, Yield};

use crate::kernel::{Pool, Workers};

/// How long a task waits for the other threads to be awake.
const WAKING: Duration = Duration::from_millis(1);

/// A pool of threads among which layers and optimisers divide their work.
///
/// Every result has the same bits for any number of threads. A thread without work for some tens of
/// microseconds goes to sleep, and waking it takes as long. So put a loop of many short passes into
/// [`run`](Self::run), where the threads stay awake from one pass to the next.
///
/// **Panics** in a task, in an observer or in a part of a pass reach the caller, whichever thread they happen on; the
/// threads remain usable.
///
/// **`fork()`**: a forked process has none of its parent's threads. In it, [`run`](Self::run) and all passes work on the
/// calling thread, with the same bits, and new threads can be started. If a task itself forks, the child must exit
/// before the task returns, since the thread that waits for the task does not exist there.
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
/// let (mut saved, mut scratch) = (vec![0.0; layer.saved_len(64)?], vec![0.0; layer.scratch_len(64)?]);
/// threads.run(|| layer.forward(&x, &mut y, &mut saved, &mut scratch))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Threads(Pool);

impl Threads {
    /// Starts `count` threads; 0 stands for as many as the processor has.
    ///
    /// # Errors
    ///
    /// [`ThreadsError`] when the system refuses a thread.
    pub fn new(count: usize) -> Result<Self, ThreadsError> {
        let name = |index| std::format!("gmlayer {index}");
        let pool = ThreadPoolBuilder::new().num_threads(count).thread_name(name).build();
        match pool {
            Ok(pool) => Ok(Self(Pool::new(Arc::new(pool)))),
            Err(error) => Err(ThreadsError { count, error }),
        }
    }

    /// The number of threads that were started.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Calls `task` on one of the threads and waits for it; the others stay awake meanwhile, each on a processor of
    /// its own, and take up a part of a pass within a microsecond.
    ///
    /// A panic in `task` comes back as one; in a process that was forked off, `task` is called right here.
    pub fn run<R: Send>(&self, task: impl FnOnce() -> R + Send) -> R {
        let Some(pool) = self.0.threads() else { return task() };
        let (awake, full, done) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicBool::new(false));
        let stay_awake = || {
            // Too late, when the task may wait for this very thread.
            if full.load(Ordering::Acquire) {
                return;
            }
            awake.fetch_add(1, Ordering::AcqRel);
            while !done.load(Ordering::Acquire) {
                if rayon_core::yield_now() != Some(Yield::Executed) {
                    core::hint::spin_loop();
                }
            }
        };
        pool.in_place_scope(|scope| {
            for _ in 1..self.count() {
                scope.spawn(|_| stay_awake());
            }
            pool.install(|| {
                // However the task ends, by a panic too.
                let _end = SetOnDrop(&done);
                let start = Instant::now();
                while awake.load(Ordering::Acquire) + 1 < self.count() && start.elapsed() < WAKING {
                    core::hint::spin_loop();
                }
                full.store(true, Ordering::Release);
                task()
            })
        })
    }

    /// The threads, for the passes.
    pub(crate) fn workers(&self) -> Workers<'_> {
        Workers::of(&self.0)
    }
}

/// Sets a flag at the end of its scope.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl From<Arc<ThreadPool>> for Threads {
    /// The threads of a pool of the caller's, which were started in this process.
    fn from(pool: Arc<ThreadPool>) -> Self {
        Self(Pool::new(pool))
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Threads").field(&self.count()).finish()
    }
}

/// The system refused a thread.
#[derive(Debug)]
pub struct ThreadsError {
    count: usize,
    error: ThreadPoolBuildError,
}

impl fmt::Display for ThreadsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            0 => write!(f, "cannot start a thread for each processor: {}", self.error),
            count => write!(f, "cannot start {count} threads: {}", self.error),
        }
    }
}

impl core::error::Error for ThreadsError {}

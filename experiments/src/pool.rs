//! Trials on several threads: each trial runs on one, so that its bits do not depend on their number.

use core::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::Builder;

use gmlayer::data::Dataset;
use gmlayer_cli::internal::{Failure, caught};

use crate::progress::Progress;
use crate::trial::{Task, Trial};

/// Trains what has no file yet, in the order of the tasks, and keeps every finished trial as a file of `folder`.
/// Returns the trials in the order of the tasks; `None` when `stop` was set meanwhile.
pub(crate) fn run(
    tasks: &[Task],
    data: &Dataset,
    folder: &Path,
    threads: usize,
    stop: &AtomicBool,
) -> Result<Option<Vec<Trial>>, Failure> {
    let mut trials: Vec<Option<Trial>> = tasks.iter().map(|task| task.load(folder)).collect();
    let open: Vec<usize> = (0..tasks.len()).filter(|&index| trials[index].is_none()).collect();
    let progress = Progress::new(tasks, &open, data.inputs);
    let finished: Mutex<Vec<(usize, Trial)>> = Mutex::new(Vec::new());
    let dealt = deal(&open, threads, stop, |index| {
        let task = &tasks[index];
        let trained = task.train(data, |images| {
            progress.step(task, images, data.inputs);
            if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if let Some(trial) = trained {
            trial.save(folder)?;
            progress.finished(&trial)?;
            lock(&finished).push((index, trial));
        }
        Ok(())
    });
    progress.end();
    dealt?;
    for (index, trial) in core::mem::take(&mut *lock(&finished)) {
        trials[index] = Some(trial);
    }
    Ok(trials.into_iter().collect())
}

/// Calls `work` for each of `open`, on several threads. The first failure sets `stop` and is returned: an error of
/// `work`, a panic in it, or a thread that the system refuses.
fn deal(
    open: &[usize],
    threads: usize,
    stop: &AtomicBool,
    work: impl Fn(usize) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    let fail = |error| {
        stop.store(true, Ordering::Relaxed);
        lock(&failure).get_or_insert(error);
    };
    let take = || {
        while let Some(&index) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            if let Err(error) = caught(|| work(index)) {
                fail(error);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(open.len()) {
            if let Err(error) = Builder::new().spawn_scoped(scope, take) {
                fail(Failure::other(format!("cannot start {threads} threads: {error}")));
                break;
            }
        }
        take();
    });
    lock(&failure).take().map_or(Ok(()), Err)
}

/// What a mutex holds; a panic leaves it whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::panic::resume_unwind;

    use super::deal;
    use gmlayer_cli::internal::Failure;

    /// A fault in one of the trials, on any thread, ends the others and is one sentence.
    #[test]
    fn a_panic_in_a_trial_is_a_failure() {
        let open: Vec<usize> = (0..20).collect();
        for threads in [1, 2, 5, 64] {
            for bad in [0, 7, 19] {
                let stop = AtomicBool::new(false);
                let failure = deal(&open, threads, &stop, |index| match index == bad {
                    true => resume_unwind(Box::new("a fault")),
                    false => Ok(()),
                });
                let text = failure.expect_err("a trial panics").to_string();
                assert!(
                    text.starts_with("error: the program has a fault") && text.lines().count() == 1,
                    "{text}"
                );
                assert!(stop.into_inner());
            }
        }
    }

    #[test]
    fn every_trial_is_dealt_once_and_the_first_error_is_kept() {
        let open: Vec<usize> = (0..100).collect();
        for threads in [1, 3] {
            let (stop, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
            let count = |_| {
                calls.fetch_add(1, Ordering::Relaxed);
                Ok(())
            };
            deal(&open, threads, &stop, count).unwrap();
            assert_eq!(calls.into_inner(), 100);
            let failing = |index| if index > 50 { Err(Failure::other("no room")) } else { Ok(()) };
            assert_eq!(deal(&open, threads, &stop, failing).unwrap_err().to_string(), "error: no room\n");
        }
    }
}

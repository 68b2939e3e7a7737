//! Trials on several threads: each trial runs on one, so that its bits do not depend on their number.

use core::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gmlayer::data::Dataset;

use crate::failure::Failure;

use super::progress::Progress;
use super::trial::{Task, Trial};

/// Trains what has no file yet, in the order of the tasks, and keeps every finished trial as a file of `folder`.
/// Returns the trials in the order of the tasks; `None` when `stop` was set meanwhile.
pub(super) fn run(
    tasks: &[Task],
    data: &Dataset,
    folder: &Path,
    threads: usize,
    stop: &AtomicBool,
) -> Result<Option<Vec<Trial>>, Failure> {
    let mut trials: Vec<Option<Trial>> = tasks.iter().map(|task| task.load(folder)).collect();
    let open: Vec<usize> = (0..tasks.len()).filter(|&index| trials[index].is_none()).collect();
    let progress = Progress::new(tasks, &open, data.inputs);
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    let finished: Mutex<Vec<(usize, Trial)>> = Mutex::new(Vec::new());
    let work = || {
        while let Some(&index) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
            let task = &tasks[index];
            let trained = task.train(data, |images| {
                progress.step(task, images, data.inputs);
                if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            match trained.and_then(|trial| {
                if let Some(trial) = &trial {
                    trial.save(folder)?;
                    progress.finished(trial)?;
                }
                Ok(trial)
            }) {
                Ok(Some(trial)) => lock(&finished).push((index, trial)),
                Ok(None) => return,
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    lock(&failure).get_or_insert(error);
                    return;
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(open.len()) {
            scope.spawn(work);
        }
        work();
    });
    progress.end();
    if let Some(failure) = lock(&failure).take() {
        return Err(failure);
    }
    for (index, trial) in core::mem::take(&mut *lock(&finished)) {
        trials[index] = Some(trial);
    }
    Ok(trials.into_iter().collect())
}

/// What a mutex holds; no thread panics while it holds one.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

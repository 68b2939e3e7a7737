//! Telling how far an experiment is: a bar on a terminal, a line a trial elsewhere.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use gmlayer_cli::internal::{Failure, is_terminal};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use crate::trial::{Task, Trial};

/// Follows all trials of an experiment. Its unit of work is a million operations.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    start: Instant,
    total: u64,
    done: AtomicU64,
    trials: usize,
    finished: AtomicUsize,
}

impl Progress {
    /// Follows the tasks at the places `open`; the others are done.
    pub(crate) fn new(tasks: &[Task], open: &[usize], inputs: usize) -> Self {
        let of = |task: &Task| work(task, task.data.train_images * task.run.epochs, inputs);
        let total = open.iter().filter_map(|&index| tasks.get(index)).map(of).sum();
        let style = ProgressStyle::with_template("{wide_bar} {msg}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = is_terminal(false).then(|| ProgressBar::new(total).with_style(style));
        let finished = tasks.len() - open.len();
        if let Some(bar) = &bar {
            bar.set_message(format!("{finished} of {} trials", tasks.len()));
        }
        Self {
            bar,
            start: Instant::now(),
            total,
            done: AtomicU64::new(0),
            trials: tasks.len(),
            finished: AtomicUsize::new(finished),
        }
    }

    /// A step of some images is done.
    pub(crate) fn step(&self, task: &Task, images: usize, inputs: usize) {
        let work = work(task, images, inputs);
        self.done.fetch_add(work, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.inc(work);
        }
    }

    /// A trial is done and kept.
    pub(crate) fn finished(&self, trial: &Trial) -> Result<(), Failure> {
        let finished = self.finished.fetch_add(1, Ordering::Relaxed) + 1;
        let trials = format!("{finished} of {} trials", self.trials);
        if let Some(bar) = &self.bar {
            bar.set_message(trials);
            return Ok(());
        }
        let done = self.done.load(Ordering::Relaxed).min(self.total);
        let left = self.start.elapsed().mul_f64((self.total - done) as f64 / done.max(1) as f64);
        let Task { run, seed, .. } = &trial.task;
        let error = 100.0 * trial.final_error();
        writeln!(
            io::stdout(),
            "{}, trial {}: test error {error:.2} %; {trials}, {} left",
            run.name,
            seed + 1,
            HumanDuration(left)
        )?;
        Ok(())
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The work of some images, in millions of operations.
fn work(task: &Task, images: usize, inputs: usize) -> u64 {
    (task.run.operations(inputs) * images / 1_000_000) as u64
}

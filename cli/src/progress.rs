//! Telling how training goes: a line an epoch, and on a terminal a bar below them.

use core::ops::ControlFlow;
use std::io;
use std::time::{Duration, Instant};

use gmlayer::train::Event;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::output::{is_terminal, tell};

/// How often the figures beside the bar change.
const INTERVAL: Duration = Duration::from_millis(100);

/// Follows a training run.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Whether standard output holds JSON alone.
    json: bool,
    bar: Option<ProgressBar>,
    epochs: usize,
    epoch_images: usize,
    epoch_start: Instant,
    shown: Instant,
    images: usize,
    /// The seconds that each epoch took, evaluation included; one that was stopped is not among them
    /// unless it is the first.
    seconds: Vec<f64>,
}

impl Progress {
    /// Starts to follow a run of `epochs` epochs of `images` images each, of which `done` images are done.
    pub(crate) fn new(epochs: usize, images: usize, done: u64, json: bool) -> Self {
        let now = Instant::now();
        let epoch = epochs.min(1 + done as usize / images.max(1));
        let bar = || {
            bar(epochs as u64 * images as u64)
                .with_position(done)
                .with_message(format!("epoch {epoch}/{epochs}"))
        };
        Self {
            json,
            bar: is_terminal(json).then(bar),
            epochs,
            epoch_images: images,
            epoch_start: now,
            shown: now,
            images: 0,
            seconds: Vec::with_capacity(epochs),
        }
    }

    /// Takes up one event; breaks when nobody reads the output any more.
    pub(crate) fn update(&mut self, event: &Event<'_, f32>) -> ControlFlow<()> {
        match event {
            Event::Step { epoch, samples, loss, .. } => {
                self.images += samples;
                if let Some(bar) = &self.bar {
                    bar.inc(*samples as u64);
                    if self.shown.elapsed() >= INTERVAL {
                        self.shown = Instant::now();
                        bar.set_message(format!("epoch {epoch}/{}, loss {loss:.4}", self.epochs));
                    }
                }
                ControlFlow::Continue(())
            }
            Event::Epoch { record, .. } => {
                let seconds = self.epoch_start.elapsed().as_secs_f64();
                self.epoch_start = Instant::now();
                let images = core::mem::take(&mut self.images);
                if images == self.epoch_images || self.seconds.is_empty() {
                    self.seconds.push(seconds);
                }
                let line = format!(
                    "epoch {}/{}, loss {:.4}, test error {:.2} %, {:.0} images/s",
                    record.epoch,
                    self.epochs,
                    record.train_loss,
                    100.0 * record.test_error,
                    images as f64 / seconds
                );
                match self.tell(&line) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            }
            _ => ControlFlow::Continue(()),
        }
    }

    /// The mean time of an epoch; none where there was none.
    pub(crate) fn seconds_per_epoch(&self) -> Option<f64> {
        let count = self.seconds.len();
        (count > 0).then(|| self.seconds.iter().sum::<f64>() / count as f64)
    }

    /// Prints a line, above the bar where there is one.
    fn tell(&self, line: &str) -> io::Result<()> {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell(self.json, line)),
            None => tell(self.json, line),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A bar over a number of images, below an empty line: what a terminal shows of Ctrl-C moves it down by one,
/// and so the bar is still taken away as a whole.
fn bar(images: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("\n{bar:20} {msg}, {rate} images/s, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, out: &mut dyn core::fmt::Write| {
            let _ = write!(out, "{:.0}", state.per_sec());
        });
    ProgressBar::new(images).with_style(style)
}

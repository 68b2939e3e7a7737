//! Telling how training goes: a bar on a terminal, a line an epoch elsewhere.

use core::ops::ControlFlow;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use gmlayer::train::Event;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

/// How often the figures beside the bar change.
const INTERVAL: Duration = Duration::from_millis(100);

/// Follows a training run.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    epochs: usize,
    epoch_images: usize,
    epoch_start: Instant,
    shown: Instant,
    images: usize,
    test_error: Option<f64>,
    /// The seconds that each epoch took, evaluation included; one that was stopped is not among them
    /// unless it is the first.
    seconds: Vec<f64>,
}

impl Progress {
    /// Starts to follow a run of `epochs` epochs of `images` images each, of which `done` images are done.
    pub(crate) fn new(epochs: usize, images: usize, done: u64) -> Self {
        let terminal = io::stdout().is_terminal() && io::stderr().is_terminal();
        let now = Instant::now();
        Self {
            bar: terminal.then(|| bar(epochs as u64 * images as u64).with_position(done)),
            epochs,
            epoch_images: images,
            epoch_start: now,
            shown: now,
            images: 0,
            test_error: None,
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
                        bar.set_message(self.figures(*epoch, *loss));
                    }
                }
                ControlFlow::Continue(())
            }
            Event::Epoch { record, .. } => {
                let seconds = self.epoch_start.elapsed().as_secs_f64();
                self.epoch_start = Instant::now();
                self.test_error = Some(record.test_error);
                let images = core::mem::take(&mut self.images);
                if images == self.epoch_images || self.seconds.is_empty() {
                    self.seconds.push(seconds);
                }
                let figures = self.figures(record.epoch, record.train_loss);
                if let Some(bar) = &self.bar {
                    bar.set_message(figures);
                    return ControlFlow::Continue(());
                }
                let rate = images as f64 / seconds;
                match writeln!(io::stdout(), "{figures}, {rate:.0} images/s") {
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

    fn figures(&self, epoch: usize, loss: f64) -> String {
        let error = self.test_error.map_or("-".to_owned(), |error| format!("{:.2} %", 100.0 * error));
        format!("epoch {epoch}/{}, loss {loss:.4}, test error {error}", self.epochs)
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
    let style = ProgressStyle::with_template("\n{wide_bar} {msg}, {rate} images/s, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, out: &mut dyn core::fmt::Write| {
            let _ = write!(out, "{:.0}", state.per_sec());
        });
    ProgressBar::new(images).with_style(style)
}

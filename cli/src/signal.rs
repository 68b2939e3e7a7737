//! Signals that end the program.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::failure::Failure;

/// Ctrl-C, on every system.
const SIGINT: i32 = 2;

/// Held while a file is written.
static WRITING: Mutex<()> = Mutex::new(());

/// Runs what a signal must not leave half done: writing a file.
pub(crate) fn uninterrupted<T>(write: impl FnOnce() -> T) -> T {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    write()
}

/// What the signals have asked for.
#[derive(Debug, Default)]
pub struct Signals {
    /// Set by the first signal.
    pub stop: AtomicBool,
    /// The number of the first signal, or 0.
    first: AtomicI32,
    interrupted: AtomicBool,
    at_once: bool,
}

impl Signals {
    /// The number of the first signal.
    pub fn first(&self) -> Option<i32> {
        Some(self.first.load(Ordering::Relaxed)).filter(|&number| number != 0)
    }

    fn take(&self, number: i32) {
        let _ = self.first.compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed);
        self.stop.store(true, Ordering::Relaxed);
        let again = number == SIGINT && self.interrupted.swap(true, Ordering::Relaxed);
        if again || self.at_once {
            uninterrupted(|| std::process::exit(exit_code(number)));
        }
    }
}

/// The exit code after a signal, as shells give it.
pub(crate) const fn exit_code(number: i32) -> i32 {
    128 + number
}

/// The name of a signal.
pub(crate) fn name(number: i32) -> &'static str {
    #[cfg(unix)]
    if let Some(name) = signal_hook::low_level::signal_name(number) {
        return name;
    }
    "Ctrl-C"
}

/// Ctrl-C, SIGTERM and SIGHUP set a flag, unless whoever started the program ignores them; a second Ctrl-C ends the
/// program at once, or after the file that is being written.
pub fn stop_on_signal() -> Result<Arc<Signals>, Failure> {
    listen(Signals::default())
}

/// The same signals end the program at once, or after the file that is being written.
pub(crate) fn end_on_signal() -> Result<Arc<Signals>, Failure> {
    listen(Signals { at_once: true, ..Signals::default() })
}

#[cfg(unix)]
fn listen(signals: Signals) -> Result<Arc<Signals>, Failure> {
    use signal_hook::consts::{SIGHUP, SIGTERM};

    let ignored = ignored();
    let heeded = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|number| ignored & (1 << (number - 1)) == 0);
    let failed = |error| Failure::other(format!("cannot listen for signals: {error}"));
    let mut arriving = signal_hook::iterator::Signals::new(heeded).map_err(failed)?;
    let signals = Arc::new(signals);
    let taking = Arc::clone(&signals);
    let thread = std::thread::Builder::new().name("signals".to_owned());
    thread.spawn(move || arriving.forever().for_each(|number| taking.take(number))).map_err(failed)?;
    Ok(signals)
}

#[cfg(not(unix))]
fn listen(signals: Signals) -> Result<Arc<Signals>, Failure> {
    let signals = Arc::new(signals);
    let taking = Arc::clone(&signals);
    ctrlc::set_handler(move || taking.take(SIGINT))
        .map_err(|error| Failure::other(format!("cannot listen for Ctrl-C: {error}")))?;
    Ok(signals)
}

/// The signals that whoever started the program ignores, as Linux tells: bit n - 1 for signal n. Elsewhere none.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Makes of a limit on file sizes an error of the write that meets it; by itself, its signal ends the program.
pub(crate) fn fail_at_size_limit() {
    #[cfg(unix)]
    {
        // Where the signal cannot be caught, it ends the program as before.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    }
}

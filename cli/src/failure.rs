//! How the program fails: one sentence, and an exit code.

use core::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::process::ExitCode;
use std::sync::OnceLock;

use crate::shown::shown;
use crate::signal::{exit_code, fail_at_size_limit, name};

/// Why the program ends without having done its work.
#[derive(Debug)]
pub enum Failure {
    /// The arguments are wrong: exit code 2.
    Usage(String),
    /// Anything else: exit code 1.
    Other(String),
    /// What clap prints by itself: help, the version.
    Help(clap::Error),
    /// A signal has ended the work: its number, and what has become of the work. Exit code 128 and the number.
    Interrupted(i32, String),
    /// Whoever read the output has gone away: nothing to say.
    Closed,
}

impl Failure {
    /// Wrong arguments.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// Any other failure.
    pub fn other(message: impl fmt::Display) -> Self {
        Self::Other(message.to_string())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Other(_) | Self::Closed => ExitCode::FAILURE,
            Self::Interrupted(number, _) => {
                u8::try_from(exit_code(*number)).map_or(ExitCode::FAILURE, ExitCode::from)
            }
            Self::Help(error) => {
                // Help goes to stdout when it was asked for, and to stderr when the arguments are missing.
                let _ = error.print();
                u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Other(message) => writeln!(f, "error: {}", shown(message)),
            Self::Interrupted(number, message) => {
                writeln!(f, "interrupted by {}{}", name(*number), shown(message))
            }
            Self::Help(_) | Self::Closed => Ok(()),
        }
    }
}

/// A word about something that does not keep the program from its work.
pub(crate) fn warn(message: impl fmt::Display) {
    // There is nobody left to tell when this fails.
    let _ = writeln!(io::stderr(), "warning: {}", shown(message));
}

impl From<clap::Error> for Failure {
    /// The first paragraph of clap's message on one line, and what was probably meant; the usage is left to `--help`.
    fn from(error: clap::Error) -> Self {
        use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
        if matches!(error.kind(), DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand) {
            return Self::Help(error);
        }
        let text = error.to_string();
        let sentence: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let sentence = sentence.join(" ");
        let sentence = sentence.strip_prefix("error: ").unwrap_or(&sentence);
        let meant = meant(&error).map(|meant| format!("; did you mean '{meant}'?")).unwrap_or_default();
        Self::usage(format!("{sentence}{meant}"))
    }
}

/// The most similar option, command or value.
fn meant(error: &clap::Error) -> Option<&str> {
    use clap::error::ContextKind::{SuggestedArg, SuggestedSubcommand, SuggestedValue};
    use clap::error::ContextValue::{String, Strings};
    [SuggestedArg, SuggestedSubcommand, SuggestedValue].into_iter().find_map(|kind| {
        match error.get(kind)? {
            String(meant) => Some(meant.as_str()),
            Strings(meant) => meant.last().map(|meant| meant.as_str()),
            _ => None,
        }
    })
}

impl From<io::Error> for Failure {
    /// A failure to write to stdout.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::other(format!("cannot write the output: {error}")),
        }
    }
}

/// The first panic: where it was and what it said.
static PANIC: OnceLock<String> = OnceLock::new();

/// Keeps what a panic says for [`caught`], in the place of printing it; with `RUST_BACKTRACE` everything is printed.
fn quiet_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
            let payload = panic.payload();
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref().map(String::as_str)).unwrap_or("a panic");
            let message = text.lines().collect::<Vec<_>>().join(" ");
            let place = panic.location().map(|place| format!(" ({place})")).unwrap_or_default();
            let _ = PANIC.set(message + &place);
        }));
    }
}

/// What `work` gives. A panic, which is a fault of the program, fails as everything else does.
pub fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let what = PANIC.get().map_or("a panic", String::as_str);
        Err(Failure::other(format!("the program has a fault, which its authors should know of: {what}")))
    })
}

/// Runs a program and says on stderr how it failed, if it did.
pub fn ended(work: impl FnOnce() -> Result<(), Failure>) -> ExitCode {
    quiet_panics();
    fail_at_size_limit();
    let work = || gmlayer::Instructions::in_use().map_err(Failure::usage).and_then(|_| work());
    match caught(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // There is nobody left to tell when this fails too.
            let _ = write!(io::stderr(), "{failure}");
            failure.exit_code()
        }
    }
}

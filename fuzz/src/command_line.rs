//! The command line of the program.

use std::ffi::OsString;

/// Arguments divided by zero bytes: they are understood, or refused with a message.
pub fn run(bytes: &[u8]) {
    #[cfg(unix)]
    let argument = |bytes: &[u8]| -> OsString { std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec()) };
    #[cfg(not(unix))]
    let argument = |bytes: &[u8]| OsString::from(String::from_utf8_lossy(bytes).into_owned());
    let line = bytes.split(|&byte| byte == 0).map(argument);
    match gmlayer_cli::Arguments::read([OsString::from("gmlayer")].into_iter().chain(line)) {
        Ok((arguments, given)) => {
            assert!(given.len() <= bytes.len() + 1);
            assert!(!format!("{arguments:?}").is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

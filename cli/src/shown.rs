//! Text for a terminal: nothing in it breaks the line or steers what shows it.

use core::fmt::{self, Display, Write};

/// Shows a text in one line, with control characters and those that turn its direction round escaped.
pub(crate) fn shown<T: Display>(text: T) -> Shown<T> {
    Shown(text)
}

/// See [`shown`].
#[derive(Debug)]
pub(crate) struct Shown<T>(T);

impl<T: Display> Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(steers) {
            match part.chars().next_back().filter(|&last| steers(last)) {
                Some(last) => {
                    self.0.write_str(part.strip_suffix(last).unwrap_or(part))?;
                    write!(self.0, "{}", last.escape_default())?;
                }
                None => self.0.write_str(part)?,
            }
        }
        Ok(())
    }
}

/// Control characters, ends of lines and paragraphs, and marks of direction.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A JSON text with the same characters escaped, which stand nowhere but in its strings.
pub(crate) fn shown_json(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            // All of them have four digits at most.
            let _ = write!(line, "\\u{:04x}", u32::from(character));
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{shown, shown_json};

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(shown("a\nb\r\u{1b}[31m\u{9b}2J\u{202e}ü`'\"\\").to_string(), {
            "a\\nb\\r\\u{1b}[31m\\u{9b}2J\\u{202e}ü`'\"\\"
        });
        assert_eq!(shown(format_args!("{}: {}", "\t", 3)).to_string(), "\\t: 3");
        let text = "\u{7f}\u{85}\u{2028}é";
        let line = shown_json(&serde_json::to_string(text).unwrap());
        assert_eq!(line, "\"\\u007f\\u0085\\u2028é\"");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }
}

//! The recording command, kept in the first lines of a trace so that it can be recorded again.

use std::ffi::OsString;
use std::path::Path;

use super::line::{Line, parse};
use super::lines::{Found, Lines};
use super::source::Source;

/// How the line with the command begins.
pub(super) const COMMAND: &str = "==hashwalk== command: ";

/// How the line with the references left out at the start begins.
pub(super) const SKIPPED: &str = "==hashwalk== skipped: ";

/// The command with which a trace was recorded, as text for a POSIX-like shell (bash where it holds line ends), or `None`
/// where the file cannot be read or does not begin with such a line.
///
/// Only the lines before the first reference are looked at.
pub fn header(path: impl AsRef<Path>) -> Option<String> {
    let mut lines = Lines::new(Source::open(path.as_ref()).ok()?);
    while let Ok(Found::Line(line)) = lines.next_line() {
        if let Some(command) = line.strip_prefix(COMMAND.as_bytes()) {
            return Some(String::from_utf8_lossy(command).into_owned());
        }
        if parse(line) != Ok(Line::Skipped) {
            break;
        }
    }
    None
}

/// A command as one line of text that a shell reads as the same words.
pub(super) fn shell_text(command: &[OsString]) -> String {
    let words: Vec<String> = command.iter().map(|word| shell_word(&word.to_string_lossy())).collect();
    words.join(" ")
}

fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if word.contains(char::is_control) {
        // Only bash's $'…' keeps a line end within one line.
        let escape = |c: char| match c {
            '\n' => "\\n".to_owned(),
            '\\' | '\'' => format!("\\{c}"),
            // Every control character is below U+00A0, so four digits hold it.
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        format!("$'{}'", word.chars().map(escape).collect::<String>())
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        let words = ["ls", "-l", "", "a b", "it's", "$HOME", "one\ntwo\\", "\t"];
        let text = shell_text(&words.map(OsString::from));
        assert_eq!(text, r"ls -l '' 'a b' 'it'\''s' '$HOME' $'one\ntwo\\' $'\u0009'");
    }
}

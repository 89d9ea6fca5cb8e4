//! The references of a trace file, one after the other.

use std::iter::FusedIterator;
use std::path::{Path, PathBuf};

use super::error::{TraceError, excerpt};
use super::line::{Line, parse};
use super::lines::{EXPECTED_LENGTH, Found, Lines};
use super::reference::Reference;
use super::source::Source;

/// Streams the references of a trace, plain or zstd, with a fixed amount of memory.
///
/// As an iterator it gives each reference in the order of the file. An error is given once and is the last item; a trace
/// without any reference is an error too. A last line without a line end is read like any other.
pub struct Reader {
    path: PathBuf,
    lines: Lines<Source>,
    references: u64,
    done: bool,
}

impl Reader {
    /// Opens a trace. Whether it is compressed is told by its first bytes, not by its name.
    ///
    /// # Errors
    ///
    /// [`TraceError::Open`] or [`TraceError::Read`] where the file is missing or cannot be read. All other errors
    /// come with the item at which they are found.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TraceError> {
        let path = path.as_ref();
        let lines = Lines::new(Source::open(path)?);
        Ok(Reader { path: path.into(), lines, references: 0, done: false })
    }

    /// Number of references given so far.
    pub fn references(&self) -> u64 {
        self.references
    }

    #[inline]
    fn read(&mut self) -> Result<Option<Reference>, TraceError> {
        loop {
            let problem = match self.lines.next_line() {
                Ok(Found::Line(line)) => match parse(line) {
                    Ok(Line::Reference(reference)) => return Ok(Some(reference)),
                    Ok(Line::Skipped) => continue,
                    Err(expected) => (expected, excerpt(line)),
                },
                Ok(Found::TooLong(beginning)) => (EXPECTED_LENGTH, excerpt(beginning)),
                Ok(Found::End) if self.references == 0 => {
                    return Err(TraceError::Empty { path: self.path.clone() });
                }
                Ok(Found::End) => return Ok(None),
                Err(source) => return Err(self.lines.source().error(&self.path, source)),
            };
            return Err(self.broken_line(problem));
        }
    }

    #[cold]
    fn broken_line(&self, (expected, found): (&'static str, String)) -> TraceError {
        TraceError::Line { path: self.path.clone(), line: self.lines.number(), expected, found }
    }
}

impl Iterator for Reader {
    type Item = Result<Reference, TraceError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let item = self.read().transpose();
        match item {
            Some(Ok(_)) => self.references += 1,
            _ => self.done = true,
        }
        item
    }
}

impl FusedIterator for Reader {}

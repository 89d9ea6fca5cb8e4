//! Bytes to lines, through one buffer and without a copy a line.

use std::io::{self, Read};

/// Size of the buffer, and so the longest line that is read, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// What a line longer than that should have been.
pub(super) const EXPECTED_LENGTH: &str = "a line of less than 256 KiB";

/// What [`Lines::next_line`] finds.
pub(super) enum Found<'a> {
    /// A line without its line end.
    Line(&'a [u8]),
    /// A line longer than the buffer: its beginning.
    TooLong(&'a [u8]),
    /// The end of the input.
    End,
}

/// The lines of a byte stream.
pub(super) struct Lines<R> {
    source: R,
    buffer: Box<[u8]>,
    /// The bytes read and not yet given out are `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Lines given out so far: the 1-based number of the last one.
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Lines of `source`, from where it stands.
    pub(super) fn new(source: R) -> Self {
        Lines { source, buffer: vec![0; BUFFER_BYTES].into(), start: 0, end: 0, number: 0 }
    }

    /// Where the bytes come from.
    pub(super) fn source(&self) -> &R {
        &self.source
    }

    /// Number of the line given out last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line. A last line needs no line end.
    ///
    /// # Errors
    ///
    /// Those of the source, interruptions apart.
    #[inline]
    pub(super) fn next_line(&mut self) -> io::Result<Found<'_>> {
        let mut searched = 0;
        loop {
            let unsearched = &self.buffer[self.start + searched..self.end];
            if let Some(length) = unsearched.iter().position(|&byte| byte == b'\n') {
                let line = self.start..self.start + searched + length;
                self.start = line.end + 1;
                self.number += 1;
                return Ok(Found::Line(&self.buffer[line]));
            }
            searched = self.end - self.start;
            if searched == self.buffer.len() {
                self.number += 1;
                return Ok(Found::TooLong(&self.buffer));
            }
            if self.fill()? == 0 {
                return Ok(self.last_line());
            }
        }
    }

    #[cold]
    fn last_line(&mut self) -> Found<'_> {
        if self.start == self.end {
            return Found::End;
        }
        let line = self.start..self.end;
        self.start = self.end;
        self.number += 1;
        Found::Line(&self.buffer[line])
    }

    /// Reads more behind what is left, and returns the number of bytes read: 0 at the end of the input.
    #[cold]
    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
            }
        }
    }
}

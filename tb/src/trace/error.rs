//! Why a trace cannot be read.

use std::io;
use std::path::PathBuf;

/// An error of reading a trace; its message is one line and names the file.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file is missing or may not be opened.
    #[error("cannot open trace {}: {source}", path.display())]
    Open {
        /// The trace file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file was opened, but reading it failed (a folder, a broken disk).
    #[error("cannot read trace {}: {source}", path.display())]
    Read {
        /// The trace file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file begins as zstd, but does not decompress to its end.
    #[error("trace {} is truncated or corrupt (zstd: {source})", path.display())]
    Zstd {
        /// The trace file.
        path: PathBuf,
        /// What zstd said.
        source: io::Error,
    },
    /// A line is not a reference.
    #[error("trace {}, line {line}: expected {expected}, found \"{found}\"", path.display())]
    Line {
        /// The trace file.
        path: PathBuf,
        /// Number of the line, from 1, in the decompressed text.
        line: u64,
        /// What should stand there.
        expected: &'static str,
        /// The beginning of the line, with what is no printable text escaped.
        found: String,
    },
    /// The file has no reference at all.
    #[error("trace {} is empty: it holds no memory reference", path.display())]
    Empty {
        /// The trace file.
        path: PathBuf,
    },
}

/// The beginning of a line as printable text of at most about 50 characters.
pub(super) fn excerpt(line: &[u8]) -> String {
    const SHOWN_BYTES: usize = 48;
    let shown = &line[..line.len().min(SHOWN_BYTES)];
    let mut text = String::from_utf8_lossy(shown).escape_debug().to_string();
    if line.len() > SHOWN_BYTES {
        text.push('…');
    }
    text
}

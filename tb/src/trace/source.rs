//! A trace file to its text, decompressed where needed.

use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::path::Path;

use super::error::TraceError;

/// The first bytes of each zstd frame (RFC 8878, section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A file whose first bytes were looked at. Not rewound, so that a pipe can be read too.
type Peeked = Chain<Cursor<Vec<u8>>, File>;

/// The text of a trace.
pub(super) enum Source {
    Plain(Peeked),
    Zstd(Box<zstd::Decoder<'static, BufReader<Peeked>>>),
}

impl Source {
    /// Opens a trace; the first bytes tell whether it is compressed, not its name.
    pub(super) fn open(path: &Path) -> Result<Self, TraceError> {
        let unreadable = |source| TraceError::Read { path: path.into(), source };
        let mut file = File::open(path).map_err(|source| TraceError::Open { path: path.into(), source })?;
        let mut magic = Vec::with_capacity(ZSTD_MAGIC.len());
        file.by_ref().take(ZSTD_MAGIC.len() as u64).read_to_end(&mut magic).map_err(unreadable)?;
        let compressed = magic == ZSTD_MAGIC;
        let whole = Cursor::new(magic).chain(file);
        if compressed {
            let decoder = zstd::Decoder::new(whole).map_err(unreadable)?;
            Ok(Source::Zstd(Box::new(decoder)))
        } else {
            Ok(Source::Plain(whole))
        }
    }

    /// What a failed read of this source means.
    pub(super) fn error(&self, path: &Path, source: io::Error) -> TraceError {
        let path = path.into();
        match self {
            Source::Plain(_) => TraceError::Read { path, source },
            Source::Zstd(_) => TraceError::Zstd { path, source },
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Plain(file) => file.read(buffer),
            Source::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

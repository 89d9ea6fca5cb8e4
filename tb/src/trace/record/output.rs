//! The trace file while it is written: a temporary file beside it, which takes its name at the end.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{RecordError, RecordOptions};
use crate::trace::header;
use crate::whole_file;

/// The level at which traces are compressed: near the best, and still as fast as valgrind makes references.
const ZSTD_LEVEL: i32 = 19;

/// A trace being written. Dropped before [`Output::finish`], it leaves nothing.
pub(super) struct Output {
    path: PathBuf,
    writer: BufWriter<Sink>,
}

enum Sink {
    Plain(NamedTempFile),
    Zstd(zstd::Encoder<'static, NamedTempFile>),
}

impl Output {
    /// Creates the temporary file and writes the header into it.
    pub(super) fn create(options: &RecordOptions) -> Result<Self, RecordError> {
        let path = options.output.clone();
        let sink = Sink::create(&path).map_err(|source| RecordError::Create { path: path.clone(), source })?;
        let mut output = Output { path, writer: BufWriter::new(sink) };
        output.write(format!("{}{}", header::COMMAND, header::shell_text(&options.command)).as_bytes())?;
        output.write(format!("{}{} references", header::SKIPPED, options.skip).as_bytes())?;
        Ok(output)
    }

    /// Writes a line, given without its line end.
    pub(super) fn write(&mut self, line: &[u8]) -> Result<(), RecordError> {
        let written = self.writer.write_all(line).and_then(|()| self.writer.write_all(b"\n"));
        written.map_err(|source| RecordError::Write { path: self.path.clone(), source })
    }

    /// Completes the file, gives it its name, and returns its size in bytes.
    pub(super) fn finish(self) -> Result<u64, RecordError> {
        let Output { path, writer } = self;
        let finish = || {
            let file = match writer.into_inner()? {
                Sink::Plain(file) => file,
                Sink::Zstd(encoder) => encoder.finish()?,
            };
            let bytes = file.as_file().metadata()?.len();
            file.persist(&path)?;
            Ok(bytes)
        };
        finish().map_err(|source| RecordError::Write { path: path.clone(), source })
    }
}

impl Sink {
    fn create(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return Err(io::Error::other(format!("there is no folder {}", folder.display())));
        }
        let file = whole_file::beside(path)?;
        if path.extension().is_some_and(|extension| extension == "zst") {
            let mut encoder = zstd::Encoder::new(file, ZSTD_LEVEL)?;
            encoder.include_checksum(true)?;
            Ok(Sink::Zstd(encoder))
        } else {
            Ok(Sink::Plain(file))
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Plain(file) => file.write(bytes),
            Sink::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Plain(file) => file.flush(),
            Sink::Zstd(encoder) => encoder.flush(),
        }
    }
}

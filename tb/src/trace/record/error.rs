//! Why a program cannot be recorded.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// An error of recording a trace; its message is one line. The trace file is then as it was before: absent, or the old one.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// [`RecordOptions::command`](super::RecordOptions::command) is empty.
    #[error("no command to record")]
    NoCommand,
    /// [`RecordOptions::limit`](super::RecordOptions::limit) is 0.
    #[error("a limit of 0 references leaves nothing to record")]
    NoLimit,
    /// There is no `valgrind` along `PATH`.
    #[error("valgrind is not installed (not found along PATH): install it, on Debian with `apt-get install valgrind`")]
    ValgrindMissing,
    /// The program is not along `PATH`, or the path given names no executable file.
    #[error("command {} not found, or not an executable file", name.display())]
    CommandNotFound {
        /// The first word of the command.
        name: OsString,
    },
    /// The trace file cannot be created where it shall go.
    #[error("cannot create trace {}: {source}", path.display())]
    Create {
        /// The trace file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The trace file cannot be written to its end (a full disk).
    #[error("cannot write trace {}: {source}", path.display())]
    Write {
        /// The trace file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Valgrind did not start, or could not be waited for.
    #[error("cannot run valgrind: {source}")]
    Valgrind {
        /// What the system said.
        source: io::Error,
    },
    /// The pipe from valgrind broke.
    #[error("cannot read from valgrind: {source}")]
    Pipe {
        /// What the system said.
        source: io::Error,
    },
    /// Valgrind wrote a line that is neither a reference nor a message.
    #[error("unexpected output of valgrind: expected {expected}, found \"{found}\"")]
    Garbled {
        /// What should stand there.
        expected: &'static str,
        /// The beginning of the line.
        found: String,
    },
    /// The program ended by itself and reported failure.
    #[error("command {} failed under valgrind ({status})", name.display())]
    CommandFailed {
        /// The first word of the command.
        name: OsString,
        /// Its exit status, or the signal that ended it; valgrind passes both on.
        status: ExitStatus,
    },
    /// The program ended before its first reference to be recorded.
    #[error(
        "command {} ended after {skipped} references, all of them skipped (programs that it starts, or turns into by exec, \
         are not traced)",
        name.display()
    )]
    NothingRecorded {
        /// The first word of the command.
        name: OsString,
        /// References that it made.
        skipped: u64,
    },
    /// SIGINT (Ctrl-C) or SIGTERM came.
    #[error("interrupted: no trace was written")]
    Interrupted,
}

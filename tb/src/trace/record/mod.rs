//! Recording: a program under valgrind's tool *lackey*, its references into a trace file.
//!
//! ```text
//!  program ── lackey ──► pipe ──► Lines ──► skip, limit ──► zstd or plain ──► temporary file ──► rename
//!             (Tracee)                                      (Output)
//! ```
//!
//! Linux only: lackey runs elsewhere too, but it is handed its end of the pipe through `/proc`.

mod error;
mod interrupt;
mod locate;
mod output;
mod tracee;

pub use error::RecordError;

use std::ffi::OsString;
use std::path::PathBuf;

use super::error::excerpt;
use super::line::{Line, parse};
use super::lines::{EXPECTED_LENGTH, Found, Lines};
use interrupt::Interrupt;
use output::Output;
use tracee::{END_MARK, Tracee};

/// What to record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordOptions {
    /// The trace file to write, in a folder that exists; compressed where the name ends in `.zst`. An older file of that
    /// name is replaced once the recording is complete, and kept until then and on any error.
    pub output: PathBuf,
    /// References at the program's start that are not recorded: the way past start-up. Valgrind makes about one million
    /// references a second.
    pub skip: u64,
    /// References after which the program is stopped (killed); `None` records it to its end. At least 1.
    pub limit: Option<u64>,
    /// The program, found along `PATH`, and its arguments.
    pub command: Vec<OsString>,
}

/// How far a recording is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// References skipped so far.
    pub skipped: u64,
    /// References recorded so far.
    pub recorded: u64,
}

/// A finished recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recording {
    /// References skipped at the start: as many as were asked for.
    pub skipped: u64,
    /// References in the file.
    pub recorded: u64,
    /// Size of the file in bytes.
    pub file_bytes: u64,
}

/// References between two calls of the progress function.
const PROGRESS_INTERVAL: u64 = 1 << 16;

/// Records the memory references of a program.
///
/// `progress` is called each 65,536 references, and at the end. The program has this process's standard
/// input, output and error, and its working directory. So that a trace depends on the program and not on the shell that
/// started it, of the environment it gets only `PATH`, `HOME`, `TMPDIR`, `LD_LIBRARY_PATH` and `VALGRIND_LIB`; `LC_ALL` is `C`,
/// and the hash seeds of Python and Perl are 0.
///
/// Only the program itself is traced, with all its threads: not the programs that it starts, nor what a forked copy of it
/// does. A script is traced as its interpreter.
///
/// While this runs, SIGINT (Ctrl-C) and SIGTERM stop the program, remove the temporary file and end in
/// [`RecordError::Interrupted`].
///
/// # Errors
///
/// See [`RecordError`]; nothing is left behind then.
pub fn record(options: &RecordOptions, mut progress: impl FnMut(Progress)) -> Result<Recording, RecordError> {
    let name = options.command.first().ok_or(RecordError::NoCommand)?;
    if options.limit == Some(0) {
        return Err(RecordError::NoLimit);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let valgrind = locate::program("valgrind".as_ref(), &path).ok_or(RecordError::ValgrindMissing)?;
    locate::program(name, &path).ok_or_else(|| RecordError::CommandNotFound { name: name.into() })?;

    // Before there is anything to clean up.
    let interrupt = Interrupt::watch().map_err(|source| RecordError::Valgrind { source })?;
    let mut output = Output::create(options)?;
    let (tracee, pipe) = Tracee::start(&valgrind, &options.command)?;
    interrupt.stops(tracee.process());
    // It takes the pipe and closes it, so that at its end nothing can wait for a reader.
    let copied = copy(Lines::new(pipe), options, &mut output, &mut progress);
    let status = tracee.end(!matches!(copied, Ok((_, Ending::Program))))?;
    if interrupt.caught() {
        return Err(RecordError::Interrupted);
    }
    let (reached, ending) = copied?;

    progress(reached);
    if ending == Ending::Program && !status.success() {
        return Err(RecordError::CommandFailed { name: name.into(), status });
    }
    if reached.recorded == 0 {
        return Err(RecordError::NothingRecorded { name: name.into(), skipped: reached.skipped });
    }
    let file_bytes = output.finish()?;
    Ok(Recording { skipped: reached.skipped, recorded: reached.recorded, file_bytes })
}

/// Why copying came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The program ended.
    Program,
    /// All references asked for are there.
    Limit,
}

/// Copies references from valgrind's log to the trace.
fn copy(
    mut log: Lines<impl std::io::Read>,
    options: &RecordOptions,
    output: &mut Output,
    progress: &mut impl FnMut(Progress),
) -> Result<(Progress, Ending), RecordError> {
    let mut reached = Progress::default();
    loop {
        match log.next_line().map_err(|source| RecordError::Pipe { source })? {
            Found::Line(line) if line == END_MARK => return Ok((reached, Ending::Program)),
            Found::End => return Ok((reached, Ending::Program)),
            Found::Line(line) => match parse(line) {
                Ok(Line::Skipped) => continue,
                Ok(Line::Reference(_)) if reached.skipped < options.skip => reached.skipped += 1,
                Ok(Line::Reference(_)) => {
                    output.write(line)?;
                    reached.recorded += 1;
                    if Some(reached.recorded) == options.limit {
                        return Ok((reached, Ending::Limit));
                    }
                }
                Err(expected) => return Err(RecordError::Garbled { expected, found: excerpt(line) }),
            },
            Found::TooLong(beginning) => {
                return Err(RecordError::Garbled { expected: EXPECTED_LENGTH, found: excerpt(beginning) });
            }
        }
        if (reached.skipped + reached.recorded).is_multiple_of(PROGRESS_INTERVAL) {
            progress(reached);
        }
    }
}

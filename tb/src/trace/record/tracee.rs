//! The program under valgrind, and the pipe that its references come through.

use std::ffi::OsString;
use std::io::{self, PipeReader, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::thread::JoinHandle;

use shared_child::SharedChild;

use super::RecordError;

/// The last line in the pipe, written once the program has ended. The end of the pipe alone would not do: a forked copy
/// of the program that lives on holds it open.
pub(super) const END_MARK: &[u8] = b"==hashwalk== end";

const OPTIONS: [&str; 8] = [
    // Neither ~/.valgrindrc nor a file in the working directory may change what is recorded.
    "--command-line-only=yes",
    "--quiet",
    // No pipes for a debugger in /tmp, which a stopped valgrind would leave there.
    "--vgdb=no",
    "--trace-children=no",
    // A forked copy would mix its references in.
    "--child-silent-after-fork=yes",
    "--tool=lackey",
    "--basic-counts=no",
    "--trace-mem=yes",
];

/// What the program keeps of our environment. All else would move its stack, or change what it does, from shell to shell.
const KEPT: [&str; 5] = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "VALGRIND_LIB"];

/// What the program gets beyond it: one locale, and hash tables with the same order in each run.
const SET: [(&str, &str); 4] =
    [("LC_ALL", "C"), ("PYTHONHASHSEED", "0"), ("PERL_HASH_SEED", "0"), ("PERL_PERTURB_KEYS", "0")];

/// A running program.
pub(super) struct Tracee {
    child: Arc<SharedChild>,
    waiter: JoinHandle<io::Result<ExitStatus>>,
}

impl Tracee {
    /// Starts a command under valgrind and returns it with the pipe to read its log from.
    pub(super) fn start(valgrind: &Path, command: &[OsString]) -> Result<(Self, PipeReader), RecordError> {
        let start = || {
            let (reader, mut writer) = io::pipe()?;
            // Valgrind opens our end by this name. Handing the descriptor down would leave it open in the program.
            let log = format!("--log-file=/proc/{}/fd/{}", std::process::id(), writer.as_raw_fd());
            let kept = KEPT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
            let mut valgrind = Command::new(valgrind);
            valgrind.args(OPTIONS).arg(log).arg("--").args(command).env_clear().envs(kept).envs(SET);
            let child = Arc::new(SharedChild::spawn(&mut valgrind)?);
            let waiter = std::thread::spawn({
                let child = child.clone();
                move || {
                    let status = child.wait();
                    // Nobody reads it where the recording has stopped first.
                    let _ = writer.write_all(&[END_MARK, b"\n"].concat());
                    status
                }
            });
            Ok((Tracee { child, waiter }, reader))
        };
        start().map_err(|source| RecordError::Valgrind { source })
    }

    /// The process, for others to stop.
    pub(super) fn process(&self) -> Arc<SharedChild> {
        self.child.clone()
    }

    /// Waits for the program's end, and stops it first if asked to. The pipe must be closed by now.
    pub(super) fn end(self, stop: bool) -> Result<ExitStatus, RecordError> {
        let ended = || {
            if stop {
                self.child.kill()?;
            }
            self.waiter.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        ended().map_err(|source| RecordError::Valgrind { source })
    }
}

//! Why a run stopped, or never began.

use std::path::PathBuf;

use hashwalk_rtl::soc::MOST_FRAMES;
use thiserror::Error;

use crate::machine::MachineError;

/// What can go wrong.
#[derive(Debug, Error)]
pub enum SocError {
    /// A package is missing.
    #[error("{what} is missing in {folder}: run `make soc-tools`")]
    ToolsMissing {
        /// What was looked for.
        what: String,
        /// Where.
        folder: PathBuf,
    },
    /// There is no such program.
    #[error("there is no {kind} `{name}`: there is {known}")]
    Unknown {
        /// `program` or `handler`.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// Hardware walks and software refill have come to different results.
    #[error(
        "{program} under {handler} ends with {hardware} with hardware walks, and with {software} with software refill"
    )]
    Differ {
        /// The program.
        program: String,
        /// The handler.
        handler: String,
        /// What it printed, and its exit code.
        hardware: String,
        /// The same with software refill.
        software: String,
    },
    /// The configuration is of another format than the handlers.
    #[error("no handler walks tables of the format {format} under the hash {hash}")]
    NoHandler {
        /// The format.
        format: hashwalk_spec::Format,
        /// The hash.
        hash: hashwalk_spec::Hash,
    },
    /// The configuration's hardware looks at A and D.
    #[error("marks = {0} is not for the processor, whose software keeps them: use marks = software")]
    Marks(hashwalk_spec::Marking),
    /// Only one format's tables can be damaged.
    #[error("--damage is for tables of chained entries, not of the format {0}: use --handler chained_asm, for example")]
    Damage(hashwalk_spec::Format),
    /// The configuration's entries have sequence numbers.
    #[error("sequence = true is not for the processor, whose handlers take the numbers for bits that must be zero")]
    Sequence,
    /// The configuration's hits take two cycles.
    #[error(
        "hit_cycles = 2 is not for the processor, whose ports look for a hit in the next cycle: use hit_cycles = 1"
    )]
    HitCycles,
    /// The configuration's memory is too large.
    #[error("frames = {0} is not for the processor, whose memory ends at 2 GiB: use up to {most}", most = MOST_FRAMES)]
    Frames(u64),
    /// The list of software cannot be read.
    #[error("{path}: {reason}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The compiler failed.
    #[error("the compiler fails on {what}:\n{log}")]
    Compiler {
        /// What was compiled.
        what: String,
        /// The compiler's first lines.
        log: String,
    },
    /// What was compiled cannot be loaded.
    #[error("{what}: {reason}")]
    Image {
        /// The file.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// The programs do not fit.
    #[error("{0}")]
    Space(String),
    /// A file operation failed.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The configuration is not legal.
    #[error(transparent)]
    Config(#[from] hashwalk_spec::ConfigError),
    /// The hardware and the golden model disagree, or the simulation failed.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The simulation failed.
    #[error(transparent)]
    Simulation(#[from] hashwalk_sim::Error),
    /// No instruction retires any more.
    #[error("cycle {cycle}: no instruction has retired for {waited} cycles; the last stood at pc {pc:#010x} ({state})")]
    Stuck {
        /// The cycle.
        cycle: u64,
        /// For how long.
        waited: u64,
        /// Where.
        pc: u32,
        /// What was last printed and trapped.
        state: String,
    },
    /// Machine mode traps again and again.
    #[error(
        "cycle {cycle}: {traps} traps in machine mode, the last with cause {cause} at pc {pc:#010x}, mtval {value:#010x}"
    )]
    TrapLoop {
        /// The cycle.
        cycle: u64,
        /// How many, with no return to user mode between.
        traps: u32,
        /// The last one's cause.
        cause: u32,
        /// Its program counter.
        pc: u32,
        /// Its value.
        value: u32,
    },
    /// The bound on cycles is reached.
    #[error("the program has not ended after {cycles} cycles (--max-cycles); pc {pc:#010x}")]
    TooLong {
        /// The bound.
        cycles: u64,
        /// Where it was.
        pc: u32,
    },
}

/// Adds the action and the path to an I/O error.
pub(super) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> SocError {
    let path = path.to_owned();
    move |source| SocError::Io { action, path, source }
}

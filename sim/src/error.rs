//! What can go wrong, one line each.

use std::fmt;
use std::path::PathBuf;

use crate::inputs::HOLDER;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a design could not be built, loaded or run on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Verilator is in none of the places where it is looked for.
    #[error("Verilator is missing (looked in {searched}): run `make tools`")]
    VerilatorMissing {
        /// The folders, in order, separated by commas.
        searched: String,
    },

    /// Verilator is there and does not run.
    #[error("Verilator does not run ({reason}): run `make clean tools`")]
    VerilatorBroken {
        /// What the attempt said.
        reason: String,
    },

    /// The C++ compiler does not run.
    #[error(
        "the C++ compiler `{command}` does not run ({reason}): install g++ (Debian: apt-get install g++) or set CXX"
    )]
    CompilerMissing {
        /// The command, from `CXX` or `g++`.
        command: String,
        /// What the attempt said.
        reason: String,
    },

    /// Verilator rejected the design.
    #[error("Verilator rejects `{top}`:\n{log}")]
    Verilator {
        /// The top module.
        top: String,
        /// Verilator's messages.
        log: String,
    },

    /// The C++ compiler or the linker failed on generated code.
    #[error("the C++ compiler fails on {unit}:\n{log}")]
    Compiler {
        /// The unit, or "the link".
        unit: String,
        /// The compiler's messages.
        log: String,
    },

    /// A file operation failed.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was attempted, such as "write".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },

    /// The dynamic linker rejected a cached object, which is damaged or from another machine.
    #[error("cannot load {path} ({reason}): delete it and run again")]
    Load {
        /// The shared object.
        path: PathBuf,
        /// The dynamic linker's words.
        reason: String,
    },

    /// The design has no such port.
    #[error("`{top}` has no {direction} `{name}`; it has {known}")]
    NoSuchPort {
        /// The top module.
        top: String,
        /// "input" or "output".
        direction: &'static str,
        /// The name asked for.
        name: String,
        /// The names that exist, separated by commas.
        known: String,
    },

    /// A wave was asked of a model that was built without them, or its file cannot be written.
    #[error("cannot write the wave {path}: {reason}")]
    Wave {
        /// The wave file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },

    /// A check in the design failed, or the design stopped the simulation.
    #[error(transparent)]
    Failed(#[from] Failure),

    /// Something that had to happen within a bound did not.
    #[error("no progress: still waiting for {waiting_for} after {waited} cycles, in cycle {cycle}\n{state}")]
    NoProgress {
        /// The cycle at which the wait was given up, counted from the load.
        cycle: u64,
        /// The bound, in cycles.
        waited: u64,
        /// What was waited for.
        waiting_for: String,
        /// Every port with its value, one a line.
        state: String,
    },
}

/// A failed check, a `$fatal`, `$stop` or `$finish`, raised by the design itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Failure {
    /// The assertion's name, such as `one_hit`; none for a bare `$stop` and the like.
    pub check: Option<String>,
    /// The instance it is in, from the top module down, such as `mmu.tlb`; empty where unknown.
    pub instance: String,
    /// The cycle in which it failed, counted from the load.
    pub cycle: u64,
    /// The design's message.
    pub message: String,
    /// Verilog file and line, such as `tlb.v:35`; empty where unknown.
    pub location: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.check {
            Some(check) => write!(f, "check `{check}` failed in cycle {}", self.cycle)?,
            None => write!(f, "the design stopped in cycle {}", self.cycle)?,
        }
        if !self.instance.is_empty() {
            write!(f, ", in {}", self.instance)?;
        }
        write!(f, ": {}", self.message)?;
        if self.location.is_empty() { Ok(()) } else { write!(f, " [{}]", self.location) }
    }
}

impl Failure {
    /// Reads what the runtime says, `[90] %Error: tlb.v:35: Assertion failed in TOP.mmu.tlb: tlb: one_hit (tlb.rs:7)`
    /// for an assertion of hashwalk-hdl, whose message names it, or `... in TOP.mmu.tlb.one_hit: 'assert' failed.` for
    /// a labelled one.
    pub(crate) fn parse(text: &str, cycle: u64) -> Failure {
        let text = text.trim();
        let told = text.split_once("%Error: ").or_else(|| text.split_once("%Fatal: ")).map_or(text, |(_, told)| told);
        let (location, message) = split_location(told);
        let (path, message) = match message.strip_prefix("Assertion failed in ").and_then(|told| told.split_once(": "))
        {
            Some((path, message)) => (in_the_design(path), message),
            None => ("", message),
        };
        let named = message.split_once(": ").and_then(|(_, told)| told.split_once(" (")).map(|(name, _)| name);
        let labelled = || path.rsplit_once('.').filter(|_| message == "'assert' failed.");
        let (instance, check) = match (named, labelled()) {
            (Some(name), _) => (path, Some(name)),
            (None, Some((instance, label))) => (instance, Some(label)),
            (None, None) => (path, None),
        };
        Failure {
            check: check.map(str::to_owned),
            instance: instance.to_owned(),
            cycle,
            message: message.to_owned(),
            location: location.to_owned(),
        }
    }
}

/// The instance without what is around the design.
fn in_the_design(path: &str) -> &str {
    let path = path.strip_prefix("TOP.").unwrap_or(path);
    path.strip_prefix(HOLDER).and_then(|path| path.strip_prefix('.')).unwrap_or(path)
}

/// Splits `tlb.v:35: message` into its place and its message; the place is empty where there is none.
fn split_location(text: &str) -> (&str, &str) {
    let Some((place, message)) = text.split_once(": ") else { return ("", text) };
    let numbered = place.rsplit_once(':').is_some_and(|(_, line)| line.chars().all(|c| c.is_ascii_digit()));
    if numbered { (place, message) } else { ("", text) }
}

/// Adds the action and the path to an I/O error.
pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Option<String>, String, String, String) {
        let failure = Failure::parse(text, 9);
        (failure.check, failure.instance, failure.message, failure.location)
    }

    #[test]
    fn assertion_of_the_generator_is_named_by_its_message() {
        let text = "[90] %Error: tlb.v:35: Assertion failed in TOP.mmu.tlb: tlb: one_hit (rtl/src/tlb.rs:7)\n";
        let want =
            (Some("one_hit".into()), "mmu.tlb".into(), "tlb: one_hit (rtl/src/tlb.rs:7)".into(), "tlb.v:35".into());
        assert_eq!(parts(text), want);
    }

    #[test]
    fn labelled_assertion_is_named_by_its_label() {
        let text = "[0] %Error: tlb.v:35: Assertion failed in TOP.mmu.one_hit: 'assert' failed.\n";
        assert_eq!(parts(text), (Some("one_hit".into()), "mmu".into(), "'assert' failed.".into(), "tlb.v:35".into()));
    }

    #[test]
    fn bare_stop_has_a_place_only() {
        assert_eq!(parts("fsm.v:5: $stop"), (None, String::new(), "$stop".into(), "fsm.v:5".into()));
    }
}

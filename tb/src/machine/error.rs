//! What can go wrong on the bench.

use hashwalk_model::coherence::Mismatch;
use hashwalk_spec::Request;
use thiserror::Error;

/// Why the machine stopped.
#[derive(Debug, Error)]
pub enum MachineError {
    /// The hardware's answer is none that the golden model allows.
    #[error("cycle {cycle}: mismatch on {request:?}: {mismatch}")]
    Mismatch {
        /// The cycle of the answer.
        cycle: u64,
        /// What had been asked.
        request: Request,
        /// What was allowed, and what came.
        mismatch: Box<Mismatch>,
    },
    /// The hardware broke the rules of a port.
    #[error("cycle {cycle}: the hardware {what} (walks: {state})")]
    Protocol {
        /// The cycle.
        cycle: u64,
        /// What it did.
        what: String,
        /// What each walk did.
        state: String,
    },
    /// The hardware hangs.
    #[error("cycle {cycle}: no answer to {request:?} after {waited} cycles (walks: {state})")]
    NoProgress {
        /// The cycle.
        cycle: u64,
        /// Cycles since the request was accepted.
        waited: u64,
        /// What had been asked.
        request: Request,
        /// What each walk did.
        state: String,
    },
    /// The simulation itself failed: an assertion in the Verilog, a missing port, a wave that cannot be written.
    #[error(transparent)]
    Simulation(#[from] hashwalk_sim::Error),
}

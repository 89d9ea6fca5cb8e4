//! What a program costs under a handler, with hardware walks and with software refill.

use serde::{Deserialize, Serialize};

use super::super::{Handler, RunOutcome};

/// A line of the CSV file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The program.
    pub program: String,
    /// The handler.
    pub handler: String,
    /// The table's format.
    pub format: String,
    /// The table's hash.
    pub table_hash: String,
    /// Cycles from the acceptance of a read to its data.
    pub memory_latency: u32,
    /// Instructions in user mode.
    pub user_instructions: u64,
    /// Walks of the hardware for each thousand of them.
    pub misses_per_thousand: f64,
    /// Cycles of the program with hardware walks.
    pub hardware_cycles: u64,
    /// The same with software refill.
    pub software_cycles: u64,
    /// The second over the first.
    pub ratio: f64,
    /// Walks of the hardware.
    pub walks: u64,
    /// Cycles from a lookup that walks to its answer.
    pub cycles_a_walk: f64,
    /// Reads of the table for each walk.
    pub reads_a_walk: f64,
    /// Share of the cycles in which an access waits for a walk.
    pub hardware_share: f64,
    /// Misses that the handler has served.
    pub misses: u64,
    /// Cycles from the trap to the answer to the access that is made again.
    pub cycles_a_miss: f64,
    /// Of these, before the handler's first instruction.
    pub trap: f64,
    /// Saving registers and reading what missed.
    pub entry: f64,
    /// The hash.
    pub hash: f64,
    /// Loads of the table, and what is done with them.
    pub loads: f64,
    /// Writing the PTE to the refill register.
    pub refill: f64,
    /// Restoring registers and returning.
    #[serde(rename = "return")]
    pub returning: f64,
    /// From the return to the answer.
    pub replay: f64,
    /// Share of the cycles in the handler.
    pub software_share: f64,
    /// Misses that went on as page faults, or were interrupted.
    pub page_faults: u64,
    /// Share of the cycles in these.
    pub page_fault_share: f64,
}

impl Row {
    pub(super) fn new(handler: &Handler, hardware: &RunOutcome, software: &RunOutcome) -> Row {
        let (of_hardware, of_software) = (&hardware.counts, &software.counts);
        let served = &of_software.software;
        let phase = |name: &str| {
            let cycles = served.phases.iter().find(|phase| phase.phase == name).map_or(0, |phase| phase.cycles);
            per(cycles, served.misses)
        };
        Row {
            program: software.program.clone(),
            handler: handler.name.clone(),
            format: handler.format.to_string(),
            table_hash: handler.hash.to_string(),
            memory_latency: software.memory_latency,
            user_instructions: of_hardware.user_instructions,
            misses_per_thousand: per(1000 * of_hardware.walks, of_hardware.user_instructions),
            hardware_cycles: of_hardware.cycles,
            software_cycles: of_software.cycles,
            ratio: per(of_software.cycles, of_hardware.cycles),
            walks: of_hardware.walks,
            cycles_a_walk: per(of_hardware.walk_cycles, of_hardware.walks),
            reads_a_walk: per(of_hardware.table_reads, of_hardware.walks),
            hardware_share: per(of_hardware.waiting_cycles, of_hardware.cycles),
            misses: served.misses,
            cycles_a_miss: per(served.cycles, served.misses),
            trap: phase("trap"),
            entry: phase("entry"),
            hash: phase("hash"),
            loads: phase("loads"),
            refill: phase("refill"),
            returning: phase("return"),
            replay: phase("replay"),
            software_share: per(served.cycles, of_software.cycles),
            page_faults: served.left,
            page_fault_share: per(served.left_cycles, of_software.cycles),
        }
    }
}

/// With as many digits as mean something, so that the file can be read.
fn per(sum: u64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { (10_000.0 * sum as f64 / count as f64).round() / 10_000.0 }
}

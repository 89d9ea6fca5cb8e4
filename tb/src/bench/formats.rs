//! One trace over the walkers of all formats, side by side.

use std::path::Path;

use anyhow::{Result, bail};
use hashwalk_spec::{Config, Format, Settings};
use serde::Serialize;

use super::by_hardware;
use crate::device::Device;
use crate::replay_trace::{replay, trace_name};
use crate::report::WalkCycles;

/// What the walker of one format takes on a trace.
#[derive(Clone, Debug, Serialize)]
pub struct FormatBench {
    /// The format.
    pub format: Format,
    /// Bits of the memory port: as wide as an element.
    pub bus_bits: u32,
    /// The trace.
    pub trace: String,
    /// Cycles from the acceptance of a read to its first beat.
    pub memory_latency: u32,
    /// Walks, which are the misses of the first level.
    pub walks: u64,
    /// Elements read, for each walk.
    pub reads_per_walk: f64,
    /// Cycles from the request to the checked answer.
    pub walk_cycles: WalkCycles,
    /// Cycles of the whole trace for each reference.
    pub cycles_per_reference: f64,
}

/// The configuration with another format, the widest memory port that it can use, and no second level, so that every
/// miss is a walk.
fn with_format(config: &Config, format: Format) -> Result<Config> {
    let bus_bits = 8 * format.element_bytes() as u32;
    let name = format!("bench_{format}");
    Ok(Config::new(Settings { name, format, bus_bits, l2_entries: 0, ..config.settings().clone() })?)
}

/// Replays a trace with the walker of each format, in hardware of otherwise the same configuration.
///
/// # Errors
/// A design cannot be built, the trace cannot be read or does not fit, or the hardware broke the contract.
pub fn formats(config: &Config, trace: &Path, memory_latency: u32, quiet: bool) -> Result<Vec<FormatBench>> {
    let measure = |format| {
        let config = with_format(config, format)?;
        let options = by_hardware(&config, trace, memory_latency);
        let run = replay(&Device::build(&config, false)?, &options, quiet)?;
        if let Some(failure) = run.failure {
            bail!("{format}: {failure}");
        }
        Ok(FormatBench {
            format,
            bus_bits: config.bus_bits(),
            trace: trace_name(trace),
            memory_latency,
            walks: run.walks,
            reads_per_walk: run.memory_reads_per_walk,
            walk_cycles: run.walk_cycles,
            cycles_per_reference: run.cycles as f64 / run.references.max(1) as f64,
        })
    };
    Format::ALL.into_iter().map(measure).collect()
}

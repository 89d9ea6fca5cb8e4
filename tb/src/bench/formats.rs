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
    /// Links that the walk cache of a radix tree keeps, 0 if there is none.
    pub walk_cache_entries: u32,
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

impl FormatBench {
    /// The walker, in words.
    #[must_use]
    pub fn walker(&self) -> String {
        match (self.format, self.walk_cache_entries) {
            (Format::Radix, 0) => "radix, no walk cache".into(),
            (Format::Radix, entries) => format!("radix, walk cache of {entries}"),
            (format, _) => format.to_string(),
        }
    }
}

/// The configurations that are set side by side: every format, and a radix tree without a walk cache.
fn side_by_side(config: &Config) -> Result<Vec<Config>> {
    let caches = [config.settings().walk_cache_entries, 0];
    let mut all = Vec::new();
    for format in Format::ALL {
        let caches = if format == Format::Radix { &caches[..] } else { &caches[..1] };
        for entries in caches {
            all.push(with_format(config, format, *entries)?);
        }
    }
    Ok(all)
}

/// The configuration with another format and walk cache, the widest memory port that it can use, and no second level,
/// so that every miss is a walk.
fn with_format(config: &Config, format: Format, walk_cache_entries: u32) -> Result<Config> {
    let bus_bits = 8 * format.element_bytes() as u32;
    let name = format!("bench_{format}_{walk_cache_entries}");
    let settings = config.settings().clone();
    Ok(Config::new(Settings { name, format, bus_bits, walk_cache_entries, l2_entries: 0, ..settings })?)
}

/// Replays a trace with the walker of each format, in hardware of otherwise the same configuration.
///
/// # Errors
/// A design cannot be built, the trace cannot be read or does not fit, or the hardware broke the contract.
pub fn formats(config: &Config, trace: &Path, memory_latency: u32, quiet: bool) -> Result<Vec<FormatBench>> {
    let measure = |config: Config| {
        let format = config.format();
        let options = by_hardware(&config, trace, memory_latency);
        let run = replay(&Device::build(&config, false)?, &options, quiet)?;
        if let Some(failure) = run.failure {
            bail!("{format}: {failure}");
        }
        Ok(FormatBench {
            format,
            walk_cache_entries: config.walk_cache_entries(),
            bus_bits: config.bus_bits(),
            trace: trace_name(trace),
            memory_latency,
            walks: run.walks,
            reads_per_walk: run.memory_reads_per_walk,
            walk_cycles: run.walk_cycles,
            cycles_per_reference: run.cycles as f64 / run.references.max(1) as f64,
        })
    };
    side_by_side(config)?.into_iter().map(measure).collect()
}

//! A bench for directed tests.
//!
//! | file | holds |
//! | ---- | ----- |
//! | `bench.rs` | all ports in the test's hands, and a monitor of docs/spec.md, section 9 |
//! | `table.rs` | writing the page table by hand |
//! | `memory.rs` | memory with exact latency, waits, gaps and errors |
//! | `nodes.rs` | machines whose table has links by address |
//! | `page.rs` | pages, requests and entries in plain numbers |
//! | `ports.rs` | the ports by name |
//! | `soak.rs` | a long random run, with the scoreboard in place of the monitor |
//! | `icarus.rs` | a recorded run once more, in Icarus with unknown bits |

#![allow(dead_code, unused_imports, reason = "each test file uses its own part of this")]

mod bench;
pub mod icarus;
mod memory;
pub mod nodes;
mod page;
mod ports;
pub mod soak;
mod table;

use std::sync::Mutex;

use hashwalk::check::default_configs;
use hashwalk::device::Device;
use hashwalk_sim::Dut;
use hashwalk_spec::Config;

pub use bench::{Answered, Bench, Named, Seen};
pub use memory::{Memory, Sample};
pub use page::*;
pub use table::Table;

/// Chained entries, 4 slots, 64-bit bus, keyed hash, 16 steps.
pub fn tiny() -> Config {
    named("tiny")
}

/// Chained entries, 5 slots, 128-bit bus, fold hash, 2 steps.
pub fn odd() -> Config {
    named("chained_odd")
}

/// Chained entries, 32 slots, 256-bit bus, keyed hash, 64 steps.
pub fn default() -> Config {
    named("chained")
}

/// As [`default`], with two cycles a hit.
pub fn two_cycles() -> Config {
    named("two_cycles")
}

/// Chained entries: all four.
pub fn chained_configs() -> [Config; 4] {
    [tiny(), odd(), default(), two_cycles()]
}

/// These, and lines, 32 slots, 512-bit bus, keyed hash, 64 steps, and a predictor.
pub fn configs() -> Vec<Config> {
    chained_configs().into_iter().chain([named("line")]).collect()
}

/// All of them, and lines with a second level of the TLB, with one cycle a hit and with two: for what holds in whichever cycle
/// it happens.
pub fn configs_and_l2() -> Vec<Config> {
    configs().into_iter().chain(["line_l2", "two_cycles_l2"].map(named)).collect()
}

/// The cycle in which a second level of the TLB answers, by the page size's code.
pub fn l2_cycles(config: &Config) -> [u32; 3] {
    [3, 4, 4].map(|cycles| cycles + 3 * stage(config) as u32)
}

/// The cycle in which a hit is answered, and a miss known.
pub fn hit_cycle(config: &Config) -> u64 {
    config.hit_cycles().into()
}

/// What each stage costs that two hit cycles bring with them (docs/timing.md, "Two hit cycles"): a cycle, or without them none.
pub fn stage(config: &Config) -> u64 {
    hit_cycle(config) - 1
}

/// The cycle in which a walk's first request stands at the memory port.
pub fn request_cycle(config: &Config) -> u64 {
    hit_cycle(config) + 1 + stage(config)
}

/// Cycles from the acceptance of a request at the memory port to the one in which what was read is judged.
pub fn judged_after(config: &Config, latency: u64) -> u64 {
    latency + u64::from(config.beats()) + 2 * stage(config)
}

/// The cycle in which a walk is answered whose first probe finds the page.
pub fn walk_cycle(config: &Config, latency: u64) -> u64 {
    request_cycle(config) + judged_after(config, latency) + answer_after(config)
}

/// Cycles of each further probe along a chain.
pub fn probe_cycles(config: &Config, latency: u64) -> u64 {
    judged_after(config, latency) + 1
}

/// Cycles of each further search.
pub fn search_cycles(config: &Config, latency: u64) -> u64 {
    judged_after(config, latency) + 2 + stage(config)
}

/// Cycles from the one in which an outcome is judged, or weighed, to its answer.
pub fn answer_after(config: &Config) -> u64 {
    1 + stage(config)
}

/// The cycle in which software is asked.
pub fn ask_cycle(config: &Config) -> u64 {
    hit_cycle(config) + 2 + stage(config)
}

/// The cycle in which an invalidation is done where there is no second level.
pub fn done_cycle(config: &Config) -> u64 {
    hit_cycle(config) + 2
}

/// Cycles from the acceptance of an invalidation to that of the next, where there is no second level.
pub fn between_invalidations(config: &Config) -> u64 {
    2 + stage(config)
}

/// The cycle in which something is judged or answered that may be from `cycle` on: nothing is while an invalidation takes
/// effect, which lasts a cycle more with two hit cycles.
pub fn held_up(config: &Config, cycle: u64, takes_effect: impl Fn(u64) -> bool) -> u64 {
    let is_quiet = |cycle: &u64| !(cycle.saturating_sub(stage(config))..=*cycle).any(&takes_effect);
    (cycle..).find(is_quiet).expect("an invalidation takes effect for a time")
}

/// Cycles after an answer of software's that counts for nothing in which nothing is asked.
pub fn silent_cycles(config: &Config) -> u64 {
    2 + 2 * stage(config)
}

/// Cycles from the acceptance of software's answer to the request's.
pub fn refill_cycles(config: &Config) -> u64 {
    1 + stage(config) + answer_after(config)
}

/// Cycles from one late answer to the next, if both come from one walk.
pub fn between_shared(config: &Config) -> u64 {
    1 + stage(config)
}

/// Those of every format that `hashwalk check` goes through.
pub fn all_configs() -> Vec<Config> {
    default_configs()
}

/// The configuration of this name.
pub fn named(name: &str) -> Config {
    default_configs().into_iter().find(|config| config.name() == name).expect("a configuration of that name")
}

/// A new device; each configuration is Verilated once in a process, and kept on disk.
pub fn dut(config: &Config) -> Dut {
    static DEVICES: Mutex<Vec<(Config, Device)>> = Mutex::new(Vec::new());
    let mut devices = DEVICES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let known = devices.iter().position(|(known, _)| known == config).unwrap_or_else(|| {
        devices.push((config.clone(), Device::build(config, false).expect("the design is Verilated")));
        devices.len() - 1
    });
    devices[known].1.load().expect("the device is loaded")
}

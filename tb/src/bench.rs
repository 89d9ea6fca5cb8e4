//! `hashwalk bench`: cycles of hits and walks, the formats side by side, and the speed of the simulation.

mod formats;

pub use formats::{FormatBench, formats};

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use hashwalk_model::os::Os;
use hashwalk_model::walk::walk;
use hashwalk_model::{Mapping, PageTable, Walkable};
use hashwalk_spec::{Access, Asid, Config, Invalidation, PageSize, Pfn, Request, Rights, Search, Vpn};
use serde::Serialize;

use crate::device::Device;
use crate::machine::{Drive, HandlerCost, Machine, MemoryTiming};
use crate::replay_trace::{ReplayOptions, references, replay, requests};
use crate::report::RefillMode;

/// What walks and hits take at one memory latency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WalkBench {
    /// Cycles from the acceptance of a read to its first beat.
    pub memory_latency: u32,
    /// Cycles from a miss, as it is presented, to its answer, where the first probe finds it.
    pub first_probe_cycles: u32,
    /// The same where the second probe does.
    pub second_probe_cycles: u32,
    /// Cycles from a request that hits to its answer.
    pub hit_cycles: u32,
    /// Hits answered in a cycle, over many.
    pub hits_per_cycle: f64,
    /// The same while the walk of another request is under way.
    pub hits_per_cycle_under_a_walk: f64,
    /// As many misses as there are walks, one presented in each cycle, each found by its first probe.
    pub misses: u32,
    /// Cycles from the first of them, as it is presented, to the answer that is the last.
    pub misses_cycles: u32,
}

const ASID: Asid = Asid::truncate(1);
/// Hits over which the rate is taken.
const HITS: u32 = 10_000;

fn read(vpn: Vpn) -> Request {
    Request { asid: ASID, vpn, access: Access::Read, user: false }
}

/// Measures walks and hits on a new device.
///
/// # Errors
/// The hardware broke the contract, or no two pages share a chain.
pub fn walks(device: &Device, config: &Config, memory_latency: u32) -> Result<WalkBench> {
    let mut os = Os::new(config, 1);
    os.set_search_enable(Search::ENABLE_ALL);
    let (first, second) = pages_by_probes(&mut os)?;
    let apart = pages_apart(&mut os, config.walks() as usize)?;
    let mut machine = Machine::new(device.load()?, config, os, MemoryTiming::fixed(memory_latency))?;
    let first_walk = machine.ask(read(first))?;
    // What a walk has asked for and not needed comes first, and would keep the next one waiting on a narrow bus.
    for _ in 0..config.ways() * config.beats() {
        machine.cycle(Drive::default())?;
    }
    let second_walk = machine.ask(read(second))?;
    let hit = machine.ask(read(second))?;
    if (first_walk.level, second_walk.level, hit.level) != (0, 0, 1) {
        bail!("expected two walks and a hit, not {first_walk:?}, {second_walk:?}, {hit:?}");
    }
    let pages = [first, second];
    let (mut answered, mut presented, begin) = (0, 0, machine.now());
    while answered < HITS {
        let lookup = (presented < HITS).then(|| read(pages[presented as usize % pages.len()]));
        let events = machine.cycle(Drive { lookup, invalidate: None })?;
        presented += u32::from(events.lookup_accepted);
        answered += u32::from(events.hit.is_some());
    }
    // The first answer comes a cycle after its request; from there on it is one a cycle at best.
    let cycles = machine.now() - begin - 1;
    let hits_per_cycle_under_a_walk = hits_under_a_walk(&mut machine, first, apart[0])?;
    machine.invalidate(Invalidation::All)?;
    Ok(WalkBench {
        memory_latency,
        hits_per_cycle_under_a_walk,
        misses: config.walks(),
        misses_cycles: misses_at_once(&mut machine, &apart)?,
        first_probe_cycles: first_walk.cycles,
        second_probe_cycles: second_walk.cycles,
        hit_cycles: hit.cycles,
        hits_per_cycle: f64::from(HITS) / cycles as f64,
    })
}

/// Hits of a page in each cycle in which another one is walked for, from the first hit that may come on.
fn hits_under_a_walk(machine: &mut Machine, hit: Vpn, walked: Vpn) -> Result<f64> {
    machine.ask(read(hit))?;
    while !machine.cycle(Drive { lookup: Some(read(walked)), invalidate: None })?.lookup_accepted {}
    let first = machine.now() + u64::from(machine.config().hit_cycles());
    let mut hits = 0;
    loop {
        let now = machine.now();
        let events = machine.cycle(Drive { lookup: Some(read(hit)), invalidate: None })?;
        hits += u32::from(events.hit.is_some_and(|answered| answered.request.vpn == hit));
        if events.late.is_some() {
            while machine.is_waiting() {
                machine.cycle(Drive::default())?;
            }
            return Ok(f64::from(hits) / (now + 1 - first) as f64);
        }
    }
}

/// Asks for all pages, one in each cycle that takes one; returns the cycles until the last is answered.
fn misses_at_once(machine: &mut Machine, pages: &[Vpn]) -> Result<u32> {
    let begin = machine.now();
    let (mut presented, mut answered) = (0, 0);
    loop {
        let now = machine.now();
        let events = machine.cycle(Drive { lookup: pages.get(presented).copied().map(read), invalidate: None })?;
        presented += usize::from(events.lookup_accepted);
        for answer in events.into_answers() {
            if (answer.level, answer.shared) != (0, false) {
                bail!("expected a walk, not {answer:?}");
            }
            answered += 1;
        }
        if answered == pages.len() {
            return Ok((now - begin) as u32);
        }
    }
}

/// Maps pages that share no element and no larger page, each found by the first probe.
fn pages_apart(os: &mut Os, count: usize) -> Result<Vec<Vpn>> {
    let vpns = || (1..=4 * count as u64).map(|n| Vpn::truncate(n << PageSize::Huge.vpn_offset_bits()));
    for vpn in vpns() {
        let mapping = Mapping::new(ASID, vpn, PageSize::Small, Pfn::truncate(vpn.get()), Rights::ALL);
        let (table, ram) = os.table_mut();
        table.insert(ram, mapping).context("while filling the table")?;
    }
    let context = os.walk_context();
    let apart: Vec<Vpn> =
        vpns().filter(|vpn| walk(os.memory(), &context, read(*vpn)).probes == 1).take(count).collect();
    match apart.len() == count {
        true => Ok(apart),
        false => bail!("of {} pages only {} are found by the first probe of a walk", 4 * count, apart.len()),
    }
}

/// Maps pages side by side until one is found by the first probe and one by the second.
fn pages_by_probes(os: &mut Os) -> Result<(Vpn, Vpn)> {
    let pages = 4 * os.table().layout().elements();
    let vpn = |page| Vpn::truncate(0x1000 + page);
    for page in 0..pages {
        let mapping = Mapping::new(ASID, vpn(page), PageSize::Small, Pfn::truncate(page), Rights::ALL);
        let (table, ram) = os.table_mut();
        table.insert(ram, mapping).context("while filling the table")?;
        let context = os.walk_context();
        let probes = |page: &u64| walk(os.memory(), &context, read(vpn(*page))).probes;
        // An insertion may move other pages' lines, so the first is looked for when the second is found.
        if probes(&page) == 2
            && let Some(first) = (0..page).find(|page| probes(page) == 1)
        {
            return Ok((vpn(first), vpn(page)));
        }
    }
    bail!("none of {pages} pages is found by the second probe of a walk")
}

/// The whole trace with hardware walks.
fn by_hardware(config: &Config, trace: &Path, memory_latency: u32) -> ReplayOptions {
    ReplayOptions {
        trace: trace.into(),
        config: config.clone(),
        refill: RefillMode::Hardware,
        memory_latency,
        limit: None,
        seed: 1,
        in_flight: 1,
        handler: HandlerCost::IBEX,
        wave: None,
    }
}

/// How fast a trace is simulated and checked, and where the time goes.
#[derive(Clone, Debug, Serialize)]
pub struct SimBench {
    /// The trace.
    pub trace: String,
    /// References in it.
    pub references: u64,
    /// Cycles from the acceptance of a read to its first beat.
    pub memory_latency: u32,
    /// References replayed and checked in a second.
    pub references_per_second: f64,
    /// Nanoseconds a reference, all in all.
    pub total_ns: f64,
    /// Beside that, in a thread of its own: reading and decompressing the trace, measured alone.
    pub trace_ns: f64,
    /// Of that: the golden walk of every translation, measured alone.
    pub golden_ns: f64,
    /// Of that: the Verilated design, measured alone on as many lookups that change in every cycle.
    pub verilated_ns: f64,
}

/// Replays a trace with hardware walks, and measures its parts one by one.
///
/// # Errors
/// The trace cannot be read, or the hardware broke the contract.
pub fn simulation(device: &Device, config: &Config, trace: &Path, memory_latency: u32) -> Result<SimBench> {
    let options = by_hardware(config, trace, memory_latency);
    let run = replay(device, &options, true)?;
    if let Some(failure) = run.failure {
        bail!(failure);
    }
    let per_reference = |seconds: f64| seconds * 1e9 / run.references as f64;

    let begin = Instant::now();
    let mut all: Vec<Request> = Vec::with_capacity(run.translations as usize);
    for reference in references(trace, None)? {
        all.extend(requests(reference?, ASID));
    }
    let trace_ns = per_reference(begin.elapsed().as_secs_f64());

    let mut os = Os::new(config, 1);
    os.set_search_enable(Search::ENABLE_SMALL_ONLY);
    for request in &all {
        let mapping = Mapping::new(ASID, request.vpn, PageSize::Small, Pfn::default(), Rights::ALL);
        // Only the first touch of a page enters it.
        let (table, ram) = os.table_mut();
        let _ = table.insert(ram, mapping);
    }
    let begin = Instant::now();
    let context = os.walk_context();
    let probes: u64 = all.iter().map(|request| u64::from(walk(os.memory(), &context, *request).probes)).sum();
    let golden_ns = per_reference(begin.elapsed().as_secs_f64());
    if probes < all.len() as u64 {
        bail!("the golden walks read too little: {probes} entries");
    }

    let mut dut = device.load()?;
    dut.reset(2)?;
    let (valid, vpn) = (dut.input("lookup_valid")?, dut.input("lookup_vpn")?);
    dut.set(valid, 1);
    let begin = Instant::now();
    for request in &all {
        dut.set(vpn, request.vpn.get());
        dut.cycle()?;
    }
    let verilated_ns = per_reference(begin.elapsed().as_secs_f64());
    Ok(SimBench {
        trace: crate::replay_trace::trace_name(trace),
        references: run.references,
        memory_latency,
        references_per_second: run.references_per_second,
        total_ns: per_reference(run.seconds),
        trace_ns,
        golden_ns,
        verilated_ns,
    })
}

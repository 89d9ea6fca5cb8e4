//! Processes that take turns on one CPU: misses after each switch, with TLB entries that carry ASIDs and without.
//!
//! Each process has pages of its own, under the same VPNs as the others have, and goes on where it stopped. All pages
//! are in memory and marked before anything is counted, so that a walk is a TLB miss and nothing else. One access in
//! four is a store, and every load must return what this process stored.

mod shown;

use anyhow::Result;
use hashwalk_model::Tagging;
use hashwalk_model::os::Platform;
use hashwalk_spec::{Asid, Vpn};
use serde::Serialize;

use crate::explore::context::{Context, TLB_ENTRIES};
use crate::explore::watched::{Machine, READ_CYCLES, Watched};

pub use shown::{figures, plot};

/// Entries carry ASIDs.
pub const TAGGED: &str = "ASID";
/// A switch forgets.
pub const UNTAGGED: &str = "none";

const FIRST_VPN: u64 = 0x1_0000;
const PROCESSES: [u64; 4] = [2, 4, 8, 32];
const QUANTA: [usize; 7] = [16, 64, 256, 1024, 4096, 16_384, 65_536];
/// A quick run takes no longer ones.
const QUICK_QUANTA: usize = 4;
/// Turns of each process that are counted.
const ROUNDS: usize = 2;

/// What a process uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Its pages, one after the other.
    Loop,
    /// A page of rank r with a weight of 1/r.
    Zipf,
}

/// The pages with weights.
const ZIPF: &str = "16, zipf";
/// How it is used, by how many pages.
const USES: [(&str, Use, usize); 4] =
    [("8, loop", Use::Loop, 8), ("16, loop", Use::Loop, 16), ("48, loop", Use::Loop, 48), (ZIPF, Use::Zipf, 16)];

/// Processes with a quantum.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What TLB entries carry.
    pub tagging: &'static str,
    /// Processes that take turns.
    pub processes: u64,
    /// What each uses.
    pub pages: &'static str,
    /// How many pages those are.
    pub pages_each: usize,
    /// Accesses between two switches.
    pub quantum: usize,
    /// Whether the pages of all processes fit into the TLB.
    pub fits_tlb: bool,
    /// TLB misses in a quantum.
    pub misses_a_switch: f64,
    /// Reads of their walks.
    pub walk_reads_a_switch: f64,
    /// Their cycles.
    pub walk_cycles_a_switch: f64,
    /// All cycles for each access, with one for the access.
    pub cycles_an_access: f64,
}

/// Measures all.
///
/// # Errors
/// A process cannot go on, or reads what another has stored.
pub fn measure(context: &Context) -> Result<Vec<Row>> {
    let quanta = &QUANTA[..context.size(QUANTA.len(), QUICK_QUANTA)];
    let mut rows = Vec::new();
    let all = 2 * PROCESSES.len() * USES.len() * quanta.len();
    for tagging in [Tagging::Asid, Tagging::None] {
        for processes in PROCESSES {
            for kind in USES {
                for quantum in quanta {
                    context.progress(rows.len(), all);
                    rows.push(take_turns(context, tagging, processes, kind, *quantum)?);
                }
            }
        }
    }
    Ok(rows)
}

fn take_turns(
    context: &Context,
    tagging: Tagging,
    processes: u64,
    (name, kind, pages): (&'static str, Use, usize),
    quantum: usize,
) -> Result<Row> {
    let frames = processes * pages as u64;
    let machine = Machine { frames, mappings: frames, cpus: 1, tagging, platform: Platform::default() };
    let mut watched = Watched::new(&machine, context.key())?;
    let vpn = |page: usize| Vpn::truncate(FIRST_VPN + page as u64);
    let mut asids: Vec<Asid> = Vec::new();
    for _ in 0..processes {
        asids.push(watched.spawn(0, &[(vpn(0), pages as u64)])?);
        (0..pages).try_for_each(|page| watched.store(0, vpn(page)))?;
    }
    let weights: Vec<f64> = (1..=pages).map(|rank| 1.0 / rank as f64).collect();
    let sum: f64 = weights.iter().sum();
    let mut random = context.random(10);
    let mut turn = |watched: &mut Watched, asid: Asid, first: usize| -> Result<()> {
        watched.system.switch(0, asid)?;
        (first..first + quantum).try_for_each(|i| {
            let page = match kind {
                Use::Loop => i % pages,
                Use::Zipf => {
                    let mut left = random.f64() * sum;
                    let place = weights.iter().position(|weight| {
                        left -= weight;
                        left < 0.0
                    });
                    place.unwrap_or(pages - 1)
                }
            };
            // Not every fourth: that would be the same pages each time around.
            if random.u8(..4) == 0 { watched.store(0, vpn(page)) } else { watched.load(0, vpn(page)) }
        })
    };
    asids.iter().try_for_each(|asid| turn(&mut watched, *asid, 0))?;
    let traffic = watched.count(|watched| {
        (1..=ROUNDS).try_for_each(|round| asids.iter().try_for_each(|asid| turn(watched, *asid, round * quantum)))
    })?;
    let switches = (ROUNDS as u64 * processes) as f64;
    let walk_cycles = traffic.walk_reads * READ_CYCLES;
    Ok(Row {
        tagging: if tagging == Tagging::Asid { TAGGED } else { UNTAGGED },
        processes,
        pages: name,
        pages_each: pages,
        quantum,
        fits_tlb: processes as usize * pages <= TLB_ENTRIES,
        misses_a_switch: traffic.walks as f64 / switches,
        walk_reads_a_switch: traffic.walk_reads as f64 / switches,
        walk_cycles_a_switch: walk_cycles as f64 / switches,
        cycles_an_access: 1.0 + walk_cycles as f64 / traffic.accesses as f64,
    })
}

impl Row {
    /// The same without ASIDs.
    fn untagged<'a>(&self, rows: &'a [Row]) -> Option<&'a Row> {
        let what = |row: &Row| (row.processes, row.pages, row.quantum);
        rows.iter().find(|row| row.tagging == UNTAGGED && what(row) == what(self))
    }
}

/// The largest part of the misses that ASIDs save where the pages of all processes do not fit into the TLB. It is small:
/// when processes take turns, LRU drops the entries of the one whose turn is next.
#[must_use]
pub fn most_saved_beyond_tlb(rows: &[Row]) -> f64 {
    let beyond = rows.iter().filter(|row| row.tagging == TAGGED && !row.fits_tlb);
    let saved = beyond.filter_map(|row| Some(1.0 - row.misses_a_switch / row.untagged(rows)?.misses_a_switch));
    saved.fold(0.0, f64::max)
}

//! One copy-on-write fault in the six steps of the seed, and what it takes with more CPUs.
//!
//! All CPUs but the first are in the child and have loaded its pages, so that each TLB holds what must be forgotten.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use hashwalk_model::os::Platform;
use hashwalk_model::{Mapping, PageTable, Tagging};
use hashwalk_spec::Vpn;
use hashwalk_spec::address::FRAME_BYTES;
use serde::Serialize;

use crate::explore::context::Context;
use crate::explore::output::Figures;
use crate::explore::plot::{Axis, LinePlot, Series, Style};
use crate::explore::watched::{Machine, Watched};

const FIRST_VPN: u64 = 0x1_0000;
/// Pages that are stored to; every TLB holds all of them.
const PAGES: u64 = 16;
/// CPUs in the table of one fault.
const CPUS_OF_ONE: usize = 4;

/// A step of the seed.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    step: &'static str,
    what: &'static str,
    count: u64,
}

/// A machine with this many CPUs.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// CPUs.
    pub cpus: usize,
    /// Pages copied.
    pub copies: u64,
    /// Shootdowns that they took.
    pub shootdowns: u64,
    /// Invalidations that each CPU was asked for.
    pub invalidations: u64,
    /// Acknowledgements awaited.
    pub acknowledgements: u64,
    /// For each copy.
    pub acknowledgements_a_copy: f64,
    /// TLB entries that were there to be dropped, for each copy.
    pub dropped_a_copy: f64,
    /// Acknowledgements that the fork itself awaited: one round, however many pages.
    pub fork_acknowledgements: u64,
}

/// A parent on CPU 0, and a child on all others (on CPU 0 too if there is no other), which has loaded all pages.
fn family(context: &Context, cpus: usize) -> Result<(Watched, Vec<Vpn>, u64)> {
    let platform = Platform::default();
    let machine = Machine { frames: 2 * PAGES + 1, mappings: 2 * PAGES, cpus, tagging: Tagging::Asid, platform };
    let mut watched = Watched::new(&machine, context.key())?;
    let vpns: Vec<Vpn> = (0..PAGES).map(|page| Vpn::truncate(FIRST_VPN + page)).collect();
    watched.spawn(0, &[(vpns[0], PAGES)])?;
    vpns.iter().try_for_each(|vpn| watched.store(0, *vpn))?;
    let before = watched.system.traffic().acknowledgements;
    let child = watched.fork(0)?;
    let fork_acknowledgements = watched.system.traffic().acknowledgements - before;
    for cpu in cpus.min(2) - 1..cpus {
        watched.system.switch(cpu, child)?;
        vpns.iter().try_for_each(|vpn| watched.load(cpu, *vpn))?;
    }
    Ok((watched, vpns, fork_acknowledgements))
}

/// What each step of one fault did.
///
/// # Errors
/// The model is wrong, or the page is not there.
pub fn one_fault(context: &Context) -> Result<Vec<Step>> {
    let (mut watched, vpns, _) = family(context, CPUS_OF_ONE)?;
    let storer = CPUS_OF_ONE - 1;
    let asid = watched.system.current(storer);
    let os = watched.system.os();
    let shared = os.table().lookup(os.ram(), asid, vpns[0])?.mapping.context("the child's page is in memory")?;
    let entries = os.table().mappings(os.ram())?;
    let (copies, free) = (os.counts().copies, os.frames().free());
    let sharers = os.frames().references(shared.pfn).unwrap_or(0);
    let traffic = watched.count(|watched| watched.store(storer, vpns[0]))?;
    let os = watched.system.os();
    let after = os.table().mappings(os.ram())?;
    let changed: Vec<&Mapping> = after.iter().filter(|mapping| !entries.contains(mapping)).collect();
    // This machine serves one fault at a time, so nothing is locked; `threads.rs` locks these.
    let homes: BTreeSet<u32> = changed.iter().map(|m| os.table().home(m.asid, m.vpn, m.size)).collect();
    let left = os.frames().references(shared.pfn).unwrap_or(0);
    let copies = os.counts().copies - copies;
    let step = |step, what, count| Step { step, what, count };
    Ok(vec![
        step("1 trap", "faults", traffic.faults),
        step("2 lock", "buckets that changed entries belong to", homes.len() as u64),
        step("3 copy", "frames taken", free - os.frames().free()),
        step("", "bytes copied", copies * FRAME_BYTES),
        step("4 update", "entries changed, in one store each", changed.len() as u64),
        step("5 shootdown", "shootdowns", traffic.shootdowns),
        step("", "invalidations of each CPU", traffic.invalidations),
        step("", "TLB entries dropped", traffic.flushed_entries),
        step("", "acknowledgements awaited, its own among them", traffic.acknowledgements),
        step("6 release", "sharers that the old frame has lost", u64::from(sharers - left)),
    ])
}

/// The child stores to every page, with 1 to 16 CPUs.
///
/// # Errors
/// The model is wrong.
pub fn by_cpus(context: &Context) -> Result<Vec<Row>> {
    let measure = |cpus: usize| {
        let (mut watched, vpns, fork_acknowledgements) = family(context, cpus)?;
        let before = watched.system.os().counts().copies;
        let traffic = watched.count(|watched| vpns.iter().try_for_each(|vpn| watched.store(cpus - 1, *vpn)))?;
        let copies = watched.system.os().counts().copies - before;
        for cpu in 0..cpus {
            vpns.iter().try_for_each(|vpn| watched.load(cpu, *vpn))?;
        }
        Ok(Row {
            cpus,
            copies,
            shootdowns: traffic.shootdowns,
            invalidations: traffic.invalidations,
            acknowledgements: traffic.acknowledgements,
            acknowledgements_a_copy: traffic.acknowledgements as f64 / copies as f64,
            dropped_a_copy: traffic.flushed_entries as f64 / copies as f64,
            fork_acknowledgements,
        })
    };
    (1..=16).map(measure).collect()
}

/// The six steps as a table.
#[must_use]
pub fn figures(steps: &[Step]) -> Figures {
    let caption = format!("One store of a child to a shared page, {CPUS_OF_ONE} CPUs, all but one in the child");
    let mut figures = Figures::new(caption, ["step", "count", "of"]);
    steps.iter().for_each(|step| figures.row([step.step.into(), step.count.to_string(), step.what.into()]));
    figures
}

/// The CPUs as a table.
#[must_use]
pub fn cpu_figures(rows: &[Row]) -> Figures {
    let header =
        ["CPUs", "copies", "shootdowns", "acknowledgements", "a copy", "entries dropped a copy", "of the fork"];
    let mut figures = Figures::new("What copies wait for", header);
    for row in rows.iter().filter(|row| row.cpus.is_power_of_two()) {
        figures.row([
            row.cpus.to_string(),
            row.copies.to_string(),
            row.shootdowns.to_string(),
            row.acknowledgements.to_string(),
            format!("{:.0}", row.acknowledgements_a_copy),
            format!("{:.0}", row.dropped_a_copy),
            row.fork_acknowledgements.to_string(),
        ]);
    }
    figures
}

/// Acknowledgements over CPUs.
#[must_use]
pub fn plot(rows: &[Row]) -> LinePlot {
    let series = |name: &str, colour, value: fn(&Row) -> f64| Series {
        name: name.into(),
        style: Style::Joined,
        colour,
        points: rows.iter().map(|row| (row.cpus as f64, value(row))).collect(),
    };
    LinePlot {
        title: "What one copy waits for".into(),
        x: Axis::linear("CPUs"),
        y: Axis::linear("for each copy"),
        series: vec![
            series("acknowledgements", 0, |row| row.acknowledgements_a_copy),
            series("TLB entries dropped", 1, |row| row.dropped_a_copy),
        ],
    }
}

//! Processes that live one after the other, with few ASIDs: flushes of all TLBs, and whether a life sees another's data.
//!
//! Each life loads its pages, which must be zeros, stores to them, loads them again and ends. Nothing is invalidated when
//! it ends, so TLBs hold what earlier lives left under the same VPNs.

use anyhow::Result;
use hashwalk_model::Tagging;
use hashwalk_model::os::Platform;
use hashwalk_spec::{Asid, Vpn};
use serde::Serialize;

use crate::explore::context::Context;
use crate::explore::output::Figures;
use crate::explore::plot::{Axis, LinePlot, Series, Style};
use crate::explore::watched::{Machine, Watched};
use crate::report::grouped;

const FIRST_VPN: u64 = 0x1_0000;
const PAGES: u64 = 4;
const CPUS: usize = 2;
const ASIDS: [u16; 7] = [3, 7, 15, 31, 63, 127, 255];

/// Lives with so many ASIDs.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// ASIDs that are given out.
    pub asids: u16,
    /// Processes, one after the other.
    pub lives: u64,
    /// Flushes of all TLBs.
    pub flushes: u64,
    /// What they must be: one before each life that finds no ASID.
    pub flushes_formula: u64,
    /// Flushes for each 1,000 lives.
    pub flushes_per_1000: f64,
    /// With an invalidation at each end.
    pub at_each_exit_per_1000: f64,
    /// TLB entries that the flushes dropped.
    pub dropped_entries: u64,
    /// Loads that returned zeros or what this life had stored: all.
    pub loads_verified: u64,
}

/// Measures each number of ASIDs.
///
/// # Errors
/// A life cannot go on, or sees another's data.
pub fn measure(context: &Context) -> Result<Vec<Row>> {
    ASIDS.into_iter().map(|asids| live(context, asids)).collect()
}

fn live(context: &Context, asids: u16) -> Result<Row> {
    let lives = context.size(10_000, 1_000);
    let platform = Platform { last_asid: Asid::truncate(asids), ..Platform::default() };
    let machine = Machine { frames: 4 * PAGES, mappings: 4 * PAGES, cpus: CPUS, tagging: Tagging::Asid, platform };
    let mut watched = Watched::new(&machine, context.key())?;
    let vpns = || (0..PAGES).map(|page| Vpn::truncate(FIRST_VPN + page));
    let traffic = watched.count(|watched| {
        (0..lives).try_for_each(|life| {
            let cpu = life as usize % CPUS;
            let asid = watched.spawn(cpu, &[(Vpn::truncate(FIRST_VPN), PAGES)])?;
            vpns().try_for_each(|vpn| watched.load(cpu, vpn))?;
            vpns().try_for_each(|vpn| watched.store(cpu, vpn))?;
            vpns().try_for_each(|vpn| watched.load(cpu, vpn))?;
            watched.exit(asid)
        })
    })?;
    Ok(Row {
        asids,
        lives,
        flushes: traffic.shootdowns,
        flushes_formula: (lives - 1) / u64::from(asids),
        flushes_per_1000: 1000.0 * traffic.shootdowns as f64 / lives as f64,
        at_each_exit_per_1000: 1000.0,
        dropped_entries: traffic.flushed_entries,
        loads_verified: 2 * PAGES * lives,
    })
}

/// The rows as a table.
#[must_use]
pub fn figures(rows: &[Row]) -> Figures {
    let lives = rows.first().map_or(0, |row| row.lives);
    let mut figures = Figures::new(
        format!("{} lives one after the other, on {CPUS} CPUs", grouped(lives)),
        ["ASIDs", "flushes", "formula", "per 1,000 lives", "at each exit", "entries dropped", "loads verified"],
    );
    for row in rows {
        figures.row([
            row.asids.to_string(),
            grouped(row.flushes),
            grouped(row.flushes_formula),
            format!("{:.1}", row.flushes_per_1000),
            format!("{:.0}", row.at_each_exit_per_1000),
            grouped(row.dropped_entries),
            grouped(row.loads_verified),
        ]);
    }
    figures
}

/// Flushes over ASIDs.
#[must_use]
pub fn plot(rows: &[Row]) -> LinePlot {
    let series = |name: &str, style, colour, value: fn(&Row) -> f64| Series {
        name: name.into(),
        style,
        colour,
        points: rows.iter().map(|row| (f64::from(row.asids), value(row))).collect(),
    };
    LinePlot {
        title: "Flushes of all TLBs, lives one after the other".into(),
        x: Axis::log("ASIDs"),
        y: Axis::log("flushes per 1,000 lives"),
        series: vec![
            series("by generation", Style::Points, 0, |row| row.flushes_per_1000),
            series("one for each round of ASIDs", Style::Line, 0, |row| 1000.0 / f64::from(row.asids)),
            series("at each exit", Style::Dashed, 1, |row| row.at_each_exit_per_1000),
        ],
    }
}

//! Demand paging: a program whose pages do not all fit into memory, and what it waits for.
//!
//! Every page is stored to once, before anything is counted; then one access in four is a store, and every load must
//! return what was stored last. Costs: an access takes a cycle, a read in a walk L + 4 with L = 40, a transfer what
//! [`hashwalk_model::os::Latency`] says; the handler's instructions are not counted. [`whole`] is the seed's program.

mod pattern;
mod whole;

use anyhow::Result;
use hashwalk_model::Tagging;
use hashwalk_model::os::Platform;
use hashwalk_spec::Vpn;
use serde::Serialize;

use super::Study;
use super::context::Context;
use super::output::{Figures, Outcome, csv};
use super::plot::{Axis, LinePlot, Series, Style};
use super::watched::{Machine, READ_CYCLES, Watched};
use crate::report::grouped;
use pattern::Pattern;

pub const STUDY: Study = Study { name: "demand-paging", title: "Demand paging: programs larger than memory", run };

/// Memory, in percent of the program's pages.
const MEMORY_PERCENT: [u64; 13] = [5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120];
/// Those that are printed.
const PRINTED_PERCENT: [u64; 5] = [10, 30, 50, 90, 100];
/// Less would be no machine.
const MIN_FRAMES: u64 = 8;

#[derive(Clone, Debug, Serialize)]
struct Row {
    pattern: String,
    pages: usize,
    memory_percent: u64,
    frames: u64,
    accesses: u64,
    faults: u64,
    faults_per_1000: f64,
    pages_read: u64,
    pages_written: u64,
    /// Pages that left memory without a write: the swap device had them.
    clean_drops: u64,
    walk_reads: u64,
    working_cycles: u64,
    waiting_cycles: u64,
    waiting_share: f64,
}

fn run(context: &Context) -> Result<Outcome> {
    let patterns = pattern::all(context)?;
    // The seed's program takes about as long as two of these.
    let steps = (patterns.len() + 2) * MEMORY_PERCENT.len();
    let mut rows = Vec::new();
    for pattern in &patterns {
        for memory_percent in MEMORY_PERCENT {
            context.progress(rows.len(), steps);
            if frames(pattern, memory_percent) < MIN_FRAMES {
                continue;
            }
            rows.push(measure(context, pattern, memory_percent)?);
        }
    }
    let whole = whole::measure(context, rows.len(), steps)?;
    let at_half = |name: &str| {
        let row = rows.iter().find(|row| row.pattern == name && row.memory_percent == 50);
        row.map_or(f64::NAN, |row| row.faults_per_1000)
    };
    let finding = format!(
        "with memory for half of its pages a program that sweeps over them faults {:.0} times in 1,000 accesses, one that \
         goes anywhere {:.0}, one that is local {:.1}; the seed's program of {} MB in {} MB of frames read back every byte \
         for {} pages written and {} read, and waited {:.2} % of its time",
        at_half(pattern::SWEEP),
        at_half(pattern::RANDOM),
        at_half(pattern::LOCAL),
        whole.program_mb,
        whole.memory_mb,
        grouped(whole.pages_written),
        grouped(whole.pages_read),
        100.0 * whole.waiting_share,
    );
    Ok(Outcome {
        finding,
        figures: vec![figures(&rows), whole.figures()],
        csv: vec![("demand-paging.csv".into(), csv(&rows)?), ("demand-paging-whole.csv".into(), csv(&[whole])?)],
        plots: vec![("demand-paging.svg".into(), plot(&rows).svg()?)],
    })
}

fn frames(pattern: &Pattern, memory_percent: u64) -> u64 {
    pattern.pages.len() as u64 * memory_percent / 100
}

fn measure(context: &Context, pattern: &Pattern, memory_percent: u64) -> Result<Row> {
    let pages = pattern.pages.len();
    let frames = frames(pattern, memory_percent);
    // A page that was stored to again keeps its old slot until it has a new one.
    let platform = Platform { swap_pages: pages as u64, table_grows: true, ..Platform::default() };
    let machine = Machine { frames, mappings: frames, cpus: 1, tagging: Tagging::Asid, platform };
    let mut watched = Watched::new(&machine, context.key())?;
    watched.spawn(0, &runs(&pattern.pages))?;
    pattern.pages.iter().try_for_each(|vpn| watched.store(0, *vpn))?;

    let mut stores = context.random(8);
    let (outs, swap) = (watched.system.os().counts().page_outs, *watched.system.os().swap().transfers());
    let traffic = watched.count(|watched| {
        pattern.accesses.iter().try_for_each(|page| {
            let vpn = pattern.pages[*page as usize];
            if stores.u8(..4) == 0 { watched.store(0, vpn) } else { watched.load(0, vpn) }
        })
    })?;
    let os = watched.system.os();
    let after = os.swap().transfers();
    let (accesses, pages_written) = (traffic.accesses + pattern.hits, after.writes - swap.writes);
    let working_cycles = accesses + traffic.walk_reads * READ_CYCLES;
    let waiting_cycles = after.cycles() - swap.cycles();
    Ok(Row {
        pattern: pattern.name.clone(),
        pages,
        memory_percent,
        frames,
        accesses,
        faults: traffic.faults,
        faults_per_1000: 1000.0 * traffic.faults as f64 / accesses as f64,
        pages_read: after.reads - swap.reads,
        pages_written,
        clean_drops: os.counts().page_outs - outs - pages_written,
        walk_reads: traffic.walk_reads,
        working_cycles,
        waiting_cycles,
        waiting_share: waiting_cycles as f64 / (waiting_cycles + working_cycles) as f64,
    })
}

/// Pages in ascending order as runs: first and number.
fn runs(pages: &[Vpn]) -> Vec<(Vpn, u64)> {
    let neighbours = pages.chunk_by(|a, b| a.get() + 1 == b.get());
    neighbours.map(|run| (run[0], run.len() as u64)).collect()
}

fn figures(rows: &[Row]) -> Figures {
    let mut figures = Figures::new(
        "Demand paging: a page read takes 100,000 cycles, a page written 50,000, a read in a walk 44",
        ["accesses", "pages", "memory", "faults per 1,000", "pages read", "written", "dropped clean", "waiting"],
    );
    for row in rows.iter().filter(|row| PRINTED_PERCENT.contains(&row.memory_percent)) {
        figures.row([
            row.pattern.clone(),
            grouped(row.pages as u64),
            format!("{} %", row.memory_percent),
            format!("{:.3}", row.faults_per_1000),
            grouped(row.pages_read),
            grouped(row.pages_written),
            grouped(row.clean_drops),
            format!("{:.2} %", 100.0 * row.waiting_share),
        ]);
    }
    figures
}

fn plot(rows: &[Row]) -> LinePlot {
    let mut series: Vec<Series> = Vec::new();
    for (colour, of_pattern) in rows.chunk_by(|a, b| a.pattern == b.pattern).enumerate() {
        let points = of_pattern.iter().map(|row| (row.memory_percent as f64, row.faults_per_1000)).collect();
        series.push(Series { name: of_pattern[0].pattern.clone(), style: Style::Joined, colour, points });
        if of_pattern[0].pattern == pattern::RANDOM {
            // A page anywhere is in memory as often as memory has room.
            let missing = |row: &Row| (row.memory_percent as f64, 10.0 * (100.0 - row.memory_percent as f64).max(0.0));
            let points = of_pattern.iter().map(missing).collect();
            series.push(Series { name: "random, theory".into(), style: Style::Line, colour, points });
        }
    }
    LinePlot {
        title: "Page faults of a program that does not fit".into(),
        x: Axis::linear("memory in % of the program's pages"),
        y: Axis::linear("faults per 1,000 accesses"),
        series,
    }
}

//! The switches as a table and as a plot: the fewest and the most processes.

use super::{Row, TAGGED, UNTAGGED, ZIPF};
use crate::explore::output::Figures;
use crate::explore::plot::{Axis, LinePlot, Series, Style};
use crate::report::grouped;

const PROCESSES: [u64; 2] = [2, 32];
/// Those that are printed.
const QUANTA: [usize; 3] = [64, 1024, 16_384];

/// Misses of both kinds side by side.
#[must_use]
pub fn figures(rows: &[Row]) -> Figures {
    let mut figures = Figures::new(
        "Processes that take turns: misses and cycles of walks a switch, TLB of 32 entries (a walk's read takes 44 cycles)",
        ["processes", "pages each", "quantum", "misses: ASIDs", "none", "cycles: ASIDs", "none", "an access", "none"],
    );
    let printed = |row: &&Row| PROCESSES.contains(&row.processes) && QUANTA.contains(&row.quantum);
    for row in rows.iter().filter(|row| row.tagging == TAGGED).filter(printed) {
        let same =
            |other: &&Row| (other.processes, other.pages, other.quantum) == (row.processes, row.pages, row.quantum);
        let Some(without) = rows.iter().filter(|other| other.tagging == UNTAGGED).find(same) else { continue };
        figures.row([
            row.processes.to_string(),
            row.pages.into(),
            grouped(row.quantum as u64),
            format!("{:.1}", row.misses_a_switch),
            format!("{:.1}", without.misses_a_switch),
            format!("{:.0}", row.walk_cycles_a_switch),
            format!("{:.0}", without.walk_cycles_a_switch),
            format!("{:.2}", row.cycles_an_access),
            format!("{:.2}", without.cycles_an_access),
        ]);
    }
    figures
}

/// Misses over the quantum, of the pages with weights.
#[must_use]
pub fn plot(rows: &[Row]) -> LinePlot {
    let mut series = Vec::new();
    for (colour, processes) in PROCESSES.into_iter().enumerate() {
        // Where tags do not help, the points stand on the line.
        for (tagging, style) in [(UNTAGGED, Style::Line), (TAGGED, Style::Points)] {
            let of = |row: &&Row| row.tagging == tagging && row.processes == processes && row.pages == ZIPF;
            let points = rows.iter().filter(of).map(|row| (row.quantum as f64, row.misses_a_switch)).collect();
            let tags = if tagging == TAGGED { "with" } else { "without" };
            series.push(Series { name: format!("{processes} processes, {tags} ASIDs"), style, colour, points });
        }
    }
    LinePlot {
        title: "TLB misses after a switch, processes of 16 pages (zipf), TLB of 32 entries".into(),
        x: Axis::log("quantum in accesses"),
        y: Axis::linear("misses a switch"),
        series,
    }
}

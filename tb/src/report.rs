//! What a replay measured, as JSON and as a table.

use std::fmt;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

/// Who refilled the TLB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefillMode {
    /// The page walker.
    Hardware,
    /// The operating system's handler, whose instruction costs are modelled.
    Software,
}

impl fmt::Display for RefillMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RefillMode::Hardware => "hardware",
            RefillMode::Software => "software (modelled)",
        })
    }
}

/// What the TLB did.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct TlbCounts {
    /// Answers of the first level.
    pub hits: u64,
    /// Answers of the second level.
    pub l2_hits: u64,
    /// Answers that another request's walk gave.
    pub shared: u64,
    /// Answers that took a walk.
    pub misses: u64,
}

/// Cycles from the acceptance of a request that missed to its answer.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct WalkCycles {
    /// The shortest.
    pub min: u32,
    /// The mean.
    pub mean: f64,
    /// Half are not longer.
    pub p50: u32,
    /// 99 in 100 are not longer.
    pub p99: u32,
    /// The longest.
    pub max: u32,
}

impl WalkCycles {
    /// The figures of these walks, which are sorted; all 0 if there were none.
    #[must_use]
    pub fn of(cycles: &mut [u32]) -> WalkCycles {
        cycles.sort_unstable();
        let Some((&min, &max)) = cycles.first().zip(cycles.last()) else {
            return WalkCycles::default();
        };
        let sum: u64 = cycles.iter().copied().map(u64::from).sum();
        let at = |percent: usize| cycles[(cycles.len() * percent).div_ceil(100).max(1) - 1];
        WalkCycles { min, mean: sum as f64 / cycles.len() as f64, p50: at(50), p99: at(99), max }
    }
}

/// One replay of a trace.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    /// Who refilled the TLB.
    pub refill: RefillMode,
    /// References of the trace.
    #[serde(skip)]
    pub references: u64,
    /// Requests that were answered; a reference across a page boundary makes two, a fault one more.
    pub translations: u64,
    /// Answers that the golden model does not allow; the first one ends the replay.
    pub mismatches: u64,
    /// Simulated cycles.
    pub cycles: u64,
    /// First touches of a page.
    pub page_faults: u64,
    /// Hits and misses.
    pub tlb: TlbCounts,
    /// Walks, those that ended in a page fault too.
    pub walks: u64,
    /// How long they took.
    pub walk_cycles: WalkCycles,
    /// Entries read, for each walk.
    pub memory_reads_per_walk: f64,
    /// References replayed and checked in a second of real time.
    pub references_per_second: f64,
    /// Entries read.
    #[serde(skip)]
    pub reads: u64,
    /// Real time.
    #[serde(skip)]
    pub seconds: f64,
    /// What the first mismatch was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Replay {
    /// Nothing replayed yet.
    #[must_use]
    pub fn new(refill: RefillMode) -> Replay {
        Replay {
            refill,
            references: 0,
            translations: 0,
            mismatches: 0,
            cycles: 0,
            page_faults: 0,
            tlb: TlbCounts::default(),
            walks: 0,
            walk_cycles: WalkCycles::default(),
            memory_reads_per_walk: 0.0,
            references_per_second: 0.0,
            reads: 0,
            seconds: 0.0,
            failure: None,
        }
    }

    /// Fills in the ratios once the counts are complete.
    pub fn finish(&mut self) {
        let ratio = |a: u64, b: f64| if b > 0.0 { a as f64 / b } else { 0.0 };
        self.memory_reads_per_walk = ratio(self.reads, self.walks as f64);
        self.references_per_second = ratio(self.references, self.seconds);
    }
}

/// All replays of one trace.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// The trace's file.
    pub trace: String,
    /// References replayed.
    pub references: u64,
    /// The configuration's name.
    pub config: String,
    /// Cycles from the acceptance of a read to its data.
    pub memory_latency: u32,
    /// One for each way of refilling.
    pub runs: Vec<Replay>,
}

/// An empty table in the one style that all commands print.
#[must_use]
pub fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table
}

/// The table of all replays, a column each.
#[must_use]
pub fn table(reports: &[RunReport]) -> Table {
    let columns: Vec<(&RunReport, &Replay)> =
        reports.iter().flat_map(|report| report.runs.iter().map(move |run| (report, run))).collect();
    let mut table = plain_table();
    let name = |report: &RunReport| crate::replay_trace::trace_name(report.trace.as_ref());
    let header = columns.iter().map(|(report, run)| format!("{}\n{}", name(report), run.refill));
    table.set_header(std::iter::once(String::new()).chain(header));
    let mut row = |label: &str, value: &dyn Fn(&RunReport, &Replay) -> String| {
        table.add_row(std::iter::once(label.to_string()).chain(columns.iter().map(|(report, run)| value(report, run))));
    };
    row("references", &|report, _| grouped(report.references));
    row("translations", &|_, run| grouped(run.translations));
    row("TLB hits", &|_, run| grouped(run.tlb.hits));
    row("second-level hits", &|_, run| grouped(run.tlb.l2_hits));
    row("answers of others' walks", &|_, run| grouped(run.tlb.shared));
    row("TLB misses = walks", &|_, run| grouped(run.walks));
    row("page faults", &|_, run| grouped(run.page_faults));
    row("walk cycles, min", &|_, run| run.walk_cycles.min.to_string());
    row("            mean", &|_, run| format!("{:.1}", run.walk_cycles.mean));
    row("            p50", &|_, run| run.walk_cycles.p50.to_string());
    row("            p99", &|_, run| run.walk_cycles.p99.to_string());
    row("            max", &|_, run| run.walk_cycles.max.to_string());
    row("memory reads a walk", &|_, run| format!("{:.3}", run.memory_reads_per_walk));
    row("mismatches", &|_, run| run.mismatches.to_string());
    row("simulated cycles", &|_, run| grouped(run.cycles));
    row("  a reference", &|report, run| format!("{:.3}", run.cycles as f64 / report.references.max(1) as f64));
    row("  a second", &|_, run| grouped((run.cycles as f64 / run.seconds.max(1e-9)) as u64));
    row("references a second", &|_, run| grouped(run.references_per_second as u64));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// How software compares with hardware on one trace; `None` unless both were run.
#[must_use]
pub fn comparison(report: &RunReport) -> Option<String> {
    let of = |mode| report.runs.iter().find(|run| run.refill == mode);
    let (hardware, software) = (of(RefillMode::Hardware)?, of(RefillMode::Software)?);
    if hardware.walks == 0 {
        return None;
    }
    Some(format!(
        "{}: a software refill (modelled) takes {:.1} times the cycles of a hardware walk, the whole trace {:.2} times",
        crate::replay_trace::trace_name(report.trace.as_ref()),
        software.walk_cycles.mean / hardware.walk_cycles.mean,
        software.cycles as f64 / hardware.cycles as f64,
    ))
}

/// A number with its thousands set apart.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut cycles: Vec<u32> = (1..=200).rev().collect();
        let figures = WalkCycles::of(&mut cycles);
        assert_eq!((figures.min, figures.p50, figures.p99, figures.max), (1, 100, 198, 200));
        assert_eq!(figures.mean, 100.5);
        let one = WalkCycles::of(&mut [7]);
        assert_eq!((one.min, one.p50, one.p99, one.max), (7, 7, 7, 7));
        assert_eq!(WalkCycles::of(&mut []).max, 0);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}

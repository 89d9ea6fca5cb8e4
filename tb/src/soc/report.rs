//! A run as a table for the terminal.

use comfy_table::CellAlignment;

use super::RunOutcome;
use crate::report::plain_table;

/// The counts of a run, one a line.
#[must_use]
pub fn table(outcome: &RunOutcome) -> String {
    let counts = &outcome.counts;
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.into(), value));
    let per =
        |sum: u64, count: u64| if count == 0 { "–".into() } else { format!("{:.1}", sum as f64 / count as f64) };
    let share = |part: u64| format!("{:.1} %", 100.0 * part as f64 / counts.cycles.max(1) as f64);
    row("cycles", counts.cycles.to_string());
    row("instructions", counts.instructions.to_string());
    row("of these in user mode", counts.user_instructions.to_string());
    row("translations", counts.lookups.to_string());
    row("TLB hits", counts.hits.to_string());
    if counts.l2_hits > 0 {
        row("second-level hits", counts.l2_hits.to_string());
    }
    if outcome.refill == "hardware" {
        row("walks", counts.walks.to_string());
        row("cycles a walk", per(counts.walk_cycles, counts.walks));
        row("reads a walk", per(counts.table_reads, counts.walks));
        row("time in which an access waits for a walk", share(counts.waiting_cycles));
    } else {
        let software = &counts.software;
        row("misses served by the handler", software.misses.to_string());
        row("cycles a miss, trap to answer", per(software.cycles, software.misses));
        for phase in &software.phases {
            row(&format!("  {}", phase.phase), per(phase.cycles, software.misses));
        }
        row("shortest, longest", format!("{}, {}", software.shortest, software.longest));
        row("time in the handler", share(software.cycles));
        row("misses that became page faults or were interrupted", software.left.to_string());
        row("time in these", share(software.left_cycles));
    }
    row("simulated cycles a second", format!("{:.0}", outcome.cycles_a_second()));
    let mut table = plain_table();
    table.set_header([
        format!("{}, {} refill", outcome.program, outcome.refill),
        format!("{}, latency {}", outcome.handler, outcome.memory_latency),
    ]);
    for (name, value) in rows {
        table.add_row([name, value]);
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

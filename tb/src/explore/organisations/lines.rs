//! How many lines a line table needs: reads of a lookup for several lengths, over many boots, each with a hash key of its
//! own. One boot says little: whether the few pages that a program visits most have lost their home is chance.

use anyhow::Result;
use hashwalk_model::PageTable;
use hashwalk_model::organisation::line::{LineTable, MIN_LINES_LOG2};
use hashwalk_spec::{Asid, Hash};
use serde::Serialize;

use crate::explore::context::{Context, Workload};
use crate::explore::filled::{Filled, small};
use crate::explore::output::Figures;

/// Lines for each page, times two.
const HALF_LINES_A_PAGE: [u64; 5] = [1, 2, 4, 8, 16];
/// Steps of the sweep for each trace.
pub const LENGTHS: usize = HALF_LINES_A_PAGE.len();
/// What a length is measured by.
const WANTED_READS: f64 = 1.05;

/// One trace with one length.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    trace: String,
    lines_a_page: f64,
    lines: u64,
    bytes_a_mapping: f64,
    boots: usize,
    /// Means over the boots, and the worst boot's mean.
    page_reads_mean: f64,
    page_reads_worst_boot: f64,
    miss_reads_mean: f64,
    miss_reads_worst_boot: f64,
    /// The share of boots whose mean for a TLB miss is at most 1.05.
    boots_within: f64,
}

/// Measures every length on every trace, and tells `progress` how many it has done.
///
/// # Errors
/// A trace cannot be read, or a table disagrees with a plain map.
pub fn sweep(context: &Context, progress: impl Fn(usize)) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for workload in context.workloads()? {
        for half_lines in HALF_LINES_A_PAGE {
            progress(rows.len());
            rows.push(measure(context, workload, half_lines)?);
        }
    }
    Ok(rows)
}

fn measure(context: &Context, workload: &Workload, half_lines: u64) -> Result<Row> {
    let pages = workload.pages.len() as u64;
    let log2 = (pages * half_lines).div_ceil(2).next_power_of_two().ilog2().max(MIN_LINES_LOG2);
    let misses = &workload.misses[..workload.misses.len().min(context.size(10_000, 1_000))];
    let asid = Asid::truncate(1);
    let mut keys = context.random(6);
    let (mut by_page, mut by_miss) = (Vec::new(), Vec::new());
    for _ in 0..context.size(40, 8) {
        let key = keys.u128(..);
        let mut filled = Filled::new(4 * (64 << log2) / 4096 + 8, |ram| {
            Ok(Box::new(LineTable::new(ram, log2, Hash::Keyed, key)?) as Box<dyn PageTable>)
        })?;
        workload.pages.iter().zip(0..).try_for_each(|(vpn, pfn)| filled.insert(small(asid, *vpn, pfn)))?;
        by_page.push(filled.reads(workload.pages.iter().map(|vpn| (asid, *vpn)))?.mean);
        by_miss.push(filled.reads(misses.iter().map(|vpn| (asid, *vpn)))?.mean);
    }
    let mean = |means: &[f64]| means.iter().sum::<f64>() / means.len() as f64;
    let worst = |means: &[f64]| means.iter().copied().fold(0.0, f64::max);
    Ok(Row {
        trace: workload.name.clone(),
        lines_a_page: half_lines as f64 / 2.0,
        lines: 1 << log2,
        bytes_a_mapping: (64u64 << log2) as f64 / pages as f64,
        boots: by_page.len(),
        page_reads_mean: mean(&by_page),
        page_reads_worst_boot: worst(&by_page),
        miss_reads_mean: mean(&by_miss),
        miss_reads_worst_boot: worst(&by_miss),
        boots_within: by_miss.iter().filter(|reads| **reads <= WANTED_READS).count() as f64 / by_miss.len() as f64,
    })
}

/// The means for a TLB miss and by page, with so many lines a page, on the worst of the traces.
#[must_use]
pub fn worst_at(rows: &[Row], lines_a_page: f64) -> (f64, f64) {
    let chosen = rows.iter().filter(|row| row.lines_a_page == lines_a_page);
    chosen.fold((0.0, 0.0), |(miss, page), row| (row.miss_reads_mean.max(miss), row.page_reads_mean.max(page)))
}

/// The table that the choice of a length rests on.
#[must_use]
pub fn figures(rows: &[Row]) -> Figures {
    let boots = rows.first().map_or(0, |row| row.boots);
    let mut figures = Figures::new(
        format!("Line tables of several lengths: mean reads over {boots} boots, each with a key of its own"),
        [
            "trace",
            "lines a page",
            "lines",
            "bytes a mapping",
            "by page",
            "worst boot",
            "by miss",
            "worst boot",
            "boots within 1.05",
        ],
    );
    for row in rows {
        figures.row([
            row.trace.clone(),
            format!("{:.1}, rounded up", row.lines_a_page),
            row.lines.to_string(),
            format!("{:.0}", row.bytes_a_mapping),
            format!("{:.3}", row.page_reads_mean),
            format!("{:.3}", row.page_reads_worst_boot),
            format!("{:.3}", row.miss_reads_mean),
            format!("{:.3}", row.miss_reads_worst_boot),
            format!("{:.0} %", 100.0 * row.boots_within),
        ]);
    }
    figures
}

//! What huge pages save: the seed's program of 512 MiB, mapped with pages of each size in one and the same table.
//!
//! The machine has twice the program's memory, so that a 1 GiB page fits, and a table of one entry a frame. Accesses go
//! through a TLB of 32 entries with LRU replacement: at random, at random within 48 MiB, and one after the other, 64 bytes
//! on each time.

use anyhow::Result;
use hashwalk_model::organisation::internal::Internal;
use hashwalk_model::sizing::{entries_to_map, tlb_reach_bytes};
use hashwalk_model::{Mapping, PageTable};
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::{Asid, Hash, PageSize, Vpn};
use serde::Serialize;

use super::Study;
use super::context::{Context, TLB_ENTRIES};
use super::filled::{Filled, small};
use super::output::{Figures, Outcome, csv};
use super::plot::{Axis, BarPlot};
use crate::report::grouped;
use crate::trace::Lru;

pub const STUDY: Study =
    Study { name: "huge-pages", title: "Huge pages: fewer entries, shorter chains, more reach", run };

const PROGRAM_BYTES: u64 = 512 << 20;
const MACHINE_FRAMES: u64 = 2 * PROGRAM_BYTES / FRAME_BYTES;
/// The program's first page: aligned for every size.
const FIRST_VPN: u64 = 7 << 18;
const ACCESS_BYTES: u64 = 64;
/// A part of the program that is in use for a while.
const HOT_BYTES: u64 = 48 << 20;

#[derive(Clone, Copy, Debug, Serialize)]
struct Row {
    page_bytes: u64,
    entries: u64,
    table_bytes: u64,
    load: f64,
    reads_mean: f64,
    reads_max: u32,
    entry_bytes_in_use: u64,
    tlb_reach_bytes: u64,
    random_miss_rate: f64,
    hot_miss_rate: f64,
    sequential_miss_rate: f64,
    random_reads_per_access: f64,
    hot_reads_per_access: f64,
    sequential_reads_per_access: f64,
}

fn run(context: &Context) -> Result<Outcome> {
    let random_accesses = context.size(1 << 20, 1 << 15);
    // A quick sweep touches each page as often, of fewer pages.
    let sequential_bytes = context.size(PROGRAM_BYTES, PROGRAM_BYTES >> 4);
    let mut rows = Vec::new();
    for (step, size) in PageSize::ALL.into_iter().enumerate() {
        context.progress(step, PageSize::ALL.len());
        let page_bytes = size.pages() * FRAME_BYTES;
        let entries = entries_to_map(PROGRAM_BYTES, size);
        let log2 = MACHINE_FRAMES.ilog2();
        let mut filled = Filled::new(4 * (32 << log2) / FRAME_BYTES, |ram| {
            Ok(Box::new(Internal::new(ram, log2, Hash::Keyed, context.key())?) as Box<dyn PageTable>)
        })?;
        let asid = Asid::truncate(1);
        let vpns: Vec<Vpn> = (0..entries).map(|page| Vpn::truncate(FIRST_VPN + page * size.pages())).collect();
        for (vpn, page) in vpns.iter().zip(0..) {
            filled.insert(Mapping { size, ..small(asid, *vpn, page * size.pages()) })?;
        }
        let reads = filled.reads(vpns.iter().map(|vpn| (asid, *vpn)))?;
        let usage = filled.table.usage(&filled.ram);
        let mut source = context.random(1);
        let random = miss_rate((0..random_accesses).map(|_| source.u64(..PROGRAM_BYTES)), page_bytes);
        let hot = miss_rate((0..random_accesses).map(|_| source.u64(..HOT_BYTES)), page_bytes);
        let sequential = miss_rate((0..sequential_bytes / ACCESS_BYTES).map(|i| i * ACCESS_BYTES), page_bytes);
        rows.push(Row {
            page_bytes,
            entries,
            table_bytes: usage.bytes,
            load: usage.load(),
            reads_mean: reads.mean,
            reads_max: reads.max,
            entry_bytes_in_use: usage.mappings * usage.bytes / usage.places,
            tlb_reach_bytes: tlb_reach_bytes(TLB_ENTRIES as u64, size),
            random_miss_rate: random,
            hot_miss_rate: hot,
            sequential_miss_rate: sequential,
            random_reads_per_access: random * reads.mean,
            hot_reads_per_access: hot * reads.mean,
            sequential_reads_per_access: sequential * reads.mean,
        });
    }
    let figures = figures(&rows);
    let [small, large, huge] = [rows[0], rows[1], rows[2]];
    let finding = format!(
        "512 MiB take {} entries of 4 KiB or {} of 2 MiB: the load falls from {} to {}, the mean walk from {:.3} reads to \
         {:.3}; random accesses to 48 MiB of it miss the TLB {} instead of {} of the time, to all of it {} instead of {} \
         (one 1 GiB page: {})",
        grouped(small.entries),
        grouped(large.entries),
        percent(small.load),
        percent(large.load),
        small.reads_mean,
        large.reads_mean,
        percent(large.hot_miss_rate),
        percent(small.hot_miss_rate),
        percent(large.random_miss_rate),
        percent(small.random_miss_rate),
        percent(huge.random_miss_rate),
    );
    let plot = BarPlot {
        title: "Reads of the table for each access, 512 MiB through a TLB of 32 entries".into(),
        x: Axis::log("entries read per access"),
        names: PageSize::ALL.iter().map(|size| format!("{size} pages")).collect(),
        groups: vec![
            ("random".into(), rows.iter().map(|row| row.random_reads_per_access).collect()),
            ("random within 48 MiB".into(), rows.iter().map(|row| row.hot_reads_per_access).collect()),
            ("64 bytes on each time".into(), rows.iter().map(|row| row.sequential_reads_per_access).collect()),
        ],
    };
    Ok(Outcome {
        finding,
        figures: vec![figures],
        csv: vec![("huge-pages.csv".into(), csv(&rows)?)],
        plots: vec![("huge-pages.svg".into(), plot.svg()?)],
    })
}

/// Misses for each access, in a TLB whose pages have this size.
fn miss_rate(addresses: impl Iterator<Item = u64>, page_bytes: u64) -> f64 {
    let mut tlb = Lru::new(TLB_ENTRIES);
    addresses.for_each(|address| _ = tlb.lookup(address / page_bytes));
    tlb.miss_rate()
}

fn figures(rows: &[Row]) -> Figures {
    let columns = [
        "page",
        "entries",
        "load",
        "reads, mean",
        "max",
        "bytes in use",
        "TLB reach",
        "misses, random",
        "in 48 MiB",
        "sequential",
    ];
    let mut figures = Figures::new("512 MiB in a table for 1 GiB, one entry a frame (8 MiB)", columns);
    for (row, size) in rows.iter().zip(PageSize::ALL) {
        figures.row([
            size.to_string(),
            grouped(row.entries),
            percent(row.load),
            format!("{:.3}", row.reads_mean),
            row.reads_max.to_string(),
            amount(row.entry_bytes_in_use),
            amount(row.tlb_reach_bytes),
            percent(row.random_miss_rate),
            percent(row.hot_miss_rate),
            percent(row.sequential_miss_rate),
        ]);
    }
    figures
}

/// Bytes in the largest unit that leaves a whole number.
fn amount(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB"];
    let step = (bytes.max(1).trailing_zeros() / 10).min(3);
    format!("{} {}", bytes >> (10 * step), units[step as usize])
}

/// A share with as many digits as it needs to be told from nothing.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = if percent >= 1.0 { 1 } else { 3 };
    if percent > 0.0 && percent < 0.001 { "< 0.001 %".into() } else { format!("{percent:.digits$} %") }
}

//! Every page-table organisation under the same mappings: what a lookup reads, and what a mapping costs.
//!
//! Two sweeps: the pages of real programs, in tables as large as an operating system would make them ([`sized`], whose
//! rule for line tables rests on [`lines`]), and random pages at growing load, beside what theory says ([`loads`]).

mod lines;
mod loads;
mod sized;

use anyhow::Result;
use hashwalk_spec::{Asid, Vpn};
use serde::Serialize;

use super::Study;
use super::context::{Context, Workload};
use super::filled::small;
use super::output::{Figures, Outcome, csv};
use super::plot::{Axis, BarPlot};

pub const STUDY: Study = Study { name: "organisations", title: "Page-table organisations on real programs", run };

#[derive(Clone, Debug, Serialize)]
struct Row {
    trace: String,
    organisation: &'static str,
    size: String,
    mappings: u64,
    places: u64,
    load: f64,
    bytes: u64,
    bytes_a_mapping: f64,
    tlb_misses: usize,
    miss_reads_mean: f64,
    miss_reads_p99: u32,
    miss_reads_max: u32,
    page_reads_mean: f64,
    page_reads_p99: u32,
    page_reads_max: u32,
}

fn run(context: &Context) -> Result<Outcome> {
    let workloads = context.workloads()?;
    let steps = workloads.len() * (sized::KINDS.len() + lines::LENGTHS) + loads::STEPS;
    let mut rows = Vec::new();
    for workload in workloads {
        for kind in sized::KINDS {
            context.progress(rows.len(), steps);
            rows.push(measure(context, workload, kind)?);
        }
    }
    let done = rows.len();
    let lines = lines::sweep(context, |step| context.progress(done + step, steps))?;
    let done = done + lines.len();
    let loads = loads::sweep(context, |step| context.progress(done + step, steps))?;
    let worst = |organisation: &str| {
        let means = rows.iter().filter(|row| row.organisation == organisation).map(|row| row.miss_reads_mean);
        means.fold(0.0, f64::max)
    };
    let (by_miss, by_page) = lines::worst_at(&lines, sized::LINES_A_PAGE as f64);
    let smallest = rows.iter().min_by(|a, b| a.bytes_a_mapping.total_cmp(&b.bytes_a_mapping));
    let finding = format!(
        "with {} lines a page, the line table reads at most {by_miss:.3} lines for a TLB miss and {by_page:.3} by page, the mean \
         over boots, on all of {}; internal chaining up to {:.2}, a radix tree {:.2}, with a walk cache up to {:.3}; {}",
        sized::LINES_A_PAGE,
        workloads.iter().map(|workload| workload.name.as_str()).collect::<Vec<_>>().join(", "),
        worst("internal"),
        worst("radix"),
        worst("radix, walk cache"),
        smallest.map_or(String::new(), |row| format!(
            "{} takes the least memory, {:.0} bytes a mapping on {}",
            row.organisation, row.bytes_a_mapping, row.trace
        )),
    );
    let plots = vec![
        (
            "organisations-reads.svg".into(),
            bars(&rows, workloads, "Reads of the table for each TLB miss", Axis::linear("mean reads"), |row| {
                row.miss_reads_mean
            })
            .svg()?,
        ),
        (
            "organisations-bytes.svg".into(),
            bars(&rows, workloads, "Memory for each mapping", Axis::linear("bytes a mapping"), |row| {
                row.bytes_a_mapping
            })
            .svg()?,
        ),
        ("organisations-load.svg".into(), loads::plot(&loads).svg()?),
    ];
    Ok(Outcome {
        finding,
        figures: vec![figures(&rows), lines::figures(&lines), loads::figures(&loads)],
        csv: vec![
            ("organisations.csv".into(), csv(&rows)?),
            ("organisations-lines.csv".into(), csv(&lines)?),
            ("organisations-load.csv".into(), csv(&loads)?),
        ],
        plots,
    })
}

/// Maps a program's pages, and looks up each TLB miss and then each page once.
fn measure(context: &Context, workload: &Workload, kind: &sized::Kind) -> Result<Row> {
    let asid = Asid::truncate(1);
    let pages = workload.pages.len() as u64;
    let mut filled = (kind.make)(pages, context.key())?;
    for (vpn, pfn) in workload.pages.iter().zip(0..) {
        filled.insert(small(asid, *vpn, pfn))?;
    }
    let misses = &workload.misses[..workload.misses.len().min(context.size(usize::MAX, 5000))];
    let by_miss = filled.reads(misses.iter().map(|vpn| (asid, *vpn)))?;
    let by_page = filled.reads(workload.pages.iter().map(|vpn| (asid, *vpn)))?;
    // What is not mapped must not be found either: the page behind each one, where that is free, and another process's.
    for vpn in &workload.pages {
        filled.look_up(asid, Vpn::truncate(vpn.get() + 1))?;
        filled.look_up(Asid::truncate(2), *vpn)?;
    }
    let usage = filled.table.usage(&filled.ram);
    Ok(Row {
        trace: workload.name.clone(),
        organisation: kind.name,
        size: (kind.describe)(pages),
        mappings: usage.mappings,
        places: usage.places,
        load: usage.load(),
        bytes: usage.bytes,
        bytes_a_mapping: usage.bytes as f64 / usage.mappings as f64,
        tlb_misses: misses.len(),
        miss_reads_mean: by_miss.mean,
        miss_reads_p99: by_miss.p99,
        miss_reads_max: by_miss.max,
        page_reads_mean: by_page.mean,
        page_reads_p99: by_page.p99,
        page_reads_max: by_page.max,
    })
}

fn figures(rows: &[Row]) -> Figures {
    let mut figures = Figures::new(
        "Reads of a lookup, by TLB miss (LRU, 32 entries) and by page",
        [
            "organisation",
            "trace",
            "sized",
            "load",
            "bytes",
            "a mapping",
            "miss: mean",
            "p99",
            "max",
            "page: mean",
            "p99",
            "max",
        ],
    );
    for row in rows {
        figures.row([
            row.organisation.into(),
            row.trace.clone(),
            row.size.clone(),
            format!("{:.2}", row.load),
            row.bytes.to_string(),
            format!("{:.0}", row.bytes_a_mapping),
            format!("{:.3}", row.miss_reads_mean),
            row.miss_reads_p99.to_string(),
            row.miss_reads_max.to_string(),
            format!("{:.3}", row.page_reads_mean),
            row.page_reads_p99.to_string(),
            row.page_reads_max.to_string(),
        ]);
    }
    figures
}

fn bars(rows: &[Row], workloads: &[Workload], title: &str, x: Axis, value: fn(&Row) -> f64) -> BarPlot {
    let of = |trace: &str, organisation: &str| {
        let row = rows.iter().find(|row| row.trace == trace && row.organisation == organisation);
        row.map_or(f64::NAN, value)
    };
    BarPlot {
        title: title.into(),
        x,
        names: sized::KINDS.iter().map(|kind| kind.name.into()).collect(),
        groups: workloads
            .iter()
            .map(|workload| {
                (workload.name.clone(), sized::KINDS.iter().map(|kind| of(&workload.name, kind.name)).collect())
            })
            .collect(),
    }
}

//! One inverted table or a table for each process: bytes as the number of sparse processes grows, measured beside the
//! formula.
//!
//! Every process maps the same few pages of its own, each in a frame of its own, so that no frame is shared and the
//! inverted table needs no alias. The tables of processes double when more than 75 % of their places are in use.

use anyhow::Result;
use hashwalk_model::organisation::internal::Internal;
use hashwalk_model::organisation::inverted::Inverted;
use hashwalk_model::organisation::line::{LineTable, MIN_LINES_LOG2};
use hashwalk_model::organisation::per_process::PerProcess;
use hashwalk_model::sizing::{ProcessTable, inverted_bytes, per_process_bytes, processes_at_break_even};
use hashwalk_model::{PageTable, Ram};
use hashwalk_spec::entry::MIN_TABLE_LOG2;
use hashwalk_spec::{Asid, Hash, Vpn};
use serde::Serialize;

use super::Study;
use super::context::Context;
use super::filled::{Filled, small};
use super::output::{Figures, Outcome, csv};
use super::plot::{Axis, LinePlot, Series, Style};
use crate::report::grouped;

pub const STUDY: Study = Study { name: "break-even", title: "One inverted table, or one table for each process", run };

/// Frames of the machine that the inverted table describes.
const FRAMES: u64 = 4096;
const PROCESSES: u64 = 64;
const GROW_ABOVE: u8 = 75;
/// Pages of a process in the plot, and in the sweep of crossings: the largest need tables of two frames as internal ones.
const SPARSE_PAGES: u64 = 8;
const PAGES: [u64; 6] = [1, 8, 32, 96, 97, 192];
/// Memory in which the tables themselves lie: more than all of them need.
const TABLE_FRAMES: u64 = 1024;

#[derive(Clone, Copy, Debug, Serialize)]
struct Row {
    pages_each: u64,
    processes: u64,
    inverted_bytes: u64,
    inverted_formula: u64,
    internal_bytes: u64,
    internal_formula: u64,
    line_bytes: u64,
    line_formula: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Crossing {
    pages_each: u64,
    table: &'static str,
    processes_measured: Option<u64>,
    processes_formula: u64,
}

fn run(context: &Context) -> Result<Outcome> {
    let mut rows = Vec::new();
    for (step, pages_each) in PAGES.into_iter().enumerate() {
        context.progress(step, PAGES.len());
        rows.extend(sweep(context, pages_each)?);
    }
    let crossings: Vec<Crossing> = PAGES.into_iter().flat_map(|pages_each| crossings(&rows, pages_each)).collect();
    let mut figures = Figures::new(
        format!("Processes from which one inverted table of {FRAMES} frames takes no more memory"),
        ["pages a process", "tables", "measured", "formula"],
    );
    for crossing in &crossings {
        // The machine has no frames for more.
        let tried = rows.iter().filter(|row| row.pages_each == crossing.pages_each).count();
        let measured = crossing.processes_measured.map_or(format!("above {tried}"), |count| count.to_string());
        let formula = crossing.processes_formula.to_string();
        figures.row([crossing.pages_each.to_string(), crossing.table.into(), measured, formula]);
    }
    let sparse: Vec<&Row> = rows.iter().filter(|row| row.pages_each == SPARSE_PAGES).collect();
    let line = |name: &str, style, colour, value: fn(&Row) -> u64| Series {
        name: name.into(),
        style,
        colour,
        // A point at every fourth number is enough to tell them from the line.
        points: sparse
            .iter()
            .filter(|row| style != Style::Points || row.processes % 4 == 3)
            .map(|row| (row.processes as f64, value(row) as f64 / 1024.0))
            .collect(),
    };
    let plot = LinePlot {
        title: format!("Memory for page tables: {SPARSE_PAGES} pages a process, {FRAMES} frames"),
        x: Axis::linear("processes"),
        y: Axis::linear("KiB"),
        series: vec![
            line("per process, measured", Style::Points, 1, |row| row.internal_bytes),
            line("per process, formula", Style::Line, 1, |row| row.internal_formula),
            line("inverted, measured", Style::Points, 0, |row| row.inverted_bytes),
            line("inverted, formula", Style::Line, 0, |row| row.inverted_formula),
        ],
    };
    let crossing = crossings.iter().find(|crossing| crossing.pages_each == SPARSE_PAGES);
    let at = |crossing: Option<u64>| crossing.map_or("no number that was tried".into(), |count| count.to_string());
    let finding = format!(
        "with {SPARSE_PAGES} pages a process and {FRAMES} frames, tables of their own take less memory than the inverted \
         table's {} bytes below {} processes (the formula says {}), and more above",
        grouped(inverted_bytes(FRAMES)),
        at(crossing.and_then(|crossing| crossing.processes_measured)),
        at(crossing.map(|crossing| crossing.processes_formula)),
    );
    Ok(Outcome {
        finding,
        figures: vec![figures],
        csv: vec![("break-even.csv".into(), csv(&rows)?), ("break-even-crossings.csv".into(), csv(&crossings)?)],
        plots: vec![("break-even.svg".into(), plot.svg()?)],
    })
}

/// Adds process after process to each kind of table, as long as the machine has frames for their pages.
fn sweep(context: &Context, pages_each: u64) -> Result<Vec<Row>> {
    let key = context.key();
    let mut inverted = Filled::new(TABLE_FRAMES, |ram| {
        Ok(Box::new(Inverted::new(ram, FRAMES, FRAMES.ilog2(), Hash::Keyed, key)?) as Box<dyn PageTable>)
    })?;
    let mut internal = Filled::new(TABLE_FRAMES, |ram| {
        let make = move |ram: &mut Ram, _| Internal::new(ram, MIN_TABLE_LOG2, Hash::Keyed, key);
        Ok(Box::new(PerProcess::new(ram, GROW_ABOVE, make)?) as Box<dyn PageTable>)
    })?;
    let mut line = Filled::new(TABLE_FRAMES, |ram| {
        let make = move |ram: &mut Ram, _| LineTable::new(ram, MIN_LINES_LOG2, Hash::Keyed, key);
        Ok(Box::new(PerProcess::new(ram, GROW_ABOVE, make)?) as Box<dyn PageTable>)
    })?;
    let mut rows = Vec::new();
    for processes in 1..=PROCESSES.min(FRAMES / pages_each) {
        let asid = Asid::truncate(processes as u16);
        for page in 0..pages_each {
            let mapping = small(asid, Vpn::truncate(0x400 + page), (processes - 1) * pages_each + page);
            let tables = [&mut inverted, &mut internal, &mut line];
            tables.into_iter().try_for_each(|table| table.insert(mapping))?;
        }
        for table in [&inverted, &internal, &line] {
            (0..pages_each).try_for_each(|page| table.look_up(asid, Vpn::truncate(0x400 + page)).map(drop))?;
        }
        let [inverted_now, internal_now, line_now] =
            [&inverted, &internal, &line].map(|filled| filled.table.usage(&filled.ram).bytes);
        rows.push(Row {
            pages_each,
            processes,
            inverted_bytes: inverted_now,
            inverted_formula: inverted_bytes(FRAMES),
            internal_bytes: internal_now,
            internal_formula: per_process_bytes(processes, pages_each, ProcessTable::Internal, GROW_ABOVE),
            line_bytes: line_now,
            line_formula: per_process_bytes(processes, pages_each, ProcessTable::Line, GROW_ABOVE),
        });
    }
    Ok(rows)
}

/// Where the lines cross, measured and by the formula.
fn crossings(rows: &[Row], pages_each: u64) -> [Crossing; 2] {
    type Bytes = fn(&Row) -> u64;
    let kinds: [(_, ProcessTable, Bytes); 2] = [
        ("internal", ProcessTable::Internal, |row| row.internal_bytes),
        ("line", ProcessTable::Line, |row| row.line_bytes),
    ];
    kinds.map(|(table, kind, bytes)| {
        let above = rows.iter().find(|row| row.pages_each == pages_each && bytes(row) >= row.inverted_bytes);
        Crossing {
            pages_each,
            table,
            processes_measured: above.map(|row| row.processes),
            processes_formula: processes_at_break_even(FRAMES, pages_each, kind, GROW_ABOVE),
        }
    })
}

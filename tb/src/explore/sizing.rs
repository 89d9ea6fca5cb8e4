//! Boot-time tuning: the table's length from memory size, sharing and a collision target, and what a table of that length
//! then reads.

use anyhow::Result;
use hashwalk_model::PageTable;
use hashwalk_model::organisation::internal::Internal;
use hashwalk_model::sizing::{CollisionTarget, Expectation, TableSize, reads_of_a_hit, reads_of_a_miss};
use hashwalk_spec::address::FRAME_BYTES;
use hashwalk_spec::entry::ENTRY_BYTES;
use hashwalk_spec::{Asid, Hash, Vpn};
use serde::Serialize;

use super::Study;
use super::context::Context;
use super::filled::{Filled, small};
use super::output::{Figures, Outcome, csv};
use super::plot::{Axis, LinePlot, Series, Style};

pub const STUDY: Study = Study { name: "sizing", title: "Tuning at boot: how long the table must be", run };

const MEMORY_LOG2: [u32; 4] = [16, 18, 20, 22];
const SHARING: [f64; 5] = [1.0, 1.5, 2.0, 3.0, 4.0];
const TARGETS: [CollisionTarget; 5] = [
    CollisionTarget::HomeTaken(0.25),
    CollisionTarget::ReadsOfAHit(1.1),
    CollisionTarget::ReadsOfAHit(1.25),
    CollisionTarget::ReadsOfAHit(1.5),
    CollisionTarget::ReadsOfAHit(1.8),
];
/// The memory in the printed table: 1 GiB.
const PRINTED_LOG2: u32 = 18;

#[derive(Clone, Debug, Serialize)]
struct Row {
    memory_bytes: u64,
    mappings_per_frame: f64,
    target: String,
    table_log2: u32,
    entries_per_frame: u64,
    table_bytes: u64,
    load: f64,
    reads_of_a_hit: f64,
    reads_of_a_miss: f64,
}

#[derive(Clone, Debug, Serialize)]
struct Measured {
    frames: u64,
    mappings_per_frame: f64,
    target: String,
    entries_per_frame: u64,
    load: f64,
    hit_predicted: f64,
    hit_measured: f64,
    miss_predicted: f64,
    miss_measured: f64,
}

fn run(context: &Context) -> Result<Outcome> {
    let mut rows = Vec::new();
    let expectations = MEMORY_LOG2.into_iter().flat_map(|log2| {
        SHARING.into_iter().flat_map(move |mappings_per_frame| {
            TARGETS.map(|target| Expectation { frames: 1 << log2, mappings_per_frame, target })
        })
    });
    for expectation in expectations {
        let size = expectation.size()?;
        rows.push(Row {
            memory_bytes: expectation.frames * FRAME_BYTES,
            mappings_per_frame: expectation.mappings_per_frame,
            target: describe(expectation.target),
            table_log2: size.log2,
            entries_per_frame: size.entries_per_frame,
            table_bytes: size.bytes,
            load: size.load,
            reads_of_a_hit: size.reads_of_a_hit,
            reads_of_a_miss: size.reads_of_a_miss,
        });
    }
    let frames = 1 << context.size(14, 10);
    let mut measured = Vec::new();
    for (step, mappings_per_frame) in SHARING.into_iter().enumerate() {
        for (within, target) in TARGETS.into_iter().enumerate() {
            context.progress(step * TARGETS.len() + within, SHARING.len() * TARGETS.len());
            let expectation = Expectation { frames, mappings_per_frame, target };
            measured.push(measure(context, &expectation, &expectation.size()?)?);
        }
    }
    let worst = measured.iter().map(|row| (row.hit_measured / row.hit_predicted - 1.0).abs()).fold(0.0, f64::max);
    let (least, most) = rows
        .iter()
        .fold((u64::MAX, 0), |(least, most), row| (least.min(row.entries_per_frame), most.max(row.entries_per_frame)));
    let finding = format!(
        "{} to {} mappings a frame and targets from {} to {} want {least} to {most} entries a frame; tables filled as \
         expected read within {:.1} % of what was predicted",
        SHARING[0],
        SHARING[SHARING.len() - 1],
        describe(TARGETS[0]),
        describe(TARGETS[TARGETS.len() - 1]),
        100.0 * worst
    );
    Ok(Outcome {
        finding,
        figures: vec![chosen_table(&rows), measured_table(&measured)],
        csv: vec![("sizing.csv".into(), csv(&rows)?), ("sizing-measured.csv".into(), csv(&measured)?)],
        plots: vec![("sizing.svg".into(), plot(&measured).svg()?)],
    })
}

/// Fills a table of the chosen length with random pages, as many as are expected, and looks all of them up, and as many
/// that are not there.
fn measure(context: &Context, expectation: &Expectation, size: &TableSize) -> Result<Measured> {
    let memory = 4 * (ENTRY_BYTES << size.log2) / FRAME_BYTES;
    let mut filled = Filled::new(memory.max(8), |ram| {
        Ok(Box::new(Internal::new(ram, size.log2, Hash::Keyed, context.key())?) as Box<dyn PageTable>)
    })?;
    let mut random = context.random(expectation.mappings_per_frame.to_bits() ^ size.log2 as u64);
    // Even pages are mapped, odd ones are not. Shared frames: processes map what they share at pages of their own.
    let mut page = || (Asid::truncate(random.u16(1..=64)), random.u64(..1 << 35) * 2);
    let mut pages = Vec::new();
    while (pages.len() as f64) < expectation.mappings().floor() {
        let (asid, vpn) = page();
        match filled.insert(small(asid, Vpn::truncate(vpn), pages.len() as u64 % expectation.frames)) {
            Ok(()) => pages.push((asid, Vpn::truncate(vpn))),
            Err(hashwalk_model::TableError::AlreadyMapped { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let absent: Vec<_> = pages.iter().map(|_| page()).map(|(asid, vpn)| (asid, Vpn::truncate(vpn | 1))).collect();
    Ok(Measured {
        frames: expectation.frames,
        mappings_per_frame: expectation.mappings_per_frame,
        target: describe(expectation.target),
        entries_per_frame: size.entries_per_frame,
        load: size.load,
        hit_predicted: size.reads_of_a_hit,
        hit_measured: filled.reads(pages)?.mean,
        miss_predicted: size.reads_of_a_miss,
        miss_measured: filled.reads(absent)?.mean,
    })
}

fn describe(target: CollisionTarget) -> String {
    match target {
        CollisionTarget::ReadsOfAHit(reads) => format!("{reads} reads a hit"),
        CollisionTarget::HomeTaken(share) => format!("{} % of homes taken", share * 100.0),
    }
}

fn chosen_table(rows: &[Row]) -> Figures {
    let mut figures = Figures::new(
        "1 GiB of memory: the shortest table that meets the target",
        ["mappings a frame", "target", "entries a frame", "MiB", "load", "reads of a hit", "of a miss"],
    );
    for row in rows.iter().filter(|row| row.memory_bytes == FRAME_BYTES << PRINTED_LOG2) {
        figures.row([
            row.mappings_per_frame.to_string(),
            row.target.clone(),
            row.entries_per_frame.to_string(),
            (row.table_bytes >> 20).to_string(),
            format!("{:.3}", row.load),
            format!("{:.3}", row.reads_of_a_hit),
            format!("{:.3}", row.reads_of_a_miss),
        ]);
    }
    figures
}

fn measured_table(measured: &[Measured]) -> Figures {
    let frames = measured.first().map_or(0, |row| row.frames);
    let mut figures = Figures::new(
        format!("Tables for {frames} frames, filled with random pages as expected"),
        ["mappings a frame", "target", "load", "hit, predicted", "measured", "miss, predicted", "measured"],
    );
    for row in measured {
        figures.row([
            row.mappings_per_frame.to_string(),
            row.target.clone(),
            format!("{:.3}", row.load),
            format!("{:.3}", row.hit_predicted),
            format!("{:.3}", row.hit_measured),
            format!("{:.3}", row.miss_predicted),
            format!("{:.3}", row.miss_measured),
        ]);
    }
    figures
}

fn plot(measured: &[Measured]) -> LinePlot {
    let loads = || (1..=50).map(|i| f64::from(i) / 50.0);
    let formula = |name: &str, colour, value: fn(f64) -> f64| Series {
        name: name.into(),
        style: Style::Line,
        colour,
        points: loads().map(|load| (load, value(load))).collect(),
    };
    let dots = |name: &str, colour, value: fn(&Measured) -> f64| Series {
        name: name.into(),
        style: Style::Points,
        colour,
        points: measured.iter().map(|row| (row.load, value(row))).collect(),
    };
    LinePlot {
        title: "Entries read in tables of the chosen length".into(),
        x: Axis::linear("mappings for each entry (load)"),
        y: Axis::linear("mean entries read"),
        series: vec![
            formula("a hit, predicted", 0, reads_of_a_hit),
            dots("a hit, measured", 0, |row| row.hit_measured),
            formula("a miss, predicted", 1, reads_of_a_miss),
            dots("a miss, measured", 1, |row| row.miss_measured),
        ],
    }
}

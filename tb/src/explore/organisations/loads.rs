//! Random pages at growing load, in tables of 2^n places, beside theory.
//!
//! Load is mappings for each place: an entry, a bucket, an anchor. A line counts as four places, so that a line table has
//! as many bytes as one of entries. Random pages can stand by fours in a line, if their homes agree; mostly they do not,
//! so that a line table runs out of lines at about half of these places.

use anyhow::Result;
use hashwalk_model::organisation::cuckoo::{Cuckoo, Growth};
use hashwalk_model::organisation::internal::Internal;
use hashwalk_model::organisation::inverted::Inverted;
use hashwalk_model::organisation::line::LineTable;
use hashwalk_model::organisation::separate::Separate;
use hashwalk_model::organisation::tree::Tree;
use hashwalk_model::sizing::reads_of_a_hit;
use hashwalk_model::{Ram, TableError};
use hashwalk_spec::{Asid, Hash, Vpn};
use serde::Serialize;

use crate::explore::context::Context;
use crate::explore::filled::{Filled, Made, small};
use crate::explore::output::Figures;
use crate::explore::plot::{Axis, LinePlot, Series, Style};

/// One organisation at one load.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    organisation: &'static str,
    load_percent: u64,
    mappings: u64,
    reads_mean: f64,
    reads_p99: u32,
    reads_max: u32,
    theory: Option<f64>,
}

struct Kind {
    name: &'static str,
    make: fn(&mut Ram, u32, u128) -> Made,
    /// Reads of a lookup that finds its page, at a load.
    theory: Option<fn(f64) -> f64>,
}

/// A bucket or an anchor, and half of the others in its list: those that came before.
fn list(load: f64) -> f64 {
    2.0 + load / 2.0
}

const KINDS: &[Kind] = &[
    Kind {
        name: "internal",
        make: |ram, log2, key| Ok(Box::new(Internal::new(ram, log2, Hash::Keyed, key)?)),
        theory: Some(reads_of_a_hit),
    },
    Kind {
        name: "separate",
        make: |ram, log2, key| Ok(Box::new(Separate::new(ram, log2, Hash::Keyed, key)?)),
        theory: Some(list),
    },
    Kind { name: "tree", make: |ram, log2, key| Ok(Box::new(Tree::new(ram, log2, Hash::Keyed, key)?)), theory: None },
    Kind {
        name: "line",
        make: |ram, log2, key| Ok(Box::new(LineTable::new(ram, log2 - 2, Hash::Keyed, key)?)),
        theory: None,
    },
    Kind {
        name: "inverted",
        make: |ram, log2, key| Ok(Box::new(Inverted::new(ram, 1 << log2, log2, Hash::Keyed, key)?)),
        theory: Some(list),
    },
    Kind {
        name: "cuckoo, 4 ways",
        make: |ram, log2, key| Ok(Box::new(Cuckoo::new(ram, 4, log2 - 2, key, Growth::Never)?)),
        theory: Some(|_| 4.0),
    },
];

/// Steps of the sweep.
pub const STEPS: usize = KINDS.len() * 10;

/// Fills each organisation step by step, until it is full or refuses a page, and tells `progress` how far it is.
///
/// # Errors
/// A table disagrees with a plain map.
pub fn sweep(context: &Context, progress: impl Fn(usize)) -> Result<Vec<Row>> {
    let log2 = context.size(14, 10);
    let mut rows = Vec::new();
    for (kind, place) in KINDS.iter().zip(0..) {
        let mut filled = Filled::new(2048, |ram| (kind.make)(ram, log2, context.key()))?;
        let mut random = context.random(2);
        let mut pages: Vec<(Asid, Vpn)> = Vec::new();
        'loads: for load_percent in (10..=100).step_by(10) {
            progress(10 * place + load_percent as usize / 10 - 1);
            while (pages.len() as u64) < (load_percent << log2) / 100 {
                let (asid, vpn) = (Asid::truncate(random.u16(1..=64)), Vpn::truncate(random.u64(..1 << 36)));
                match filled.insert(small(asid, vpn, pages.len() as u64)) {
                    Ok(()) => pages.push((asid, vpn)),
                    Err(TableError::AlreadyMapped { .. }) => {}
                    Err(TableError::Full { .. }) => break 'loads,
                    Err(error) => return Err(error.into()),
                }
            }
            let reads = filled.reads(pages.iter().copied())?;
            rows.push(Row {
                organisation: kind.name,
                load_percent,
                mappings: pages.len() as u64,
                reads_mean: reads.mean,
                reads_p99: reads.p99,
                reads_max: reads.max,
                theory: kind.theory.map(|theory| theory(load_percent as f64 / 100.0)),
            });
        }
    }
    Ok(rows)
}

/// The means, with theory in brackets.
#[must_use]
pub fn figures(rows: &[Row]) -> Figures {
    let mut figures = Figures::new(
        "Random pages: mean reads of a lookup at growing load (in brackets: theory)",
        ["load", "internal", "separate", "tree", "line", "inverted", "cuckoo, 4 ways"],
    );
    for load_percent in (10..=100).step_by(10) {
        let cell = |name: &str| {
            let row = rows.iter().find(|row| row.organisation == name && row.load_percent == load_percent);
            row.map_or("full".into(), |row| {
                let theory = row.theory.map_or(String::new(), |theory| format!(" ({theory:.3})"));
                format!("{:.3}{theory}", row.reads_mean)
            })
        };
        let [a, b, c, d, e, f] = ["internal", "separate", "tree", "line", "inverted", "cuckoo, 4 ways"].map(cell);
        figures.row([format!("{load_percent} %"), a, b, c, d, e, f]);
    }
    figures
}

/// Measured points, and the formulas as lines of the same colour.
#[must_use]
pub fn plot(rows: &[Row]) -> LinePlot {
    let mut series = Vec::new();
    for (colour, kind) in KINDS.iter().enumerate() {
        let of = || rows.iter().filter(|row| row.organisation == kind.name);
        let at = |row: &Row, value: f64| (row.load_percent as f64 / 100.0, value);
        let measured = of().map(|row| at(row, row.reads_mean)).collect();
        let style = if kind.theory.is_some() { Style::Points } else { Style::Joined };
        // With as many anchors as buckets and the same key, their lists are the same, and so are their points.
        let name = if kind.name == "inverted" { "inverted, upon separate".into() } else { kind.name.into() };
        series.push(Series { name, style, colour, points: measured });
        let theory: Vec<(f64, f64)> = of().filter_map(|row| Some(at(row, row.theory?))).collect();
        if !theory.is_empty() {
            series.push(Series { name: format!("{}, theory", kind.name), style: Style::Line, colour, points: theory });
        }
    }
    LinePlot {
        title: "Reads of a lookup that finds its page, random pages".into(),
        x: Axis::linear("load: mappings for each place"),
        y: Axis::linear("mean reads"),
        series,
    }
}

//! Pages that an attacker chooses, in the contract's table: what his walks read.
//!
//! What is measured is one process that maps pages which, as far as it knows, share a home. It is no proof that nobody can
//! do better: see `hashwalk_model::hash_quality` for what is left out.

use anyhow::Result;
use hashwalk_model::PageTable;
use hashwalk_model::hash_quality::{Attack, colliding_pages};
use hashwalk_model::organisation::internal::Internal;
use hashwalk_spec::{Asid, Hash, Vpn};
use serde::Serialize;

use crate::explore::context::Context;
use crate::explore::filled::{Filled, Reads, small};
use crate::explore::output::Figures;
use crate::explore::plot::{Axis, LinePlot, Series, Style};

const TABLE_LOG2: u32 = 13;
const ATTACKER: Asid = Asid::truncate(7);
const PROCESSES: u16 = 16;
/// The attacker knows all of the key but this bit, which enters after the hash's first round: not a thing that an operating
/// system lets happen, but the reason why not.
const LATE_KEY_BIT: u32 = 112;
/// That case's name.
pub const LEAKED: &str = "key but one bit";

/// One attack with one number of pages.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub hash: String,
    pub attack: &'static str,
    pub pages: usize,
    pub reads_mean: f64,
    pub reads_max: u32,
}

/// One function with one number of pages a process.
#[derive(Clone, Debug, Serialize)]
pub struct CollapseRow {
    hash: String,
    pages_a_process: u64,
    reads_mean: f64,
    reads_max: u32,
}

/// Every attack, with more and more pages.
pub fn attacks(context: &Context) -> Result<Vec<Row>> {
    let most = context.size(4096, 512);
    let informed = Attack::Informed { guessed_key: 0 };
    let random = Attack::Random { seed: context.random(5).u64(..) };
    let cases = [
        (Hash::Fold, "solved", informed),
        (Hash::Asid, "any pages", informed),
        (Hash::Keyed, "guessed key", informed),
        (Hash::Keyed, "random pages", random),
        (Hash::Keyed, LEAKED, Attack::Informed { guessed_key: context.key() ^ 1 << LATE_KEY_BIT }),
    ];
    let mut rows = Vec::new();
    for (hash, attack, how) in cases {
        let vpns = colliding_pages(hash, how, ATTACKER, most, TABLE_LOG2);
        let mut pages = 16;
        while pages <= most {
            context.progress(rows.len(), cases.len() * (most / 8).ilog2() as usize);
            let reads = reads(context, hash, vpns[..pages].iter().map(|vpn| (ATTACKER, *vpn)))?;
            rows.push(Row { hash: hash.to_string(), attack, pages, reads_mean: reads.mean, reads_max: reads.max });
            pages *= 2;
        }
    }
    Ok(rows)
}

/// Nobody attacks: processes with the same few pages each, under a hash that forgets the page.
pub fn collapse(context: &Context) -> Result<Vec<CollapseRow>> {
    let mut rows = Vec::new();
    for hash in [Hash::Asid, Hash::Keyed] {
        let mut pages_a_process = 4;
        while pages_a_process <= context.size(256, 64) {
            let pages = (1..=PROCESSES).flat_map(|asid| {
                (0..pages_a_process).map(move |page| (Asid::truncate(asid), Vpn::truncate(0x400 + page)))
            });
            let reads = reads(context, hash, pages)?;
            rows.push(CollapseRow {
                hash: hash.to_string(),
                pages_a_process,
                reads_mean: reads.mean,
                reads_max: reads.max,
            });
            pages_a_process *= 2;
        }
    }
    Ok(rows)
}

/// Maps the pages in a table of the contract, and looks each up.
fn reads(context: &Context, hash: Hash, pages: impl Iterator<Item = (Asid, Vpn)>) -> Result<Reads> {
    let mut filled = Filled::new(256, |ram| {
        Ok(Box::new(Internal::new(ram, TABLE_LOG2, hash, context.key())?) as Box<dyn PageTable>)
    })?;
    let pages: Vec<(Asid, Vpn)> = pages.collect();
    pages.iter().zip(0..).try_for_each(|((asid, vpn), pfn)| filled.insert(small(*asid, *vpn, pfn)))?;
    filled.reads(pages)
}

/// The longest walks, a column for each attack.
pub fn figures(rows: &[Row]) -> Figures {
    let mut figures = Figures::new(
        "Attack: the most entries that a lookup of the attacker's pages reads, table of 8,192 entries",
        [
            "pages",
            "fold, solved",
            "asid, any pages",
            "keyed, guessed key",
            "keyed, random pages",
            "keyed, all but one bit known",
        ],
    );
    let cases: Vec<&[Row]> = rows.chunk_by(|a, b| (&a.hash, a.attack) == (&b.hash, b.attack)).collect();
    let [fold, asid, guessed, random, leaked] = cases[..] else { unreachable!("there are five attacks") };
    for ((((fold, asid), guessed), random), leaked) in fold.iter().zip(asid).zip(guessed).zip(random).zip(leaked) {
        let [a, b, c, d, e] = [fold, asid, guessed, random, leaked].map(|row| row.reads_max.to_string());
        figures.row([fold.pages.to_string(), a, b, c, d, e]);
    }
    figures
}

/// Means and maxima, a pair of columns for each function.
pub fn collapse_figures(rows: &[CollapseRow]) -> Figures {
    let mut figures = Figures::new(
        "Collapse: 16 processes with the same pages, table of 8,192 entries",
        ["pages a process", "asid: mean reads", "most", "keyed: mean reads", "most"],
    );
    let (asid, keyed) = rows.split_at(rows.len() / 2);
    for (asid, keyed) in asid.iter().zip(keyed) {
        let [(a, b), (c, d)] = [asid, keyed].map(|row| (format!("{:.2}", row.reads_mean), row.reads_max.to_string()));
        figures.row([asid.pages_a_process.to_string(), a, b, c, d]);
    }
    figures
}

pub fn plot(rows: &[Row]) -> LinePlot {
    let series =
        rows.chunk_by(|a, b| (&a.hash, a.attack) == (&b.hash, b.attack)).enumerate().map(|(colour, rows)| Series {
            name: format!("{}: {}", rows[0].hash, rows[0].attack),
            // Those that all collide lie on each other: dashes let the first one show.
            style: if matches!(colour, 1 | 4) { Style::Dashed } else { Style::Joined },
            colour,
            points: rows.iter().map(|row| (row.pages as f64, f64::from(row.reads_max))).collect(),
        });
    LinePlot {
        title: "The longest walk that an attacker can cause".into(),
        x: Axis::log("the attacker's pages"),
        y: Axis::log("entries read"),
        series: series.collect(),
    }
}

pub fn collapse_plot(rows: &[CollapseRow]) -> LinePlot {
    let series = rows.chunk_by(|a, b| a.hash == b.hash).enumerate().map(|(colour, rows)| Series {
        name: rows[0].hash.clone(),
        style: Style::Joined,
        colour,
        points: rows.iter().map(|row| (row.pages_a_process as f64, row.reads_mean)).collect(),
    });
    LinePlot {
        title: "A hash of the process alone: 16 processes in 8,192 entries".into(),
        x: Axis::log("pages of each process"),
        y: Axis::log("mean entries read"),
        series: series.collect(),
    }
}

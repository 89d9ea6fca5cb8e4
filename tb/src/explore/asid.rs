//! ASIDs: what a switch costs with them and without, and how often they must be flushed when they are few.
//!
//! [`switches`]: processes take turns on one CPU. [`lives`]: processes live one after the other, more than there are
//! ASIDs.

mod lives;
mod switches;

use anyhow::Result;

use super::Study;
use super::context::{Context, TLB_ENTRIES};
use super::output::{Outcome, csv};
use crate::report::grouped;

pub const STUDY: Study = Study { name: "asid", title: "ASIDs: switches without flushes, and their recycling", run };

fn run(context: &Context) -> Result<Outcome> {
    let switches = switches::measure(context)?;
    let lives = lives::measure(context)?;
    let fits = |tagging: &str| {
        let rows = switches.iter().filter(|row| row.tagging == tagging && row.fits_tlb);
        rows.map(|row| row.misses_a_switch).fold(0.0, f64::max)
    };
    let cycles = |tagging: &str| {
        let rows = switches.iter().filter(|row| row.tagging == tagging && row.fits_tlb && row.processes == 2);
        rows.map(|row| row.walk_cycles_a_switch).fold(0.0, f64::max)
    };
    let last = lives.last();
    let finding = format!(
        "where the pages of all processes fit into {TLB_ENTRIES} entries, a switch costs {:.0} misses with ASIDs and up to {:.0} \
         without ({:.0} and {:.0} cycles of walks, two processes); where they do not fit, ASIDs save at most {:.0} % of the misses, since \
         LRU drops the entries of the one whose turn is next; {} lives with {} ASIDs take {} flushes instead of {}, and no \
         life saw another's data",
        fits(switches::TAGGED),
        fits(switches::UNTAGGED),
        cycles(switches::TAGGED),
        cycles(switches::UNTAGGED),
        100.0 * switches::most_saved_beyond_tlb(&switches),
        grouped(last.map_or(0, |row| row.lives)),
        last.map_or(0, |row| row.asids),
        last.map_or(0, |row| row.flushes),
        grouped(last.map_or(0, |row| row.lives)),
    );
    Ok(Outcome {
        finding,
        figures: vec![switches::figures(&switches), lives::figures(&lives)],
        csv: vec![("asid.csv".into(), csv(&switches)?), ("asid-lives.csv".into(), csv(&lives)?)],
        plots: vec![
            ("asid.svg".into(), switches::plot(&switches).svg()?),
            ("asid-lives.svg".into(), lives::plot(&lives).svg()?),
        ],
    })
}

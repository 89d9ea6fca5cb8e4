//! Copy-on-write: what a fork copies, what it copies later, and what each copy costs.
//!
//! | file | holds |
//! | ---- | ----- |
//! | `fork.rs` | a child that stores to a part of its pages, and then the parent |
//! | `steps.rs` | one fault in the six steps of the seed, and acknowledgements for each number of CPUs |
//! | `threads.rs` | real threads that store to the same pages at once |

mod fork;
mod steps;
mod threads;

use anyhow::Result;

use super::Study;
use super::context::Context;
use super::output::{Outcome, csv};
use crate::report::grouped;

pub const STUDY: Study = Study { name: "cow", title: "Copy-on-write: what a fork copies, and when", run };

fn run(context: &Context) -> Result<Outcome> {
    const PARTS: usize = 4;
    context.progress(0, PARTS);
    let forks = fork::measure(context)?;
    context.progress(1, PARTS);
    let steps = steps::one_fault(context)?;
    context.progress(2, PARTS);
    let rounds = steps::by_cpus(context)?;
    context.progress(3, PARTS);
    let threads = threads::measure(context)?;
    let copies_are_stores = forks.iter().all(|row| row.child_copies == row.stored_pages);
    let quarter = forks.iter().find(|row| row.stored_percent == 25);
    let most = rounds.last();
    let finding = format!(
        "a child copies {} the pages that it stores to: with 25 % of {} pages that is {} KiB, where an eager fork copies {}; the \
         parent then gets back {} % of its pages without a copy; each copy waits for {} acknowledgements on {} CPUs; threads \
         of up to {} processes stored {} words to pages that they shared: none was lost, none seen by another",
        if copies_are_stores { "exactly" } else { "not only" },
        grouped(quarter.map_or(0, |row| row.resident_pages)),
        grouped(quarter.map_or(0, |row| row.child_copied_bytes >> 10)),
        grouped(quarter.map_or(0, |row| row.eager_bytes >> 10)),
        quarter.map_or(0, |row| 100 * row.parent_kept / row.resident_pages),
        most.map_or(0.0, |row| row.acknowledgements_a_copy),
        most.map_or(0, |row| row.cpus),
        threads.iter().map(|row| row.processes).max().unwrap_or(0),
        grouped(threads.iter().map(|row| row.stores).sum()),
    );
    Ok(Outcome {
        finding,
        figures: vec![
            fork::figures(&forks),
            steps::figures(&steps),
            steps::cpu_figures(&rounds),
            threads::figures(&threads),
        ],
        csv: vec![
            ("cow.csv".into(), csv(&forks)?),
            ("cow-steps.csv".into(), csv(&steps)?),
            ("cow-cpus.csv".into(), csv(&rounds)?),
            ("cow-threads.csv".into(), csv(&threads)?),
        ],
        plots: vec![
            ("cow.svg".into(), fork::plot(&forks).svg()?),
            ("cow-cpus.svg".into(), steps::plot(&rounds).svg()?),
        ],
    })
}

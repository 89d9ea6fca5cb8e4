//! `hashwalk explore`: studies of the golden model, each a table, CSV files, plots and one sentence that says what they
//! show.
//!
//! ```text
//!  STUDIES ─► run(&Context) ─► Outcome { finding, figures, csv, plots } ─► terminal, files
//!                                                                     └──► page.rs: index.html, of `all`
//! ```
//!
//! A study is a module with a [`Study`], and a line in [`STUDIES`]: the command line, the page and the tests know it then.
//! It draws whatever is random from [`Context::random`], so that two runs write the same bytes.
//!
//! | file | holds |
//! | ---- | ----- |
//! | `context.rs` | the seed, the traces and the progress bar |
//! | `output.rs` | what a study gives back, and writing it |
//! | `plot.rs`, `page.rs` | SVG plots, the HTML page |
//! | `filled.rs` | tables full of pages, and the reads of looking them up, every answer compared with a plain map |
//! | `watched.rs` | programs on a whole system, every load compared with what was stored |
//! | the others | one study each |

mod asid;
mod break_even;
mod context;
mod cow;
mod demand_paging;
mod filled;
mod hash;
mod huge_pages;
mod organisations;
mod output;
mod page;
pub(crate) mod plot;
mod sizing;
mod watched;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

pub use context::{Context, TLB_ENTRIES, Workload};
pub use filled::{Disagreement, Reads};
pub(crate) use output::csv;
pub use output::{Figures, Folder, Outcome};
pub use watched::LostStore;

/// One study.
pub struct Study {
    /// Its name on the command line and in the files' names.
    pub name: &'static str,
    /// Its title on the page.
    pub title: &'static str,
    /// Does it.
    pub run: fn(&Context) -> Result<Outcome>,
}

/// All studies, in the order of the page.
pub const STUDIES: &[Study] = &[
    organisations::STUDY,
    hash::STUDY,
    sizing::STUDY,
    break_even::STUDY,
    huge_pages::STUDY,
    demand_paging::STUDY,
    cow::STUDY,
    asid::STUDY,
];

/// What stands for all of them.
pub const ALL: &str = "all";

/// What may be asked for.
#[must_use]
pub fn names() -> Vec<&'static str> {
    STUDIES.iter().map(|study| study.name).chain([ALL]).collect()
}

/// What to explore.
#[derive(Clone, Debug)]
pub struct ExploreOptions {
    /// One of [`names`].
    pub study: String,
    /// Where files go.
    pub output: PathBuf,
    /// What everything random grows from.
    pub seed: u64,
    /// Short sweeps.
    pub quick: bool,
    /// The traces.
    pub traces: Vec<PathBuf>,
}

/// Whether a study stopped because the model is wrong: a table has disagreed with a plain map ([`Disagreement`]), or a
/// load has not returned what was stored ([`LostStore`]).
#[must_use]
pub fn is_refuted(error: &anyhow::Error) -> bool {
    error.is::<Disagreement>() || error.is::<LostStore>()
}

/// Runs what is asked for, hands each study's text to `print`, and writes the files.
///
/// # Errors
/// The folder cannot be written, a trace cannot be read, or the model is wrong ([`is_refuted`]).
pub fn explore(options: &ExploreOptions, mut print: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let folder = Folder::open(&options.output)?;
    let mut context = Context::new(options.seed, options.quick, options.traces.clone());
    let chosen = |study: &&Study| options.study == study.name || options.study == ALL;
    let mut done = Vec::new();
    for study in STUDIES.iter().filter(chosen) {
        context.begin(study.name);
        let outcome = (study.run)(&context);
        context.end();
        let outcome = outcome.with_context(|| format!("the study {} stopped", study.name))?;
        for figures in &outcome.figures {
            print(&format!("{}\n{}", figures.caption, figures.table()))?;
        }
        print(&format!("{}: {}", study.name, outcome.finding))?;
        let plots = outcome.plots.iter().map(|(name, svg)| (name, svg.as_bytes()));
        for (name, bytes) in outcome.csv.iter().map(|(name, bytes)| (name, bytes.as_slice())).chain(plots) {
            print(&format!("  {}", folder.write(name, bytes)?.display()))?;
        }
        done.push((study, outcome));
    }
    if options.study == ALL {
        let sections: Vec<_> = done.iter().map(|(study, outcome)| (study.name, study.title, outcome)).collect();
        let path = folder.write("index.html", page::page(&sections, options.seed).as_bytes())?;
        print(&format!("all studies on one page: {}", path.display()))?;
    }
    Ok(())
}

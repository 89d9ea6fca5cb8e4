//! `hashwalk soc matrix`: programs under handlers at latencies of memory, their misses served by hardware and by software.
//!
//! ```text
//!  MatrixOptions ─► cells ─► runs, on every core ─► Row of each cell ─► refill.csv, refill.svg, refill.md
//! ```
//!
//! A run of the hardware is the same for all handlers of a table's format and hash, and is made once. A simulation is
//! deterministic, and so is every file.
//!
//! | file | holds |
//! | ---- | ----- |
//! | `row.rs` | what is measured, as a line of the CSV file |
//! | `page.rs` | the page: tables, and what they show |
//! | `plots.rs` | the plots |
//! | `prediction.rs` | the modelled handler of `hashwalk run` beside the measured one |

mod page;
mod plots;
mod prediction;
mod row;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result};
use comfy_table::{CellAlignment, Table};
use hashwalk_spec::Config;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Handler, Manifest, RunOptions, RunOutcome, SocDevice, SocError, SocTools, config_for, run_of};
use crate::explore;
use crate::report::{grouped, plain_table};

pub use row::Row;

/// Programs that are long enough to be measured.
pub const PROGRAMS: [&str; 5] = ["sort", "join", "matrix", "chase", "interpreter"];
/// Latencies of memory in cycles.
pub const LATENCIES: [u32; 4] = [1, 10, 40, 100];
/// The one of these at which programs and handlers are compared, and that the modelled handler is fitted at.
pub const REFERENCE_LATENCY: u32 = 40;

/// What to measure. An empty list stands for the usual ones.
#[derive(Clone, Debug, Default)]
pub struct MatrixOptions {
    /// The programs.
    pub programs: Vec<String>,
    /// The handlers; left out, all there are.
    pub handlers: Vec<String>,
    /// Cycles of a read.
    pub latencies: Vec<u32>,
    /// Two short programs and a handler, for a first look.
    pub quick: bool,
    /// What the hash key grows from.
    pub seed: u64,
}

/// What was measured.
pub struct Matrix {
    /// A line for each program, handler and latency.
    pub rows: Vec<Row>,
    /// How fast the runs were, if there were any.
    pub speed: Option<Speed>,
    command: String,
    config: Config,
}

/// How fast simulations were.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    /// Cycles that were simulated.
    pub cycles: u64,
    /// Seconds that the runs took, one after the other.
    pub seconds: f64,
    /// The slowest run's simulated cycles a second.
    pub slowest: f64,
}

/// A program under a handler at a latency.
#[derive(Clone, Copy)]
struct Cell<'a> {
    program: &'a str,
    handler: &'a Handler,
    latency: u32,
}

/// A run: of a cell, or of the hardware that several cells share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Job<'a> {
    latency: u32,
    software: bool,
    handler: &'a str,
    program: &'a str,
}

impl<'a> Cell<'a> {
    /// Its runs: of the hardware, with the kernel of the first handler for such tables, and of software.
    fn jobs(&self, all: &[Cell<'a>]) -> [Job<'a>; 2] {
        let Cell { program, handler, latency } = *self;
        let same = |other: &&Cell<'_>| (other.handler.format, other.handler.hash) == (handler.format, handler.hash);
        let first = all.iter().find(same).map_or(handler, |cell| cell.handler);
        [(first, false), (handler, true)].map(|(handler, software)| Job {
            latency,
            software,
            handler: &handler.name,
            program,
        })
    }
}

impl MatrixOptions {
    fn cells<'a>(&'a self, manifest: &'a Manifest) -> Result<Vec<Cell<'a>>, SocError> {
        let or = |given: &'a [String], usual: &[&'a str]| -> Vec<&'a str> {
            if given.is_empty() { usual.to_vec() } else { given.iter().map(String::as_str).collect() }
        };
        let programs = or(&self.programs, if self.quick { &["hello", "demand_zero"] } else { &PROGRAMS });
        let handlers = or(&self.handlers, if self.quick { &["line_asm"] } else { &[] });
        let latencies: &[u32] = match (self.latencies.as_slice(), self.quick) {
            ([], true) => &[1, REFERENCE_LATENCY],
            ([], false) => &LATENCIES,
            (given, _) => given,
        };
        let handlers: Vec<&Handler> = if handlers.is_empty() {
            manifest.handlers.iter().collect()
        } else {
            handlers.into_iter().map(|name| manifest.handler(name)).collect::<Result<_, _>>()?
        };
        let mut cells = Vec::new();
        for program in programs {
            let program = manifest.program(program)?.name.as_str();
            for &handler in &handlers {
                cells.extend(latencies.iter().map(|&latency| Cell { program, handler, latency }));
            }
        }
        Ok(cells)
    }

    /// The command that measures the same.
    fn command(&self) -> String {
        let mut command = "hashwalk soc matrix".to_owned();
        let latencies: Vec<String> = self.latencies.iter().map(u32::to_string).collect();
        for (name, list) in [("programs", &self.programs), ("handlers", &self.handlers), ("latencies", &latencies)] {
            if !list.is_empty() {
                command += &format!(" --{name} {}", list.join(","));
            }
        }
        if self.quick {
            command += " --quick";
        }
        if self.seed != 1 {
            command += &format!(" --seed {}", self.seed);
        }
        command
    }
}

/// Measures all of it, on every core of this computer.
///
/// # Errors
/// A program or handler is not known, a tool fails, a run does not end well, or hardware and software come to different
/// results ([`SocError::Differ`]).
pub fn measure(options: &MatrixOptions) -> Result<Matrix> {
    let manifest = Manifest::shipped()?;
    let cells = options.cells(&manifest)?;
    let mut jobs: Vec<Job<'_>> = cells.iter().flat_map(|cell| cell.jobs(&cells)).collect();
    // The longest ones first, so that no core waits long for the last.
    jobs.sort_by(|a, b| b.cmp(a));
    jobs.dedup();
    let tools = SocTools::locate()?;
    let mut handlers: Vec<&str> = jobs.iter().map(|job| job.handler).collect();
    handlers.sort_unstable();
    handlers.dedup();
    for handler in handlers {
        // Each design is built before several runs want it.
        SocDevice::build(&config_for(None, manifest.handler(handler)?)?, &tools, false)?;
    }
    let outcomes = run_all(&manifest, &jobs, options.seed)?;
    let outcomes: BTreeMap<Job<'_>, RunOutcome> = jobs.into_iter().zip(outcomes).collect();
    let mut rows = Vec::new();
    for cell in &cells {
        let [hardware, software] = cell.jobs(&cells).map(|job| &outcomes[&job]);
        let program = manifest.program(cell.program)?;
        if hardware.result(program) != software.result(program) {
            return Err(SocError::Differ {
                program: cell.program.into(),
                handler: cell.handler.name.clone(),
                hardware: format!("{} ({})", hardware.console.trim_end(), hardware.exit_code),
                software: format!("{} ({})", software.console.trim_end(), software.exit_code),
            }
            .into());
        }
        rows.push(Row::new(cell.handler, hardware, software));
    }
    let runs = outcomes.values();
    let speed = Speed {
        cycles: runs.clone().map(|run| run.counts.cycles).sum(),
        seconds: runs.clone().map(|run| run.seconds).sum(),
        slowest: runs.map(RunOutcome::cycles_a_second).fold(f64::INFINITY, f64::min),
    };
    Ok(Matrix { speed: Some(speed), ..Matrix::of(&manifest, rows, options)? })
}

/// Takes the rows of a file that was measured with these options, to write the page again.
///
/// # Errors
/// The file cannot be read or understood.
pub fn measured(options: &MatrixOptions, file: &Path) -> Result<Matrix> {
    let cannot = || format!("cannot read {}", file.display());
    let mut reader = csv::Reader::from_path(file).with_context(cannot)?;
    let rows: Vec<Row> = reader.deserialize().collect::<Result<_, _>>().with_context(cannot)?;
    Matrix::of(&Manifest::shipped()?, rows, options)
}

/// Runs them, in the order in which they stand; so do the outcomes.
fn run_all(manifest: &Manifest, jobs: &[Job<'_>], seed: u64) -> Result<Vec<RunOutcome>> {
    let style = ProgressStyle::with_template("{pos} of {len} runs, {elapsed} {wide_bar} {eta}")?;
    let bar = ProgressBar::new(jobs.len() as u64).with_style(style);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, job)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, jobs.get(at)?)))
        {
            let options = RunOptions {
                program: job.program.into(),
                software: job.software,
                handler: Some(job.handler.into()),
                config: None,
                memory_latency: job.latency,
                max_cycles: 1_000_000_000,
                seed,
                damage: None,
                wave: None,
            };
            let outcome = run_of(manifest, &options, |_| {});
            if outcome.is_err() {
                // The others need not begin another one.
                next.store(jobs.len(), Ordering::Relaxed);
            }
            let refill = if job.software { "software" } else { "hardware" };
            let what = || format!("{} under {}, {refill} refill, latency {}", job.program, job.handler, job.latency);
            done.push((at, outcome.with_context(what)?));
            bar.inc(1);
        }
        anyhow::Ok(done)
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(jobs.len());
    let done = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect::<Result<Vec<_>>>()
    });
    bar.finish_and_clear();
    let mut done: Vec<(usize, RunOutcome)> = done?.into_iter().flatten().collect();
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, outcome)| outcome).collect())
}

impl Matrix {
    fn of(manifest: &Manifest, rows: Vec<Row>, options: &MatrixOptions) -> Result<Matrix> {
        let handler = rows.first().context("there is nothing to compare")?.handler.as_str();
        let config = config_for(None, manifest.handler(handler)?)?;
        Ok(Matrix { rows, speed: None, command: options.command(), config })
    }

    /// The rows for a terminal.
    #[must_use]
    pub fn table(&self) -> Table {
        let mut table = plain_table();
        table.set_header(["program", "handler", "latency", "hardware", "software", "ratio", "a walk", "a miss"]);
        for row in &self.rows {
            table.add_row([
                row.program.clone(),
                row.handler.clone(),
                row.memory_latency.to_string(),
                grouped(row.hardware_cycles),
                grouped(row.software_cycles),
                format!("{:.2}", row.ratio),
                format!("{:.1}", row.cycles_a_walk),
                format!("{:.1}", row.cycles_a_miss),
            ]);
        }
        table.column_iter_mut().skip(2).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
        table
    }

    /// The files: their names and what is in them.
    ///
    /// # Errors
    /// A plot cannot be drawn.
    pub fn files(&self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        Ok(vec![
            ("refill.csv", explore::csv(&self.rows)?),
            ("refill.svg", plots::slowdown(&self.rows)?.into_bytes()),
            ("refill-miss.svg", plots::miss(&self.rows)?.into_bytes()),
            ("refill.md", page::page(&self.rows, &self.command, &self.config).into_bytes()),
        ])
    }
}

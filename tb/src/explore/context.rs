//! What every study works with: the seed, the traces, how much to do, and the bar that tells how far it is.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use hashwalk_spec::Vpn;
use indicatif::{ProgressBar, ProgressStyle};

use crate::replay_trace::trace_name;
use crate::trace::{Lru, PageRights, Reader};

/// Entries of the TLB whose misses are looked up.
pub const TLB_ENTRIES: usize = 32;
/// A study that is done sooner shows no bar.
const SILENT: Duration = Duration::from_secs(1);

/// What studies work with.
pub struct Context {
    seed: u64,
    quick: bool,
    traces: Vec<PathBuf>,
    workloads: OnceCell<Vec<Workload>>,
    started: Instant,
    bar: ProgressBar,
}

/// What a trace asks of a page table.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The trace's name.
    pub name: String,
    /// Every page that it touches, in ascending order.
    pub pages: Vec<Vpn>,
    /// The page of each miss of a fully associative LRU TLB of [`TLB_ENTRIES`], in order.
    pub misses: Vec<Vpn>,
    /// Translations that the TLB was asked for.
    pub translations: u64,
}

impl Workload {
    /// Reads a trace to its end.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn load(path: &Path) -> Result<Workload> {
        let (mut rights, mut lru, mut misses) = (PageRights::default(), Lru::new(TLB_ENTRIES), Vec::new());
        for reference in Reader::open(path)? {
            let reference = reference?;
            rights.add(reference);
            let vpns = reference.pages().map(|piece| piece.vpn());
            vpns.filter(|vpn| !lru.lookup(*vpn)).for_each(|vpn| misses.push(Vpn::truncate(vpn)));
        }
        let footprint = rights.footprint();
        let pages = footprint.segments().iter().flat_map(|run| run.first_vpn..run.first_vpn + run.pages);
        Ok(Workload {
            name: trace_name(path),
            pages: pages.map(Vpn::truncate).collect(),
            misses,
            translations: lru.lookups(),
        })
    }
}

impl Context {
    /// Everything grows from `seed`. A `quick` run makes sweeps short.
    #[must_use]
    pub fn new(seed: u64, quick: bool, traces: Vec<PathBuf>) -> Context {
        let bar = ProgressBar::hidden();
        let started = Instant::now();
        Context { seed, quick, traces, workloads: OnceCell::new(), started, bar }
    }

    /// Whether sweeps should be short.
    #[must_use]
    pub fn quick(&self) -> bool {
        self.quick
    }

    /// The first of two sizes, or the second if sweeps should be short.
    #[must_use]
    pub fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// A source of random numbers for one purpose, told apart from others by `purpose`.
    #[must_use]
    pub fn random(&self, purpose: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(fastrand::Rng::with_seed(self.seed).u64(..) ^ purpose)
    }

    /// The hash key of the simulated boot.
    #[must_use]
    pub fn key(&self) -> u128 {
        self.random(0).u128(..)
    }

    /// The traces, which are read once.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn workloads(&self) -> Result<&[Workload]> {
        if let Some(workloads) = self.workloads.get() {
            return Ok(workloads);
        }
        let workloads: Vec<Workload> = self.traces.iter().map(|path| Workload::load(path)).collect::<Result<_>>()?;
        Ok(self.workloads.get_or_init(|| workloads))
    }

    /// Shows how far a study is, from the second on that it takes. `name` begins a new one.
    pub fn begin(&mut self, name: &str) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
        self.bar.set_message(name.to_string());
        self.started = Instant::now();
    }

    /// So many steps are done, of so many.
    pub fn progress(&self, done: usize, of: usize) {
        if self.bar.is_hidden() && self.started.elapsed() >= SILENT {
            // Standard error; indicatif draws nothing where that is no terminal.
            self.bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{msg:16} [{bar:40}] {pos}/{len} {elapsed}");
            self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        }
        self.bar.set_length(of as u64);
        self.bar.set_position(done as u64);
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

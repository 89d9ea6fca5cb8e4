//! Replaying a memory trace: each reference becomes one or two translations, each answer is judged, and the operating
//! system repairs what faults.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use hashwalk_model::os::{Os, Resolution, Segment};
use hashwalk_spec::{Access, Asid, Config, Request, Rights, Search, VirtAddr, Vpn};
use indicatif::{ProgressBar, ProgressStyle};

use crate::device::Device;
use crate::machine::{Answered, Drive, HandlerCost, Machine, MachineError, MemoryTiming};
use crate::report::{RefillMode, Replay, WalkCycles};
use crate::trace::{Footprint, Kind, Reader, Reference, TraceError, ahead};

/// What to replay, and how.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// The trace.
    pub trace: PathBuf,
    /// The machine.
    pub config: Config,
    /// Who refills the TLB.
    pub refill: RefillMode,
    /// Cycles from the acceptance of a read to its first beat.
    pub memory_latency: u32,
    /// Replay only so many references.
    pub limit: Option<u64>,
    /// What the hash key grows from.
    pub seed: u64,
    /// Requests that the processor has out at most, 1 to 16; with 1 it is in order.
    pub in_flight: u32,
    /// What software's instructions cost.
    pub handler: HandlerCost,
    /// Write a wave.
    pub wave: Option<PathBuf>,
}

/// The references of a trace, no more than `limit`.
///
/// # Errors
/// The file cannot be opened; each item may be a broken line.
pub fn references(
    path: &Path,
    limit: Option<u64>,
) -> Result<impl Iterator<Item = Result<Reference, TraceError>> + Send + use<>> {
    Ok(Reader::open(path)?.take(limit.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX))))
}

/// The requests that a reference makes in user mode of an address space. A read-modify-write is a write.
pub fn requests(reference: Reference, asid: Asid) -> impl Iterator<Item = Request> {
    reference.pages().map(move |piece| Request {
        asid,
        vpn: VirtAddr::truncate(piece.address).vpn(),
        access: match piece.kind {
            Kind::Fetch => Access::Execute,
            Kind::Load => Access::Read,
            Kind::Store | Kind::Modify => Access::Write,
        },
        user: true,
    })
}

/// The segments that a loader would make of what the program touches.
#[must_use]
pub fn segments(footprint: &Footprint) -> Vec<Segment> {
    let segment = |run: &crate::trace::Segment| {
        let grants = [(run.read, Rights::R), (run.write, Rights::W), (run.execute, Rights::X)];
        let rights = grants.iter().filter(|(granted, _)| *granted).fold(Rights::U, |all, (_, right)| all.with(*right));
        // A page that is written can be read back.
        let rights = if run.write { rights.with(Rights::R) } else { rights };
        Segment::new(Vpn::truncate(run.first_vpn), run.pages, rights)
    };
    footprint.segments().iter().map(segment).collect()
}

/// Replays a trace on a device.
///
/// # Errors
/// The trace cannot be read, the program does not fit into the machine's memory, the hardware broke the contract, or
/// the program made an access that its segments forbid.
pub fn replay(device: &Device, options: &ReplayOptions, quiet: bool) -> Result<Replay> {
    let footprint = Footprint::of(references(&options.trace, options.limit)?)?;
    let mut os = Os::new(&options.config, options.seed);
    os.set_search_enable(Search::ENABLE_SMALL_ONLY);
    let asid = os.spawn(&segments(&footprint))?;
    let mut machine = Machine::new(device.load()?, &options.config, os, MemoryTiming::fixed(options.memory_latency))?;
    machine.set_handler_cost(options.handler);
    machine.set_in_flight(options.in_flight);
    machine.set_software_refill(options.refill == RefillMode::Software);
    if let Some(wave) = &options.wave {
        machine.open_wave(wave)?;
    }

    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(options.limit.unwrap_or(0)) };
    bar.set_style(ProgressStyle::with_template("{msg:24} {human_pos:>10} references {per_sec:>16} {elapsed}")?);
    bar.set_message(format!("{} {}", options.refill, trace_name(&options.trace)));
    let started = Instant::now();
    let mut run = Run { replay: Replay::new(options.refill), walk_cycles: Vec::new(), retries: VecDeque::new() };
    let mut input = ahead(references(&options.trace, options.limit)?);
    let outcome = run.drive(&mut machine, &mut input, asid, &bar);
    bar.finish_and_clear();
    run.replay.cycles = machine.now();
    run.replay.seconds = started.elapsed().as_secs_f64();
    run.replay.walk_cycles = WalkCycles::of(&mut run.walk_cycles);
    run.replay.finish();
    match outcome {
        Ok(()) => Ok(run.replay),
        Err(error) => match error.downcast::<MachineError>() {
            Ok(mismatch @ MachineError::Mismatch { .. }) => {
                run.replay.mismatches = 1;
                run.replay.failure = Some(mismatch.to_string());
                Ok(run.replay)
            }
            Ok(other) => Err(other.into()),
            Err(other) => Err(other),
        },
    }
}

/// A trace's name in tables: the file's name without its ending.
#[must_use]
pub fn trace_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    name.split('.').next().unwrap_or(&name).to_string()
}

struct Run {
    replay: Replay,
    walk_cycles: Vec<u32>,
    /// Accesses that faulted, were repaired, and are to be made again.
    retries: VecDeque<Request>,
}

/// How often the progress bar moves, in references.
const PROGRESS_STEP: u64 = 1 << 14;

impl Run {
    fn drive(
        &mut self,
        machine: &mut Machine,
        input: &mut impl Iterator<Item = Result<Reference, TraceError>>,
        asid: Asid,
        bar: &ProgressBar,
    ) -> Result<()> {
        let mut pieces = None.into_iter().flatten();
        let mut next: Option<Request> = None;
        loop {
            if next.is_none() {
                next = self.retries.pop_front().or_else(|| pieces.next());
            }
            if next.is_none()
                && let Some(reference) = input.next()
            {
                pieces = Some(requests(reference?, asid)).into_iter().flatten();
                next = pieces.next();
                self.replay.references += 1;
                if self.replay.references.is_multiple_of(PROGRESS_STEP) {
                    bar.set_position(self.replay.references);
                }
            }
            if next.is_none() && !machine.is_waiting() {
                return Ok(machine.finish()?);
            }
            let events = machine.cycle(Drive { lookup: next, invalidate: None })?;
            if events.lookup_accepted {
                next = None;
            }
            for answered in events.into_answers() {
                self.count(&answered);
                if let Err(fault) = answered.answer {
                    self.repair(machine, answered.request, fault)?;
                }
            }
        }
    }

    fn count(&mut self, answered: &Answered) {
        self.replay.translations += 1;
        match answered.level {
            1 => self.replay.tlb.hits += 1,
            2 => self.replay.tlb.l2_hits += 1,
            _ if answered.shared => self.replay.tlb.shared += 1,
            _ => {
                self.replay.tlb.misses += 1;
                self.replay.walks += 1;
                self.replay.reads += u64::from(answered.reads);
                self.walk_cycles.push(answered.cycles);
            }
        }
    }

    /// The operating system's page-fault path. It takes no simulated cycles.
    fn repair(&mut self, machine: &mut Machine, request: Request, fault: hashwalk_spec::Fault) -> Result<()> {
        let mut resolution = Ok(Resolution::AlreadyMapped);
        machine.change(|os| {
            resolution = os.handle_fault(request, fault);
            Vec::new()
        });
        match resolution.with_context(|| format!("at reference {}", self.replay.references))? {
            Resolution::Mapped(_) => self.replay.page_faults += 1,
            other => {
                bail!("reference {}: {request:?} ended in {fault}, and the OS said {other:?}", self.replay.references)
            }
        }
        self.retries.push_back(request);
        Ok(())
    }
}

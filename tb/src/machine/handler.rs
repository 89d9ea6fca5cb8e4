//! The software-refill handler: the operating system's trap handler for a TLB miss, in Rust, over the same memory.
//!
//! It makes the golden walk probe by probe, each with a load that takes the memory's latency, and answers at the refill
//! port. What the processor around it would cost is a parameter, [`HandlerCost`], fitted to a handler that a processor has
//! executed; its cycles are **modelled**, not measured. The probes and their races with table updates and invalidations are
//! real.

use std::fmt;

use clap::Args;
use clap::builder::RangedI64ValueParser;
use hashwalk_model::Mapping;
use hashwalk_model::mapping::Marks;
use hashwalk_model::memory::{BusError, Element};
use hashwalk_model::software::RefillEntry;
use hashwalk_model::walk::{Progress, Walk, WalkContext};
use hashwalk_sim::Dut;
use hashwalk_spec::{Access, Config, Fault, PhysAddr, Request, entry};

use super::driven::Driven;
use super::memory::MemoryTiming;
use super::ports::Ports;

/// Cycles of an in-order processor for the parts of a miss handler (docs/timing.md): fitted to the handler `line_asm` as
/// measured on Ibex by `hashwalk soc matrix` (docs/refill.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
#[command(next_help_heading = "Modelled handler (defaults: fitted to `line_asm` as measured on Ibex, docs/refill.md)")]
pub struct HandlerCost {
    /// From the miss to its first useful instruction
    #[arg(id = "handler-trap", long, value_name = "CYCLES", default_value_t = Self::IBEX.trap, value_parser = cycles())]
    pub trap: u32,
    /// Hashing
    #[arg(id = "handler-hash", long, value_name = "CYCLES", default_value_t = Self::IBEX.hash, value_parser = cycles())]
    pub hash: u32,
    /// Instructions around each load of an entry
    #[arg(id = "handler-probe", long, value_name = "CYCLES", default_value_t = Self::IBEX.probe, value_parser = cycles())]
    pub probe: u32,
    /// Writing the refill port
    #[arg(id = "handler-refill", long, value_name = "CYCLES", default_value_t = Self::IBEX.refill, value_parser = cycles())]
    pub refill: u32,
    /// Restoring registers and returning
    #[arg(id = "handler-resume", long, value_name = "CYCLES", default_value_t = Self::IBEX.resume, value_parser = cycles())]
    pub resume: u32,
}

impl fmt::Display for HandlerCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HandlerCost { trap, hash, probe, refill, resume } = self;
        write!(f, "trap {trap}, hash {hash}, probe {probe}, refill {refill}, resume {resume} cycles")?;
        if *self == HandlerCost::IBEX {
            f.write_str(",\nfitted to `line_asm` as measured on Ibex by `hashwalk soc matrix` (docs/refill.md)")?;
        }
        Ok(())
    }
}

fn cycles() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(0..=100_000)
}

impl HandlerCost {
    /// Fitted to what lowRISC's Ibex needs for the handler `line_asm`, by hand in assembly, at a memory latency of 40
    /// cycles: `hashwalk soc matrix`, docs/refill.md. The trap and what it saves take 3 + 36 cycles, with 2 that pass
    /// before (`AROUND`); the hash 140; the loads 62, of which the model gives 41 to a read of two beats, although most loads
    /// hit Ibex's cache and wait less; the store to the refill register 6; the return and the access that is made again 21 + 7.
    pub const IBEX: HandlerCost = HandlerCost { trap: 41, hash: 140, probe: 21, refill: 6, resume: 28 };

    /// A quick one, of no processor, for tests: in as many cycles it meets more changes of the table and more invalidations.
    pub const QUICK: HandlerCost = HandlerCost { trap: 16, hash: 40, probe: 10, refill: 6, resume: 12 };

    /// Cycles of the model that are not between the processor's trap and its answer: from the lookup to the trap pass 7
    /// (docs/soc.md), which the ports of the bench spend as 3 until `miss_valid` and 2 behind the refill, but for these.
    const AROUND: u32 = 2;

    /// Cycles from the trap to the answer, of a handler that makes so many reads, each of which waits so long for memory.
    #[must_use]
    pub fn after_trap(&self, reads: f64, wait: u32) -> f64 {
        let always = self.trap + self.hash + self.refill + self.resume - Self::AROUND;
        f64::from(always) + reads * f64::from(self.probe + wait)
    }

    /// Cycles of a whole handler that makes this many probes, without the memory's.
    pub(super) fn of_probes(&self, probes: u64) -> u64 {
        u64::from(self.trap + self.hash + self.refill + self.resume) + probes * u64::from(self.probe)
    }
}

/// A word of the table that software is to mark before it hands the page over.
pub(super) struct Unmarked {
    pub(super) request: Request,
    pub(super) address: PhysAddr,
    pub(super) expected: u64,
    pub(super) desired: u64,
}

enum State {
    Waiting,
    /// Busy with instructions until this cycle; then comes the next load, or the answer.
    Computing {
        until: u64,
        walk: Walk,
    },
    /// A load is out; what it brings is known, and comes in this cycle.
    Loading {
        until: u64,
        walk: Walk,
        loaded: Result<Element, BusError>,
    },
    Answering {
        from: u64,
        refill: Result<RefillEntry, Fault>,
    },
}

pub(super) struct Handler {
    cost: HandlerCost,
    timing: MemoryTiming,
    beats: u32,
    state: State,
    driving: bool,
    /// The last load of a walk, with the walk as it was before.
    last: Option<(Walk, Element)>,
    /// What it has found and is to mark.
    found: Option<Unmarked>,
    /// The hardware looks at marks.
    hands_marked: bool,
}

impl Handler {
    pub(super) fn new(cost: HandlerCost, timing: MemoryTiming, config: &Config) -> Handler {
        let (beats, hands_marked) = (config.beats(), config.marks().is_checked());
        Handler { cost, timing, beats, state: State::Waiting, driving: false, last: None, found: None, hands_marked }
    }

    /// The request that it walks for.
    pub(super) fn request(&self) -> Option<Request> {
        match &self.state {
            State::Waiting | State::Answering { .. } => None,
            State::Computing { walk, .. } | State::Loading { walk, .. } => Some(*walk.request()),
        }
    }

    /// The word that it has found unmarked since this was asked last.
    pub(super) fn take_found(&mut self) -> Option<Unmarked> {
        self.found.take()
    }

    /// The word was not what it had found: it walks again.
    pub(super) fn walk_again(&mut self, now: u64, context: &WalkContext, request: Request) {
        let until = now + u64::from(self.cost.probe);
        self.state = State::Computing { until, walk: Walk::new(context, request) };
    }

    /// The word that lacks marks of the mapping that the last load has brought.
    fn unmarked(&self, request: Request, mapping: Mapping) -> Option<Unmarked> {
        let (walk, element) = self.last.as_ref()?;
        let address = walk.probe_address()?;
        let marks = u64::from(request.access == Access::Write) << entry::DIRTY | 1 << entry::ACCESSED;
        // It is the one whose marks are those of the mapping.
        element.as_chunks::<8>().0.iter().enumerate().find_map(|(number, bytes)| {
            let expected = u64::from_le_bytes(*bytes);
            let mut marked = *element;
            marked[8 * number..8 * number + 8].copy_from_slice(&(expected | marks).to_le_bytes());
            let is_it = match walk.clone().step(Ok(marked)) {
                Progress::Done(result) => result.mapping.is_some_and(|found| found.marks != mapping.marks),
                Progress::Probe(_) => false,
            };
            let address = PhysAddr::truncate(address.get() + 8 * number as u64);
            is_it.then_some(Unmarked { request, address, expected, desired: expected | marks })
        })
    }

    pub(super) fn set_cost(&mut self, cost: HandlerCost) {
        self.cost = cost;
    }

    /// Drives the refill port for the cycle `now`.
    pub(super) fn drive(&mut self, dut: &mut Dut, ports: &Driven, now: u64) {
        let ready = match &self.state {
            State::Answering { from, refill } if *from <= now => Some(refill),
            _ => None,
        };
        match ready {
            Some(refill) if !self.driving => ports.drive_refill(dut, refill),
            None if self.driving => dut.set(ports.always.refill_valid, 0),
            _ => {}
        }
        self.driving = ready.is_some();
    }

    /// Looks at the ports at the end of the cycle `now` and works.
    pub(super) fn observe(
        &mut self,
        dut: &Dut,
        ports: &Ports,
        now: u64,
        context: impl FnOnce() -> WalkContext,
        read: impl FnOnce(PhysAddr) -> Result<Element, BusError>,
    ) {
        // A state holds a whole walk, so that it is moved only in a cycle in which it may change.
        let may_change = match &self.state {
            State::Waiting => dut.get(ports.miss_valid) != 0,
            State::Computing { until, .. } | State::Loading { until, .. } => *until <= now,
            State::Answering { .. } => self.driving,
        };
        if !may_change {
            return;
        }
        self.state = match std::mem::replace(&mut self.state, State::Waiting) {
            State::Waiting => match ports.missed(dut) {
                None => State::Waiting,
                Some(request) => {
                    let until = now + u64::from(self.cost.trap + self.cost.hash);
                    State::Computing { until, walk: Walk::new(&context(), request) }
                }
            },
            State::Computing { until, walk } if until <= now => match walk.progress() {
                Progress::Probe(address) => {
                    let until = now + u64::from(self.timing.latency_max + self.beats - 1);
                    State::Loading { until, walk, loaded: read(address) }
                }
                Progress::Done(result) => {
                    let refill = match (result.answer, result.mapping) {
                        (Ok(_), Some(mapping)) => {
                            let access = walk.request().access;
                            if self.hands_marked && mapping.lacks_marks(access) {
                                self.found = self.unmarked(*walk.request(), mapping);
                            }
                            // It marks the page before it hands it over.
                            let marks = mapping.marks.with(Marks::of(access));
                            Ok(Mapping { marks, ..mapping }.into())
                        }
                        // Where the hardware looks at A, what is handed over has it.
                        (Err(Fault::Rights), Some(mapping))
                            if !self.hands_marked || !mapping.lacks_marks(Access::Read) =>
                        {
                            Ok(mapping.into())
                        }
                        (Err(fault), _) => Err(fault),
                        (Ok(_), None) => unreachable!("a walk that succeeds names its mapping"),
                    };
                    State::Answering { from: now + u64::from(self.cost.refill + self.cost.resume), refill }
                }
            },
            State::Loading { until, mut walk, loaded } if until <= now => {
                self.last = loaded.ok().map(|element| (walk.clone(), element));
                walk.step(loaded);
                State::Computing { until: now + u64::from(self.cost.probe), walk }
            }
            State::Answering { .. } if self.driving && dut.get(ports.refill_ready) != 0 => State::Waiting,
            busy => busy,
        };
    }
}

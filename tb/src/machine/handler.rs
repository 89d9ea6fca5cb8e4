//! The software-refill handler: the operating system's trap handler for a TLB miss, in Rust, over the same memory.
//!
//! It makes the golden walk probe by probe, each with a load that takes the memory's latency, and answers at the refill
//! port. What the processor around it would cost is a parameter, [`HandlerCost`], so its cycles are **modelled**, not
//! measured; the probes and their races with table updates and invalidations are real.

use hashwalk_model::memory::BusError;
use hashwalk_model::software::RefillEntry;
use hashwalk_model::walk::{Progress, Walk, WalkContext};
use hashwalk_sim::Dut;
use hashwalk_spec::entry::ENTRY_BYTES;
use hashwalk_spec::{Fault, PhysAddr};
use serde::{Deserialize, Serialize};

use super::memory::MemoryTiming;
use super::ports::Ports;

/// Cycles of a simple in-order processor, one instruction a cycle, for the parts of a miss handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandlerCost {
    /// From the miss to the handler's first useful instruction: pipeline drain, vector, saving registers, reading what
    /// missed.
    pub trap: u32,
    /// Hashing in software.
    pub hash: u32,
    /// Compare, branch and address arithmetic around each load of an entry.
    pub probe: u32,
    /// Writing the refill port.
    pub refill: u32,
    /// Restoring registers and returning.
    pub resume: u32,
}

impl Default for HandlerCost {
    /// A handler of about 70 instructions. PicoRV32 needs 127 cycles for the same work with a memory latency of 1.
    fn default() -> Self {
        HandlerCost { trap: 16, hash: 40, probe: 10, refill: 6, resume: 12 }
    }
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
        loaded: Result<[u8; ENTRY_BYTES as usize], BusError>,
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
}

impl Handler {
    pub(super) fn new(cost: HandlerCost, timing: MemoryTiming, beats: u32) -> Handler {
        Handler { cost, timing, beats, state: State::Waiting, driving: false }
    }

    /// Drives the refill port for the cycle `now`.
    pub(super) fn drive(&mut self, dut: &mut Dut, ports: &Ports, now: u64) {
        let ready = match &self.state {
            State::Answering { from, refill } if *from <= now => Some(refill),
            _ => None,
        };
        match ready {
            Some(refill) if !self.driving => ports.drive_refill(dut, refill),
            None if self.driving => dut.set(ports.refill_valid, 0),
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
        context: &WalkContext,
        read: impl FnOnce(PhysAddr) -> Result<[u8; ENTRY_BYTES as usize], BusError>,
    ) {
        self.state = match std::mem::replace(&mut self.state, State::Waiting) {
            State::Waiting => match ports.missed(dut) {
                None => State::Waiting,
                Some(request) => {
                    let until = now + u64::from(self.cost.trap + self.cost.hash);
                    State::Computing { until, walk: Walk::new(context, request) }
                }
            },
            State::Computing { until, walk } if until <= now => match walk.progress() {
                Progress::Probe(address) => {
                    let until = now + u64::from(self.timing.latency_max + self.beats - 1);
                    State::Loading { until, walk, loaded: read(address) }
                }
                Progress::Done(result) => {
                    let refill = match (result.answer, result.mapping) {
                        (Ok(_) | Err(Fault::Rights), Some(mapping)) => Ok(mapping.into()),
                        (Err(fault), _) => Err(fault),
                        (Ok(_), None) => unreachable!("a walk that succeeds names its mapping"),
                    };
                    State::Answering { from: now + u64::from(self.cost.refill + self.cost.resume), refill }
                }
            },
            State::Loading { until, mut walk, loaded } if until <= now => {
                walk.step(loaded);
                State::Computing { until: now + u64::from(self.cost.probe), walk }
            }
            State::Answering { .. } if self.driving && dut.get(ports.refill_ready) != 0 => State::Waiting,
            busy => busy,
        };
    }
}

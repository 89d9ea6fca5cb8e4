//! The machine on the bench: the Verilated MMU, its memory, the software-refill handler, the operating system, and the
//! scoreboard that judges every answer against a walk of the golden model.
//!
//! ```text
//!  stimulus ──► Machine::cycle ──► Dut (Verilated)
//!                 │  ▲   ▲             │
//!                 │  │   └─ answers ───┤
//!                 │  └ read ─ memory ◄─┤        one byte image of physical memory: the hardware reads it through
//!                 │           handler ◄┘        `memory`, software through `handler`, the golden model at once
//!                 ▼
//!           Coherence (golden): is this answer legal now?
//! ```
//!
//! In each cycle inputs are driven, combinational logic settles, and all outputs are read as they stand before the
//! clock edge. The table changes only between cycles, through [`Machine::change`]. Any number of requests may be out;
//! the machine gives them their ids (`requests`). What the ports do is followed in `observe`, and answers are judged in
//! `answers`. Software may also change the table store by store (`stores`). Frames of nodes that were taken out of it go
//! back when the contract lets them (`nodes`).
//!
//! What looks on and judges is `scoreboard`, which does not care who drives the MMU: a `Machine` is a scoreboard and what
//! drives the ports, and an [`Observed`] one of a design that drives them itself.

mod answers;
mod driven;
mod error;
mod handler;
mod inside;
mod known;
mod marks;
mod memory;
mod nodes;
mod observe;
mod observed;
mod ports;
mod reads;
mod recording;
mod requests;
mod scoreboard;
mod stores;
mod update;
mod walks;
mod watch;

pub use answers::Answered;
pub use error::MachineError;
pub use handler::HandlerCost;
pub use memory::MemoryTiming;
pub use observed::Observed;
pub use recording::{Recording, Sample};
pub use scoreboard::Poison;
pub use watch::{Level, Origin, Phase};

use driven::Driven;
use handler::Handler;
use hashwalk_hdl::Design;
use hashwalk_model::os::Os;
use hashwalk_model::{Mapping, Store};
use hashwalk_sim::Dut;
use hashwalk_spec::{Config, Invalidation, Request};
use scoreboard::{Asked, Scoreboard};
use watch::Watch;

/// What is asked of the hardware in one cycle. What is not accepted must be asked again, unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Drive {
    /// A translation to ask for.
    pub lookup: Option<Request>,
    /// An invalidation to ask for.
    pub invalidate: Option<Invalidation>,
}

/// What happened in one cycle. All answers were found legal.
#[derive(Clone, Debug, Default)]
pub struct Events {
    /// The lookup was accepted.
    pub lookup_accepted: bool,
    /// The invalidation was accepted.
    pub invalidate_accepted: bool,
    /// The oldest accepted invalidation is done.
    pub invalidate_done: bool,
    /// The answer to a request that has hit the first level of the TLB.
    pub hit: Option<Answered>,
    /// The answer to a request that had missed it.
    pub late: Option<Answered>,
    /// In the cycle before a walk was made again, for what it had found was invalidated.
    pub killed: bool,
    /// An update of marks was made, or was in vain: another word stood there, or it could not be changed.
    pub updated: Option<bool>,
    /// Torn entries that memory has finished to give in this cycle.
    pub torn: u32,
}

impl Events {
    /// Both answers.
    pub fn into_answers(self) -> impl Iterator<Item = Answered> {
        self.hit.into_iter().chain(self.late)
    }
}

/// The machine.
pub struct Machine {
    board: Scoreboard,
    driven: Driven,
    handler: Handler,
    /// Requests that may be out at a time.
    in_flight: u32,
    recording: Option<Recording>,
}

impl Machine {
    /// Puts a Verilated MMU of `config` before an operating system, and resets it.
    ///
    /// # Errors
    /// The shared object lacks a port, or reset failed.
    pub fn new(dut: Dut, config: &Config, os: Os, timing: MemoryTiming) -> Result<Machine, MachineError> {
        let mut machine = Machine {
            driven: Driven::new(&dut)?,
            handler: Handler::new(HandlerCost::QUICK, timing, config),
            board: Scoreboard::new(dut, config, os, timing)?,
            in_flight: requests::IDS as u32,
            recording: None,
        };
        machine.board.dut.reset(2)?;
        machine.apply_controls();
        Ok(machine)
    }

    /// Writes the operating system's table registers to the control ports. The MMU must be idle.
    pub fn apply_controls(&mut self) {
        self.driven.set_controls(&mut self.board.dut, &self.board.os.walk_context());
    }

    /// Sends the misses from now on to the handler, or to the walker.
    pub fn set_software_refill(&mut self, software: bool) {
        self.board.dut.set(self.driven.always.software_refill, u64::from(software));
    }

    /// Lets the processor have no more than this many requests out from now on, 1 or more: a lookup is presented only in a
    /// cycle after whose answers fewer wait. With 1 it is in order, and hits follow each other in every cycle.
    pub fn set_in_flight(&mut self, requests: u32) {
        self.in_flight = requests.max(1);
    }

    /// Sets what the handler's instructions cost from the next miss on: [`HandlerCost::QUICK`] until then.
    pub fn set_handler_cost(&mut self, cost: HandlerCost) {
        self.board.allow_for(cost);
        self.handler.set_cost(cost);
    }

    /// Makes reads of these entries fail from now on, for hardware, software and the golden model alike.
    pub fn set_poison(&mut self, poison: Poison) {
        self.change(|_| Vec::new());
        self.board.poison = poison;
        self.change(|_| Vec::new());
    }

    /// Changes the table. `change` returns the mappings that it withdrew: removed, replaced, or with other rights.
    pub fn change(&mut self, change: impl FnOnce(&mut Os) -> Vec<Mapping>) {
        self.board.change(change);
    }

    /// Makes one store of a change of the table ([`hashwalk_model::Walkable::remove_by_stores`]). What walks do not find any
    /// more counts as withdrawn.
    pub fn store(&mut self, store: &Store) {
        self.board.store(store);
    }

    /// Whether a read was accepted and is not answered in full.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.board.memory.is_busy()
    }

    /// The operating system.
    #[must_use]
    pub fn os(&self) -> &Os {
        &self.board.os
    }

    /// The cycles simulated so far.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.board.now
    }

    /// Whether a request waits for its answer.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.board.requests.is_empty()
    }

    /// How many requests wait for their answers.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.board.requests.count()
    }

    /// Whether an accepted invalidation is not done.
    #[must_use]
    pub fn is_invalidating(&self) -> bool {
        !self.board.invalidations.is_empty()
    }

    /// What the hardware was seen to find while it was watched: whatever its TLB holds, and what its walks give to others.
    #[must_use]
    pub fn brought(&self) -> Vec<Mapping> {
        self.board.watch.as_ref().map(Watch::brought).unwrap_or_default()
    }

    /// What each walk does, as docs/timing.md draws it.
    #[must_use]
    pub fn state(&self) -> String {
        self.board.state()
    }

    /// Writes a wave of all that follows.
    ///
    /// # Errors
    /// The design was built without waves, or the file cannot be written.
    pub fn open_wave(&mut self, path: &std::path::Path) -> Result<(), MachineError> {
        Ok(self.board.dut.open_wave(path)?)
    }

    /// Watches from now on how answers come about. To be called before the first request.
    pub fn watch(&mut self) {
        self.board.watch = Some(Watch::default());
        self.board.remember_versions();
    }

    /// Records all ports of the design, of which the machine has an instance, in every cycle that follows.
    ///
    /// # Errors
    /// It is another design.
    pub fn record(&mut self, design: &Design) -> Result<(), MachineError> {
        self.recording = Some(Recording::new(design, &self.board.dut)?);
        Ok(())
    }

    /// Ends the recording and returns it; `None` if there was none.
    pub fn recorded(&mut self) -> Option<Recording> {
        self.recording.take()
    }

    /// Simulates one cycle.
    ///
    /// # Errors
    /// The hardware answered what the golden model does not allow, broke the rules of a port or its own assertions,
    /// or makes no progress.
    pub fn cycle(&mut self, drive: Drive) -> Result<Events, MachineError> {
        let board = &mut self.board;
        let mut lookup = drive.lookup.and_then(|request| Some((request, board.requests.offer()?)));
        let is_full = lookup.is_some() && board.requests.count() >= self.in_flight;
        // After a lookup most answers come at once, and otherwise in few cycles.
        let expects_answer = board.requests.looked_up.is_some();
        self.driven.drive_lookup(&mut board.dut, lookup.filter(|_| !is_full || expects_answer));
        self.driven.drive_invalidate(&mut board.dut, drive.invalidate);
        board.drive_memory();
        if let Some(update) = &mut board.update {
            update.drive(&mut board.dut, board.now);
        }
        self.handler.drive(&mut board.dut, &self.driven, board.now);
        if is_full {
            // Answers depend on no input of their cycle, so that a processor may look at them first.
            board.dut.settle()?;
            let answers = board.dut.get(board.ports.answer_valid) + board.dut.get(board.ports.late_valid);
            let has_room = board.requests.count() - (answers as u32) < self.in_flight;
            lookup = lookup.filter(|_| has_room);
            if has_room != expects_answer {
                self.driven.drive_lookup(&mut board.dut, lookup);
            }
        }
        if lookup.is_none() {
            board.requests.offer_nothing();
        }
        board.dut.cycle()?;
        if let Some(recording) = &mut self.recording {
            recording.record(&board.dut);
        }
        let lookup = lookup.map(|(request, _)| (request, None));
        let events = board.observe(&Asked { lookup, invalidate: drive.invalidate }, Some(&mut self.handler))?;
        Ok(Events { killed: board.dut.get(self.driven.event_killed) != 0, ..events })
    }

    /// Ends a run: what the hardware asserts about its last cycle is heard too.
    ///
    /// # Errors
    /// An assertion failed.
    pub fn finish(&mut self) -> Result<(), MachineError> {
        Ok(self.board.dut.finish()?)
    }

    /// Asks for one translation and waits for its answer.
    ///
    /// # Errors
    /// As for [`Machine::cycle`].
    pub fn ask(&mut self, request: Request) -> Result<Answered, MachineError> {
        let (mut lookup, mut asked) = (Some(request), None);
        loop {
            let events = self.cycle(Drive { lookup, invalidate: None })?;
            if events.lookup_accepted {
                (lookup, asked) = (None, self.board.requests.newest());
            } else if let Some(answered) = events.into_answers().find(|answered| Some(answered.id) == asked) {
                return Ok(answered);
            }
        }
    }

    /// Asks for one invalidation and waits until it is done.
    ///
    /// # Errors
    /// As for [`Machine::cycle`].
    pub fn invalidate(&mut self, invalidation: Invalidation) -> Result<(), MachineError> {
        let mut invalidate = Some(invalidation);
        loop {
            let events = self.cycle(Drive { lookup: None, invalidate })?;
            if events.invalidate_accepted {
                invalidate = None;
            }
            if events.invalidate_done {
                return Ok(());
            }
        }
    }

    /// The configuration on the bench.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.board.config
    }
}

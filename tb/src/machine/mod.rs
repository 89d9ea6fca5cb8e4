//! The machine on the bench: the Verilated MMU, its memory, the software-refill handler, the operating system, and the
//! scoreboard that judges every answer against a walk of the golden model.
//!
//! ```text
//!  stimulus ──► Machine::cycle ──► Dut (Verilated)
//!                 │  ▲   ▲             │
//!                 │  │   └─ answer ────┤
//!                 │  └ read ─ memory ◄─┤        one byte image of physical memory: the hardware reads it through
//!                 │           handler ◄┘        `memory`, software through `handler`, the golden model at once
//!                 ▼
//!           Coherence (golden): is this answer legal now?
//! ```
//!
//! In each cycle inputs are driven, combinational logic settles, and all outputs are read as they stand before the
//! clock edge. The table changes only between cycles, through [`Machine::change`].

mod error;
mod handler;
mod memory;
mod ports;
mod reads;
mod recording;
mod watch;

pub use error::MachineError;
pub use handler::HandlerCost;
pub use memory::MemoryTiming;
pub use recording::{Recording, Sample};
pub use watch::{Level, Origin, Phase};

use std::collections::HashSet;

use handler::Handler;
use hashwalk_hdl::Design;
use hashwalk_model::coherence::{Coherence, Ticket};
use hashwalk_model::memory::{BusError, Element};
use hashwalk_model::os::Os;
use hashwalk_model::walk::{Progress, Walk, WalkResult, walk};
use hashwalk_model::{Mapping, PageTable, PhysicalMemory, Walkable};
use hashwalk_rtl::walker::Walk as WalkerState;
use hashwalk_sim::Dut;
use hashwalk_spec::{Answer, Config, Fault, Format, Invalidation, PhysAddr, Request};
use memory::MemoryAgent;
use ports::Ports;
use reads::Read;
use watch::Watch;

/// What is asked of the hardware in one cycle. What is not accepted must be asked again, unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Drive {
    /// A translation to ask for.
    pub lookup: Option<Request>,
    /// An invalidation to ask for.
    pub invalidate: Option<Invalidation>,
}

/// What happened in one cycle.
#[derive(Clone, Debug, Default)]
pub struct Events {
    /// The lookup was accepted.
    pub lookup_accepted: bool,
    /// The invalidation was accepted.
    pub invalidate_accepted: bool,
    /// The oldest accepted invalidation is done.
    pub invalidate_done: bool,
    /// An answer, found legal.
    pub answered: Option<Answered>,
}

/// An answer of the hardware.
#[derive(Clone, Debug)]
pub struct Answered {
    /// What had been asked.
    pub request: Request,
    /// The answer.
    pub answer: Answer,
    /// The level of the TLB that gave it, 1 or 2; 0 if it was a walk, or software.
    pub level: u8,
    /// Cycles from the request's acceptance to the answer.
    pub cycles: u32,
    /// Entries that were read for it, by hardware or software.
    pub reads: u32,
    /// How it came about, if that is watched ([`Machine::watch`]).
    pub origin: Option<Origin>,
}

/// Which reads of the table fail.
pub type Poison = HashSet<PhysAddr>;

struct Outstanding {
    id: u64,
    request: Request,
    accepted_at: u64,
    reads: Vec<Read>,
    /// Those accepted since, with the cycle.
    invalidations: Vec<(u64, Invalidation)>,
    /// The last cycle by which it must be answered if nothing restarts it.
    deadline: u64,
}

/// The machine.
pub struct Machine {
    dut: Dut,
    ports: Ports,
    config: Config,
    /// The operating system and physical memory. Changes of the table go through [`Machine::change`].
    os: Os,
    memory: MemoryAgent,
    handler: Handler,
    poison: Poison,
    coherence: Coherence,
    outstanding: Option<Outstanding>,
    /// Those that are not done, with the cycle in which they must be.
    invalidations: std::collections::VecDeque<(Ticket, u64)>,
    now: u64,
    next_id: u64,
    patience: u64,
    recording: Option<Recording>,
    watch: Option<Watch>,
}

impl Machine {
    /// Puts a Verilated MMU of `config` before an operating system, and resets it.
    ///
    /// # Errors
    /// The shared object lacks a port, or reset failed.
    pub fn new(dut: Dut, config: &Config, os: Os, timing: MemoryTiming) -> Result<Machine, MachineError> {
        let ports = Ports::new(&dut)?;
        let probe = u64::from(timing.worst_cycles(config.beats())) + 8;
        let mut machine = Machine {
            memory: MemoryAgent::new(timing, config),
            handler: Handler::new(HandlerCost::SIMPLE, timing, config.beats()),
            // Six searches of as many probes as can be, with room for software's work.
            patience: 6 * u64::from(most_probes(config)) * (probe + 64) + 10_000,
            dut,
            ports,
            config: config.clone(),
            os,
            poison: Poison::new(),
            coherence: Coherence::new(),
            outstanding: None,
            invalidations: std::collections::VecDeque::new(),
            now: 0,
            next_id: 0,
            recording: None,
            watch: None,
        };
        machine.dut.reset(2)?;
        machine.apply_controls();
        Ok(machine)
    }

    /// Writes the operating system's table registers to the control ports. The MMU must be idle.
    pub fn apply_controls(&mut self) {
        self.ports.set_controls(&mut self.dut, &self.os.walk_context());
    }

    /// Sends the misses from now on to the handler, or to the walker.
    pub fn set_software_refill(&mut self, software: bool) {
        self.dut.set(self.ports.software_refill, u64::from(software));
    }

    /// Sets what the handler's instructions cost from the next miss on.
    pub fn set_handler_cost(&mut self, cost: HandlerCost) {
        self.patience += cost.of_probes(6 * u64::from(most_probes(&self.config)));
        self.handler.set_cost(cost);
    }

    /// Makes reads of these entries fail from now on, for hardware, software and the golden model alike.
    pub fn set_poison(&mut self, poison: Poison) {
        self.change(|_| Vec::new());
        self.poison = poison;
        self.change(|_| Vec::new());
    }

    /// The operating system.
    #[must_use]
    pub fn os(&self) -> &Os {
        &self.os
    }

    /// Changes the table. `change` returns the mappings that it withdrew: removed, replaced, or with other rights.
    pub fn change(&mut self, change: impl FnOnce(&mut Os) -> Vec<Mapping>) {
        let withdrawn = change(&mut self.os);
        self.coherence.table_changed(self.now, &withdrawn);
        if let Some(waiting) = &self.outstanding {
            let result = self.golden(waiting.request);
            self.coherence.request_observes(waiting.id, self.now, result);
        }
    }

    /// The cycles simulated so far.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Whether a request waits for its answer.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.outstanding.is_some()
    }

    /// Whether an accepted invalidation is not done.
    #[must_use]
    pub fn is_invalidating(&self) -> bool {
        !self.invalidations.is_empty()
    }

    /// The walker's state, as docs/timing.md draws it.
    #[must_use]
    pub fn state(&self) -> &'static str {
        let code = self.dut.get(self.ports.state) as usize;
        WalkerState::NAMES.get(code).copied().unwrap_or("unknown")
    }

    /// Writes a wave of all that follows.
    ///
    /// # Errors
    /// The design was built without waves, or the file cannot be written.
    pub fn open_wave(&mut self, path: &std::path::Path) -> Result<(), MachineError> {
        Ok(self.dut.open_wave(path)?)
    }

    /// Watches from now on how answers come about. To be called before the first request.
    pub fn watch(&mut self) {
        self.watch = Some(Watch::default());
    }

    /// Records all ports of the design, of which the machine has an instance, in every cycle that follows.
    ///
    /// # Errors
    /// It is another design.
    pub fn record(&mut self, design: &Design) -> Result<(), MachineError> {
        self.recording = Some(Recording::new(design, &self.dut)?);
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
        let (dut, ports) = (&mut self.dut, &self.ports);
        ports.drive_lookup(dut, drive.lookup);
        ports.drive_invalidate(dut, drive.invalidate);
        self.memory.drive(dut, ports, self.now);
        self.handler.drive(dut, ports, self.now);
        self.dut.cycle()?;
        if let Some(recording) = &mut self.recording {
            recording.record(&self.dut);
        }

        if let Some(watch) = &mut self.watch {
            let state = WalkerState::ALL.get(self.dut.get(self.ports.state) as usize).copied();
            watch.observe(self.outstanding.as_ref().map(|waiting| waiting.request), state);
        }

        let mut events = Events::default();
        self.observe_invalidations(drive, &mut events)?;
        self.observe_reads()?;
        events.answered = self.observe_answer()?;
        if let Some(request) = drive.lookup
            && self.dut.get(self.ports.lookup_ready) != 0
        {
            events.lookup_accepted = true;
            self.accept(request)?;
        }
        if let Some(waiting) = &self.outstanding
            && self.now > waiting.deadline
        {
            return Err(MachineError::NoProgress {
                cycle: self.now,
                waited: self.now - waiting.accepted_at,
                request: waiting.request,
                state: self.state(),
            });
        }
        self.now += 1;
        Ok(events)
    }

    /// Asks for one translation and waits for its answer.
    ///
    /// # Errors
    /// As for [`Machine::cycle`].
    pub fn ask(&mut self, request: Request) -> Result<Answered, MachineError> {
        let mut lookup = Some(request);
        loop {
            let events = self.cycle(Drive { lookup, invalidate: None })?;
            if events.lookup_accepted {
                lookup = None;
            }
            if let Some(answered) = events.answered {
                return Ok(answered);
            }
        }
    }

    fn accept(&mut self, request: Request) -> Result<(), MachineError> {
        if let Some(waiting) = &self.outstanding {
            return Err(self.protocol(format!("accepted a request while {:?} waits for its answer", waiting.request)));
        }
        if let Some(watch) = &mut self.watch {
            watch.request_accepted();
        }
        let id = self.next_id;
        self.next_id += 1;
        let result = self.golden(request);
        self.coherence.request_accepted(self.now, id, request, result);
        let deadline = self.now + self.patience;
        let (accepted_at, reads, invalidations) = (self.now, Vec::new(), Vec::new());
        self.outstanding = Some(Outstanding { id, request, accepted_at, reads, invalidations, deadline });
        Ok(())
    }

    fn observe_invalidations(&mut self, drive: Drive, events: &mut Events) -> Result<(), MachineError> {
        if self.dut.get(self.ports.invalidate_done) != 0 {
            match self.invalidations.pop_front() {
                Some((ticket, due)) if self.now == due => {
                    self.coherence.invalidation_done(ticket);
                    events.invalidate_done = true;
                }
                Some((_, due)) => {
                    return Err(self.protocol(format!("an invalidation was done that is due in cycle {due}")));
                }
                None => return Err(self.protocol("an invalidation was done that nobody had asked for".into())),
            }
        } else if let Some(&(_, due)) = self.invalidations.front()
            && self.now >= due
        {
            return Err(self.protocol("an invalidation was not done in time".into()));
        }
        if let Some(invalidation) = drive.invalidate
            && self.dut.get(self.ports.invalidate_ready) != 0
        {
            events.invalidate_accepted = true;
            if let Some(watch) = &mut self.watch {
                watch.invalidation_accepted(invalidation);
            }
            let due = self.now + self.config.invalidation_cycles(invalidation);
            self.invalidations.push_back((self.coherence.invalidation_accepted(self.now, invalidation), due));
            // The walk may have to begin again.
            if let Some(waiting) = &mut self.outstanding {
                waiting.deadline = self.now + self.patience;
                waiting.invalidations.push((self.now, invalidation));
            }
        }
        Ok(())
    }

    /// The memory's and the handler's side of this cycle.
    fn observe_reads(&mut self) -> Result<(), MachineError> {
        let table = self.os.table().layout();
        let format = table.format();
        let reader = Reader { memory: self.os.memory(), format, poison: &self.poison };
        let mut reads = [None, None];
        let [by_hardware, by_software] = &mut reads;
        let note = |place: &mut Option<Read>, address| {
            let element = reader.read(address);
            *place = Some(Read { at: self.now, address, element });
            element
        };
        let observed = self.memory.observe(&self.dut, &self.ports, self.now, |address| note(by_hardware, address));
        if let Some(address) = observed.map_err(|what| self.protocol(what))?
            && !(table.base().get()..table.base().get() + table.bytes()).contains(&address.get())
        {
            return Err(self.protocol(format!("read {address}, which is outside the table")));
        }
        let context = || self.os.walk_context();
        self.handler.observe(&self.dut, &self.ports, self.now, context, |address| note(by_software, address));
        if let Some(waiting) = &mut self.outstanding {
            waiting.reads.extend(reads.into_iter().flatten());
        }
        Ok(())
    }

    fn observe_answer(&mut self) -> Result<Option<Answered>, MachineError> {
        let idle = self.dut.get(self.ports.idle) != 0;
        // A walk that was overtaken by the second level waits for its read, although no request waits for it.
        let may_be_busy = self.config.l2_sets() > 0 && !idle;
        if idle != self.outstanding.is_none() && !may_be_busy {
            return Err(self.protocol(format!("says idle = {idle}")));
        }
        if self.dut.get(self.ports.answer_valid) == 0 {
            return Ok(None);
        }
        let Some(waiting) = self.outstanding.take() else {
            return Err(self.protocol("answered although no request waits".into()));
        };
        let answer = self.ports.answer(&self.dut).map_err(|what| self.protocol(what))?;
        let level = self.dut.get(self.ports.answer_hit) as u8;
        let cycles = (self.now - waiting.accepted_at) as u32;
        if let Err(mismatch) = self.coherence.judge(self.now, waiting.id, answer)
            && !(level > 0 && self.is_held_although_walks_miss_it(waiting.request, answer))
            && !self.is_read_one_by_one(&waiting, answer)
        {
            return Err(MachineError::Mismatch { cycle: self.now, request: waiting.request, mismatch });
        }
        let in_time = match level {
            0 => true,
            1 => cycles == 1,
            _ => (2..=4).contains(&cycles),
        };
        if !in_time {
            return Err(self.protocol(format!("level {level} of the TLB answered after {cycles} cycles")));
        }
        let context = self.os.walk_context();
        let origin =
            self.watch.as_mut().map(|watch| watch.answered(&context, waiting.request, &waiting.reads, answer, level));
        let reads = waiting.reads.len() as u32;
        Ok(Some(Answered { request: waiting.request, answer, level, cycles, reads, origin }))
    }

    /// Whether the table holds a mapping that gives this answer, so that the TLB may hold it too, although a walk for the
    /// request does not come to it:
    /// - the walk fails before, in a chain of another page size. The mapping was found before that chain broke or grew too
    ///   long, or by a walk for another page of the same huge page;
    /// - the mapping is global, but the search for those is off. It was found by ASID 0's own search.
    fn is_held_although_walks_miss_it(&self, request: Request, answer: Answer) -> bool {
        let only_global = match self.golden(request).answer {
            Err(Fault::Malformed | Fault::ChainTooLong | Fault::BusError) => false,
            Err(Fault::NotPresent) => true,
            Err(Fault::Rights) | Ok(_) => return false,
        };
        let gives = |mapping: Mapping| {
            let may_answer = mapping.global || !only_global;
            may_answer && mapping.covers(request.asid, request.vpn) && mapping.translate(&request) == answer
        };
        self.os.table().mappings(self.os.ram()).is_ok_and(|mappings| mappings.into_iter().any(gives))
    }

    /// Whether the answer follows from what was read at different moments of a table that changed.
    fn is_read_one_by_one(&self, waiting: &Outstanding, answer: Answer) -> bool {
        let is_done = |(accepted, invalidation): &(u64, Invalidation)| {
            accepted + self.config.invalidation_cycles(*invalidation) <= self.now
        };
        let done: Vec<_> = waiting.invalidations.iter().copied().filter(is_done).collect();
        reads::explain(&self.os.walk_context(), waiting.request, &waiting.reads, &done, answer)
    }

    /// The golden answer at this moment.
    fn golden(&self, request: Request) -> WalkResult {
        let (memory, context) = (self.os.memory(), self.os.walk_context());
        if self.poison.is_empty() {
            return walk(memory, &context, request);
        }
        let reader = Reader { memory, format: context.layout().format(), poison: &self.poison };
        let mut walk = Walk::new(&context, request);
        loop {
            match walk.progress() {
                Progress::Probe(address) => walk.step(reader.read(address)),
                Progress::Done(result) => return result,
            };
        }
    }

    fn protocol(&self, what: String) -> MachineError {
        MachineError::Protocol { cycle: self.now, what, state: self.state() }
    }

    /// The configuration on the bench.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }
}

/// The probes that one search may make.
fn most_probes(config: &Config) -> u32 {
    config.max_steps().max(config.ways())
}

/// Physical memory as everybody on the bench sees it: some entries cannot be read.
struct Reader<'a> {
    memory: &'a PhysicalMemory,
    format: Format,
    poison: &'a Poison,
}

impl Reader<'_> {
    fn read(&self, address: PhysAddr) -> Result<Element, BusError> {
        if self.poison.contains(&address) {
            return Err(BusError { address, bytes: self.format.element_bytes() });
        }
        self.memory.read_element(address, self.format)
    }
}

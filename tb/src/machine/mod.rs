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
//! `answers`. Frames of nodes that were taken out of the table go back when the contract lets them (`nodes`).

mod answers;
mod error;
mod handler;
mod known;
mod memory;
mod nodes;
mod observe;
mod ports;
mod reads;
mod recording;
mod requests;
mod walks;
mod watch;

pub use answers::Answered;
pub use error::MachineError;
pub use handler::HandlerCost;
pub use memory::MemoryTiming;
pub use recording::{Recording, Sample};
pub use watch::{Level, Origin, Phase};

use std::collections::{HashSet, VecDeque};

use handler::Handler;
use hashwalk_hdl::Design;
use hashwalk_model::coherence::{Coherence, Ticket};
use hashwalk_model::memory::{BusError, Element};
use hashwalk_model::os::Os;
use hashwalk_model::walk::{Progress, Walk, WalkResult, walk};
use hashwalk_model::{Mapping, PhysicalMemory};
use hashwalk_sim::Dut;
use hashwalk_spec::{Config, Format, Invalidation, PhysAddr, Request, radix};
use known::Known;
use memory::MemoryAgent;
use ports::Ports;
use requests::{Requests, Waiting};
use walks::Walks;
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
    /// The answer to the request of the cycle before, which has hit the first level of the TLB.
    pub hit: Option<Answered>,
    /// The answer to a request that had missed it.
    pub late: Option<Answered>,
}

impl Events {
    /// Both answers.
    pub fn into_answers(self) -> impl Iterator<Item = Answered> {
        self.hit.into_iter().chain(self.late)
    }
}

/// Which reads of the table fail.
pub type Poison = HashSet<PhysAddr>;

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
    requests: Requests,
    /// Those that are not done, with the cycle in which they must be.
    invalidations: VecDeque<(Ticket, u64)>,
    now: u64,
    /// The last cycle in which a request waited or a read was out.
    busy_at: u64,
    /// When the table changed last, if frames of its nodes may be held since.
    nodes_held_since: Option<u64>,
    /// What the walk cache may know.
    known: Known,
    /// How long one walk may take, and how many may have to come before it.
    patience: u64,
    turns: u64,
    /// Requests that may be out at a time.
    in_flight: u32,
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
            requests: Requests::default(),
            invalidations: VecDeque::new(),
            now: 0,
            busy_at: 0,
            nodes_held_since: None,
            known: Known::default(),
            turns: u64::from(config.walks()) + 2,
            in_flight: requests::IDS as u32,
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

    /// Lets the processor have no more than this many requests out from now on, 1 or more: a lookup is presented only in a
    /// cycle after whose answers fewer wait. With 1 it is in order, and hits follow each other in every cycle.
    pub fn set_in_flight(&mut self, requests: u32) {
        self.in_flight = requests.max(1);
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
        self.nodes_held_since = self.config.format().links_by_address().then_some(self.now);
        for (id, waiting) in self.requests.iter() {
            let result = self.golden(waiting.request);
            self.coherence.request_observes(id.into(), self.now, result);
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
        !self.requests.is_empty()
    }

    /// How many requests wait for their answers.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.requests.count()
    }

    /// Whether an accepted invalidation is not done.
    #[must_use]
    pub fn is_invalidating(&self) -> bool {
        !self.invalidations.is_empty()
    }

    /// What the hardware was seen to find while it was watched: whatever its TLB holds, and what its walks give to others.
    #[must_use]
    pub fn brought(&self) -> Vec<Mapping> {
        self.watch.as_ref().map(Watch::brought).unwrap_or_default()
    }

    /// What each walk does, as docs/timing.md draws it.
    #[must_use]
    pub fn state(&self) -> String {
        self.walks().names()
    }

    fn walks(&self) -> Walks {
        Walks::read(&self.dut, &self.ports, &self.config)
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
        let mut lookup = drive.lookup.and_then(|request| Some((request, self.requests.offer()?)));
        let is_full = lookup.is_some() && self.requests.count() >= self.in_flight;
        // After a lookup most answers come at once, and otherwise in few cycles.
        let expects_answer = self.requests.looked_up.is_some();
        ports.drive_lookup(dut, lookup.filter(|_| !is_full || expects_answer));
        ports.drive_invalidate(dut, drive.invalidate);
        self.memory.drive(dut, ports, self.now);
        self.handler.drive(dut, ports, self.now);
        if is_full {
            // Answers depend on no input of their cycle, so that a processor may look at them first.
            self.dut.settle()?;
            let answers = self.dut.get(self.ports.answer_valid) + self.dut.get(self.ports.late_valid);
            let has_room = self.requests.count() - (answers as u32) < self.in_flight;
            lookup = lookup.filter(|_| has_room);
            if has_room != expects_answer {
                self.ports.drive_lookup(&mut self.dut, lookup);
            }
        }
        if lookup.is_none() {
            self.requests.offer_nothing();
        }
        self.dut.cycle()?;
        if let Some(recording) = &mut self.recording {
            recording.record(&self.dut);
        }
        if let Some(watch) = &mut self.watch {
            let walks = Walks::read(&self.dut, &self.ports, &self.config);
            watch.observe(self.requests.iter().map(|(id, waiting)| (id, waiting.request)), &walks);
        }

        let mut events = Events::default();
        self.observe_idle()?;
        let ready = self.observe_lookup_ready()?;
        self.observe_invalidations(drive, &mut events)?;
        self.observe_reads()?;
        self.observe_answers(&mut events)?;
        self.requests.looked_up = None;
        if let Some((request, _)) = lookup
            && ready
        {
            events.lookup_accepted = true;
            self.accept(request)?;
        }
        self.observe_progress()?;
        self.now += 1;
        Ok(events)
    }

    /// Ends a run: what the hardware asserts about its last cycle is heard too.
    ///
    /// # Errors
    /// An assertion failed.
    pub fn finish(&mut self) -> Result<(), MachineError> {
        Ok(self.dut.finish()?)
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
                (lookup, asked) = (None, self.requests.looked_up);
            } else if let Some(answered) = events.into_answers().find(|answered| Some(answered.id) == asked) {
                return Ok(answered);
            }
        }
    }

    fn accept(&mut self, request: Request) -> Result<(), MachineError> {
        let result = self.golden(request);
        let deadline = self.now + self.patience * self.turns;
        let (accepted_at, reads, known, invalidations) = (self.now, Vec::new(), Vec::new(), Vec::new());
        let id = self.requests.accept(Waiting { request, accepted_at, reads, known, invalidations, deadline });
        self.requests.looked_up = Some(id);
        self.coherence.request_accepted(self.now, id.into(), request, result);
        // As many as there are walks, one that waits for its walk, and this one.
        if self.requests.count() > self.config.walks() + 2 {
            return Err(self.protocol(format!("accepted a request while {} wait", self.requests.count() - 1)));
        }
        Ok(())
    }

    /// The golden answer at this moment.
    fn golden(&self, request: Request) -> WalkResult {
        let context = self.os.walk_context();
        if self.poison.is_empty() {
            return walk(self.os.memory(), &context, request);
        }
        self.reader().finish(Walk::new(&context, request))
    }

    fn reader(&self) -> Reader<'_> {
        Reader { memory: self.os.memory(), format: self.config.format(), poison: &self.poison }
    }

    /// The configuration on the bench.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }
}

/// The probes that one search may make.
fn most_probes(config: &Config) -> u32 {
    match config.format() {
        Format::Radix => radix::LEVELS + 1,
        _ => config.max_steps().max(config.ways()),
    }
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

    /// Makes the walk at once.
    fn finish(&self, mut walk: Walk) -> WalkResult {
        loop {
            match walk.progress() {
                Progress::Probe(address) => walk.step(self.read(address)),
                Progress::Done(result) => return result,
            };
        }
    }
}

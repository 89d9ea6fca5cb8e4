//! The scoreboard: an instance of a design with the MMU in it, physical memory, and what is known of each request. It looks at
//! the MMU's ports in every cycle, whoever drives them, and judges every answer.

use std::collections::{HashSet, VecDeque};

use hashwalk_model::coherence::{Coherence, Ticket};
use hashwalk_model::mapping::Marks;
use hashwalk_model::memory::{BusError, Element};
use hashwalk_model::os::Os;
use hashwalk_model::walk::{Progress, Walk, WalkResult, walk};
use hashwalk_model::{Mapping, PhysicalMemory};
use hashwalk_sim::Dut;
use hashwalk_spec::{Config, Format, PhysAddr, Request, radix};

use super::handler::{Handler, HandlerCost};
use super::known::Known;
use super::marks::HeldMarks;
use super::memory::{MemoryAgent, MemoryTiming};
use super::ports::Ports;
use super::requests::{Requests, Waiting};
use super::update::UpdateAgent;
use super::walks::Walks;
use super::watch::Watch;
use super::{Events, MachineError};

/// Which reads of the table fail.
pub type Poison = HashSet<PhysAddr>;

/// What drives the MMU in a cycle.
pub(super) struct Asked {
    /// The request that is accepted if the MMU is ready, with its id if it has one yet.
    pub(super) lookup: Option<(Request, Option<u8>)>,
    /// What is to be invalidated.
    pub(super) invalidate: Option<hashwalk_spec::Invalidation>,
}

/// The scoreboard.
pub(super) struct Scoreboard {
    pub(super) dut: Dut,
    pub(super) ports: Ports,
    pub(super) config: Config,
    /// The operating system and physical memory. Changes of the table go through [`Scoreboard::change`].
    pub(super) os: Os,
    pub(super) memory: MemoryAgent,
    /// Where the hardware sets marks.
    pub(super) update: Option<UpdateAgent>,
    /// What a TLB may hold as marked.
    pub(super) held: HeldMarks,
    pub(super) poison: Poison,
    pub(super) coherence: Coherence,
    pub(super) requests: Requests,
    /// Those that are not done, with the cycle in which they must be.
    pub(super) invalidations: VecDeque<(Ticket, u64)>,
    pub(super) now: u64,
    /// The last cycle in which a request waited or a read was out.
    pub(super) busy_at: u64,
    /// When the table changed last, if frames of its nodes may be held since.
    pub(super) nodes_held_since: Option<u64>,
    /// What the walk cache may know.
    pub(super) known: Known,
    /// How long one walk may take, and how many may have to come before it.
    pub(super) patience: u64,
    pub(super) turns: u64,
    pub(super) watch: Option<Watch>,
    /// Every mapping that the table has held, without its marks; where entries have sequence numbers, if they are watched.
    pub(super) versions: Option<HashSet<Mapping>>,
}

impl Scoreboard {
    /// Looks at a Verilated MMU of `config` before an operating system; it is still to be reset.
    pub(super) fn new(dut: Dut, config: &Config, os: Os, timing: MemoryTiming) -> Result<Scoreboard, MachineError> {
        let ports = Ports::new(&dut)?;
        let probe = u64::from(timing.worst_cycles(config.beats())) + 8;
        Ok(Scoreboard {
            memory: MemoryAgent::new(timing, config),
            update: UpdateAgent::new(timing, &dut)?,
            held: HeldMarks::default(),
            // Six searches of as many probes as can be, with room for software's work.
            patience: 6 * u64::from(most_probes(config)) * (probe + 64) + 10_000,
            dut,
            ports,
            config: config.clone(),
            os,
            poison: Poison::new(),
            coherence: Coherence::new(),
            requests: Requests::new(config.hit_cycles()),
            invalidations: VecDeque::new(),
            now: 0,
            busy_at: 0,
            nodes_held_since: None,
            known: Known::default(),
            turns: u64::from(config.walks()) + 2,
            watch: None,
            versions: None,
        })
    }

    /// Allows for a handler of this cost.
    pub(super) fn allow_for(&mut self, cost: HandlerCost) {
        self.patience += cost.of_probes(6 * u64::from(most_probes(&self.config)));
    }

    /// Looks at all ports of a cycle whose outputs have settled, and whose clock edge is over.
    pub(super) fn observe(&mut self, asked: &Asked, handler: Option<&mut Handler>) -> Result<Events, MachineError> {
        if let Some(watch) = &mut self.watch {
            let walks = Walks::read(&self.dut, &self.ports, &self.config);
            watch.observe(self.requests.iter().map(|(id, waiting)| (id, waiting.request)), &walks);
        }
        let mut events = Events::default();
        self.observe_idle()?;
        let ready = self.observe_lookup_ready()?;
        self.observe_invalidations(asked.invalidate, &mut events)?;
        self.observe_reads(handler, &mut events)?;
        self.observe_answers(&mut events)?;
        self.observe_update(&mut events)?;
        self.requests.look_up(ready);
        if let Some((request, id)) = asked.lookup
            && ready
        {
            events.lookup_accepted = true;
            self.accept(request, id)?;
        }
        self.observe_progress()?;
        self.now += 1;
        Ok(events)
    }

    /// Changes the table. `change` returns the mappings that it withdrew: removed, replaced, or with other rights.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Os) -> Vec<Mapping>) {
        let withdrawn = change(&mut self.os);
        self.note_versions();
        self.coherence.table_changed(self.now, &withdrawn);
        self.nodes_held_since = self.config.format().links_by_address().then_some(self.now);
        self.held.may_hold(self.now, &withdrawn);
        for id in self.requests.ids() {
            let Some(request) = self.requests.get(id).map(|waiting| waiting.request) else { continue };
            let result = self.golden(request);
            self.coherence.request_observes(id.into(), self.now, result);
            if let Some(waiting) = self.requests.get_mut(id) {
                waiting.see(&result);
            }
        }
    }

    fn accept(&mut self, request: Request, id: Option<u8>) -> Result<(), MachineError> {
        let result = self.golden(request);
        let deadline = self.now + self.patience * self.turns;
        let mut waiting = Waiting {
            request,
            accepted_at: self.now,
            reads: Vec::new(),
            known: Vec::new(),
            invalidations: Vec::new(),
            seen: Marks::NONE,
            deadline,
            refused: false,
        };
        waiting.see(&result);
        let id = match id {
            None => self.requests.accept(waiting),
            Some(id) if self.requests.get(id).is_some() => {
                return Err(self.protocol(format!("accepted a request under id {id}, which waits")));
            }
            Some(id) => {
                self.requests.accept_as(id, waiting);
                id
            }
        };
        self.coherence.request_accepted(self.now, id.into(), request, result);
        // As many as there are walks, one that waits for its walk, those that are being looked up, and this one.
        if self.requests.count() > self.config.walks() + 1 + self.config.hit_cycles() {
            return Err(self.protocol(format!("accepted a request while {} wait", self.requests.count() - 1)));
        }
        Ok(())
    }

    /// What each walk does.
    pub(super) fn state(&self) -> String {
        self.walks().names()
    }

    pub(super) fn walks(&self) -> Walks {
        Walks::read(&self.dut, &self.ports, &self.config)
    }

    /// The golden answer at this moment.
    pub(super) fn golden(&self, request: Request) -> WalkResult {
        let context = self.os.walk_context();
        if self.poison.is_empty() {
            return walk(self.os.memory(), &context, request);
        }
        self.reader().finish(Walk::new(&context, request))
    }

    /// Memory's side of the port for the cycle to come.
    pub(super) fn drive_memory(&mut self) {
        let reader = Reader { memory: self.os.memory(), format: self.config.format(), poison: &self.poison };
        self.memory.drive(&mut self.dut, &self.ports, self.now, &reader);
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { memory: self.os.memory(), format: self.config.format(), poison: &self.poison }
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
pub(super) struct Reader<'a> {
    pub(super) memory: &'a PhysicalMemory,
    pub(super) format: Format,
    pub(super) poison: &'a Poison,
}

impl Reader<'_> {
    pub(super) fn read(&self, address: PhysAddr) -> Result<Element, BusError> {
        if self.poison.contains(&address) {
            return Err(BusError { address, bytes: self.format.element_bytes() });
        }
        self.memory.read_element(address, self.format)
    }

    /// Makes the walk at once.
    pub(super) fn finish(&self, mut walk: Walk) -> WalkResult {
        loop {
            match walk.progress() {
                Progress::Probe(address) => walk.step(self.read(address)),
                Progress::Done(result) => return result,
            };
        }
    }
}

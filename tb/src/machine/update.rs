//! Memory's side of the update port: compare-and-set of a word, with any latency and any backpressure.

use fastrand::Rng;
use hashwalk_model::memory::BusError;
use hashwalk_model::{Entry, Mapping, PhysicalMemory};
use hashwalk_sim::{Dut, Error, InPort, OutPort};
use hashwalk_spec::{Marking, PhysAddr, entry};

use super::memory::MemoryTiming;
use super::scoreboard::Scoreboard;
use super::{Events, MachineError};
use crate::named_ports::ports;

ports! {
    /// The MMU's update port.
    struct Ports {
        valid: OutPort = output("update_valid"),
        address: OutPort = output("update_address"),
        expected: OutPort = output("update_expected"),
        desired: OutPort = output("update_desired"),
        ready: InPort = input("update_ready"),
        done: InPort = input("update_done"),
        swapped: InPort = input("update_swapped"),
        error: InPort = input("update_error"),
    }
}

/// A word to be changed, as it stands on the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) address: u64,
    pub(super) expected: u64,
    pub(super) desired: u64,
}

impl Change {
    /// How it breaks the contract: a change sets A or D of a valid PTE, and nothing else.
    fn broken(&self) -> Option<&'static str> {
        let set = self.expected ^ self.desired;
        let marks = 1 << entry::ACCESSED | 1 << entry::DIRTY;
        let rules = [
            (self.address.is_multiple_of(8), "an update that is not aligned"),
            (self.expected >> entry::VALID & 1 != 0, "an update of a word without V"),
            (set & !marks == 0 && set & self.desired == set, "an update of something but A and D"),
            (set != 0, "an update that changes nothing"),
        ];
        rules.into_iter().find_map(|(holds, rule)| (!holds).then_some(rule))
    }
}

/// Where the change that memory has taken stands.
#[derive(Clone, Copy, Debug)]
enum Progress {
    /// Nobody has asked.
    Rest,
    /// It is made at the end of the cycle `at`.
    Taken { change: Change, at: u64, answered: u64 },
    /// It was made; the answer comes in the cycle `answered`.
    Made { swapped: bool, error: bool, answered: u64 },
}

pub(super) struct UpdateAgent {
    ports: Ports,
    timing: MemoryTiming,
    rng: Rng,
    ready: bool,
    progress: Progress,
    /// One that was not accepted in the cycle before.
    stalled: Option<Change>,
}

impl UpdateAgent {
    /// `None` for hardware without the port.
    pub(super) fn new(timing: MemoryTiming, dut: &Dut) -> Result<Option<UpdateAgent>, Error> {
        if dut.output("update_valid").is_err() {
            return Ok(None);
        }
        let ports = Ports::new(dut)?;
        let rng = Rng::with_seed(!timing.seed);
        Ok(Some(UpdateAgent { ports, timing, rng, ready: false, progress: Progress::Rest, stalled: None }))
    }

    /// Whether a change was accepted and is not over.
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self.progress, Progress::Rest)
    }

    /// Drives the port for the cycle `now`.
    pub(super) fn drive(&mut self, dut: &mut Dut, now: u64) {
        let stall = self.timing.stall_percent;
        self.ready = stall == 0 || self.rng.u8(0..100) >= stall;
        dut.set(self.ports.ready, u64::from(self.ready));
        let over = match self.progress {
            Progress::Made { swapped, error, answered } if answered == now => Some((swapped, error)),
            _ => None,
        };
        dut.set(self.ports.done, u64::from(over.is_some()));
        if let Some((swapped, error)) = over {
            dut.set(self.ports.swapped, u64::from(swapped));
            dut.set(self.ports.error, u64::from(error));
            self.progress = Progress::Rest;
        }
    }

    /// Looks at the port at the end of the cycle `now`; returns the address of a change that was accepted, or how the
    /// hardware broke the port's rules.
    fn observe(&mut self, dut: &Dut, now: u64) -> Result<Option<u64>, String> {
        let get = |port| dut.get(port);
        if get(self.ports.valid) == 0 {
            return if self.stalled.take().is_some() { Err("withdrew a stalled update".into()) } else { Ok(None) };
        }
        let Ports { address, expected, desired, .. } = &self.ports;
        let change = Change { address: get(*address), expected: get(*expected), desired: get(*desired) };
        if self.stalled.is_some_and(|stalled| stalled != change) {
            return Err(format!("changed a stalled update to {change:x?}"));
        }
        if let Some(rule) = change.broken() {
            return Err(format!("asked for {rule}: {change:x?}"));
        }
        self.stalled = (!self.ready).then_some(change);
        if !self.ready {
            return Ok(None);
        }
        if self.is_busy() {
            return Err("asked for an update while one was out".into());
        }
        let latency = u64::from(self.rng.u32(self.timing.latency..=self.timing.latency_max));
        let (at, answered) = (now + self.rng.u64(0..latency), now + latency);
        self.progress = Progress::Taken { change, at, answered };
        Ok(Some(change.address))
    }

    /// The change that is to be made at the end of the cycle `now`.
    fn due(&self, now: u64) -> Option<Change> {
        match self.progress {
            Progress::Taken { change, at, .. } if at <= now => Some(change),
            _ => None,
        }
    }

    fn made(&mut self, result: Result<bool, BusError>) {
        if let Progress::Taken { answered, .. } = self.progress {
            self.progress = Progress::Made { swapped: result == Ok(true), error: result.is_err(), answered };
        }
    }
}

impl Scoreboard {
    /// Memory's side of a change of marks. It counts as one between this cycle and the next.
    pub(super) fn observe_update(&mut self, events: &mut Events) -> Result<(), MachineError> {
        let Some(update) = &mut self.update else { return Ok(()) };
        let accepted = update.observe(&self.dut, self.now);
        let due = update.due(self.now);
        if let Some(address) = accepted.map_err(|what| self.protocol(what))? {
            let table = *self.os.walk_context().layout();
            let bytes = table.base().get()..table.base().get() + table.bytes();
            if self.config.marks() != Marking::Update || !bytes.contains(&address) {
                return Err(self.protocol(format!("asked for an update of {address:#x}, which is outside the table")));
            }
        }
        let Some(change) = due else { return Ok(()) };
        let address = PhysAddr::truncate(change.address);
        let element = self.os.walk_context().layout().format().element_of(address);
        let mut result = Err(BusError { address, bytes: 8 });
        if !self.poison.contains(&element) {
            self.change(|os| {
                result = compare_and_set(os.memory_mut(), address, change);
                Vec::new()
            });
        }
        events.updated = Some(result == Ok(true));
        if result == Ok(true) {
            self.count_for_same_word(change);
        }
        if let Some(update) = &mut self.update {
            update.made(result);
        }
        Ok(())
    }

    /// If software has moved a PTE away and put that of another page with the same word in its place, the marks were set
    /// there (docs/spec.md, section 7). So they count for every page with that word that somebody waits for, and the TLB
    /// may hold it as if it had them.
    fn count_for_same_word(&mut self, change: Change) {
        let pte = Entry::from_words([change.desired, 0, 0, 0]);
        for id in self.requests.ids() {
            let Some(request) = self.requests.get(id).map(|waiting| waiting.request) else { continue };
            let same = |mapping: &Mapping| mapping.pfn == pte.pfn() && mapping.rights == pte.rights();
            let Some(mapping) = self.golden(request).mapping.filter(same) else { continue };
            self.held.may_hold(self.now, &[Mapping { marks: pte.marks(), ..mapping }]);
            if let Some(waiting) = self.requests.get_mut(id) {
                waiting.seen = waiting.seen.with(pte.marks());
            }
        }
    }
}

/// Whether the word was what was expected; then it is what was desired.
pub(super) fn compare_and_set(
    memory: &mut PhysicalMemory,
    address: PhysAddr,
    change: Change,
) -> Result<bool, BusError> {
    let word = memory.slice(address, 8)?.try_into().map(u64::from_le_bytes).expect("eight bytes");
    if word == change.expected {
        memory.write(address, &change.desired.to_le_bytes())?;
    }
    Ok(word == change.expected)
}

//! The bench: all ports are in the test's hands, memory is exact, and a monitor holds the hardware to docs/spec.md,
//! section 9, in every cycle. What is asked of a port stays there until it is accepted.

use std::collections::VecDeque;

use hashwalk_rtl::walker::Walk;
use hashwalk_sim::Dut;
use hashwalk_spec::{Config, Fault, Format, Invalidation, LateSource, Search};

use super::memory::Memory;
use super::page::{Answer, Lookup, Refill};
use super::ports::Ports;
use super::table::Table;

/// An answer, and what it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    pub answer: Answer,
    pub hit: bool,
    /// From acceptance to answer.
    pub cycles: u64,
    /// Entries that its walk has read.
    pub reads: u32,
}

/// An answer, with the request's name and, if it is late, where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    pub id: u8,
    pub source: Option<LateSource>,
    pub answered: Answered,
}

/// One cycle, as it stood before the clock's edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub cycle: u64,
    pub lookup_ready: bool,
    pub accepted: bool,
    /// The id of the request that was accepted.
    pub id: Option<u8>,
    pub hit: Option<Named>,
    pub late: Option<Named>,
    /// The answer of the cycle, for tests that have one request out.
    pub answered: Option<Answered>,
    pub invalidate_ready: bool,
    pub invalidate_accepted: bool,
    pub done: bool,
    /// The address of a read that was accepted.
    pub read: Option<u64>,
    pub miss: Option<Lookup>,
    pub refill_accepted: bool,
    /// A walk has found a mapping, and whether in the first search that it made.
    pub predicted: Option<bool>,
    pub idle: bool,
}

impl Seen {
    /// Both answers of the cycle.
    pub fn answers(&self) -> impl Iterator<Item = Answered> {
        self.hit.into_iter().chain(self.late).map(|named| named.answered)
    }
}

#[derive(Clone, Copy)]
struct Waiting {
    accepted_at: u64,
    /// The cycle in which it is answered if it hits.
    looked_up_at: Option<u64>,
    reads: u32,
    lookup: Lookup,
}

pub struct Bench {
    pub config: Config,
    pub table: Table,
    pub memory: Memory,
    /// What is asked, until it is accepted.
    pub lookup: Option<Lookup>,
    pub invalidate: Option<Invalidation>,
    pub refill: Option<Refill>,
    pub software: bool,
    pub reset: bool,
    pub now: u64,
    dut: Dut,
    ports: Ports,
    /// By id.
    waiting: [Option<Waiting>; 16],
    /// The id of the next request, which goes through all of them.
    next_id: u8,
    /// The id that was accepted last.
    last_id: Option<u8>,
    /// The cycles in which accepted invalidations must be done.
    due: VecDeque<u64>,
    /// A read request with its walk, or a miss, that was not accepted: it must stay as it is.
    stalled_request: Option<(u64, u8)>,
    stalled_miss: Option<Lookup>,
    /// The last miss was software's.
    software_miss: bool,
    /// For `table.rs`: no entry above it is empty.
    pub(super) next_free: u32,
}

/// Longer than any walk of these tests.
const PATIENCE: u64 = 20_000;

impl Bench {
    /// A device after reset before an empty table of 2^7 entries, with every search enabled.
    pub fn new(config: &Config) -> Bench {
        Bench::with_dut(config, super::dut(config))
    }

    pub fn with_dut(config: &Config, dut: Dut) -> Bench {
        let (frame, element_log2) = if config.format() == Format::Line { (0x1_2346, 6) } else { (0x1_2345, 5) };
        let table = Table {
            frame,
            log2: 7,
            element_log2,
            key: 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210,
            search_enable: Search::ENABLE_ALL,
        };
        let ports = Ports::new(&dut);
        let mut bench = Bench {
            config: config.clone(),
            table,
            memory: Memory::new(config),
            lookup: None,
            invalidate: None,
            refill: None,
            software: false,
            reset: true,
            now: 0,
            dut,
            ports,
            waiting: [None; 16],
            next_id: 0,
            last_id: None,
            due: VecDeque::new(),
            stalled_request: None,
            stalled_miss: None,
            software_miss: false,
            next_free: table.mask(),
        };
        bench.cycle();
        bench.reset = false;
        bench
    }

    /// One cycle; the monitor panics where the hardware breaks the contract.
    #[track_caller]
    pub fn cycle(&mut self) -> Seen {
        self.ports.drive(&mut self.dut, self.reset, self.software, &self.table);
        self.ports.drive_lookup(&mut self.dut, self.lookup, self.next_id);
        self.ports.drive_invalidate(&mut self.dut, self.invalidate);
        self.ports.drive_refill(&mut self.dut, self.refill);
        let beat = self.memory.beat(self.now);
        let has_beat = beat.is_some();
        self.ports.drive_memory(&mut self.dut, self.memory.is_ready(), beat);
        if let Err(error) = self.dut.cycle() {
            panic!("cycle {}: {error}", self.now);
        }
        // Before and during the first reset no output is known, and no beat is there.
        if has_beat && self.dut.get(self.ports.memory_response_ready) != 0 {
            self.memory.take_beat(self.now);
        }
        let seen = if self.reset { self.observe_reset() } else { self.observe() };
        self.now += 1;
        seen
    }

    fn observe_reset(&mut self) -> Seen {
        (self.waiting, self.stalled_request, self.stalled_miss) = ([None; 16], None, None);
        self.due.clear();
        // Memory is not reset: what stands on its port in the first cycle of reset it may still take.
        match self.ports.request(&self.dut).filter(|_| self.now > 0) {
            Some((address, walk)) => drop(self.memory.request(self.now, address, walk)),
            _ => self.memory.forget_request(),
        }
        self.blank()
    }

    fn blank(&self) -> Seen {
        Seen {
            cycle: self.now,
            lookup_ready: false,
            accepted: false,
            id: None,
            hit: None,
            late: None,
            answered: None,
            invalidate_ready: false,
            invalidate_accepted: false,
            done: false,
            read: None,
            miss: None,
            refill_accepted: false,
            predicted: None,
            idle: true,
        }
    }

    #[track_caller]
    fn observe(&mut self) -> Seen {
        let ports = &self.ports;
        let flag = |port| self.dut.get(port) != 0;
        let mut seen = Seen {
            lookup_ready: flag(ports.lookup_ready),
            invalidate_ready: flag(ports.invalidate_ready),
            done: flag(ports.invalidate_done),
            miss: ports.miss(&self.dut),
            predicted: match (flag(ports.event_predicted), flag(ports.event_mispredicted)) {
                (false, false) => None,
                (first, _) => Some(first),
            },
            idle: flag(ports.idle),
            ..self.blank()
        };
        self.demand(!(flag(ports.event_predicted) && flag(ports.event_mispredicted)), "a page is found in one search");
        self.demand(!seen.idle || !self.is_waiting(), "while a request waits the hardware is not idle");
        let most = self.config.walks() as usize;
        let taken = self.waiting() + self.walks_in(Walk::Drain);
        self.demand(seen.lookup_ready || taken >= most, "a lookup is refused only while all walks are taken");
        seen.read = self.observe_request(seen.idle);
        seen.hit = self.ports.hit(&self.dut).map(|(id, code, pfn)| self.answered(id, code, pfn, None));
        seen.late = self.ports.late(&self.dut).map(|(id, code, pfn)| {
            let source = LateSource::from_code(self.dut.get(self.ports.late_source) as u8);
            self.demand(source.is_some(), "a late answer says where it comes from");
            self.answered(id, code, pfn, source)
        });
        seen.answered = seen.late.or(seen.hit).map(|named| named.answered);
        if seen.lookup_ready
            && let Some(last) = self.last_id.take()
            && let Some(waiting) = &mut self.waiting[usize::from(last)]
        {
            waiting.looked_up_at.get_or_insert(self.now + 1);
        }
        if seen.lookup_ready
            && let Some(lookup) = self.lookup.take()
        {
            (seen.accepted, seen.id) = (true, Some(self.next_id));
            let looked_up_at = (self.config.hit_cycles() == 1).then_some(self.now + 1);
            let waiting = Waiting { accepted_at: self.now, looked_up_at, reads: 0, lookup };
            self.waiting[usize::from(self.next_id)] = Some(waiting);
            self.last_id = Some(self.next_id);
            self.next_id =
                (0..16).map(|n| (self.next_id + 5 + n) % 16).find(|id| self.waits(*id).is_none()).expect("a free id");
        }
        let looked_up = self.config.hit_cycles() as usize;
        self.demand(self.waiting() <= most + 1 + looked_up, "one request waits for its walk, and few came since");
        if seen.done {
            let due = self.due.pop_front();
            self.demand(due == Some(self.now), "done comes in its cycle after an acceptance");
        }
        self.demand(self.due.front().is_none_or(|due| *due > self.now), "done is not late");
        if seen.invalidate_ready
            && let Some(invalidation) = self.invalidate.take()
        {
            seen.invalidate_accepted = true;
            self.due.push_back(self.now + self.config.invalidation_cycles(invalidation));
        }
        self.observe_miss(&mut seen);
        seen
    }

    #[track_caller]
    fn observe_request(&mut self, idle: bool) -> Option<u64> {
        let request = self.ports.request(&self.dut);
        if let Some(stalled) = self.stalled_request {
            self.demand(request == Some(stalled), "a stalled read stays, with its address");
        }
        let (address, walk) = request?;
        self.demand(!self.software_miss, "nothing is read in software mode");
        self.demand(!idle, "nothing is read while the hardware is idle");
        self.demand(u32::from(walk) < self.config.walks(), "one of the walks reads");
        let (first, last) = (self.table.address(0), self.table.address(self.table.mask()));
        self.demand(
            (first..=last).contains(&address) && address.is_multiple_of(1 << self.table.element_log2),
            "an entry of the table is read",
        );
        let beats = self.dut.get(self.ports.memory_request_beats);
        self.demand(beats == u64::from(self.config.beats()), "a whole entry is read");
        let accepted = self.memory.request(self.now, address, walk);
        self.stalled_request = (!accepted).then_some((address, walk));
        let (state, id) = self.ports.walk(&self.dut, walk);
        if accepted
            && state != Walk::Drain
            && let Some(waiting) = &mut self.waiting[usize::from(id)]
        {
            waiting.reads += 1;
        }
        accepted.then_some(address)
    }

    /// The request is answered: a hit, which has no source, in the cycle after its lookup, all others later.
    #[track_caller]
    fn answered(&mut self, id: u8, code: u8, pfn: u64, source: Option<LateSource>) -> Named {
        self.demand(self.waits(id).is_some(), "only what was asked is answered");
        let last = if self.config.marks().is_checked() { Fault::Unmarked } else { Fault::BusError };
        self.demand(code <= last.code() && (code == 0 || pfn == 0), "a fault carries PFN 0, and no reserved code");
        let Waiting { accepted_at, reads, looked_up_at, .. } = self.waiting[usize::from(id)].take().expect("just seen");
        let (cycles, hit) = (self.now - accepted_at, source.is_none());
        let since = looked_up_at.and_then(|at| self.now.checked_sub(at));
        self.demand(since.is_some_and(|since| hit == (since == 0)), "a hit is answered at once, a miss later");
        Named {
            id,
            source,
            answered: Answered { answer: Fault::from_code(code).map_or(Ok(pfn), Err), hit, cycles, reads },
        }
    }

    fn waits(&self, id: u8) -> Option<Lookup> {
        self.waiting[usize::from(id)].map(|waiting| waiting.lookup)
    }

    /// What software is asked for, as it stood in the last cycle.
    pub fn peek_miss(&self) -> Option<Lookup> {
        self.ports.miss(&self.dut)
    }

    /// How many walks are in this state.
    fn walks_in(&self, state: Walk) -> usize {
        (0..self.config.walks() as u8).filter(|walk| self.ports.walk(&self.dut, *walk).0 == state).count()
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.waiting.iter().flatten().count()
    }

    #[track_caller]
    fn observe_miss(&mut self, seen: &mut Seen) {
        let refill_ready = self.dut.get(self.ports.refill_ready) != 0;
        self.demand(refill_ready == seen.miss.is_some(), "a refill is taken while a miss is reported, and then only");
        if let Some(stalled) = self.stalled_miss {
            self.demand(seen.miss == Some(stalled), "a reported miss stays, as it is");
        }
        if seen.miss.is_some() {
            // Another walk may answer the request while the question stands, or in the cycle in which it is put.
            let just_answered = seen.late.is_some();
            let is_asked = self.waiting.iter().flatten().any(|waiting| Some(waiting.lookup) == seen.miss);
            self.demand(is_asked || just_answered || self.stalled_miss.is_some(), "the miss is what was asked");
            // Others may be walked for, if the mode has changed.
            self.software_miss = self.waiting() == 1;
            seen.refill_accepted = refill_ready && self.refill.take().is_some();
        }
        self.stalled_miss = seen.miss.filter(|_| !seen.refill_accepted);
        if seen.accepted {
            self.software_miss = false;
        }
    }

    #[track_caller]
    fn demand(&self, holds: bool, rule: &str) {
        assert!(holds, "cycle {}: broken: {rule}\n{}", self.now, self.dut.describe_ports());
    }

    /// Cycles until `reached`; returns the one in which it was.
    #[track_caller]
    pub fn until(&mut self, what: &str, reached: impl Fn(&Seen) -> bool) -> Seen {
        for _ in 0..PATIENCE {
            let seen = self.cycle();
            if reached(&seen) {
                return seen;
            }
        }
        panic!("cycle {}: no {what} in {PATIENCE} cycles\n{}", self.now, self.dut.describe_ports());
    }

    pub fn run(&mut self, cycles: u64) -> Vec<Seen> {
        (0..cycles).map(|_| self.cycle()).collect()
    }

    /// Asks, and waits for the answer.
    #[track_caller]
    pub fn ask(&mut self, lookup: Lookup) -> Answered {
        self.lookup = Some(lookup);
        self.until("acceptance", |seen| seen.accepted);
        self.until("answer", |seen| seen.answered.is_some()).answered.expect("just seen")
    }

    /// Asks for what the TLB must have.
    #[track_caller]
    pub fn hits(&mut self, lookup: Lookup, answer: Answer) {
        let answered = self.ask(lookup);
        assert_eq!((answered.answer, answered.hit), (answer, true), "{lookup:x?} is in the TLB");
    }

    /// Asks for what the TLB must not have.
    #[track_caller]
    pub fn walks(&mut self, lookup: Lookup, answer: Answer) -> Answered {
        let answered = self.ask(lookup);
        assert_eq!((answered.answer, answered.hit), (answer, false), "{lookup:x?} is not in the TLB");
        answered
    }

    /// Invalidates, and waits until it is done.
    #[track_caller]
    pub fn invalidate(&mut self, invalidation: Invalidation) {
        self.invalidate = Some(invalidation);
        self.until("acceptance of the invalidation", |seen| seen.invalidate_accepted);
        self.until("end of the invalidation", |seen| seen.done);
    }

    pub fn is_waiting(&self) -> bool {
        self.waiting() > 0
    }
}

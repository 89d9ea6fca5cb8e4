//! A state of all CPUs, what may happen in it, and what then is.

use super::protocol::{Handle, Initiate, Protocol};
use super::{Action, Frame, Page};

/// Stages of a request ([`Initiator::stage`]).
const ASKED: usize = 1;
const TAKEN: usize = 2;

/// A CPU's memory system, and the request that it handles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cpu<const PAGES: usize> {
    /// The TLB: the frame behind each page, if it is held.
    pub tlb: [Option<Frame>; PAGES],
    /// The walk in flight, and the frame that it has read.
    pub walk: Option<(Page, Frame)>,
    /// The access under way, translated to this frame.
    pub access: Option<(Page, Frame)>,
    /// The initiator whose request is being handled.
    pub handling: Option<usize>,
}

/// A CPU that changes the mapping of a page. It does so once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Initiator<const CPUS: usize> {
    /// The CPU on which it runs.
    pub cpu: usize,
    /// The page.
    pub page: Page,
    /// Steps made.
    pub steps: usize,
    /// The page's frame when it was looked at.
    pub old: Option<Frame>,
    /// For each CPU, how far it is with the request: 0 not asked, 1 asked, 2 taken, and one more with each handler
    /// step.
    pub stage: [usize; CPUS],
    /// For each CPU, whether it has acknowledged.
    pub acknowledged: [bool; CPUS],
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State<const CPUS: usize, const PAGES: usize> {
    /// The table: the frame of each page.
    pub entries: [Frame; PAGES],
    /// The bucket lock of each page, and the initiator that holds it.
    pub locks: [Option<usize>; PAGES],
    /// The CPUs.
    pub cpus: [Cpu<PAGES>; CPUS],
    /// The initiators, at most one on a CPU.
    pub initiators: Vec<Initiator<CPUS>>,
    /// The frames that have been freed, and how often.
    pub freed: Vec<(Page, Frame, u8)>,
}

impl<const CPUS: usize, const PAGES: usize> State<CPUS, PAGES> {
    /// Every page mapped to frame 0, every TLB empty; `initiators` are the CPUs that will change a mapping, and which.
    ///
    /// # Panics
    /// A CPU or page does not exist, or a CPU is named twice.
    #[must_use]
    pub fn new(initiators: &[(usize, Page)]) -> Self {
        for (at, &(cpu, page)) in initiators.iter().enumerate() {
            assert!(cpu < CPUS && page < PAGES, "CPU {cpu} or page {page} does not exist");
            assert!(initiators[..at].iter().all(|&(other, _)| other != cpu), "CPU {cpu} initiates twice");
        }
        let cpu = |_| Cpu { tlb: [None; PAGES], walk: None, access: None, handling: None };
        let initiator =
            |&(cpu, page)| Initiator { cpu, page, steps: 0, old: None, stage: [0; CPUS], acknowledged: [false; CPUS] };
        State {
            entries: [0; PAGES],
            locks: [None; PAGES],
            cpus: std::array::from_fn(cpu),
            initiators: initiators.iter().map(initiator).collect(),
            freed: Vec::new(),
        }
    }

    /// Everything that may happen next.
    pub fn actions(&self, protocol: &Protocol, actions: &mut Vec<Action>) {
        for (number, cpu) in self.cpus.iter().enumerate() {
            for page in 0..PAGES {
                match cpu.tlb[page] {
                    // A CPU that is about to invalidate begins no access: what it waits for comes to an end.
                    Some(_) => {
                        actions.push(Action::Evict(number, page));
                        if cpu.access.is_none() && !self.is_about_to_invalidate(number, protocol) {
                            actions.push(Action::Access(number, page));
                        }
                    }
                    None if cpu.walk.is_none() => actions.push(Action::Walk(number, page)),
                    None => {}
                }
            }
            if cpu.walk.is_some() {
                actions.push(Action::Refill(number));
            }
            if cpu.access.is_some() {
                actions.push(Action::Finish(number));
            }
            if cpu.handling.is_none() && !self.is_deaf(number, protocol) {
                let asked =
                    self.initiators.iter().enumerate().filter(|(_, initiator)| initiator.stage[number] == ASKED);
                actions.extend(asked.map(|(from, _)| Action::TakeRequest(number, from)));
            }
            if self.can_handle(number, protocol) {
                actions.push(Action::Handle(number));
            }
        }
        let able = (0..self.initiators.len()).filter(|&number| self.can_initiate(number, protocol));
        actions.extend(able.map(Action::Initiate));
    }

    /// What `action`, one of [`State::actions`], leads to.
    #[must_use]
    pub fn after(&self, action: Action, protocol: &Protocol) -> Self {
        let mut next = self.clone();
        match action {
            Action::Walk(cpu, page) => next.cpus[cpu].walk = Some((page, self.entries[page])),
            Action::Refill(cpu) => {
                let cpu = &mut next.cpus[cpu];
                if let Some((page, frame)) = cpu.walk.take() {
                    cpu.tlb[page] = Some(frame);
                }
            }
            Action::Evict(cpu, page) => next.cpus[cpu].tlb[page] = None,
            Action::Access(cpu, page) => next.cpus[cpu].access = self.cpus[cpu].tlb[page].map(|frame| (page, frame)),
            Action::Finish(cpu) => next.cpus[cpu].access = None,
            Action::Initiate(number) => next.initiate(number, protocol),
            Action::TakeRequest(cpu, from) => {
                next.initiators[from].stage[cpu] = TAKEN;
                next.cpus[cpu].handling = Some(from);
            }
            Action::Handle(cpu) => next.handle(cpu, protocol),
        }
        next
    }

    /// The action in words, as it is about to happen here.
    #[must_use]
    pub fn describe(&self, action: Action, protocol: &Protocol) -> String {
        match action {
            Action::Walk(cpu, page) => {
                format!("CPU {cpu}: a walk reads page {page}'s entry: frame {}", self.entries[page])
            }
            Action::Refill(cpu) => format!("CPU {cpu}: the walk refills the TLB: {:?}", self.cpus[cpu].walk),
            Action::Evict(cpu, page) => format!("CPU {cpu}: the TLB drops page {page}"),
            Action::Access(cpu, page) => {
                format!(
                    "CPU {cpu}: an access to page {page} begins, translated to frame {:?}",
                    self.cpus[cpu].tlb[page]
                )
            }
            Action::Finish(cpu) => format!("CPU {cpu}: the access has reached memory"),
            Action::Initiate(number) => {
                let initiator = &self.initiators[number];
                format!("CPU {}: initiator {number}: {:?}", initiator.cpu, initiator.next_step(protocol))
            }
            Action::TakeRequest(cpu, from) => format!("CPU {cpu}: takes the request of initiator {from}"),
            Action::Handle(cpu) => {
                format!("CPU {cpu}: handles: {:?}", self.handler_step(cpu, protocol).map(|(_, step)| step))
            }
        }
    }

    /// Steps of the protocol that have been made: bounded, and raised by each.
    #[must_use]
    pub fn progress(&self) -> usize {
        self.initiators.iter().map(|initiator| initiator.steps + initiator.stage.iter().sum::<usize>()).sum()
    }

    /// Whether every shootdown has ended.
    #[must_use]
    pub fn is_done(&self, protocol: &Protocol) -> bool {
        self.initiators.iter().all(|initiator| initiator.next_step(protocol).is_none())
            && self.cpus.iter().all(|cpu| cpu.handling.is_none())
    }

    /// Whether something has not ended, yet no step can be made and no access can finish.
    #[must_use]
    pub fn is_stuck(&self, protocol: &Protocol) -> bool {
        let mut actions = Vec::new();
        self.actions(protocol, &mut actions);
        !self.is_done(protocol) && !actions.iter().any(|action| action.is_step() || matches!(action, Action::Finish(_)))
    }

    /// Whether, after the last acknowledgement of a shootdown, an access goes through the mapping that it withdrew.
    #[must_use]
    pub fn uses_withdrawn(&self) -> bool {
        self.initiators.iter().any(|initiator| {
            let old = initiator.old.map(|frame| (initiator.page, frame));
            old.is_some() && initiator.has_all_acknowledgements() && self.cpus.iter().any(|cpu| cpu.access == old)
        })
    }

    /// Whether an access goes to a frame that has been freed, and may be another's by now.
    #[must_use]
    pub fn uses_freed(&self) -> bool {
        let accesses = |page, frame| self.cpus.iter().any(|cpu| cpu.access == Some((page, frame)));
        self.freed.iter().any(|&(page, frame, _)| accesses(page, frame))
    }

    /// Whether a frame has been freed twice.
    #[must_use]
    pub fn frees_twice(&self) -> bool {
        self.freed.iter().any(|&(_, _, times)| times > 1)
    }

    fn initiate(&mut self, number: usize, protocol: &Protocol) {
        let Initiator { cpu, page, old, .. } = self.initiators[number];
        let Some(step) = self.initiators[number].next_step(protocol) else { return };
        self.initiators[number].steps += 1;
        match step {
            Initiate::Lock => self.locks[page] = Some(number),
            Initiate::Look => self.initiators[number].old = Some(self.entries[page]),
            Initiate::Write => self.entries[page] = number as Frame + 1,
            Initiate::InvalidateOwn => self.invalidate(cpu, page, protocol),
            Initiate::Request => {
                self.initiators[number].stage = std::array::from_fn(|other| if other == cpu { 0 } else { ASKED });
            }
            Initiate::AwaitAcknowledgements => {}
            Initiate::Free => {
                if let Some(frame) = old {
                    self.free(page, frame);
                }
            }
            Initiate::Unlock => self.locks[page] = None,
        }
    }

    fn handle(&mut self, cpu: usize, protocol: &Protocol) {
        let Some((from, step)) = self.handler_step(cpu, protocol) else { return };
        match step {
            Handle::Invalidate => self.invalidate(cpu, self.initiators[from].page, protocol),
            Handle::Acknowledge => self.initiators[from].acknowledged[cpu] = true,
        }
        let stage = &mut self.initiators[from].stage[cpu];
        *stage += 1;
        if *stage - TAKEN == protocol.handle.len() {
            self.cpus[cpu].handling = None;
        }
    }

    fn invalidate(&mut self, cpu: usize, page: Page, protocol: &Protocol) {
        let cpu = &mut self.cpus[cpu];
        cpu.tlb[page] = None;
        if protocol.kills_walk && cpu.walk.is_some_and(|(walked, _)| walked == page) {
            cpu.walk = None;
        }
    }

    fn free(&mut self, page: Page, frame: Frame) {
        match self.freed.iter_mut().find(|freed| (freed.0, freed.1) == (page, frame)) {
            Some(freed) => freed.2 += 1,
            None => self.freed.push((page, frame, 1)),
        }
        // In one order, so that the same set is the same state.
        self.freed.sort_unstable();
    }

    fn can_initiate(&self, number: usize, protocol: &Protocol) -> bool {
        let initiator = &self.initiators[number];
        let cpu = &self.cpus[initiator.cpu];
        // The handler interrupts the initiator that runs on the same CPU, which goes on when it has returned.
        cpu.handling.is_none()
            && initiator.next_step(protocol).is_some_and(|step| match step {
                Initiate::Lock => self.locks[initiator.page].is_none(),
                Initiate::InvalidateOwn => cpu.access.is_none() || !protocol.awaits_access,
                Initiate::AwaitAcknowledgements => initiator.has_all_acknowledgements(),
                _ => true,
            })
    }

    fn can_handle(&self, cpu: usize, protocol: &Protocol) -> bool {
        self.handler_step(cpu, protocol).is_some_and(|(_, step)| match step {
            Handle::Invalidate => self.cpus[cpu].access.is_none() || !protocol.awaits_access,
            Handle::Acknowledge => true,
        })
    }

    fn is_about_to_invalidate(&self, cpu: usize, protocol: &Protocol) -> bool {
        match self.handler_step(cpu, protocol) {
            Some((_, step)) => step == Handle::Invalidate,
            None => self.step_on(cpu, protocol) == Some(Initiate::InvalidateOwn),
        }
    }

    fn is_deaf(&self, cpu: usize, protocol: &Protocol) -> bool {
        protocol.deaf.is_some() && self.step_on(cpu, protocol) == protocol.deaf
    }

    /// The request that this CPU handles, and the next step of that.
    fn handler_step(&self, cpu: usize, protocol: &Protocol) -> Option<(usize, Handle)> {
        let from = self.cpus[cpu].handling?;
        let made = self.initiators[from].stage[cpu] - TAKEN;
        Some((from, *protocol.handle.get(made)?))
    }

    /// The next step of the initiator on this CPU.
    fn step_on(&self, cpu: usize, protocol: &Protocol) -> Option<Initiate> {
        self.initiators.iter().find(|initiator| initiator.cpu == cpu)?.next_step(protocol)
    }
}

impl<const CPUS: usize> Initiator<CPUS> {
    fn next_step(&self, protocol: &Protocol) -> Option<Initiate> {
        protocol.initiate.get(self.steps).copied()
    }

    fn has_all_acknowledgements(&self) -> bool {
        (0..CPUS).all(|cpu| cpu == self.cpu || self.acknowledged[cpu])
    }
}

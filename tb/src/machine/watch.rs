//! How each answer came about, for coverage: who gave it, from a mapping of which size, and what invalidations met it.

use hashwalk_model::Mapping;
use hashwalk_model::walk::WalkContext;
use hashwalk_rtl::walker::Walk as WalkerState;
use hashwalk_spec::{Answer, Fault, Invalidation, PageSize, Request, Vpn};

use super::reads::{self, Read};

/// Who found the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The first level of the TLB.
    Tlb,
    /// The second level.
    L2,
    /// The page walker.
    Walk,
    /// The software-refill handler.
    Software,
}

/// What an invalidation that took effect while a request waited did to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// There was none.
    Undisturbed,
    /// It did not concern the request.
    Unrelated,
    /// It concerned it, but nothing had been read that could be thrown away: the TLB was being looked up, or an element's
    /// index hashed, or a miss about to be reported again.
    NothingRead,
    /// It restarted the walk while memory had not taken the request.
    Request,
    /// It restarted the walk while memory's data, or software's answer, was awaited.
    Data,
    /// It restarted the walk while what had come was judged.
    Check,
    /// It restarted the walk in the cycle of its answer.
    Delivery,
}

impl Phase {
    /// All of them.
    pub const ALL: [Phase; 7] = [
        Phase::Undisturbed,
        Phase::Unrelated,
        Phase::NothingRead,
        Phase::Request,
        Phase::Data,
        Phase::Check,
        Phase::Delivery,
    ];

    /// What an invalidation does to a request that waits while the walker is in this state (docs/spec.md, section 7).
    fn of(invalidation: Invalidation, request: Request, state: WalkerState) -> Phase {
        // A mapping of the request may be as large as 1 GiB, and the invalidation may name any page in it.
        let same_page = |vpn: Vpn| vpn.base(PageSize::Huge) == request.vpn.base(PageSize::Huge);
        let concerned = match invalidation {
            Invalidation::All => true,
            Invalidation::Asid(asid) => asid == request.asid,
            Invalidation::Address(vpn) => same_page(vpn),
            Invalidation::AddressInAsid(asid, vpn) => asid == request.asid && same_page(vpn),
        };
        match state {
            _ if !concerned => Phase::Unrelated,
            WalkerState::Free | WalkerState::Wait | WalkerState::Drain => Phase::NothingRead,
            WalkerState::Request => Phase::Request,
            WalkerState::Read | WalkerState::Ask => Phase::Data,
            WalkerState::Check => Phase::Check,
            WalkerState::Deliver => Phase::Delivery,
        }
    }
}

/// How an answer came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who found it.
    pub level: Level,
    /// The size of the mapping that decided, by its frame or by denying the access; `None` if no mapping did.
    pub size: Option<PageSize>,
    /// What invalidations did to the request, each once; never empty.
    pub phases: Vec<Phase>,
}

/// Looks on while a machine runs.
#[derive(Default)]
pub(super) struct Watch {
    /// What the TLB was given, the newest last. Of those that cover a request the newest is the one that can be hit,
    /// since its refill dropped the others (docs/spec.md, section 6).
    refilled: Vec<Mapping>,
    /// Accepted in the cycle before.
    taking_effect: Option<Invalidation>,
    asked_software: bool,
    /// The second level has answered a request whose walk had begun and has not come to rest.
    overtaken: bool,
    phases: Vec<Phase>,
}

impl Watch {
    /// A cycle in which `waiting` waits, before anything else of the cycle is looked at.
    pub(super) fn observe(&mut self, waiting: Option<Request>, state: Option<WalkerState>) {
        let taking_effect = self.taking_effect.take();
        self.overtaken &= state != Some(WalkerState::Free);
        let (Some(request), Some(state)) = (waiting, state) else { return };
        self.asked_software |= state == WalkerState::Ask;
        if let Some(invalidation) = taking_effect {
            // What the walker still does for a request that the second level has answered is nothing to this one.
            let state = if self.overtaken { WalkerState::Free } else { state };
            let phase = Phase::of(invalidation, request, state);
            if !self.phases.contains(&phase) {
                self.phases.push(phase);
            }
        }
    }

    pub(super) fn invalidation_accepted(&mut self, invalidation: Invalidation) {
        self.taking_effect = Some(invalidation);
    }

    pub(super) fn request_accepted(&mut self) {
        (self.asked_software, self.phases) = (false, Vec::new());
    }

    pub(super) fn answered(
        &mut self,
        context: &WalkContext,
        request: Request,
        reads: &[Read],
        answer: Answer,
        level: u8,
    ) -> Origin {
        let level = match level {
            1 => Level::Tlb,
            2 => Level::L2,
            _ if self.asked_software => Level::Software,
            _ => Level::Walk,
        };
        self.overtaken |= level == Level::L2;
        let mapping = match answer {
            Err(fault) if fault != Fault::Rights => None,
            _ if matches!(level, Level::Tlb | Level::L2) => {
                // The first level has the newest; the second may have an older one that went past a sweep.
                let gives = |mapping: &&Mapping| level == Level::Tlb || mapping.translate(&request) == answer;
                let mut held = self.refilled.iter().rev().filter(|mapping| mapping.covers(request.asid, request.vpn));
                held.find(gives).copied()
            }
            _ => reads::deciding(context, request, reads, answer),
        };
        // One that would have given another answer did not decide, and that there is none will be noticed.
        let mapping = mapping.filter(|mapping| mapping.translate(&request) == answer);
        if let Some(mapping) = mapping
            && answer.is_ok()
            && level != Level::Tlb
        {
            self.refilled.retain(|old| *old != mapping);
            self.refilled.push(mapping);
        }
        let mut phases = std::mem::take(&mut self.phases);
        if phases.is_empty() {
            phases.push(Phase::Undisturbed);
        }
        Origin { level, size: mapping.map(|mapping| mapping.size), phases }
    }
}

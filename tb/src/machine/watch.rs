//! How each answer came about, for coverage: who gave it, from a mapping of which size, and what invalidations met it.

use std::collections::VecDeque;

use hashwalk_model::Mapping;
use hashwalk_rtl::walker::Walk as WalkerState;
use hashwalk_spec::{Answer, Fault, Invalidation, LateSource, PageSize, Request, Vpn};

use super::reads::{Possible, Read};
use super::stores::brings_torn;
use super::walks::Walks;

/// Who found the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The first level of the TLB.
    Tlb,
    /// The second level.
    L2,
    /// The page walker.
    Walk,
    /// The walk of another request, or software's answer to it.
    Shared,
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
    /// It met the request's walk while memory had not taken the read.
    Request,
    /// It met it while memory's data, or software's answer, was awaited.
    Data,
    /// It met it while what had come was judged.
    Check,
    /// It met it in the cycle of the answer.
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

    /// Where an invalidation meets a request that waits while its walk, if there is one, is in this state (docs/spec.md,
    /// section 7).
    fn of(invalidation: Invalidation, request: Request, state: Option<WalkerState>) -> Phase {
        // A mapping of the request may be as large as 1 GiB, and the invalidation may name any page in it.
        let same_page = |vpn: Vpn| vpn.base(PageSize::Huge) == request.vpn.base(PageSize::Huge);
        let concerned = match invalidation {
            Invalidation::All => true,
            Invalidation::Asid(asid) => asid == request.asid,
            Invalidation::Address(vpn) => same_page(vpn),
            Invalidation::AddressInAsid(asid, vpn) => asid == request.asid && same_page(vpn),
        };
        match state.unwrap_or(WalkerState::Free) {
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
    /// An entry was torn that the walk, or software, had read for it.
    pub torn: bool,
    /// The size of the mapping that decided, by its frame, by denying the access or by its marks; `None` if no mapping did.
    pub size: Option<PageSize>,
    /// What invalidations did to the request, each once; never empty.
    pub phases: Vec<Phase>,
}

/// What has happened to one request so far.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Software was asked for it.
    asked_software: bool,
    /// Bit i: phase i of [`Phase::ALL`].
    phases: u8,
}

/// Looks on while a machine runs.
#[derive(Default)]
pub(super) struct Watch {
    /// What the TLB was given, the newest last.
    refilled: Vec<Mapping>,
    /// What the last walks found, the newest last, if only to deny the access: other requests may share it.
    found: VecDeque<Mapping>,
    /// Accepted in the cycle before.
    taking_effect: Option<Invalidation>,
    /// By the requests' ids.
    seen: [Seen; 16],
}

/// More walks than can be over while requests wait that began before.
const FOUND: usize = 16;

impl Watch {
    /// A cycle in which these wait, before anything else of the cycle is looked at.
    pub(super) fn observe(&mut self, waiting: impl Iterator<Item = (u8, Request)>, walks: &Walks) {
        let taking_effect = self.taking_effect.take();
        for id in walks.asking() {
            self.seen[usize::from(id)].asked_software = true;
        }
        let Some(invalidation) = taking_effect else { return };
        for (id, request) in waiting {
            self.seen[usize::from(id)].phases |= 1 << Phase::of(invalidation, request, walks.of_request(id)) as u8;
        }
    }

    /// What the TLB was given, and what the last walks found.
    pub(super) fn brought(&self) -> Vec<Mapping> {
        self.refilled.iter().chain(&self.found).copied().collect()
    }

    pub(super) fn invalidation_accepted(&mut self, invalidation: Invalidation) {
        self.taking_effect = Some(invalidation);
    }

    /// `source` is that of a late answer.
    pub(super) fn answered(
        &mut self,
        possible: Possible,
        id: u8,
        request: Request,
        reads: &[Read],
        answer: Answer,
        source: Option<LateSource>,
    ) -> Origin {
        let Seen { asked_software, phases } = std::mem::take(&mut self.seen[usize::from(id)]);
        let level = match source {
            None => Level::Tlb,
            Some(LateSource::L2) => Level::L2,
            Some(LateSource::Shared) => Level::Shared,
            Some(LateSource::Walk) if asked_software => Level::Software,
            Some(LateSource::Walk) => Level::Walk,
        };
        let mapping = self.deciding(possible, request, reads, answer, level);
        // What lacks marks is brought to nobody.
        if let Some(mapping) = mapping
            && level != Level::Tlb
            && answer != Err(Fault::Unmarked)
        {
            self.found.push_back(mapping);
            if self.found.len() > FOUND {
                self.found.pop_front();
            }
            if answer.is_ok() {
                self.refilled.retain(|old| *old != mapping);
                self.refilled.push(mapping);
            }
        }
        let mut phases: Vec<Phase> = Phase::ALL.into_iter().filter(|phase| phases >> *phase as u8 & 1 != 0).collect();
        if phases.is_empty() {
            phases.push(Phase::Undisturbed);
        }
        let torn = possible.context.layout().sequence()
            && matches!(level, Level::Walk | Level::Software)
            && reads.iter().any(|read| brings_torn(&read.element));
        Origin { level, torn, size: mapping.map(|mapping| mapping.size), phases }
    }

    /// The mapping that decided. One that would have given another answer did not, and that there is none will be noticed.
    fn deciding(
        &self,
        possible: Possible,
        request: Request,
        reads: &[Read],
        answer: Answer,
        level: Level,
    ) -> Option<Mapping> {
        if answer.is_err_and(|fault| !matches!(fault, Fault::Rights | Fault::Unmarked)) {
            return None;
        }
        let gives = |mapping: &&Mapping| mapping.translate(&request) == answer;
        let covers = |mapping: &&Mapping| mapping.covers(request.asid, request.vpn);
        match level {
            // The second level may have an older one, and bring it into the first: one that went past a sweep, or that a global
            // page has replaced, or the other way round (docs/spec.md, section 6).
            Level::Tlb | Level::L2 => self.refilled.iter().rev().filter(covers).find(gives).copied(),
            Level::Shared => self.found.iter().rev().filter(covers).find(gives).copied(),
            Level::Walk | Level::Software => possible.deciding(request, reads, answer),
        }
    }
}

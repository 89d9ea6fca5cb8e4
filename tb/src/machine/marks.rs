//! Whether an answer leaves the marks that it must (docs/spec.md, section 5).
//!
//! A request that is granted finds A set, and D if it is a write, at some moment between its acceptance and its answer.
//! Only what a TLB may still hold from before software cleared the marks is answered without.

use std::collections::{HashMap, VecDeque};

use hashwalk_model::Mapping;
use hashwalk_model::coherence::drops;
use hashwalk_model::mapping::Marks;
use hashwalk_spec::{Answer, Invalidation, Marking, Request};

use super::MachineError;
use super::handler::{Handler, Unmarked};
use super::requests::Waiting;
use super::scoreboard::Scoreboard;
use super::update::{Change, compare_and_set};

/// The marks with which a TLB may hold mappings that software has changed since, if only their marks.
#[derive(Default)]
pub(super) struct HeldMarks {
    /// By the mapping without its marks; with the cycle of the last change.
    held: HashMap<Mapping, (Marks, u64)>,
    /// Those that are not done.
    invalidations: VecDeque<(u64, Invalidation)>,
}

impl HeldMarks {
    /// These may be held with these marks although the table does not hold them so from now on.
    pub(super) fn may_hold(&mut self, now: u64, mappings: &[Mapping]) {
        for mapping in mappings {
            let (marks, at) = self.held.entry(mapping.unmarked()).or_default();
            (*marks, *at) = (marks.with(mapping.marks), now);
        }
    }

    pub(super) fn invalidation_accepted(&mut self, now: u64, invalidation: Invalidation) {
        self.invalidations.push_back((now, invalidation));
    }

    /// The oldest is done.
    pub(super) fn invalidation_done(&mut self) {
        if let Some((accepted, invalidation)) = self.invalidations.pop_front() {
            self.held.retain(|mapping, (_, at)| *at > accepted || !drops(invalidation, mapping));
        }
    }

    /// Those of all mappings that give this answer: one of another space or size may have been there before.
    fn of(&self, request: &Request, answer: Answer) -> Marks {
        let gives =
            |mapping: &Mapping| mapping.covers(request.asid, request.vpn) && mapping.translate(request) == answer;
        let marks = self.held.iter().filter(|(mapping, _)| gives(mapping)).map(|(_, (marks, _))| *marks);
        marks.fold(Marks::NONE, Marks::with)
    }
}

impl Scoreboard {
    /// Whether a granted request has found the marks that it must.
    pub(super) fn judge_marks(&self, waiting: &Waiting, answer: Answer) -> Result<(), MachineError> {
        if self.config.marks() == Marking::Software || answer.is_err() {
            return Ok(());
        }
        let request = &waiting.request;
        let needed = Marks::of(request.access);
        if waiting.seen.contains(needed) {
            return Ok(());
        }
        // One that was withdrawn is marked no more.
        let Some(mapping) = self.golden(*request).mapping.filter(|mapping| mapping.translate(request) == answer) else {
            return Ok(());
        };
        let found = waiting.seen.with(mapping.marks).with(self.held.of(request, answer));
        if found.contains(needed) {
            return Ok(());
        }
        Err(self.protocol(format!("granted {request:?} although {mapping:?} has had {found:?} alone")))
    }

    /// Software marks what it has found before it hands it over, where the hardware does so too. It walks again if
    /// somebody has changed the word.
    pub(super) fn mark_for_software(&mut self, handler: &mut Handler) {
        let Some(Unmarked { request, address, expected, desired }) = handler.take_found() else { return };
        let mut swapped = false;
        self.change(|os| {
            let change = Change { address: address.get(), expected, desired };
            swapped = compare_and_set(os.memory_mut(), address, change).expect("it was read");
            Vec::new()
        });
        if !swapped {
            handler.walk_again(self.now, &self.os.walk_context(), request);
        }
    }
}

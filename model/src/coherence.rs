//! Which answers a TLB over the table may give: the rules of a scoreboard, with no hardware and no unit of time.
//!
//! ```text
//!  table      ──M──┬──────────── M' ───────────────      M is withdrawn: a TLB may still hold it (stale)
//!  invalidate      │      accepted ─────── done          done: whatever it covers that was withdrawn up to
//!                  │                        │            its acceptance is forgotten
//!  request A  accepted ─────── answered     │            M (seen at acceptance), M' (seen later), not_present
//!  request B        accepted ── answered    │            M (stale), M'
//!  request C                                └─ accepted  M' alone
//! ```
//!
//! The caller walks the golden table and says what it sees; this keeps the observations of the requests that are
//! outstanding, and the mappings that are withdrawn but not invalidated. An answer is legal if one of them gives it.
//! The common case, one request and nothing stale, allocates nothing. Stale mappings are found by six look-ups in a hash
//! map.
//!
//! Calls are made in the order of the events. `now` is any count that does not go back, such as cycles: it says whether a
//! mapping was withdrawn at or before an invalidation's acceptance, and is shown in a mismatch.
//! Source: docs/spec.md, sections 4 and 7.

mod mismatch;
mod stale;

pub use mismatch::{Mismatch, Why};
pub use stale::drops;

use crate::mapping::Mapping;
use crate::walk::WalkResult;
use hashwalk_spec::{Answer, Fault, Invalidation, Request};
use stale::StaleMappings;
use std::collections::VecDeque;

/// What the table once held for a request, while it was outstanding.
#[derive(Clone, Copy, Debug)]
struct Observation {
    result: WalkResult,
    /// When the table no longer held it.
    ended: u64,
}

/// A request that has not been answered.
#[derive(Clone, Debug)]
struct Outstanding {
    id: u64,
    request: Request,
    accepted: u64,
    /// Changes of the table before its acceptance.
    changes: u64,
    /// What the table holds for it now.
    current: WalkResult,
    /// What it held before and is not forgotten; empty unless the table changed for this page.
    older: Vec<Observation>,
}

/// An invalidation that was accepted and is not done. It is handed back to [`Coherence::invalidation_done`].
#[derive(Debug)]
#[must_use]
pub struct Ticket {
    accepted: u64,
    invalidation: Invalidation,
}

impl Ticket {
    /// When it was accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// What is invalidated.
    #[must_use]
    pub fn invalidation(&self) -> Invalidation {
        self.invalidation
    }
}

/// The scoreboard's memory.
#[derive(Clone, Debug, Default)]
pub struct Coherence {
    /// In the order of acceptance. Few, and hits are answered in this order, so that a search from the front is short.
    outstanding: VecDeque<Outstanding>,
    stale: StaleMappings,
    changes: u64,
}

impl Coherence {
    /// No request, nothing stale.
    #[must_use]
    pub fn new() -> Coherence {
        Coherence::default()
    }

    /// The table has changed at `now`. `withdrawn` are the mappings that walks found before and do not find any more:
    /// unmapped, replaced, of other rights now, corrupted, or cut off from their home. Afterwards the caller reports
    /// what each outstanding request that the change concerns finds now ([`Coherence::request_observes`]). A mapping that
    /// software refilled although the table does not hold it is withdrawn as well: the TLB has it until it is
    /// invalidated.
    pub fn table_changed(&mut self, now: u64, withdrawn: &[Mapping]) {
        self.changes += 1;
        for mapping in withdrawn {
            self.stale.add(now, *mapping);
        }
    }

    /// The hardware has accepted `request`; `current` is what the table holds for it. `id` is any number that no other
    /// outstanding request has.
    #[inline]
    pub fn request_accepted(&mut self, now: u64, id: u64, request: Request, current: WalkResult) {
        let (accepted, changes) = (now, self.changes);
        self.outstanding.push_back(Outstanding { id, request, accepted, changes, current, older: Vec::new() });
    }

    /// The requests that have not been answered, oldest first: those to be walked again after a change.
    pub fn outstanding(&self) -> impl Iterator<Item = (u64, &Request)> {
        self.outstanding.iter().map(|outstanding| (outstanding.id, &outstanding.request))
    }

    /// After a change of the table at `now`, `result` is what it holds for the outstanding request `id`. An unknown
    /// `id` has been answered, and is ignored.
    pub fn request_observes(&mut self, id: u64, now: u64, result: WalkResult) {
        let Some(outstanding) = self.outstanding.iter_mut().find(|outstanding| outstanding.id == id) else { return };
        let before = outstanding.current;
        // How many probes it took is no part of what the table says of the page, nor are the marks of what a TLB holds.
        let held = |result: &WalkResult| (result.answer, result.mapping.map(Mapping::unmarked));
        if held(&before) != held(&result) {
            outstanding.older.push(Observation { result: before, ended: now });
        }
        outstanding.current = result;
    }

    /// The hardware has accepted an invalidation.
    pub fn invalidation_accepted(&mut self, now: u64, invalidation: Invalidation) -> Ticket {
        Ticket { accepted: now, invalidation }
    }

    /// The invalidation is done: from now on no answer may use a mapping that it covers and that was withdrawn at or
    /// before its acceptance. Answers of the same cycle are to be judged after this call.
    pub fn invalidation_done(&mut self, ticket: Ticket) {
        let Ticket { accepted, invalidation } = ticket;
        self.stale.forget(accepted, invalidation);
        for outstanding in &mut self.outstanding {
            outstanding.older.retain(|observation| {
                let covered = observation.result.mapping.is_some_and(|mapping| drops(invalidation, &mapping));
                !(covered && observation.ended <= accepted)
            });
        }
    }

    /// Whether `got`, the answer to request `id`, is legal. The request is outstanding no more.
    ///
    /// # Errors
    /// [`Mismatch`] says which answers would have been legal, and as far as it can be known why this one is not.
    #[inline]
    pub fn judge(&mut self, now: u64, id: u64, got: Answer) -> Result<(), Box<Mismatch>> {
        let found = self.outstanding.iter().position(|outstanding| outstanding.id == id);
        match found.and_then(|position| self.outstanding.remove(position)) {
            Some(outstanding) if outstanding.current.answer == got => Ok(()),
            Some(outstanding) => self.judge_past(now, &outstanding, got),
            None => {
                let why = Why::NoSuchRequest;
                Err(Box::new(Mismatch { now, id, request: None, accepted: None, wanted: Vec::new(), got, why }))
            }
        }
    }

    /// The answer is not what the table holds now: is it one that it held, or that a TLB may still hold?
    fn judge_past(&self, now: u64, outstanding: &Outstanding, got: Answer) -> Result<(), Box<Mismatch>> {
        let Outstanding { id, request, ref current, ref older, .. } = *outstanding;
        let mut wanted = vec![current.answer];
        wanted.extend(older.iter().map(|observation| observation.result.answer));
        wanted.extend(self.stale.covering(&request).map(|mapping| mapping.translate(&request)));
        if outstanding.changes != self.changes {
            wanted.extend([Err(Fault::NotPresent), Err(Fault::ChainTooLong)]);
        }
        if wanted.contains(&got) {
            return Ok(());
        }
        wanted.sort_unstable_by_key(|answer| answer.map_err(Fault::code).map(|translation| translation.pfn));
        wanted.dedup();
        let why = self.stale.why_not(&request, got);
        let accepted = Some(outstanding.accepted);
        Err(Box::new(Mismatch { now, id, request: Some(request), accepted, wanted, got, why }))
    }

    /// Forgets everything but the table's history: the hardware was reset, so it holds nothing and answers nothing.
    pub fn reset(&mut self) {
        *self = Coherence { changes: self.changes, ..Coherence::default() };
    }
}

#[cfg(test)]
mod tests;

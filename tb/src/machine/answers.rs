//! The hardware's answers: whose they are, and whether they are legal.

use hashwalk_model::{Mapping, PageTable};
use hashwalk_spec::{Answer, Fault, LateSource, Request};

use super::reads::Possible;
use super::requests::Waiting;
use super::scoreboard::Scoreboard;
use super::watch::Origin;
use super::{Events, MachineError};

/// An answer of the hardware.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The name that the request had on the ports.
    pub id: u8,
    /// What had been asked.
    pub request: Request,
    /// The answer.
    pub answer: Answer,
    /// The level of the TLB that gave it, 1 or 2; 0 if it was a walk, or software.
    pub level: u8,
    /// Whether it was the walk of another request, or software's answer to it.
    pub shared: bool,
    /// Cycles from the request's acceptance to the answer.
    pub cycles: u32,
    /// Elements that were read for it, by hardware or software.
    pub reads: u32,
    /// How it came about, if that is watched ([`super::Machine::watch`]).
    pub origin: Option<Origin>,
}

impl Scoreboard {
    /// The answers of this cycle.
    pub(super) fn observe_answers(&mut self, events: &mut Events) -> Result<(), MachineError> {
        if self.dut.get(self.ports.answer_valid) != 0 {
            let (id, answer) = self.ports.hit(&self.dut).map_err(|what| self.protocol(what))?;
            if self.requests.looked_up != Some(id) {
                return Err(self.protocol(format!("answered a hit of {id}, which was not looked up until now")));
            }
            events.hit = Some(self.answered(id, answer, None)?);
        }
        if self.dut.get(self.ports.late_valid) != 0 {
            let (id, answer, source) = self.ports.late(&self.dut).map_err(|what| self.protocol(what))?;
            if self.requests.looked_up == Some(id) || self.requests.newest() == Some(id) {
                return Err(self.protocol(format!("answered {id} late, before it can have missed")));
            }
            events.late = Some(self.answered(id, answer, Some(source))?);
        }
        Ok(())
    }

    /// The answer to a request, found legal. `source` is that of a late one.
    fn answered(&mut self, id: u8, answer: Answer, source: Option<LateSource>) -> Result<Answered, MachineError> {
        let Some(waiting) = self.requests.take(id) else {
            return Err(self.protocol(format!("answered {id}, which does not wait")));
        };
        let judged = self.coherence.judge(self.now, id.into(), answer);
        let is_refused = waiting.refused && answer == Err(Fault::NotPresent);
        if let Err(mismatch) = judged
            && !is_refused
        {
            let may_be_held = source != Some(LateSource::Walk);
            let is_legal = (may_be_held && self.is_held_although_walks_miss_it(waiting.request, answer))
                || self.is_read_one_by_one(&waiting, answer);
            if !is_legal {
                return Err(MachineError::Mismatch { cycle: self.now, request: waiting.request, mismatch });
            }
        }
        self.judge_version(&waiting.request, answer)?;
        self.note_strange_mapping(&waiting, answer, source);
        self.judge_marks(&waiting, answer)?;
        let level = match source {
            None => 1,
            Some(LateSource::L2) => 2,
            Some(LateSource::Walk | LateSource::Shared) => 0,
        };
        if level == 2 && self.config.l2_sets() == 0 {
            return Err(self.protocol(format!("answered {id} from a second level that it does not have")));
        }
        let origin = self.watch.as_mut().map(|watch| {
            let possible = Possible { context: &self.os.walk_context(), known: &waiting.known };
            watch.answered(possible, id, waiting.request, &waiting.reads, answer, source)
        });
        Ok(Answered {
            id,
            request: waiting.request,
            answer,
            level,
            shared: source == Some(LateSource::Shared),
            cycles: (self.now - waiting.accepted_at) as u32,
            reads: waiting.reads.len() as u32,
            origin,
        })
    }

    /// Whether the table holds a mapping that gives this answer, so that the TLB, or another request's walk, may give it
    /// too, although a walk for the request does not come to it:
    /// - the walk fails before, in a chain of another page size. The mapping was found before that chain broke or grew too
    ///   long, or by a walk for another page of the same huge page, or by one that began with another search;
    /// - the mapping is global, but the search for those is off. It was found by ASID 0's own search.
    fn is_held_although_walks_miss_it(&self, request: Request, answer: Answer) -> bool {
        let only_global = match self.golden(request).answer {
            Err(Fault::Malformed | Fault::ChainTooLong | Fault::BusError) => false,
            Err(Fault::NotPresent) => true,
            Err(Fault::Rights | Fault::Unmarked) | Ok(_) => return false,
        };
        let gives = |mapping: Mapping| {
            let may_answer = mapping.global || !only_global;
            may_answer && mapping.covers(request.asid, request.vpn) && mapping.translate(&request) == answer
        };
        if self.config.format().links_by_address() {
            // A broken link may keep one from going through the whole table.
            return self.is_found_otherwise(request, gives);
        }
        self.os.table().mappings(self.os.ram()).is_ok_and(|mappings| mappings.into_iter().any(gives))
    }

    /// Whether the answer follows from what was read for the request: at different moments of a table that changed, or in
    /// another order of the searches than the golden walk's.
    fn is_read_one_by_one(&self, waiting: &Waiting, answer: Answer) -> bool {
        let done: Vec<_> = waiting
            .invalidations
            .iter()
            .copied()
            .filter(|(accepted, invalidation)| accepted + self.config.invalidation_cycles(*invalidation) <= self.now)
            .collect();
        let possible = Possible { context: &self.os.walk_context(), known: &waiting.known };
        possible.explain(waiting.request, self.reads_that_count(waiting, answer), &done, answer)
    }
}

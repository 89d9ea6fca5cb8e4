//! What the ports do in a cycle, but for answers: held against docs/spec.md, section 9.

use hashwalk_rtl::walker::Walk as WalkerState;
use hashwalk_spec::{Invalidation, Request};

use super::handler::Handler;
use super::reads::Read;
use super::scoreboard::{Reader, Scoreboard};
use super::update::UpdateAgent;
use super::{Events, MachineError};

/// Cycles from the last one in which a request waited, or a read was out, by which the hardware says that it is idle.
const TO_REST: u64 = 16;

impl Scoreboard {
    /// The hardware is idle only while nothing waits and no read is out or asked for, and then soon.
    pub(super) fn observe_idle(&mut self) -> Result<(), MachineError> {
        let idle = self.dut.get(self.ports.idle) != 0;
        let is_updating = self.update.as_ref().is_some_and(UpdateAgent::is_busy);
        let is_asking = self.dut.get(self.ports.memory_request_valid) != 0 || self.dut.get(self.ports.miss_valid) != 0;
        if !self.requests.is_empty() || self.memory.is_busy() || is_updating || is_asking {
            self.busy_at = self.now;
        }
        if idle && self.busy_at == self.now && self.now > 0 {
            return Err(self.protocol("is idle although a request waits or a read is out".into()));
        }
        if idle {
            self.release_nodes_at_rest();
        }
        if !idle && self.now > self.busy_at + TO_REST {
            return Err(self.protocol("is not idle although nothing waits".into()));
        }
        Ok(())
    }

    /// Lookups are refused only while a request that missed waits for a walk: then every walk is made for a request that
    /// waits, or still has something out that nobody needs.
    pub(super) fn observe_lookup_ready(&self) -> Result<bool, MachineError> {
        let ready = self.dut.get(self.ports.lookup_ready) != 0;
        if !ready {
            let draining = self.walks().states().filter(|state| *state == WalkerState::Drain).count() as u32;
            if self.requests.count() + draining < self.config.walks() {
                return Err(self.protocol(format!("takes no lookup while {} requests wait", self.requests.count())));
            }
        }
        Ok(ready)
    }

    pub(super) fn observe_invalidations(
        &mut self,
        asked: Option<Invalidation>,
        events: &mut Events,
    ) -> Result<(), MachineError> {
        if self.dut.get(self.ports.invalidate_done) != 0 {
            match self.invalidations.pop_front() {
                Some((ticket, due)) if self.now == due => {
                    let (accepted, invalidation) = (ticket.accepted(), ticket.invalidation());
                    self.coherence.invalidation_done(ticket);
                    self.release_nodes_after(accepted, invalidation);
                    self.held.invalidation_done();
                    events.invalidate_done = true;
                }
                Some((_, due)) => {
                    return Err(self.protocol(format!("an invalidation was done that is due in cycle {due}")));
                }
                None => return Err(self.protocol("an invalidation was done that nobody had asked for".into())),
            }
        } else if let Some(&(_, due)) = self.invalidations.front()
            && self.now >= due
        {
            return Err(self.protocol("an invalidation was not done in time".into()));
        }
        if let Some(invalidation) = asked
            && self.dut.get(self.ports.invalidate_ready) != 0
        {
            events.invalidate_accepted = true;
            if let Some(watch) = &mut self.watch {
                watch.invalidation_accepted(invalidation);
            }
            self.held.invalidation_accepted(self.now, invalidation);
            let due = self.now + self.config.invalidation_cycles(invalidation);
            self.invalidations.push_back((self.coherence.invalidation_accepted(self.now, invalidation), due));
            // Walks may have to begin again.
            let (now, deadline) = (self.now, self.now + self.patience * self.turns);
            self.requests.each(|waiting| {
                waiting.deadline = deadline;
                waiting.invalidations.push((now, invalidation));
            });
        }
        Ok(())
    }

    /// The memory's and the handler's side of this cycle. A read counts for the request whose walk makes it.
    pub(super) fn observe_reads(
        &mut self,
        mut handler: Option<&mut Handler>,
        events: &mut Events,
    ) -> Result<(), MachineError> {
        self.observe_given(events);
        let reader = Reader { memory: self.os.memory(), format: self.config.format(), poison: &self.poison };
        let mut reads = [None, None];
        let [by_hardware, by_software] = &mut reads;
        let note = |place: &mut Option<Read>, address| {
            let element = reader.read(address);
            *place = Some(Read { at: self.now, address, element });
            element
        };
        let observed = self.memory.observe(&self.dut, &self.ports, self.now, |address| note(by_hardware, address));
        let accepted = observed.map_err(|what| self.protocol(what))?;
        if let Some((address, walk)) = accepted
            && !self.may_read(address, walk)
        {
            return Err(self.protocol(format!("read {address}, which is outside the table")));
        }
        let served: Option<Request> = handler.as_ref().and_then(|handler| handler.request());
        if let Some(handler) = handler.as_deref_mut() {
            let context = || self.os.walk_context();
            handler.observe(&self.dut, &self.ports, self.now, context, |address| note(by_software, address));
        }
        let [by_hardware, by_software] = reads;
        if let Some(handler) = handler {
            self.mark_for_software(handler);
        }
        if let (Some((_, walk)), Some(read)) = (accepted, by_hardware) {
            let walks = self.walks();
            if let Some(id) = walks.id(walk).filter(|_| walks.state(walk) != WalkerState::Drain) {
                self.note_read(id, read);
            }
        }
        if let Some(read) = by_software {
            // Of equal requests it is not known for which one software is asked.
            for id in self.walks().asking() {
                if let Some(waiting) = self.requests.get_mut(id).filter(|waiting| Some(waiting.request) == served) {
                    waiting.reads.push(read);
                }
            }
        }
        Ok(())
    }

    /// No request waits too long.
    pub(super) fn observe_progress(&self) -> Result<(), MachineError> {
        match self.requests.iter().find(|(_, waiting)| self.now > waiting.deadline) {
            None => Ok(()),
            Some((_, waiting)) => Err(MachineError::NoProgress {
                cycle: self.now,
                waited: self.now - waiting.accepted_at,
                request: waiting.request,
                state: self.state(),
            }),
        }
    }

    pub(super) fn protocol(&self, what: String) -> MachineError {
        MachineError::Protocol { cycle: self.now, what, state: self.state() }
    }
}

//! Tables whose links are addresses: where the hardware may read, and when frames of nodes go back.
//!
//! The table owns its arrays and the frames of its nodes. A link that is whole leads to them; one that is broken may lead
//! anywhere. So a read elsewhere is right only if it is the one that the contract's walk makes after what was read before.
//! Sources: docs/spec.md, sections 4 and 7.

use hashwalk_model::{Mapping, Walkable};
use hashwalk_rtl::walker::Walk as WalkerState;
use hashwalk_spec::{Answer, Asid, Fault, Format, Invalidation, LateSource, PhysAddr, Request};

use super::reads::{Possible, Read};
use super::requests::Waiting;
use super::scoreboard::Scoreboard;

impl Scoreboard {
    /// Whether the hardware may read the element at `address` for this walk.
    pub(super) fn may_read(&self, address: PhysAddr, walk: u32) -> bool {
        if self.os.table().owns(address) {
            return true;
        }
        let walks = self.walks();
        // A request that stood at the port when the walk came to nothing cannot be taken back.
        let is_drained = || walks.state(walk) == WalkerState::Drain;
        let is_next = || {
            let waiting = walks.id(walk).and_then(|id| self.requests.get(id));
            waiting.is_some_and(|Waiting { request, reads, known, .. }| {
                let of = |asid| self.known.on_the_way(asid, request.vpn);
                let known: Vec<_> = of(request.asid).chain(of(Asid::GLOBAL)).chain(known.iter().copied()).collect();
                Possible { context: &self.os.walk_context(), known: &known }.lead_to(*request, reads, address)
            })
        };
        self.config.format().links_by_address() && (is_drained() || is_next())
    }

    /// Request `id` is about to be read for, or links are about to be forgotten: its walk may have begun at one of them.
    fn note_known(&mut self, id: u8) {
        if let Some(Waiting { request, known, .. }) = self.requests.get_mut(id) {
            for asid in [request.asid, Asid::GLOBAL] {
                for node in self.known.on_the_way(asid, request.vpn) {
                    if !known.contains(&node) {
                        known.push(node);
                    }
                }
            }
        }
    }

    /// The hardware has read this for request `id`.
    pub(super) fn note_read(&mut self, id: u8, read: Read) {
        let keeps_links = self.config.walk_cache_entries() > 0;
        if keeps_links {
            self.note_known(id);
        }
        let Some(waiting) = self.requests.get_mut(id) else { return };
        waiting.reads.push(read);
        if keeps_links {
            let Waiting { request, reads, known, .. } = &*waiting;
            let learnt = Possible { context: &self.os.walk_context(), known }.learnt(*request, reads);
            learnt.into_iter().for_each(|node| self.known.learn(node, self.now));
        }
    }

    /// What was read since the last invalidation of all that is done: it has made every walk again.
    pub(super) fn reads_that_count<'a>(&self, waiting: &'a Waiting, answer: Answer) -> &'a [Read] {
        let by_mapping = !answer.is_err_and(|fault| fault != Fault::Rights);
        if !(by_mapping && self.config.format().links_by_address()) {
            return &waiting.reads;
        }
        let is_over = |accepted: u64| accepted + self.config.invalidation_cycles(Invalidation::All) <= self.now;
        let all = waiting.invalidations.iter().filter(|(at, what)| *what == Invalidation::All && is_over(*at));
        let last = all.map(|(at, _)| *at).max();
        let first = waiting.reads.iter().position(|read| last.is_none_or(|last| read.at > last));
        &waiting.reads[first.unwrap_or(waiting.reads.len())..]
    }

    /// Everything has come to rest: no walk can be on its way to a node that was taken out. To a node of a radix tree a link
    /// may be kept.
    pub(super) fn release_nodes_at_rest(&mut self) {
        if self.config.format() != Format::Radix && self.nodes_held_since.take_if(|since| *since < self.now).is_some() {
            self.release_nodes();
        }
    }

    /// An invalidation that was accepted at `accepted` is done: one of all has made every walk again.
    pub(super) fn release_nodes_after(&mut self, accepted: u64, invalidation: Invalidation) {
        if self.config.walk_cache_entries() > 0 {
            self.requests.ids().for_each(|id| self.note_known(id));
            self.known.forget(accepted, invalidation);
        }
        if invalidation == Invalidation::All && self.nodes_held_since.take_if(|since| *since <= accepted).is_some() {
            self.release_nodes();
        }
    }

    fn release_nodes(&mut self) {
        let (table, ram) = self.os.table_mut();
        table.release_nodes(ram);
    }

    /// A mapping that a walk found and the table does not hold counts as withdrawn when it was read, for the TLB has it: what a
    /// broken link leads to stands in no list of mappings, and an entry that software fills store by store may be whole before a
    /// link leads to it again, while a walk is still there.
    pub(super) fn note_strange_mapping(&mut self, waiting: &Waiting, answer: Answer, source: Option<LateSource>) {
        let may_be_strange = self.config.format().links_by_address() || self.config.sequence();
        if source != Some(LateSource::Walk) || !may_be_strange {
            return;
        }
        if answer.is_err_and(|fault| fault != Fault::Rights) {
            return;
        }
        let possible = Possible { context: &self.os.walk_context(), known: &waiting.known };
        let found = possible.deciding(waiting.request, &waiting.reads, answer);
        if let (Some(mapping), Some(last)) = (found, waiting.reads.last())
            && self.golden(waiting.request).mapping != Some(mapping)
        {
            self.coherence.table_changed(last.at, &[mapping]);
        }
    }

    /// Whether a walk that begins with another search, or for the page in another address space, comes to such a mapping.
    pub(super) fn is_found_otherwise(&self, request: Request, gives: impl Fn(Mapping) -> bool) -> bool {
        let (reader, context) = (self.reader(), self.os.walk_context());
        // Any other ASID than 0 makes the searches for global pages, and 0 has its own for them.
        let spaces = [request.asid, Asid::GLOBAL, Asid::MAX];
        let requests = spaces.into_iter().map(|asid| Request { asid, ..request });
        requests
            .flat_map(|other| Possible { context: &context, known: &[] }.walks(other))
            .any(|walk| reader.finish(walk).mapping.is_some_and(&gives))
    }
}

//! Tables whose links are addresses: where the hardware may read, and when frames of nodes go back.
//!
//! The table owns its arrays and the frames of its nodes. A link that is whole leads to them; one that is broken may lead
//! anywhere. So a read elsewhere is right only if it is the one that the contract's walk makes after what was read before.
//! Sources: docs/spec.md, sections 4 and 7.

use hashwalk_model::{Mapping, Walkable};
use hashwalk_rtl::walker::Walk as WalkerState;
use hashwalk_spec::{Answer, Asid, Fault, Invalidation, LateSource, PhysAddr, Request};

use super::requests::Waiting;
use super::{Machine, reads};

impl Machine {
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
            waiting.is_some_and(|Waiting { request, reads, .. }| {
                reads::leads_to(&self.os.walk_context(), *request, reads, address)
            })
        };
        self.config.format().links_by_address() && (is_drained() || is_next())
    }

    /// Everything has come to rest: no walk can be on its way to a node that was taken out.
    pub(super) fn release_nodes_at_rest(&mut self) {
        if self.nodes_held_since.take_if(|since| *since < self.now).is_some() {
            self.release_nodes();
        }
    }

    /// An invalidation that was accepted at `accepted` is done: one of all has made every walk again.
    pub(super) fn release_nodes_after(&mut self, accepted: u64, invalidation: Invalidation) {
        if invalidation == Invalidation::All && self.nodes_held_since.take_if(|since| *since <= accepted).is_some() {
            self.release_nodes();
        }
    }

    fn release_nodes(&mut self) {
        let (table, ram) = self.os.table_mut();
        table.release_nodes(ram);
    }

    /// A mapping that a walk found and the table does not hold counts as withdrawn when it was read: what a broken link leads
    /// to stands in no list of mappings, but the TLB has it.
    pub(super) fn note_strange_mapping(&mut self, waiting: &Waiting, answer: Answer, source: Option<LateSource>) {
        if source != Some(LateSource::Walk) || !self.config.format().links_by_address() {
            return;
        }
        if answer.is_err_and(|fault| fault != Fault::Rights) {
            return;
        }
        let found = reads::deciding(&self.os.walk_context(), waiting.request, &waiting.reads, answer);
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
        requests.flat_map(|other| reads::walks(&context, other)).any(|walk| reader.finish(walk).mapping.is_some_and(&gives))
    }
}

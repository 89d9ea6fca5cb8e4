//! What was read for a request, to judge an answer that no single moment of the table explains.
//!
//! A walk reads its elements one after another, and the table may change between them: a chain grows behind the walk, or
//! breaks before it. Then the walk ends in what none of the golden walks ends in, each of which sees the table as it
//! stands at one moment. Such an answer is right if the golden walk, given what was read, ends in it too. Of a cuckoo table's
//! ways more may be read than the walk needs: what it does not wait for it does not see.

use hashwalk_model::Mapping;
use hashwalk_model::coherence::drops;
use hashwalk_model::memory::{BusError, Element};
use hashwalk_model::walk::{Progress, Walk, WalkContext};
use hashwalk_spec::{Answer, Invalidation, PhysAddr, Request};

/// One read, by hardware or by software.
pub(super) struct Read {
    pub(super) at: u64,
    pub(super) address: PhysAddr,
    pub(super) element: Result<Element, BusError>,
}

/// Whether the last whole walk in `reads` ends in `answer`, and no invalidation that was `done`, each with the cycle of
/// its acceptance, covers the mapping and came after it was read.
pub(super) fn explain(
    context: &WalkContext,
    request: Request,
    reads: &[Read],
    done: &[(u64, Invalidation)],
    answer: Answer,
) -> bool {
    let new_walk = Walk::new(context, request);
    let (mut walk, mut last) = (new_walk.clone(), 0);
    for read in reads {
        if walk.probe_address() != Some(read.address) && new_walk.probe_address() == Some(read.address) {
            // The walk was made again.
            walk = new_walk.clone();
        }
        if walk.probe_address() == Some(read.address) {
            walk.step(read.element);
            last = read.at;
        }
    }
    let Progress::Done(result) = walk.progress() else { return false };
    let is_stale =
        |mapping| done.iter().any(|(accepted, invalidation)| *accepted >= last && drops(*invalidation, &mapping));
    result.answer == answer && !result.mapping.is_some_and(is_stale)
}

/// The mapping that decided: that of the last walk in `reads` which ends in `answer`.
pub(super) fn deciding(context: &WalkContext, request: Request, reads: &[Read], answer: Answer) -> Option<Mapping> {
    let walk_from = |start: usize| {
        let mut walk = Walk::new(context, request);
        for read in &reads[start..] {
            match walk.progress() {
                Progress::Probe(address) if address == read.address => _ = walk.step(read.element),
                Progress::Probe(_) => return None,
                // Ways that were asked for before an earlier one decided.
                Progress::Done(_) => break,
            }
        }
        match walk.progress() {
            Progress::Done(result) if result.answer == answer => result.mapping,
            _ => None,
        }
    };
    (0..reads.len()).rev().find_map(walk_from)
}

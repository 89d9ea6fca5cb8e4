//! What was read for a request, to judge an answer that no single moment of the table explains.
//!
//! A walk reads its elements one after another, and the table may change between them: a chain grows behind the walk, or
//! breaks before it. Then the walk ends in what none of the golden walks ends in, each of which sees the table as it
//! stands at one moment. Such an answer is right if the golden walk, given what was read, ends in it too. Nor need hardware
//! begin with the first search: in a table that is broken, or whose chains are too long, the order counts. Of a cuckoo
//! table's ways more may be read than the walk needs: what it does not wait for it does not see.

use hashwalk_model::Mapping;
use hashwalk_model::coherence::drops;
use hashwalk_model::memory::{BusError, Element};
use hashwalk_model::walk::{Progress, Walk, WalkContext};
use hashwalk_spec::{Answer, Invalidation, PhysAddr, Request, Search};

/// One read, by hardware or by software.
#[derive(Clone, Copy)]
pub(super) struct Read {
    pub(super) at: u64,
    pub(super) address: PhysAddr,
    pub(super) element: Result<Element, BusError>,
}

/// Whether a walk that begins somewhere in `reads`, with any search, ends in `answer`, and no invalidation that was `done`,
/// each with the cycle of its acceptance, covers the mapping and came after it was read.
pub(super) fn explain(
    context: &WalkContext,
    request: Request,
    reads: &[Read],
    done: &[(u64, Invalidation)],
    answer: Answer,
) -> bool {
    let ends_so = |mut walk: Walk, reads: &[Read]| {
        let mut last = 0;
        for read in reads {
            if walk.probe_address() == Some(read.address) {
                walk.step(read.element);
                last = read.at;
            }
        }
        let Progress::Done(result) = walk.progress() else { return false };
        let is_stale =
            |mapping| done.iter().any(|(accepted, invalidation)| *accepted >= last && drops(*invalidation, &mapping));
        result.answer == answer && !result.mapping.is_some_and(is_stale)
    };
    // The walk may have been made again, and not with the same search first.
    (0..reads.len()).rev().any(|start| walks(context, request).any(|walk| ends_so(walk, &reads[start..])))
        || (reads.is_empty() && ends_so(Walk::new(context, request), reads))
}

/// The walk in the order of the contract, and those that begin with another search that is enabled.
pub(super) fn walks(context: &WalkContext, request: Request) -> impl Iterator<Item = Walk> {
    let others = (0..Search::ALL.len()).filter_map(move |first| Walk::beginning_with(context, request, first));
    std::iter::once(Walk::new(context, request)).chain(others)
}

/// Whether a walk for the request, given what was read for it so far, comes to the element at `address` next.
pub(super) fn leads_to(context: &WalkContext, request: Request, reads: &[Read], address: PhysAddr) -> bool {
    (0..=reads.len()).rev().any(|start| {
        walks(context, request).any(|mut walk| {
            for read in &reads[start..] {
                if walk.probe_address() == Some(read.address) {
                    walk.step(read.element);
                }
            }
            walk.probe_address() == Some(address)
        })
    })
}

/// The mapping that decided: that of the last walk in `reads` which ends in `answer`.
pub(super) fn deciding(context: &WalkContext, request: Request, reads: &[Read], answer: Answer) -> Option<Mapping> {
    let walk_from = |start: usize, mut walk: Walk| {
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
    (0..reads.len()).rev().find_map(|start| walks(context, request).find_map(|walk| walk_from(start, walk)))
}
